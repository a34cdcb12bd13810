package integration

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

func terminal(s *specs.Spec) { s.Process.Terminal = true }

// A screen collects what a terminal shows.
type screen struct {
	master *os.File
	mu     sync.Mutex
	text   strings.Builder
}

func newScreen(t *testing.T, fd int) *screen {
	t.Helper()
	fd, err := syscall.Dup(fd)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.SetNonblock(fd, true); err != nil {
		t.Fatal(err)
	}
	master := os.NewFile(uintptr(fd), "master")
	s := &screen{master: master}
	go io.Copy(s, master) // until the last slave is closed, or the master is: it does not block
	t.Cleanup(func() { master.Close() })
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func (s *screen) shows(t *testing.T, text string) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Logf("the terminal shows %q", s)
		}
	}()
	bundle.Eventually(t, fmt.Sprintf("%q on the terminal", text), func() bool {
		return strings.Contains(s.String(), text)
	})
}

func TestConsoleSocket(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, terminal, bundle.Shell(`tty; stty size; stat -c '%t:%T' /dev/console; `+descriptors+`
		echo x >/dev/tty; trap 'echo interrupted' INT; trap 'stty size' WINCH; echo ready
		while :; do if read line; then echo "got $line"; fi; done`),
		func(s *specs.Spec) { s.Process.ConsoleSize = &specs.Box{Height: 33, Width: 111} })
	r := listen(t, c.Dir)
	c.Create("--console-socket", r.path).OK()
	got := r.wait(t)
	if got.data == "" {
		t.Error("the terminal has no name")
	}
	termios, err := unix.IoctlGetTermios(got.fd, unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if termios.Oflag&unix.ONLCR == 0 {
		t.Error("ONLCR was cleared")
	}
	s := newScreen(t, got.fd)
	c.Start().OK()
	s.shows(t, "/dev/pts/0\r\n33 111\r\n88:0\r\n0 1 2 \r\nx\r\nready\r\n")
	if _, err := s.master.WriteString("hello\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "got hello\r\n")
	if _, err := s.master.WriteString("\x03"); err != nil { // ^C, which needs a controlling terminal
		t.Fatal(err)
	}
	s.shows(t, "interrupted\r\n")
	if err := unix.IoctlSetWinsize(got.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 6}); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "5 6\r\n")
	c.Delete("--force").OK()
	c.LeavesNothing()
}

func TestConsoleOfAUser(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{"host": func(*specs.Spec) {},
		"user namespace": userNamespace(100000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, terminal, change,
				bundle.Shell("stat -c '%u %g' /dev/pts/0; echo x >/dev/tty; echo ready; sleep 1000"),
				func(s *specs.Spec) {
					s.Process.User.UID = 1000
				})
			r := listen(t, c.Dir)
			c.Create("--console-socket", r.path).OK()
			s := newScreen(t, r.wait(t).fd)
			c.Start().OK()
			s.shows(t, "1000 5\r\nx\r\nready\r\n")
		})
	}
}

// run without a console socket connects the container's terminal with its own.
func TestRunOnATerminal(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, terminal,
		bundle.Shell(`tty; stty size; trap 'stty size' WINCH; echo ready; until read line; do :; done; `+
			`echo "got $line"; read line; exit 4`))
	master, slave := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 44, Col: 99}); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, int(master.Fd()))
	s.shows(t, "/dev/pts/0")
	s.shows(t, "44 99")
	s.shows(t, "ready")
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 22, Col: 77}); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "22 77")
	if _, err := s.master.WriteString("hello\r"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "got hello")
	if _, err := s.master.WriteString("end\r"); err != nil {
		t.Fatal(err)
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 4 {
		t.Errorf("run: %v, want exit status 4\nscreen: %q", cmd.ProcessState, s)
	}
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil || *before != *after {
		t.Errorf("the caller's terminal was changed: %+v, before %+v, %v", after, before, err)
	}
}

