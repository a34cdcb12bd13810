package integration

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// A manager is a service manager, which listens at a socket for what it is told.
type manager struct {
	t    *testing.T
	path string
	conn *net.UnixConn
}

func manage(t *testing.T, c *bundle.Container) *manager {
	t.Helper()
	m := &manager{t: t, path: filepath.Join(c.Dir, "m.sock")}
	var err error
	if m.conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: m.path, Net: "unixgram"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.conn.Close() })
	return m
}

// call calls rung as a service of the manager. The result comes when rung has ended.
func (m *manager) call(c *bundle.Container, args ...string) chan bundle.Result {
	cmd := c.Command(args...)
	cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+m.path)
	ended := make(chan bundle.Result, 1)
	go func() {
		defer close(ended)
		ended <- c.Wait(cmd)
	}()
	return ended
}

// result waits for the end of a call.
func (m *manager) result(ended chan bundle.Result) bundle.Result {
	m.t.Helper()
	r, ok := <-ended
	if !ok { // it has failed the test
		m.t.FailNow()
	}
	return r
}

// told is the next message, or "" if none comes in time.
func (m *manager) told(limit time.Duration) string {
	m.t.Helper()
	message := make([]byte, 4096)
	m.conn.SetReadDeadline(time.Now().Add(limit))
	n, err := m.conn.Read(message) // without a descriptor that came with it
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		m.t.Fatal(err)
	}
	return string(message[:n])
}

// ready requires that the manager is told of a container that is ready, and returns
// the pid that it is to watch.
func (m *manager) ready() (mainPid int) {
	m.t.Helper()
	text := m.told(20 * time.Second)
	lines := strings.Split(text, "\n")
	at := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "MAINPID=") })
	if !slices.Contains(lines, "READY=1") || at < 0 {
		m.t.Fatalf("the manager was told %q, want READY=1 and MAINPID", text)
	}
	mainPid, err := strconv.Atoi(strings.TrimPrefix(lines[at], "MAINPID="))
	if err != nil {
		m.t.Fatal(err)
	}
	if text := m.told(20 * time.Second); text != "BARRIER=1" {
		m.t.Fatalf("the manager was told %q, want a barrier", text)
	}
	return mainPid
}

// report sends messages, which have to be read in time.
func report(t *testing.T, conn *net.UnixConn, messages ...string) {
	t.Helper()
	conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
	for i, m := range messages {
		if _, err := conn.Write([]byte(m)); err != nil {
			t.Fatalf("message %d, %.40q: %v", i, m, err)
		}
	}
}

func stillRuns(t *testing.T, ended chan bundle.Result) {
	t.Helper()
	select {
	case r := <-ended:
		t.Fatalf("%s: it ended with %d before the container was ready\nstderr: %s", r, r.Code, r.Stderr)
	case <-time.After(50 * time.Millisecond):
	}
}

// In the background run stays until the container is ready, and so does start. The
// manager then watches the container's process. Meanwhile nobody has to wait for them.
func TestNotifyBackground(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"run", "start"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Args("sleep", "1000"))
			m, pidFile := manage(t, c), filepath.Join(c.Dir, "pid")
			background := func() chan bundle.Result {
				if command == "run" {
					return m.call(c, "run", "--detach", "--pid-file", pidFile, "--bundle", c.Bundle, c.ID)
				}
				m.result(m.call(c, "create", "--pid-file", pidFile, "--bundle", c.Bundle, c.ID)).OK()
				return m.call(c, "start", c.ID)
			}

			ended := background()
			pid, conn := dialNotify(t, pidFile)
			defer conn.Close()
			report(t, conn, "STATUS=not yet")
			stillRuns(t, ended)
			c.Do("pause", c.ID).OK()
			c.Do("resume", c.ID).OK()
			report(t, conn, "READY=1")
			if got := m.ready(); got != pid {
				t.Errorf("MAINPID=%d, want %d, the container's", got, pid)
			}
			m.result(ended).OK()
			c.WaitStatus(specs.StateRunning)
			c.Delete("--force").OK()

			os.Remove(pidFile)
			ended = background()
			_, conn = dialNotify(t, pidFile)
			conn.Close()
			stillRuns(t, ended)
			c.Kill("KILL").OK()
			m.result(ended).OK() // there is nothing to wait for
			if text := m.told(time.Millisecond); text != "" {
				t.Errorf("the manager was told %q of a container that was not ready", text)
			}
			c.Delete().OK()
			c.LeavesNothing()
		})
	}
}

