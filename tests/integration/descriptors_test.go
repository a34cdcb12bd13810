package integration

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// The standard streams are the process's own, whatever they are.
func TestStreamsAreUntouched(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("cat"))
	data := make([]byte, 1<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	var out bytes.Buffer
	cmd.Stdin, cmd.Stdout = bytes.NewReader(data), &out
	c.Wait(cmd).OK()
	if !bytes.Equal(out.Bytes(), data) {
		t.Errorf("%d bytes of %d came back, or others", out.Len(), len(data))
	}
}

func TestClosedStreams(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("ls /proc/self/fd >/tmp/out; exit 3"))
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" <&- >&- 2>&-`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	c.Wait(cmd).Exits(3)
}

// A container has the descriptors 0, 1 and 2 and no other, whatever its caller has.
func TestNoDescriptorLeaks(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(descriptors))
	secret, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer secret.Close()
	for _, command := range []string{"run", "create"} {
		cmd := c.Command(command, "--bundle", c.Bundle, c.ID)
		for range 5 {
			cmd.ExtraFiles = append(cmd.ExtraFiles, secret)
		}
		r := c.Wait(cmd).OK()
		if command == "create" {
			c.Start().OK()
			c.WaitStatus(specs.StateStopped)
		}
		r.Prints("0 1 2")
	}
}

func TestPreserveFds(t *testing.T) {
	t.Parallel()
	const show = `echo "$LISTEN_FDS $LISTEN_PID"; ` + descriptors + `cat <&3; cat <&4`
	c := bundle.New(t, bundle.Shell(show))
	cmd := c.Command("run", "--preserve-fds", "1", "--bundle", c.Bundle, c.ID)
	activated(cmd, "LISTEN_FDS=1 LISTEN_PID=$$")
	for i := range 3 { // the last one is not to be passed
		name := filepath.Join(c.Dir, fmt.Sprint("file", i))
		write(t, name, fmt.Sprintf("content %d\n", i))
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
	}
	c.Wait(cmd).OK().Prints("1 1\n0 1 2 3 4 \ncontent 0\ncontent 1")
	c.Create("--preserve-fds", "20").Fails("preserved-fd")
	c.LeavesNothing()
}

