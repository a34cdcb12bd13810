package integration

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// foreground lets a script be the container's process with run, and a further one
// with exec.
func foreground(t *testing.T, script string, test func(t *testing.T, c *bundle.Container, cmd *exec.Cmd),
	changes ...bundle.Change) {
	t.Helper()
	t.Run("run", func(t *testing.T) {
		t.Parallel()
		c := bundle.New(t, append([]bundle.Change{bundle.Shell(script)}, changes...)...)
		test(t, c, c.Command("run", "--bundle", c.Bundle, c.ID))
	})
	t.Run("exec", func(t *testing.T) {
		t.Parallel()
		c := running(t, idle, changes...)
		test(t, c, c.Command("exec", c.ID, "sh", "-c", script))
	})
}

// Every signal that can be caught is passed on, but those that are rung's own: of
// its children (CHLD), of the Go runtime (URG), of the terminal (WINCH), of a
// reader who is gone (PIPE).
func TestForegroundSignals(t *testing.T) {
	t.Parallel()
	own := map[int]bool{9: true, 17: true, 13: true, 19: true, 23: true, 28: true}
	// 32 and 33 are glibc's, 64 the last
	foreground(t, `for s in $(seq 1 31) $(seq 34 64); do case $s in 9|17|19) ;; *) trap "echo signal $s" $s;; esac; done
		trap "echo done; exit 6" 15; echo ready; while :; do sleep 0.01; done`,
		func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
			log := filepath.Join(c.Dir, "stdout")
			cmd.Stdout = create(t, log)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			bundle.Eventually(t, "ready", func() bool { return strings.Contains(read(t, log), "ready") })
			for s := 1; s <= 64; s++ {
				switch s {
				case 15, 32, 33:
					continue
				}
				if own[s] {
					if s != 9 && s != 19 {
						cmd.Process.Signal(syscall.Signal(s))
					}
					continue
				}
				if err := cmd.Process.Signal(syscall.Signal(s)); err != nil {
					t.Fatal(err)
				}
				bundle.Eventually(t, fmt.Sprintf("signal %d", s), func() bool {
					return strings.Contains(read(t, log)+"\n", fmt.Sprintf("signal %d\n", s))
				})
			}
			cmd.Process.Signal(syscall.SIGTERM)
			if cmd.Wait(); cmd.ProcessState.ExitCode() != 6 {
				t.Errorf("%v, want exit status 6", cmd.ProcessState)
			}
			text := read(t, log)
			for s := range own {
				if strings.Contains(text+"\n", fmt.Sprintf("signal %d\n", s)) {
					t.Errorf("signal %d was passed on", s)
				}
			}
			if !strings.HasSuffix(text, "done") {
				t.Errorf("printed %q", text)
			}
		})
}

// A signal that comes before the process is there is not lost, and does not leave
// one behind: either it reaches the process, or rung ends, and nothing is executed.
func TestExecSignalAtOnce(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	for i := range 20 {
		cmd := c.Command("exec", c.ID, "sleep", "1001")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(i) * 300 * time.Microsecond)
		cmd.Process.Signal(syscall.SIGTERM)
		ended := make(chan struct{})
		go func() { cmd.Wait(); close(ended) }()
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			t.Fatal("rung does not end")
		}
		if code := exitStatus(cmd.ProcessState); code != 128+15 {
			t.Errorf("after %d×0.3 ms: exit status %d, want %d", i, code, 128+15)
		}
	}
	bundle.Eventually(t, "end of all processes", func() bool {
		return len(strings.Fields(read(t, filepath.Join(hierarchy(t, "pids"), c.Cgroup, "cgroup.procs")))) == 1
	})
}

