package terminal

import (
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// openPty returns both ends of a new pseudoterminal, and a function that
// closes the slave before the test ends.
func openPty(t *testing.T) (master, slave int, hangUp func()) {
	t.Helper()
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(master) })
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER,
		unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
	if errno != 0 {
		t.Fatal(errno)
	}
	slave = int(r)
	hangUp = sync.OnceFunc(func() { unix.Close(slave) })
	t.Cleanup(hangUp)
	return master, slave, hangUp
}

func TestCheck(t *testing.T) {
	const noSocket = "cannot allocate tty if runc will detach without setting console socket"
	const noTerminal = "cannot use console socket if runc will not detach or allocate tty"
	for _, tt := range []struct {
		terminal, detach bool
		socket           string
		want             string
	}{
		{false, false, "", ""},
		{false, true, "", ""},
		{true, false, "", ""},
		{true, true, "", noSocket},
		{false, false, "/s", noTerminal},
		{false, true, "/s", noTerminal},
		{true, false, "/s", noTerminal},
		{true, true, "/s", ""},
	} {
		got := ""
		if err := Check(tt.terminal, tt.detach, tt.socket); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("Check(%v, %v, %q): %q, want %q", tt.terminal, tt.detach, tt.socket, got, tt.want)
		}
	}
}

func TestModes(t *testing.T) {
	master, slave, _ := openPty(t)
	if !IsTerminal(slave) {
		t.Error("the slave is no terminal")
	}
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	if IsTerminal(null) {
		t.Error("/dev/null is a terminal")
	}
	before := termios(t, slave)
	if before.Oflag&unix.ONLCR == 0 || before.Lflag&unix.ECHO == 0 {
		t.Fatalf("unexpected settings: %+v", before)
	}
	saved, err := MakeRaw(slave)
	if err != nil {
		t.Fatal(err)
	}
	if raw := termios(t, slave); raw.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || raw.Iflag&unix.ICRNL != 0 ||
		raw.Oflag&unix.OPOST == 0 {
		t.Errorf("not raw with output processing: %+v", raw)
	}
	if err := Restore(slave, saved); err != nil {
		t.Fatal(err)
	}
	if after := termios(t, slave); after != before {
		t.Errorf("restored to %+v, want %+v", after, before)
	}
	if err := ClearONLCR(master); err != nil {
		t.Fatal(err)
	}
	want := before
	want.Oflag &^= unix.ONLCR
	if after := termios(t, slave); after != want {
		t.Errorf("without ONLCR %+v, want %+v", after, want)
	}
	for name, err := range map[string]error{
		"ClearONLCR": ClearONLCR(null),
		"Restore":    Restore(null, saved),
		"SetSize":    SetSize(null, 1, 1),
	} {
		if err == nil {
			t.Errorf("%s of /dev/null succeeds", name)
		}
	}
}

func termios(t *testing.T, fd int) unix.Termios {
	t.Helper()
	tio, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *tio
}
