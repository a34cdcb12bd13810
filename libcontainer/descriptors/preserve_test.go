package descriptors

import (
	"os"
	"strconv"
	"testing"
)

// The variables of a service manager count for the process that they are meant for.
func TestListening(t *testing.T) {
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
		if got := Listening(); got != tt.want {
			t.Errorf("LISTEN_FDS=%s LISTEN_PID=%s: %d, want %d", tt.fds, tt.pid, got, tt.want)
		}
	}
}