// Streams are the process's own: nothing is read, changed or cut off on the way.
func TestForegroundStreams(t *testing.T) {
	t.Parallel()
	data := make([]byte, 3<<20)
	for i := range data {
		data[i] = byte(rand.Uint32())
	}
	foreground(t, "cat; echo error >&2", func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
		var stderr bytes.Buffer
		cmd.Stdin, cmd.Stderr = bytes.NewReader(data), &stderr
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		sum, total := sha256.New(), 0
		buf := make([]byte, 100_000)
		for { // a slow reader
			n, err := out.Read(buf)
			sum.Write(buf[:n])
			total += n
			if err == io.EOF {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
		if want := sha256.Sum256(data); !bytes.Equal(sum.Sum(nil), want[:]) {
			t.Errorf("%d bytes came back of %d, or others", total, len(data))
		}
		if stderr.String() != "error\n" {
			t.Errorf("stderr: %q", stderr.String())
		}
	})
}

// The user may open its streams anew, /dev/stdout, also one that the host knows by
// another id.
func TestForegroundOpensStreams(t *testing.T) {
	t.Parallel()
	const script = "read line </dev/stdin; echo $line >/dev/stdout; echo error >/proc/self/fd/2"
	user := func(s *specs.Spec) { s.Process.User = specs.User{UID: 1000, GID: 1000} }
	for name, change := range map[string]bundle.Change{
		"user": user, "root of a user namespace": userNamespace(100000),
		"user of a user namespace": all(userNamespace(100000), user),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foreground(t, script, func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
				var stdout, stderr bytes.Buffer // through pipes
				cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("a line\n"), &stdout, &stderr
				if err := cmd.Run(); err != nil || stdout.String() != "a line\n" || stderr.String() != "error\n" {
					t.Errorf("%v, stdout %q, stderr %q", err, stdout.String(), stderr.String())
				}
			}, change)
		})
	}
}

// A file of the host that is only given to be read is not given away.
func TestUserNamespaceDoesNotGetInput(t *testing.T) {
	t.Parallel()
	foreground(t, "cat; echo more 2>/dev/null >/proc/self/fd/0 || echo refused",
		func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
			in := filepath.Join(c.Dir, "in")
			write(t, in, "text\n")
			f, err := os.Open(in)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			cmd.Stdin = f
			c.Wait(cmd).OK().Prints("text\nrefused")
			if got := read(t, in); got != "text" {
				t.Errorf("the file of the host has become %q", got)
			}
		}, userNamespace(100000))
}

// A process gets no terminal of the caller's, which it could keep, but pipes. What it
// leaves behind with them does not hold up the end.
func TestForegroundKeepsItsTerminal(t *testing.T) {
	t.Parallel()
	const script = `for fd in 0 1 2; do if [ -t $fd ]; then echo "a terminal: $fd"; fi; done
		echo mine >/dev/stdout; for i in 1 2 3; do echo $i; echo error $i >&2; done; (sleep 1000 &); echo ready
		read line; echo "got $line"; wc -l; seq 10000; exit 4`
	foreground(t, script, func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
		master, slave := openTerminal(t)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := newScreen(t, int(master.Fd()))
		s.shows(t, "ready\r\n")
		if _, err := s.master.WriteString("hello\na line\n\x04"); err != nil {
			t.Fatal(err)
		}
		if cmd.Wait(); exitStatus(cmd.ProcessState) != 4 {
			t.Errorf("%v, want exit status 4", cmd.ProcessState)
		}
		for _, text := range []string{"mine\r\n1\r\nerror 1\r\n2\r\nerror 2\r\n3\r\nerror 3\r\n",
			"got hello\r\n1\r\n1\r\n2\r\n", "\r\n9999\r\n10000\r\n"} {
			s.shows(t, text)
		}
		if strings.Contains(s.String(), "a terminal") {
			t.Errorf("the process has the caller's terminal: %q", s.String()[:100])
		}
	}, func(s *specs.Spec) { s.Process.User.UID = 1000 })
}

