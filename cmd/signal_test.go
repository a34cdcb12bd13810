package cmd

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestParseSignal(t *testing.T) {
	for text, want := range map[string]unix.Signal{
		"9": 9, "0": 0, "64": 64, "33": 33, "015": 15,
		"KILL": unix.SIGKILL, "SIGKILL": unix.SIGKILL, "kill": unix.SIGKILL, "sigterm": unix.SIGTERM,
		"Winch": unix.SIGWINCH,
		"CHLD":  unix.SIGCHLD, "CLD": unix.SIGCHLD, "SIGIOT": unix.SIGABRT, "POLL": unix.SIGPOLL, "IO": unix.SIGIO,
		"RTMIN": 34, "SIGRTMIN": 34, "SIGRTMIN+0": 34, "SIGRTMIN+3": 37, "rtmin+30": 64,
		"RTMAX": 64, "SIGRTMAX-0": 64, "RTMAX-14": 50, "RTMAX-30": 34,
	} {
		if got, err := parseSignal(text); err != nil || got != want {
			t.Errorf("%s: got %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", "SIG", "65", "-1", "+9", "9 ", "256", "1e1", "NOPE", "SIGSIGKILL",
		"RT", "RTMIN-1", "RTMIN+31", "RTMIN+", "RTMIN3", "RTMAX+1", "RTMAX-31", "RTMIN+-1", "RTMIN++1",
	} {
		if got, err := parseSignal(text); err == nil {
			t.Errorf("%q is signal %d, want an error", text, got)
		}
	}
}

// Every signal that the kernel's headers name is known by its name.
func TestSignalNames(t *testing.T) {
	for n := unix.Signal(1); n <= 31; n++ {
		name := unix.SignalName(n)
		if got, err := parseSignal(name); name == "" || err != nil || got != n {
			t.Errorf("signal %d, %q: got %d, %v", n, name, got, err)
		}
	}
}

func FuzzParseSignal(f *testing.F) {
	f.Add("SIGRTMIN+3")
	f.Add("15")
	f.Fuzz(func(t *testing.T, text string) {
		if n, err := parseSignal(text); err == nil && (n < 0 || n > 64) {
			t.Errorf("%q is signal %d", text, n)
		}
	})
}