// In the foreground the manager watches rung. What the container reports when it is
// ready, more often than a socket has room for, is read and not passed on.
func TestNotifyForeground(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sleep", "1000"))
	m, pidFile := manage(t, c), filepath.Join(c.Dir, "pid")
	ended := m.call(c, "run", "--pid-file", pidFile, "--bundle", c.Bundle, c.ID)
	pid, conn := dialNotify(t, pidFile)
	defer conn.Close()
	report(t, conn, slices.Repeat([]string{"STATUS=not yet"}, 1000)...)
	report(t, conn, "READY=1")
	rung := m.ready()
	if want := parent(t, pid); rung != want {
		t.Errorf("MAINPID=%d, want %d, rung's", rung, want)
	}
	report(t, conn, slices.Repeat([]string{"WATCHDOG=1", "STATUS=" + strings.Repeat("x", 5000)}, 1000)...)
	time.Sleep(50 * time.Millisecond) // for rung to have read them
	if used := ticks(t, rung, 500*time.Millisecond); used > 10 {
		t.Errorf("rung used %d ticks of 50 while nothing happened", used)
	}
	stillRuns(t, ended)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	m.result(ended).Exits(128 + 9)
	if text := m.told(time.Millisecond); text != "" {
		t.Errorf("the manager was told %q", text)
	}
	c.LeavesNothing()
}

// A manager that reads nothing does not keep rung from ending.
func TestNotifyDeafManager(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sleep", "1000"))
	m, pidFile := manage(t, c), filepath.Join(c.Dir, "pid")
	fill(t, m.path)
	ended := m.call(c, "run", "--pid-file", pidFile, "--bundle", c.Bundle, c.ID)
	pid, conn := dialNotify(t, pidFile)
	defer conn.Close()
	report(t, conn, "READY=1")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	r := m.result(ended).Exits(128 + 9)
	if !strings.Contains(r.Stderr, "the service manager does not read what it is sent") {
		t.Errorf("stderr: %s", r.Stderr)
	}
	c.LeavesNothing()
}

// fill sends messages to a socket until it has no room for more.
func fill(t *testing.T, path string) {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	for {
		switch err := syscall.Sendto(fd, []byte("STATUS=full"), 0, &syscall.SockaddrUnix{Name: path}); err {
		case nil:
		case syscall.EAGAIN:
			return
		default:
			t.Fatal(err)
		}
	}
}

// stat returns the fields of a process's stat, proc(5), from its state on.
func stat(t *testing.T, pid int) []string {
	t.Helper()
	text := read(t, fmt.Sprintf("/proc/%d/stat", pid))
	return strings.Fields(text[strings.LastIndex(text, ")")+1:])
}

func parent(t *testing.T, pid int) int {
	t.Helper()
	ppid, err := strconv.Atoi(stat(t, pid)[1])
	if err != nil {
		t.Fatal(err)
	}
	return ppid
}

// ticks is the time that a process computes while the test waits, in 1/100 s.
func ticks(t *testing.T, pid int, wait time.Duration) int {
	t.Helper()
	used := func() (sum int) {
		for _, field := range stat(t, pid)[11:13] { // user and system time
			n, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			sum += n
		}
		return sum
	}
	before := used()
	time.Sleep(wait)
	return used() - before
}
