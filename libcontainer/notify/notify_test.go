package notify

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// bind returns a datagram socket at path, with a deadline for reading.
func bind(t *testing.T, path string) int {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}); err != nil {
		t.Fatal(err)
	}
	return fd
}

// manage reads like a service manager that does not know of barriers.
func manage(t *testing.T, fd int, messages chan<- string) {
	buf := make([]byte, 4096)
	for range 2 {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err != nil {
			t.Error(err)
			break
		}
		messages <- string(buf[:n])
	}
	close(messages)
}

func report(t *testing.T, path, message string) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte(message), 0, &unix.SockaddrUnix{Name: path}); err != nil {
		t.Fatal(err)
	}
}

func newProxy(t *testing.T) (*Proxy, string) {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	old, err := Listen(fd, "notify.sock") // by a process that is gone
	if err != nil {
		t.Fatal(err)
	}
	old.Close()
	p, err := Listen(fd, "notify.sock")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	path := filepath.Join(dir, "notify.sock")
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o777 {
		t.Errorf("%s: %v, %v; want mode 0777", path, st.Mode(), err)
	}
	return p, path
}

// sleeper starts a process and returns it and its pidfd.
func sleeper(t *testing.T) (*exec.Cmd, int) {
	t.Helper()
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(pidfd) })
	return cmd, pidfd
}

func TestForward(t *testing.T) {
	dir := t.TempDir()
	for _, host := range []string{filepath.Join(dir, "host"), "@" + filepath.Base(dir) + "-rung-test"} {
		t.Run(host[:1], func(t *testing.T) {
			p, path := newProxy(t)
			_, pidfd := sleeper(t)
			messages := make(chan string, 2)
			go manage(t, bind(t, host), messages)
			report(t, path, "STATUS=READY=1\nMAINPID=1")
			report(t, path, "READY=10")
			report(t, path, "STATUS=up\nREADY=1\nMAINPID=1")
			ready, err := p.Forward(host, 4711, pidfd)
			if !ready || err != nil {
				t.Errorf("Forward: %v, %v", ready, err)
			}
			if m := <-messages; m != "READY=1\nMAINPID=4711" {
				t.Errorf("the manager got %q", m)
			}
			if m := <-messages; m != "BARRIER=1" {
				t.Errorf("the manager got %q", m)
			}
		})
	}
}

func TestForwardEnds(t *testing.T) {
	p, path := newProxy(t)
	cmd, pidfd := sleeper(t)
	report(t, path, "STATUS=up")
	done := make(chan bool)
	go func() {
		ready, err := p.Forward("/no/such", 1, pidfd)
		if err != nil {
			t.Error(err)
		}
		done <- ready
	}()
	select {
	case <-done:
		t.Fatal("Forward does not wait")
	case <-time.After(20 * time.Millisecond):
	}
	cmd.Process.Kill()
	if <-done {
		t.Error("a dead container is ready")
	}
}

// A container that reports and ends at once was ready.
func TestForwardLastWords(t *testing.T) {
	p, path := newProxy(t)
	cmd, pidfd := sleeper(t)
	report(t, path, "READY=1")
	cmd.Process.Kill()
	cmd.Wait()
	ready, err := p.Forward("/no/such", 1, pidfd)
	if !ready || err == nil || !strings.Contains(err.Error(), "notify socket: connecting to /no/such: ") {
		t.Errorf("Forward: %v, %v; want true, and that nobody listens", ready, err)
	}
}

// What the container reports when it is ready is read until it has ended.
func TestDrain(t *testing.T) {
	p, path := newProxy(t)
	cmd, pidfd := sleeper(t)
	done := make(chan error)
	go func() { done <- p.Drain(pidfd) }()
	for range 1000 { // a socket has room for some ten
		report(t, path, "WATCHDOG=1\nREADY=1")
	}
	select {
	case err := <-done:
		t.Fatalf("Drain does not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	cmd.Process.Kill()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
