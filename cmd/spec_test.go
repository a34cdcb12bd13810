package cmd

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

func TestSpec(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.Mkdir("b", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args, path string
		want       *specs.Spec
	}{
		{"spec", "config.json", spec.Default()},
		{"spec -b b", "b/config.json", spec.Default()},
		{"spec --rootless --file r.json", "r.json", spec.Rootless(os.Geteuid(), os.Getegid())},
		{"spec --bundle b -f r.json", "b/r.json", spec.Default()},
		{"spec -b b -f " + filepath.Join(dir, "abs.json"), "abs.json", spec.Default()},
	} {
		if got := rung(t, "", strings.Fields(tt.args)...); got.code != 0 || got.stdout != "" {
			t.Errorf("%s: exit code %d, %q, %s", tt.args, got.code, got.stdout, got.err)
			continue
		}
		data, err := os.ReadFile(tt.path)
		if err != nil {
			t.Fatal(err)
		}
		got, unknown, err := spec.Load(data)
		if err != nil || len(unknown) > 0 || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %v, unknown %v, %s", tt.args, err, unknown, data)
		}
		again := rung(t, "", strings.Fields(tt.args)...)
		if again.code != 1 || !strings.Contains(again.err, tt.path+" exists") {
			t.Errorf("%s again: exit code %d, %q", tt.args, again.code, again.err)
		}
	}
}
