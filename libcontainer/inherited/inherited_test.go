package inherited_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/rung-oci/rung/libcontainer/inherited"
)

func TestNofile(t *testing.T) {
	if os.Getenv("RUNG_TEST_PRINT") != "" {
		fmt.Printf("%+v", inherited.Nofile())
		os.Exit(0)
	}
	cmd := exec.Command("sh", "-c", `ulimit -S -n 123; ulimit -H -n 200; exec "$0" -test.run TestNofile`, os.Args[0])
	cmd.Env = append(os.Environ(), "RUNG_TEST_PRINT=1")
	out, err := cmd.Output()
	if want := "{Soft:123 Hard:200}"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
}
