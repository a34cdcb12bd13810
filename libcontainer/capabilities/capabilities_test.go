package capabilities

import (
	"os"
	"runtime"
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
		"CAP_SYSLOG": unix.CAP_SYSLOG, "CAP_AUDIT_READ": unix.CAP_AUDIT_READ, "CAP_CHECKPOINT_RESTORE": unix.CAP_CHECKPOINT_RESTORE} {
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

// boundingFromStatus is the other way to find out.
func boundingFromStatus(t testing.TB) uint64 {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nCapBnd:\t")
	line, _, _ := strings.Cut(rest, "\n")
	mask, err := strconv.ParseUint(line, 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return mask
}

func TestBounding(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	got, last, err := Bounding()
	if err != nil {
		t.Fatal(err)
	}
	if want := boundingFromStatus(t); got != want {
		t.Errorf("%#x, /proc says %#x", got, want)
	}
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.TrimSpace(string(text)); strconv.Itoa(int(last)) != want {
		t.Errorf("the last capability is %d, /proc says %s", last, want)
	}
}

func BenchmarkBounding(b *testing.B) {
	for b.Loop() {
		if _, _, err := Bounding(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBoundingFromStatus(b *testing.B) {
	for b.Loop() {
		boundingFromStatus(b)
	}
}