// A run in the background of its terminal stops before it changes that, as every
// program does there, and goes on in the foreground. If it is in the background
// again when the process ends, it ends, too, and gives the terminal back.
func TestRunInTheBackground(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, terminal, bundle.Shell(`echo inside; until [ -e /stop ]; do sleep 0.01; done; exit 5`))
	master, slave := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	const script = `set -m
		"$@" &
		stopped() { until grep -q "^State:.T" /proc/$!/status; do test -d /proc/$! || exit 99; sleep 0.01; done; }
		stopped; echo "pid $!"; fg
		stopped; echo "again"; bg; wait %1; echo "status $?"; sleep 0.1`
	cmd.Args = append([]string{"sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, int(master.Fd()))
	s.shows(t, "pid ")
	s.shows(t, "inside")
	var pid int
	if _, err := fmt.Sscanf(s.String()[strings.Index(s.String(), "pid "):], "pid %d", &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "again")
	if _, err := s.master.WriteString("for somebody else\r"); err != nil { // who reads that is stopped
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond)
	write(t, filepath.Join(c.Bundle, "rootfs/stop"), "")
	s.shows(t, "status 5")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil || *before != *after {
		t.Errorf("the caller's terminal was changed: %+v, before %+v, %v", after, before, err)
	}
}

// A read that waits when the run goes to the background neither takes what is typed
// there nor brings on signals without end.
func TestInputInTheBackground(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, terminal,
		bundle.Shell(`trap 'echo signal >>/signals' TTIN; echo inside; until read line; do :; done; `+
			`echo "got $line"; exit 5`))
	master, slave := openTerminal(t)
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	const script = `set -m
		"$@" &
		stopped() { until grep -q "^State:.T" /proc/$!/status; do test -d /proc/$! || exit 99; sleep 0.01; done; }
		stopped; echo "pid $!,"; fg
		stopped; stty sane; bg; echo "again"; read line; echo "read $line"; fg; echo "status $?"`
	cmd.Args = append([]string{"sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, int(master.Fd()))
	s.shows(t, "pid ")
	s.shows(t, "inside")
	var pid int
	if _, err := fmt.Sscanf(s.String()[strings.Index(s.String(), "pid "):], "pid %d,", &pid); err != nil {
		t.Fatal(err)
	}
	steal(t, pid, s.master, slave)
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "again")
	before := cpuTicks(t, pid)
	time.Sleep(time.Second)
	if after := cpuTicks(t, pid); after > before+30 { // a busy loop takes 100
		t.Errorf("it took %d hundredths of a second of CPU time to wait for one", after-before)
	}
	if _, err := s.master.WriteString("for somebody else\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "for somebody else\r\n")
	s.shows(t, "read ")
	time.Sleep(300 * time.Millisecond)
	if _, err := s.master.WriteString("for the container\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "for the container\r\nstatus 5")
	s.shows(t, "status 5")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if signals, err := os.ReadFile(filepath.Join(c.Bundle, "rootfs/signals")); err == nil {
		t.Errorf("the container has got %d signals", strings.Count(string(signals), "\n"))
	}
}

// A terminal whose user wants no output from the background gets none: what there is
// waits, without a busy loop, until the run is in the foreground again, or ends.
func TestOutputInTheBackground(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, terminal,
		bundle.Shell(`echo inside; until [ -e /write ]; do sleep 0.01; done; echo waiting; until [ -e /stop ]; `+
			`do sleep 0.01; done; echo last; exit 5`))
	master, slave := openTerminal(t)
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	const script = `set -m
		"$@" &
		stopped() { until grep -q "^State:.T" /proc/$!/status; do test -d /proc/$! || exit 99; sleep 0.01; done; }
		stopped; echo "pid $!,"; fg
		stopped; stty tostop; bg; echo "again"; read line; echo "read"; wait %1; echo "status $?"`
	cmd.Args = append([]string{"sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := newScreen(t, int(master.Fd()))
	s.shows(t, "pid ")
	s.shows(t, "inside")
	var pid int
	if _, err := fmt.Sscanf(s.String()[strings.Index(s.String(), "pid "):], "pid %d,", &pid); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "again")
	before := cpuTicks(t, pid)
	write(t, filepath.Join(c.Bundle, "rootfs/write"), "")
	time.Sleep(time.Second)
	if after := cpuTicks(t, pid); after > before+30 { // a busy loop takes 100
		t.Errorf("it took %d hundredths of a second of CPU time to wait for one", after-before)
	}
	if strings.Contains(s.String(), "waiting") {
		t.Errorf("output from the background:\n%s", s)
	}
	if _, err := s.master.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	s.shows(t, "read")
	write(t, filepath.Join(c.Bundle, "rootfs/stop"), "")
	for _, text := range []string{"waiting", "last", "status 5"} {
		s.shows(t, text)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// steal types on a terminal and takes the input from a process that reads it, until a
// read of that waits for more.
func steal(t *testing.T, pid int, master, tty *os.File) {
	t.Helper()
	// another file than the others', who must not see that it does not block
	thief, err := unix.Open(fmt.Sprintf("/proc/self/fd/%d", tty.Fd()),
		unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(thief)
	bundle.Eventually(t, "read that waits", func() bool {
		for range 20 {
			if _, err := master.WriteString("x"); err != nil {
				t.Fatal(err)
			}
			for begin := time.Now(); time.Since(begin) < 300*time.Microsecond; {
				unix.Read(thief, make([]byte, 10))
			}
		}
		for range 2 { // it stays there
			if !readsInput(pid) {
				return false
			}
		}
		return true
	})
}

// readsInput tells whether a thread of a process stays in read(2) of its standard input.
func readsInput(pid int) bool {
	time.Sleep(5 * time.Millisecond)
	calls, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
	return slices.ContainsFunc(calls, func(name string) bool {
		call, _ := os.ReadFile(name)
		return strings.HasPrefix(string(call), fmt.Sprintf("%d 0x0 ", unix.SYS_READ))
	})
}

// cpuTicks is the CPU time that a process has taken, in hundredths of a second.
func cpuTicks(t *testing.T, pid int) (ticks int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	for _, f := range fields[12:14] { // utime and stime
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return ticks
}

func openTerminal(t *testing.T) (master, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	if err != nil {
		t.Fatal(err)
	}
	slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		master.Close()
		slave.Close()
	})
	return master, slave
}

func TestConsoleSocketIsRefused(t *testing.T) {
	t.Parallel()
	with := bundle.New(t, terminal)
	with.Create().Fails("cannot allocate tty if runc will detach without setting console socket")
	with.Create("--console-socket", "/nowhere/socket").Fails("/nowhere")
	with.LeavesNothing()
	without := bundle.New(t)
	without.Create("--console-socket",
		"/nowhere/socket").Fails("cannot use console socket if runc will not detach or allocate tty")
	without.LeavesNothing()
}
