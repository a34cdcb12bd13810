package capabilities

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestNumbers(t *testing.T) {
	if len(Names()) != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d names, the headers have %d", len(Names()), unix.CAP_LAST_CAP+1)
	}
	for name, want := range map[string]uint{"CAP_CHOWN": unix.CAP_CHOWN, "CAP_SETPCAP": unix.CAP_SETPCAP,
		"CAP_SYS_ADMIN": unix.CAP_SYS_ADMIN, "CAP_SYS_RESOURCE": unix.CAP_SYS_RESOURCE, "CAP_SETFCAP": unix.CAP_SETFCAP,
		"CAP_SYSLOG": unix.CAP_SYSLOG, "CAP_AUDIT_READ": unix.CAP_AUDIT_READ,
		"CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE} {
		if got, ok := Parse(name); !ok || got != want {
			t.Errorf("%s: %d, %v; want %d", name, got, ok, want)
		}
	}
	for _, name := range []string{"", "CHOWN", "cap_chown", "CAP_41", "CAP_"} {
		if n, ok := Parse(name); ok {
			t.Errorf("%q is %d", name, n)
		}
	}
}

func TestSet(t *testing.T) {
	mask, unknown := Set([]string{"CAP_KILL", "CAP_X", "CAP_CHOWN", "CAP_KILL", "kill"})
	if mask != 1<<unix.CAP_KILL|1<<unix.CAP_CHOWN || !slices.Equal(unknown, []string{"CAP_X", "kill"}) {
		t.Errorf("%#x, %q", mask, unknown)
	}
	if got, want := Members(mask|1<<50), []string{"CAP_CHOWN", "CAP_KILL", "CAP_50"}; !slices.Equal(got, want) {
		t.Errorf("members %q, want %q", got, want)
	}
	every, unknown := Set(Names())
	if every != 1<<len(all)-1 || unknown != nil {
		t.Errorf("all: %#x, %q", every, unknown)
	}
}

func TestLast(t *testing.T) {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Fatal(err)
	}
	last, err := Last()
	if want := strings.TrimSpace(string(text)); err != nil || strconv.Itoa(int(last)) != want {
		t.Errorf("the last capability is %d, %v; /proc says %s", last, err, want)
	}
}
