package process

import (
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

func TestReadOwn(t *testing.T) {
	signal.Ignore(unix.SIGUSR2)
	defer signal.Reset(unix.SIGUSR2)
	own, err := ReadOwn()
	if err != nil {
		t.Fatal(err)
	}
	if own.Ignored>>(unix.SIGUSR2-1)&1 == 0 || own.Ignored>>(unix.SIGTERM-1)&1 != 0 {
		t.Errorf("ignored: %#x", own.Ignored)
	}
	for n := range uintptr(unix.CAP_LAST_CAP + 1) {
		has, _, errno := unix.Syscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, n, 0)
		if errno == 0 && own.Bounding>>n&1 != uint64(has) {
			t.Errorf("capability %d: in the bounding set %#x, the kernel says %d", n, own.Bounding, has)
		}
	}
}

// Supplementary groups stand before what is looked for, and there may be many.
func TestReadOwnWithGroups(t *testing.T) {
	if os.Getenv("RUNG_TEST_GROUPS") != "" {
		groups := make([]int, 5000)
		for i := range groups {
			groups[i] = 100000 + i
		}
		if err := syscall.Setgroups(groups); err != nil {
			t.Skip("this root cannot have such groups: ", err)
		}
		if text, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/self/status", 0); err != nil ||
			len(text) < 6*len(groups) {
			t.Fatalf("%d bytes, %v", len(text), err)
		}
		if _, err := ReadOwn(); err != nil {
			t.Fatal(err)
		}
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root sets groups")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestReadOwnWithGroups$", "-test.v")
	cmd.Env = append(os.Environ(), "RUNG_TEST_GROUPS=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if strings.Contains(string(out), "--- SKIP") {
		t.Skip(string(out))
	}
}

func TestMaskAfter(t *testing.T) {
	for text, want := range map[string]uint64{
		"Name:\tx\nSigIgn:\t0000000000000101\nCapBnd:\t1\n": 0x101,
		"Name:\tx\nSigIgn:\tffffffffffffffff":               ^uint64(0),
	} {
		if got, err := maskAfter([]byte(text), "\nSigIgn:\t"); got != want || err != nil {
			t.Errorf("%q: %#x, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "Name:\tx\n", "Name:\tx\nSigIgn:\t\n", "Name:\tx\nSigIgn:\t0x1\n",
		"\nSigIgn:\t10000000000000000\n"} {
		if got, err := maskAfter([]byte(text), "\nSigIgn:\t"); err == nil ||
			!strings.Contains(err.Error(), "SigIgn: ") {
			t.Errorf("%q: %#x, %v", text, got, err)
		}
	}
}