// In the background of its terminal nothing is read: what is typed is for others.
func TestForegroundInTheBackground(t *testing.T) {
	t.Parallel()
	foreground(t, `echo inside; read line; echo "got $line"; exit 5`,
		func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
			master, slave := openTerminal(t)
			const script = `set -m; "$@" & read line; echo "read $line"; fg; echo "status $?"`
			cmd.Args = append([]string{"sh", "-c", script, "sh", cmd.Path}, cmd.Args[1:]...)
			cmd.Path = "/bin/sh"
			cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			s := newScreen(t, int(master.Fd()))
			s.shows(t, "inside")
			for _, step := range []struct{ types, shows string }{{"for the shell\n", "read for the shell"},
				{"for the container\n", "got for the container"}} {
				time.Sleep(50 * time.Millisecond)
				if _, err := s.master.WriteString(step.types); err != nil {
					t.Fatal(err)
				}
				s.shows(t, step.shows)
			}
			s.shows(t, "status 5")
			if err := cmd.Wait(); err != nil {
				t.Error(err)
			}
		})
}

// Input that nobody reads stays the caller's.
func TestForegroundLeavesInput(t *testing.T) {
	t.Parallel()
	foreground(t, "read line; echo $line", func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
		in := filepath.Join(c.Dir, "in")
		write(t, in, "first\nsecond\n")
		cmd.Args = append([]string{"sh", "-c", `"$0" "$@"; cat`}, cmd.Args...)
		cmd.Path = "/bin/sh"
		f, err := os.Open(in)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		cmd.Stdin = f
		c.Wait(cmd).OK().Prints("first\nsecond")
	})
}

func TestForegroundClosedStreams(t *testing.T) {
	t.Parallel()
	for _, closed := range []string{"<&-", ">&-", "2>&-", "<&- >&- 2>&-"} {
		t.Run(closed, func(t *testing.T) {
			t.Parallel()
			foreground(t, "cat; echo x; echo y >&2; exit 3", func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
				cmd.Args = append([]string{"sh", "-c", `exec "$0" "$@" ` + closed}, cmd.Args...)
				cmd.Path = "/bin/sh"
				c.Wait(cmd).Exits(3)
			})
		})
	}
}

// A reader who is gone ends the process, not rung's account of it.
func TestForegroundBrokenPipe(t *testing.T) {
	t.Parallel()
	foreground(t, "while echo x; do :; done; exit 5", func(t *testing.T, c *bundle.Container, cmd *exec.Cmd) {
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		out.Read(make([]byte, 10))
		out.Close()
		// the first process of a pid namespace is not ended by its own SIGPIPE
		if cmd.Wait(); exitStatus(cmd.ProcessState) != 5 && exitStatus(cmd.ProcessState) != 128+int(syscall.SIGPIPE) {
			t.Errorf("%v, want exit status 5 or SIGPIPE", cmd.ProcessState)
		}
	})
}

// run adopts and reaps what the container's processes leave, unless told not to.
func TestSubreaper(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		flags  []string
		adopts bool
	}{{nil, true}, {[]string{"--no-subreaper"}, false}} {
		// a process whose parent ends, in the machine's pid namespace
		c := bundle.New(t, bundle.WithoutNamespace(specs.PIDNamespace),
			bundle.Shell("(sleep 2 & echo $! >/tmp/pid); mv /tmp/pid /tmp/orphan; echo ready; read line; exit 0"))
		cmd := c.Command(append(append([]string{"run", "--bundle", c.Bundle}, tt.flags...), c.ID)...)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		var fields []string
		bundle.Eventually(t, "orphan", func() bool {
			pid, err := os.ReadFile(c.Path("tmp/orphan"))
			stat, statErr := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/stat")
			fields = strings.Fields(string(stat))
			return err == nil && statErr == nil && len(pid) > 0
		})
		if adopted := fields[3] == fmt.Sprint(cmd.Process.Pid); adopted != tt.adopts {
			t.Errorf("run %v: the orphan's parent is %s, rung is %d", tt.flags, fields[3], cmd.Process.Pid)
		}
		bundle.Eventually(t, "end of the orphan", func() bool {
			_, err := os.Stat("/proc/" + fields[0])
			return err != nil // not even a zombie
		})
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("run: %v", err)
		}
		c.LeavesNothing()
	}
}
