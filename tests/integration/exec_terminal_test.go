package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// A detached process with a terminal, whose master goes to the console socket.
func TestExecConsoleSocket(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bundle.Change{"usual": func(*specs.Spec) {},
		"user namespace": userNamespace(100000)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := running(t, idle, change)
			file := processFile(t, c, func(p *specs.Process) {
				execScript(`tty; stty size; stat -c '%u' $(tty); ` + descriptors + `
					echo x >/dev/tty; trap 'echo interrupted' INT; trap 'stty size' WINCH; echo ready
					while :; do if read line; then echo "got $line"; fi; done`)(p)
				p.Terminal, p.User.UID = true, 1000
				p.ConsoleSize = &specs.Box{Height: 33, Width: 111}
			})
			r := listen(t, c.Dir)
			c.Exec([]string{"--detach", "--process", file, "--tty", "--console-socket", r.path}).OK()
			got := r.wait(t)
			if !strings.HasPrefix(got.data, "/dev/pts/") {
				t.Errorf("the terminal's name is %q", got.data)
			}
			termios, err := unix.IoctlGetTermios(got.fd, unix.TCGETS)
			if err != nil {
				t.Fatal(err)
			}
			if termios.Oflag&unix.ONLCR == 0 {
				t.Error("ONLCR was cleared")
			}
			s := newScreen(t, got.fd)
			s.shows(t, got.data+"\r\n33 111\r\n1000\r\n0 1 2 \r\nx\r\nready\r\n")
			for _, step := range []struct{ types, shows string }{{"hello\n", "got hello\r\n"},
				{"\x03", "interrupted\r\n"}} {
				if _, err := s.master.WriteString(step.types); err != nil {
					t.Fatal(err)
				}
				s.shows(t, step.shows)
			}
			if err := unix.IoctlSetWinsize(got.fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 5, Col: 6}); err != nil {
				t.Fatal(err)
			}
			s.shows(t, "5 6\r\n")
		})
	}
}

func TestExecConsoleRules(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	execFails(t, c.Exec([]string{"-d", "-t"}, "true"),
		"cannot allocate tty if runc will detach without setting console socket")
	for _, flags := range [][]string{{"--console-socket", "/x"}, {"-d", "--console-socket", "/x"},
		{"-t", "--console-socket", "/x"}} {
		execFails(t, c.Exec(flags, "true"), "cannot use console socket if runc will not detach or allocate tty")
	}
	execFails(t, c.Exec([]string{"-d", "-t", "--console-socket", "/nowhere/socket"}, "true"), "/nowhere")
	if pids := c.Do("exec", c.ID, "sh", "-c", "echo /proc/[0-9]*").OK().Stdout; len(strings.Fields(pids)) > 2 {
		t.Errorf("processes are left: %s", pids)
	}
}

// exec and run without a console socket connect the terminal with their own,
// resize it, and give it back as it was, however it ends.
func TestForegroundTerminal(t *testing.T) {
	t.Parallel()
	const script = `tty >/dev/null && stty size; trap 'stty size' WINCH; echo ready; until read line; do :; done; ` +
		`echo "got $line"; `
	for _, command := range []string{"exec", "run"} {
		for end, want := range map[string]int{"exit 4": 4, "kill -9 $$": 128 + 9, "exec /missing": 127} {
			t.Run(command+" "+end, func(t *testing.T) {
				t.Parallel()
				change := bundle.Args("sh", "-c", idle)
				if command == "run" {
					if strings.HasPrefix(end, "kill") { // the first process of a pid namespace does not kill itself
						change = all(terminal, bundle.Args("sh", "-c", script+end),
							bundle.WithoutNamespace(specs.PIDNamespace))
					} else {
						change = all(terminal, bundle.Args("sh", "-c", script+end))
					}
				}
				c := bundle.New(t, change)
				args := []string{"run", "--bundle", c.Bundle, c.ID}
				if command == "exec" {
					start(t, c)
					args = []string{"exec", "-t", c.ID, "sh", "-c", script + end}
				}
				master, slave := openTerminal(t)
				err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 44, Col: 99})
				if err != nil {
					t.Fatal(err)
				}
				before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
				if err != nil {
					t.Fatal(err)
				}
				cmd := c.Command(args...)
				cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
				cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				s := newScreen(t, int(master.Fd()))
				s.shows(t, "44 99")
				s.shows(t, "ready")
				err = unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 22, Col: 77})
				if err != nil {
					t.Fatal(err)
				}
				s.shows(t, "22 77")
				if _, err := s.master.WriteString("hello\r"); err != nil {
					t.Fatal(err)
				}
				s.shows(t, "got hello")
				if cmd.Wait(); exitStatus(cmd.ProcessState) != want {
					t.Errorf("%v, want exit status %d\nscreen: %q", cmd.ProcessState, want, s)
				}
				after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
				if err != nil || *before != *after {
					t.Errorf("the caller's terminal was changed: %+v, before %+v, %v", after, before, err)
				}
			})
		}
	}
}

