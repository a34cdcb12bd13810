package integration

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// what a process sees of an agent's answer
const (
	refused     = "mkdir /tmp/d 2>&1"
	refusedText = "mkdir: can't create directory '/tmp/d': Disk quota exceeded"
)

// notifiedCalls are profiles, by what they ask the agent about besides mkdir: what a program needs to hand
// over the listener, and everything.
var notifiedCalls = map[string][]string{
	"mkdir": {"mkdir"}, "write": {"write"}, "sendmsg": {"sendmsg"}, "openat": {"openat", "openat2"},
	"execve":      {"execve"},
	"read, close": {"read", "close"}, "futex, exit": {"futex", "exit_group", "accept4"}, "everything": nil,
}

// The agent is sent one listener for each filter, with the state of its process, whatever it is asked about.
func TestSeccompNotify(t *testing.T) {
	t.Parallel()
	for name, calls := range notifiedCalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, privileges := range []bool{false, true} {
				a := newAgent(t).serve()
				change := all(a.notifies(nil, calls...), func(s *specs.Spec) { s.Process.NoNewPrivileges = privileges })
				c := bundle.New(t, bundle.Shell(refused+"; ls /proc/self/fd"), change)
				c.Run().OK().Prints(refusedText + "\n0\n1\n2\n3")
				states := a.received(1)
				if len(states) != 1 || !isStateOf(states[0], c) || states[0].State.Pid != states[0].Pid {
					t.Errorf("run: %+v", states)
				}

				a = newAgent(t).serve()
				change = all(a.notifies(nil, calls...), func(s *specs.Spec) { s.Process.NoNewPrivileges = privileges })
				c = bundle.New(t, bundle.Shell(refused+"; "+idle), change)
				r := start(t, c)
				r.Prints(refusedText + "\nready")
				c.Exec(nil, "sh", "-c", refused+"; echo $PPID; ls /proc/self/fd").OK().
					Prints(refusedText + "\n0\n0\n1\n2\n3")
				c.Exec([]string{"--detach"}, "sleep", "1").OK()
				pid := c.State().Pid
				if states = a.received(3); len(states) != 3 || states[0].Pid != pid {
					t.Fatalf("start, exec: %+v", states)
				}
				for i, s := range states {
					further := s.Pid != pid && s.State.Status == specs.StateRunning
					if !isStateOf(s, c) || s.State.Pid != pid || further != (i > 0) {
						t.Errorf("%+v", s)
					}
				}
			}
		})
	}
}

func isStateOf(s specs.ContainerProcessState, c *bundle.Container) bool {
	return s.Version == specs.Version && slices.Equal(s.Fds, []string{specs.SeccompFdName}) && s.Pid > 0 &&
		s.Metadata == "some data" &&
		s.State.ID == c.ID && s.State.Bundle == c.Bundle && s.State.Version != "" && s.State.Pid > 0
}

// A startContainer hook lives under the container's filter, and has a listener of its own.
func TestSeccompNotifyHook(t *testing.T) {
	t.Parallel()
	for name, calls := range notifiedCalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t).serve()
			c := bundle.New(t, bundle.Shell("cat /tmp/hook"), a.notifies(nil, calls...), func(s *specs.Spec) {
				s.Hooks = &specs.Hooks{StartContainer: []specs.Hook{{Path: "/bin/sh",
					Args: []string{"sh", "-c", "mkdir /tmp/d 2>/tmp/hook || true"}}}}
			})
			c.Run().OK().Prints(refusedText)
			if states := a.received(2); len(states) != 2 || states[0].Pid == states[1].Pid {
				t.Errorf("%+v", states)
			}
		})
	}
}

// With an agent that is not there, ends, or never answers nothing is started and nothing left behind, and it
// takes no longer than it has to.
func TestSeccompNotifyWithoutAnswer(t *testing.T) {
	t.Parallel()
	const patience, more = 10 * time.Second, 20 * time.Second
	fails := func(t *testing.T, a *agent, calls []string, text string) {
		t.Helper()
		c := bundle.New(t, bundle.Shell("echo started"), a.notifies(nil, calls...))
		began := time.Now()
		r := c.Run()
		r.Fails(text)
		if strings.Contains(r.Stdout, "started") {
			t.Errorf("it was started: %q", r.Stdout)
		}
		c.LeavesNothing()
		if r = c.Create(); r.Code == 0 {
			c.Start().Fails(text)
			c.WaitStatus(specs.StateStopped)
			c.Delete().OK()
		} else {
			r.Fails(text)
		}
		c.LeavesNothing()
		if took := time.Since(began); took > 2*patience+more {
			t.Errorf("it took %v", took)
		}
	}
	for name, calls := range notifiedCalls {
		t.Run("not there, "+name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t)
			a.listener.Close()
			fails(t, a, calls, "linux.seccomp.listenerPath")
			if err := os.Remove(a.path); err != nil {
				t.Fatal(err)
			}
			fails(t, a, calls, "linux.seccomp.listenerPath")
			write(t, a.path, "")
			fails(t, a, calls, "is no socket")
		})
	}
	for name, text := range map[string]string{
		// a process that waits for its listener to be taken has it open itself, up to the execve
		"execve": "function not implemented", "everything": "has not let the process execute",
	} {
		t.Run("dies, "+name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t)
			a.dies = true
			fails(t, a.serve(), notifiedCalls[name], text)
		})
		t.Run("is silent, "+name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t)
			a.silent = true
			fails(t, a.serve(), notifiedCalls[name], "has not let the process execute")
		})
	}
}

// An exec without an answer ends, and the container goes on.
func TestSeccompNotifyExecWithoutAnswer(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"execve", "everything"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAgent(t).serve()
			c := running(t, idle, a.notifies(nil, notifiedCalls[name]...))
			a.silent = true
			execFails(t, c.Exec(nil, "true"), "has not let the process execute")
			a.listener.Close()
			execFails(t, c.Exec(nil, "true"), "linux.seccomp.listenerPath")
			c.WaitStatus(specs.StateRunning)
			pid := strconv.Itoa(c.State().Pid)
			if out := host(t, "cat", "/proc/"+pid+"/task/"+pid+"/children"); strings.TrimSpace(out) != "" {
				t.Errorf("children of the first process: %s", out)
			}
		})
	}
}

// The flags reach the kernel: the process of a call that the agent has received can only be killed.
func TestSeccompWaitKillable(t *testing.T) {
	t.Parallel()
	a := newAgent(t).serve()
	flags := []specs.LinuxSeccompFlag{specs.LinuxSeccompFlagWaitKillableRecv, specs.LinuxSeccompFlagLog,
		specs.LinuxSeccompFlagSpecAllow, "SECCOMP_FILTER_FLAG_TSYNC"}
	c := bundle.New(t, bundle.Shell(refused+"; true"), a.notifies(flags, "execve"))
	c.Run().OK().Prints(refusedText)
	if !a.wasAskedFor(unix.SYS_EXECVE) {
		t.Error("the agent was not asked about the execve")
	}
	without := bundle.New(t, bundle.Shell("echo there"), func(s *specs.Spec) {
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: "/nowhere", Flags: flags}
	})
	without.Run().OK().Prints("there")
}
