package terminal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
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
	r, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
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

// listen returns a listening stream socket with a name in dir.
func listen(t *testing.T, dir string) int {
	t.Helper()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	sock, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(sock) })
	if err := unix.Bind(sock, &unix.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/sock", fd)}); err != nil {
		t.Fatal(err)
	}
	if err := unix.Listen(sock, 1); err != nil {
		t.Fatal(err)
	}
	return sock
}

func accept(t *testing.T, sock int) int {
	t.Helper()
	conn, _, err := unix.Accept4(sock, unix.SOCK_CLOEXEC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(conn) })
	return conn
}

// receive accepts a connection, and from it a message with one descriptor.
func receive(t *testing.T, sock int) (fd int, text string) {
	t.Helper()
	data := make([]byte, 64)
	n, fds, err := kernel.Receive(accept(t, sock), data, 1)
	if err != nil || len(fds) != 1 {
		t.Fatalf("%d descriptors, %v", len(fds), err)
	}
	t.Cleanup(func() { fds[0].Close() })
	return fds[0].Int(), string(data[:n])
}

func TestSendConsole(t *testing.T) {
	long := filepath.Join(t.TempDir(), strings.Repeat("d", 200))
	if err := os.Mkdir(long, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, dir := range map[string]string{"short": t.TempDir(), "long": long} {
		t.Run(name, func(t *testing.T) {
			sock := listen(t, dir)
			master, slave, _ := openPty(t)
			if err := SendConsole(dir+"/sock", master, "/dev/pts/0"); err != nil {
				t.Fatal(err)
			}
			got, data := receive(t, sock)
			if data != "/dev/pts/0" {
				t.Errorf("data %q", data)
			}
			if err := SetSize(got, 33, 44); err != nil {
				t.Fatal(err)
			}
			if rows, columns, err := Size(slave); rows != 33 || columns != 44 || err != nil {
				t.Errorf("not the same terminal: %d, %d, %v", rows, columns, err)
			}
		})
	}
}

func TestSendPidfd(t *testing.T) {
	dir := t.TempDir()
	sock := listen(t, dir)
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	t.Chdir(dir)
	if err := SendPidfd("sock", pidfd); err != nil { // a relative path
		t.Fatal(err)
	}
	got, _ := receive(t, sock)
	if err := unix.PidfdSendSignal(got, 0, nil, 0); err != nil {
		t.Errorf("not a pidfd: %v", err)
	}
}

func TestSendToNobody(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ path, want string }{
		{dir + "/none", "connect " + dir + "/none: no such file or directory"},
		{dir + "/file", "connect " + dir + "/file: connection refused"},
		{dir + "/no/sock", "open " + dir + "/no: no such file or directory"},
	} {
		err := SendConsole(tt.path, 0, "x")
		if want := "sending the terminal to the console socket: " + tt.want; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}

func countFds(t *testing.T) int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(fds)
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
	if raw := termios(t, slave); raw.Lflag&(unix.ECHO|unix.ICANON|unix.ISIG) != 0 || raw.Iflag&unix.ICRNL != 0 || raw.Oflag&unix.OPOST == 0 {
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
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(slave), Events: unix.POLLIN}}, 0); n != 0 || err != nil {
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

// A process gets pipes in the place of terminals, and the end of the input. Somebody
// who keeps one of them does not hold up the end.
func TestStreams(t *testing.T) {
	userMaster, user, _ := openPty(t)
	_, outW := pipe(t)
	before := countFds(t)
	s, err := NewStreams([3]int{user, user, fd(outW)})
	if err != nil {
		t.Fatal(err)
	}
	in, out := s.Ends[0], s.Ends[1]
	if in < 0 || out < 0 || s.Ends[2] != -1 || IsTerminal(in) || IsTerminal(out) {
		t.Fatalf("instead of a terminal, a terminal and a pipe: %v", s.Ends)
	}
	s.Start()
	unix.Write(userMaster, []byte("to the process\n\x04"))
	readUntil(t, in, "to the process\n")
	if n, err := unix.Read(in, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("after the end of the input: %d, %v", n, err)
	}
	unix.Write(out, []byte("to the user"))
	readUntil(t, userMaster, "to the user")
	unix.Write(out, []byte("last words"))
	s.Close()
	readUntil(t, userMaster, "last words")
	unix.Close(in)
	unix.Close(out)
	s.Close() // once more
	if after := countFds(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if s, err := NewStreams([3]int{fd(outW), fd(outW), 999}); s != nil || err != nil {
		t.Errorf("without a terminal: %v, %v", s, err)
	}
}

// Somebody who goes on writing does not hold up the end.
func TestStreamsEndless(t *testing.T) {
	userMaster, user, _ := openPty(t)
	inR, _ := pipe(t)
	s, err := NewStreams([3]int{fd(inR), user, user})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !sameFile(s.Ends[1], s.Ends[2]) {
		t.Error("output and errors for the same terminal have two pipes")
	}
	go func() {
		for buf := make([]byte, 4096); ; {
			if n, _ := unix.Read(userMaster, buf); n <= 0 {
				return
			}
		}
	}()
	var writers sync.WaitGroup
	for _, end := range s.Ends[1:] {
		writers.Go(func() {
			for err := error(nil); err == nil; {
				_, err = unix.Write(end, make([]byte, 4096))
			}
			unix.Close(end)
		})
	}
	time.Sleep(10 * time.Millisecond)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("there is no end")
	}
	writers.Wait() // nobody reads any more
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