// readsBlock has reads of a terminal wait although it can be read, as when another
// process takes what there was. Who serves a container has made it raw.
func readsBlock(t *testing.T, master, tty *os.File) {
	t.Helper()
	modes, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if modes.Lflag&unix.ICANON != 0 {
		t.Error("the terminal is not raw")
	}
	modes.Cc[unix.VMIN], modes.Cc[unix.VTIME] = 2, 255 // one key can be read, after 25 seconds
	if err := unix.IoctlSetTermios(int(tty.Fd()), unix.TCSETS, modes); err != nil {
		t.Fatal(err)
	}
	if _, err := master.WriteString("x"); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond)
}

// Another process that reads the same terminal takes the input, but holds up neither
// the output nor the end.
func TestForegroundTerminalReadByOthers(t *testing.T) {
	t.Parallel()
	const script = `echo ready; until [ -e /go ]; do sleep 0.01; done; for i in 1 2 3; do echo line $i; sleep 0.01; ` +
		`done; exit 4`
	for _, command := range []string{"exec", "run"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			change := all(terminal, bundle.Args("sh", "-c", script))
			if command == "exec" {
				change = bundle.Args("sh", "-c", idle)
			}
			c := bundle.New(t, change)
			args := []string{"run", "--bundle", c.Bundle, c.ID}
			if command == "exec" {
				start(t, c)
				args = []string{"exec", "-t", c.ID, "sh", "-c", script}
			}
			master, slave := openTerminal(t)
			cmd := c.Command(args...)
			out := filepath.Join(c.Dir, "out")
			cmd.Stdin, cmd.Stdout = slave, create(t, out)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			bundle.Eventually(t, "ready", func() bool { return read(t, out) == "ready" })
			readsBlock(t, master, slave)
			write(t, filepath.Join(c.Bundle, "rootfs/go"), "")
			begin := time.Now()
			if cmd.Wait(); exitStatus(cmd.ProcessState) != 4 {
				t.Errorf("%v, want exit status 4", cmd.ProcessState)
			}
			if took := time.Since(begin); took > 15*time.Second {
				t.Errorf("it took %v to end", took)
			}
			if got := read(t, out); got != "ready\nline 1\nline 2\nline 3" {
				t.Errorf("the output is %q", got)
			}
		})
	}
}

func exitStatus(state *os.ProcessState) int {
	if status := state.Sys().(syscall.WaitStatus); status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// A terminal that cannot be had fails the exec, and the caller's is as it was.
func TestExecTerminalFails(t *testing.T) {
	t.Parallel()
	c := running(t, idle, func(s *specs.Spec) { s.Mounts = s.Mounts[:2] }) // no devpts
	master, slave := openTerminal(t)
	before, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	cmd := c.Command("exec", "-t", c.ID, "true")
	cmd.Stdin, cmd.Stdout = slave, slave
	execFails(t, c.Wait(cmd), "opening a terminal in the container's /dev/pts")
	after, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil || *before != *after {
		t.Errorf("the caller's terminal was changed: %+v, before %+v, %v", after, before, err)
	}
	master.Close()
}

// With a terminal and streams that are none, output is passed on as it comes.
func TestExecTerminalIntoAFile(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	c.Exec([]string{"-t"}, "sh", "-c", "tty; seq 20000; echo end").OK().Prints("/dev/pts/0\n" + host(t, "seq",
		"20000") + "\nend")
}

func TestExecPidFileAndPidfd(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	r := listen(t, c.Dir)
	pidFile := filepath.Join(c.Dir, "pid")
	write(t, pidFile, "something longer than a pid that was there before")
	c.Exec([]string{"--detach", "--pid-file", pidFile, "--pidfd-socket", r.path}, "sh", "-c",
		"trap 'exit 0' TERM; echo >/tmp/trapped; while :; do sleep 0.01; done").OK()
	text, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(string(text)) // no newline
	if err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(c.Dir, ".pid*")); len(left) > 0 {
		t.Errorf("left beside the pid file: %v", left)
	}
	// rung is gone, and the process belongs to the caller's subreaper
	parent := strings.Fields(read(t, fmt.Sprintf("/proc/%d/stat", pid)))[3]
	if want := strconv.Itoa(os.Getppid()); parent != want {
		t.Errorf("its parent is %s, want the subreaper %s", parent, want)
	}
	bundle.Eventually(t, "trap", func() bool { _, err := os.Stat(c.Path("tmp/trapped")); return err == nil })
	if err := unix.PidfdSendSignal(r.wait(t).fd, unix.SIGTERM, nil, 0); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "end of the process", func() bool { return syscall.Kill(pid, 0) != nil })

	// what cannot be told ends the process
	for _, flag := range []string{"--pid-file", "--pidfd-socket"} {
		execFails(t, c.Exec([]string{"--detach", flag, "/nowhere/x"}, "sleep", "1000"), "/nowhere")
	}
	if pids := c.Exec(nil, "sh", "-c", "echo /proc/[0-9]*").OK().Stdout; len(strings.Fields(pids)) != 2 {
		t.Errorf("processes are left: %s", pids)
	}
	// a foreground process has them too
	c.Exec([]string{"--pid-file", pidFile}, "true").OK()
	if read(t, pidFile) == strconv.Itoa(pid) {
		t.Error("the pid file was not written")
	}
}
