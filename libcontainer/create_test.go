package libcontainer

import (
	"os"
	"strconv"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestLongestList(t *testing.T) {
	for _, tt := range []struct {
		spec specs.Spec
		want string
	}{
		{specs.Spec{Mounts: make([]specs.Mount, 3)}, "mounts: 3 elements"},
		{specs.Spec{Mounts: make([]specs.Mount, 3), Linux: &specs.Linux{MaskedPaths: make([]string, 4), ReadonlyPaths: make([]string, 2)}}, "linux.maskedPaths: 4 elements"},
		{specs.Spec{Linux: &specs.Linux{ReadonlyPaths: make([]string, 1)}}, "linux.readonlyPaths: 1 elements"},
	} {
		if got := longestList(&tt.spec); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// The variables of a service manager count for the process that they are meant for.
func TestListenFds(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		fds, pid string
		want     int
	}{
		{"2", own, 2},
		{"0", own, 0},
		{"", own, 0},
		{"x", own, 0},
		{"-1", own, 0},
		{"2", "", 0},
		{"2", "x", 0},
		{"2", "1" + own, 0},
	} {
		t.Setenv("LISTEN_FDS", tt.fds)
		t.Setenv("LISTEN_PID", tt.pid)
		if got := listenFds(); got != tt.want {
			t.Errorf("LISTEN_FDS=%s LISTEN_PID=%s: %d, want %d", tt.fds, tt.pid, got, tt.want)
		}
	}
}
