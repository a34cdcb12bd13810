package terminal

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close(); w.Close() })
	return r, w
}

func fd(f *os.File) int {
	conn, err := f.SyscallConn()
	if err != nil {
		panic(err)
	}
	var n int
	conn.Control(func(fd uintptr) { n = int(fd) })
	return n
}

// readUntil reads from a descriptor until it has seen want.
func readUntil(t *testing.T, fd int, want string) {
	t.Helper()
	var got []byte
	buf := make([]byte, 4096)
	for !bytes.Contains(got, []byte(want)) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 10000)
		if err == unix.EINTR {
			continue
		}
		if n == 0 || err != nil {
			t.Fatalf("read %q, want %q: %v", got, want, err)
		}
		n, err = unix.Read(fd, buf)
		if err != nil {
			t.Fatalf("read %q, want %q: %v", got, want, err)
		}
		got = append(got, buf[:n]...)
	}
}

func TestRelayPipes(t *testing.T) {
	master, slave, hangUp := openPty(t)
	if _, err := MakeRaw(slave); err != nil {
		t.Fatal(err)
	}
	if err := ClearONLCR(slave); err != nil {
		t.Fatal(err)
	}
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	before := countFds(t)
	r, err := NewRelay(master, fd(inR), fd(outW))
	if err != nil {
		t.Fatal(err)
	}
	inW.WriteString("to the container")
	readUntil(t, slave, "to the container")
	inW.Close() // the end of the input is not the end of the container
	unix.Write(slave, []byte("to the user\n"))
	readUntil(t, fd(outR), "to the user\n")
	select {
	case <-r.Ended():
		t.Error("ended before the container closed the terminal")
	default:
	}
	// What is written last must arrive, although the relay is closed at once.
	unix.Write(slave, []byte("last words"))
	hangUp()
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	readUntil(t, fd(outR), "last words")
	if after := countFds(t); after != before-2 { // the test has closed two
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func TestRelayMuch(t *testing.T) {
	master, slave, hangUp := openPty(t)
	if _, err := MakeRaw(slave); err != nil {
		t.Fatal(err)
	}
	if err := ClearONLCR(slave); err != nil {
		t.Fatal(err)
	}
	inR, inW := pipe(t)
	outR, outW := pipe(t)
	r, err := NewRelay(master, fd(inR), fd(outW))
	if err != nil {
		t.Fatal(err)
	}
	// The container echoes: both directions are full at once.
	const size = 1 << 20
	go func() {
		buf := make([]byte, 1000)
		for left := size; left > 0; {
			n, err := unix.Read(slave, buf)
			if err != nil {
				t.Error(err)
				break
			}
			if _, err := unix.Write(slave, buf[:n]); err != nil {
				t.Error(err)
				break
			}
			left -= n
		}
		hangUp()
	}()
	go inW.WriteString(strings.Repeat("0123456789abcdef", size/16))
	done := make(chan int)
	go func() {
		total := 0
		buf := make([]byte, 4096)
		for {
			n, err := outR.Read(buf)
			for i := range n {
				if buf[i] != "0123456789abcdef"[(total+i)%16] {
					t.Errorf("byte %d is %q", total+i, buf[i])
					break
				}
			}
			total += n
			if err != nil {
				done <- total
				return
			}
		}
	}()
	select {
	case <-r.Ended():
	case <-time.After(time.Minute):
		t.Fatal("the relay hangs")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	outW.Close()
	if total := <-done; total != size {
		t.Errorf("%d bytes came back, want %d", total, size)
	}
}

// Nobody reads the output any more: the container must not block.
func TestRelayBrokenOutput(t *testing.T) {
	master, slave, _ := openPty(t)
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	r, err := NewRelay(master, fd(inR), fd(outW))
	if err != nil {
		t.Fatal(err)
	}
	outR.Close()
	line := []byte(strings.Repeat("x", 999) + "\n")
	for range 200 {
		if _, err := unix.Write(slave, line); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

// readsBlock has reads of a terminal wait for more although it can be read, as when
// somebody else takes what there was.
func readsBlock(t *testing.T, tty int) {
	t.Helper()
	modes := termios(t, tty)
	modes.Cc[unix.VMIN], modes.Cc[unix.VTIME] = 2, 255 // one key can be read, after 25 seconds
	if err := unix.IoctlSetTermios(tty, unix.TCSETS, &modes); err != nil {
		t.Fatal(err)
	}
}

// A read of the input that waits holds up neither the output nor the end, and what it
// reads after that goes nowhere.
func TestRelayBlockedInput(t *testing.T) {
	master, slave, hangUp := openPty(t)
	if _, err := MakeRaw(slave); err != nil {
		t.Fatal(err)
	}
	userMaster, user, _ := openPty(t)
	before := termios(t, user)
	outR, outW := pipe(t)
	r, err := NewRelay(master, user, fd(outW))
	if err != nil {
		t.Fatal(err)
	}
	readsBlock(t, user)
	unix.Write(userMaster, []byte("x"))
	time.Sleep(50 * time.Millisecond)
	unix.Write(slave, []byte("output\n"))
	readUntil(t, fd(outR), "output\r\n")

	closed := make(chan error)
	go func() { closed <- r.Close() }()
	select {
	case err := <-closed:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the end waits for the input")
	}
	if after := termios(t, user); after != before {
		t.Errorf("restored to %+v, want %+v", after, before)
	}
	unix.Write(userMaster, []byte("y\n")) // the read ends
	time.Sleep(50 * time.Millisecond)
	if n, err := kernel.Poll([]unix.PollFd{kernel.Readable(slave)}, 0); n != 0 || err != nil {
		t.Errorf("the container has input after the end: %d, %v", n, err)
	}
	hangUp()
}

// An output that is full and does not block is waited for without a busy loop.
func TestRelayFullOutput(t *testing.T) {
	master, slave, _ := openPty(t)
	if err := ClearONLCR(slave); err != nil {
		t.Fatal(err)
	}
	inR, _ := pipe(t)
	outR, outW := pipe(t)
	if err := unix.SetNonblock(fd(outW), true); err != nil {
		t.Fatal(err)
	}
	for full := error(nil); full == nil; {
		_, full = unix.Write(fd(outW), make([]byte, 4096))
	}
	r, err := NewRelay(master, fd(inR), fd(outW))
	if err != nil {
		t.Fatal(err)
	}
	unix.Write(slave, []byte("last words\n"))
	before := cpuTime(t)
	closed := make(chan error)
	go func() { closed <- r.Close() }()
	select {
	case err := <-closed:
		t.Fatalf("the end comes before the output: %v", err)
	case <-time.After(500 * time.Millisecond):
	}
	if took := cpuTime(t) - before; took > 200*time.Millisecond {
		t.Errorf("it took %v of CPU time to wait for half a second", took)
	}
	readUntil(t, fd(outR), "last words\n")
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

// cpuTime is the CPU time that this process has taken.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		t.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestRelayTerminal(t *testing.T) {
	master, slave, _ := openPty(t)
	userMaster, user, _ := openPty(t) // the test is the user
	if err := SetSize(userMaster, 24, 80); err != nil {
		t.Fatal(err)
	}
	if err := ClearONLCR(master); err != nil {
		t.Fatal(err)
	}
	before := termios(t, user)
	r, err := NewRelay(master, user, user)
	if err != nil {
		t.Fatal(err)
	}
	awaitSize(t, slave, 24, 80)
	if raw := termios(t, user); raw.Lflag&unix.ICANON != 0 {
		t.Errorf("the user's terminal is not raw: %+v", raw)
	}
	unix.Write(userMaster, []byte("ls\r"))
	readUntil(t, slave, "ls\n")
	unix.Write(slave, []byte("a\n"))
	readUntil(t, userMaster, "a\r\n")

	if err := SetSize(userMaster, 50, 132); err != nil {
		t.Fatal(err)
	}
	// The kernel would send it to the terminal's foreground group.
	if err := unix.Kill(os.Getpid(), unix.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	awaitSize(t, slave, 50, 132)

	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if after := termios(t, user); after != before {
		t.Errorf("restored to %+v, want %+v", after, before)
	}
}

func awaitSize(t *testing.T, fd int, rows, columns uint16) {
	t.Helper()
	var r, c uint16
	for range 500 {
		var err error
		if r, c, err = Size(fd); err != nil {
			t.Fatal(err)
		}
		if r == rows && c == columns {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("the size is %d, %d; want %d, %d", r, c, rows, columns)
}