// activated lets a shell set what a service manager sets in rung's environment. The
// shell's pid, $$, is rung's.
func activated(cmd *exec.Cmd, variables string) {
	cmd.Args = append([]string{"sh", "-c", "unset LISTEN_PID; export " + variables + `; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
}

// Descriptors that a service manager passed to another process are not the container's
// (CVE-2024-21626), nor are they missed where nobody passed any.
func TestListenFdsOfOthers(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(`echo "${LISTEN_FDS-none} ${LISTEN_PID-none} ${LISTEN_FDNAMES-none}"; `+
		descriptors))
	root, err := os.Open("/")
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for _, variables := range []string{
		"LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=a", "LISTEN_FDS=1 LISTEN_FDNAMES=a", "LISTEN_FDS=1 LISTEN_PID=x",
		"LISTEN_FDS=x LISTEN_PID=$$", "LISTEN_FDS=-1 LISTEN_PID=$$", "LISTEN_FDS=0 LISTEN_PID=$$", "LISTEN_PID=$$",
	} {
		for _, files := range [][]*os.File{nil, {root}} {
			cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
			cmd.ExtraFiles = files
			activated(cmd, variables)
			c.Wait(cmd).OK().Prints("none none none\n0 1 2")
		}
	}
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	activated(cmd, "LISTEN_FDS=1 LISTEN_PID=$$")
	c.Wait(cmd).Fails("preserved-fd 0 (of 1)")
	c.LeavesNothing()
}

func TestPidFile(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	c.Create("--pid-file", filepath.Join(c.Dir, "missing", "pid")).Fails("pid file", "missing")
	c.LeavesNothing()
	path := filepath.Join(c.Dir, "pid")
	write(t, path, "what was there before, longer than a pid\n")
	c.Create("--pid-file", path).OK()
	text, err := os.ReadFile(path)
	if err != nil || string(text) != strconv.Itoa(c.State().Pid) {
		t.Errorf("the pid file holds %q, want %d (%v)", text, c.State().Pid, err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, ".pid*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// receiver listens on a socket for one descriptor.
type receiver struct {
	path string
	got  chan received
}

type received struct {
	fd   int
	data string
	err  error
}

func listen(t *testing.T, dir string) *receiver {
	t.Helper()
	path := filepath.Join(dir, "receive.sock")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	r := &receiver{path, make(chan received, 1)}
	go func() { r.got <- acceptFd(l) }()
	return r
}

func acceptFd(l *net.UnixListener) (got received) {
	var conn *net.UnixConn
	if conn, got.err = l.AcceptUnix(); got.err != nil {
		return got
	}
	defer conn.Close()
	data, oob := make([]byte, 4096), make([]byte, 4096)
	n, oobn, _, _, err := conn.ReadMsgUnix(data, oob)
	messages, parseErr := syscall.ParseSocketControlMessage(oob[:oobn])
	if err = errors.Join(err, parseErr); err != nil || len(messages) != 1 {
		got.err = fmt.Errorf("%d control messages: %w", len(messages), err)
		return got
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		got.err = fmt.Errorf("descriptors %v: %w", fds, err)
		return got
	}
	got.fd, got.data = fds[0], string(data[:n])
	return got
}

func (r *receiver) wait(t *testing.T) received {
	t.Helper()
	select {
	case got := <-r.got:
		if got.err != nil {
			t.Fatal(got.err)
		}
		t.Cleanup(func() { syscall.Close(got.fd) })
		return got
	case <-time.After(20 * time.Second):
		t.Fatal("nothing came to the socket")
		return received{}
	}
}

func TestPidfdSocket(t *testing.T) {
	t.Parallel()
	c := bundle.New(t)
	r := listen(t, c.Dir)
	c.Create("--pidfd-socket", r.path).OK()
	got := r.wait(t)
	info, want := read(t, fmt.Sprintf("/proc/self/fdinfo/%d", got.fd)), fmt.Sprintf("Pid:\t%d\n", c.State().Pid)
	if !strings.Contains(info, want) {
		t.Errorf("no %q in\n%s", want, info)
	}
	c.Delete("--force").OK()
	c.Create("--pidfd-socket", "/nowhere/socket").Fails("/nowhere")
	c.LeavesNothing()
}

// A container that tells at its NOTIFY_SOCKET that it is ready: rung passes it
// on to its own, with the pid that the manager knows.
func TestNotifySocket(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(`echo "$NOTIFY_SOCKET"; `+idle))
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(c.Dir, "m.sock"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	env := append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(c.Dir, "m.sock"))
	create := c.Command("create", "--bundle", c.Bundle, c.ID)
	create.Env = env
	created := c.Wait(create).OK()
	pid := c.State().Pid
	ended := make(chan bundle.Result, 1)
	go func() {
		start := c.Command("start", c.ID)
		start.Env = env
		ended <- c.Wait(start)
	}()
	waitReady(t, created)
	stdout, _ := created.Output()
	socket := strings.Split(stdout, "\n")[0]
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: fmt.Sprintf("/proc/%d/root%s", pid, socket),
		Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write([]byte("STATUS=secret\nREADY=1\n")); err != nil {
		t.Fatal(err)
	}
	message := make([]byte, 4096)
	manager.SetReadDeadline(time.Now().Add(20 * time.Second))
	n, err := manager.Read(message)
	if text := string(message[:n]); err != nil || !strings.Contains(text, "READY=1") ||
		!strings.Contains(text, fmt.Sprintf("MAINPID=%d", pid)) || strings.Contains(text, "secret") {
		t.Errorf("the manager got %q, %v", text, err)
	}
	manager.Close() // a barrier that nobody answers
	(<-ended).OK()
}

// With few descriptors a container is made whole or not at all.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	hook := []specs.Hook{shellHook("cat")}
	source := t.TempDir() // below which nothing is mounted
	c := bundle.New(t, bundle.Args("true"), userNamespace(100000), func(s *specs.Spec) {
		s.Hooks = &specs.Hooks{CreateRuntime: hook, CreateContainer: hook, StartContainer: hook, Poststop: hook}
		s.Process.Rlimits = nil
	}, bundle.Mount(specs.Mount{Destination: "/tmp", Source: source, Options: []string{"bind"}}))
	for _, limit := range []int{6, 8, 10, 12, 16, 20, 24, 30, 40, 60, 66, 67, 68, 69, 70, 72, 76, 84} {
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$0" "$@"`, limit)}, cmd.Args...)
		cmd.Path = "/bin/sh"
		switch r := c.Wait(cmd); {
		case limit >= 76:
			r.OK()
		case limit <= 40 || r.Code != 0:
			r.Fails("RLIMIT_NOFILE", fmt.Sprintf("allows %d descriptors", limit))
		}
		c.LeavesNothing()
	}
	// of what is not needed there need not be room
	simple := bundle.New(t, func(s *specs.Spec) { s.Process.Rlimits = nil })
	cmd := simple.Command("run", "--bundle", simple.Bundle, simple.ID)
	cmd.Args = append([]string{"sh", "-c", `ulimit -n 64; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	simple.Wait(cmd).OK()
	// those that the caller has open count
	cmd = c.Command("run", "--bundle", c.Bundle, c.ID)
	cmd.Args = append([]string{"sh", "-c", `exec 3</ 4</ 5</ 6</ 7</ 8</ 9</; ulimit -n 58; exec "$0" "$@"`},
		cmd.Args...)
	cmd.Path = "/bin/sh"
	c.Wait(cmd).Fails("RLIMIT_NOFILE")
	c.LeavesNothing()
}

// What the container says before it ends is passed on, however soon that is.
func TestNotifyBeforeTheEnd(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sleep", "1000"))
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(c.Dir, "m.sock"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	for range 20 {
		pidFile := filepath.Join(c.Dir, "pid")
		os.Remove(pidFile)
		cmd := c.Command("run", "--pid-file", pidFile, "--bundle", c.Bundle, c.ID)
		cmd.Env = append(os.Environ(), "NOTIFY_SOCKET="+filepath.Join(c.Dir, "m.sock"))
		ended := make(chan bundle.Result, 1)
		go func() { ended <- c.Wait(cmd) }()
		pid, conn := dialNotify(t, pidFile)
		if _, err := conn.Write([]byte("READY=1")); err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		message := make([]byte, 4096)
		manager.SetReadDeadline(time.Now().Add(20 * time.Second))
		for text := ""; !strings.Contains(text, "READY=1") || !strings.Contains(text, "BARRIER=1"); {
			n, err := manager.Read(message) // with the barrier's descriptor, which is closed
			if text += string(message[:n]); err != nil {
				t.Fatalf("the manager got %q, %v", text, err)
			}
		}
		(<-ended).Exits(128 + 9)
	}
}

// dialNotify waits until the process of a pid file has been executed, and connects to
// the notify socket that it sees.
func dialNotify(t *testing.T, pidFile string) (pid int, conn *net.UnixConn) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		text, _ := os.ReadFile(pidFile)
		pid, _ = strconv.Atoi(string(text))
		if exe, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || string(exe) != "sleep\n" {
			continue
		}
		sockets, _ := filepath.Glob(fmt.Sprintf("/proc/%d/root/run/notify/*", pid))
		if len(sockets) != 1 {
			t.Fatalf("notify sockets: %q", sockets)
		}
		conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: sockets[0], Net: "unixgram"})
		if err != nil {
			t.Fatal(err)
		}
		return pid, conn
	}
	t.Fatal("no process after 20 seconds")
	return 0, nil
}
