package hooks

import (
	"errors"
	"fmt"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A StartFunc starts the process of a hook and returns its pid. The process
// has executed the hook's file when it returns. It has to be a child of the
// caller's process and the leader of a process group, with the descriptor
// stdin as 0 and output as 1 and 2, and no others.
type StartFunc func(h specs.Hook, stdin, output int) (pid int, err error)

// killed is how long a hook may take to end after SIGKILL. Only one in an
// uninterruptible sleep takes any time.
const killed = 10 * time.Second

// run runs one hook. A timeout of zero is none.
func run(start StartFunc, h specs.Hook, state []byte, timeout time.Duration, ends [2]int, out *output) error {
	c := child{state: state, out: out, container: ends[0], interrupt: ends[1]}
	hookIn, hookOut, err := c.openPipes()
	if err != nil {
		return err
	}
	defer func() {
		c.stdin.Close()
		c.stdout.Close()
	}()
	c.pid, err = start(h, hookIn, hookOut)
	unix.Close(hookIn)
	unix.Close(hookOut)
	if err != nil {
		return err
	}
	return c.wait(timeout)
}

// A child is a running hook, seen from here.
type child struct {
	pid    int
	stdin  kernel.Fd // write end of its input, nonblocking
	state  []byte    // still to be written to it
	stdout kernel.Fd // read end of its output, nonblocking
	out    *output

	container int // pidfd of the container's first process, -1: none
	interrupt int // what ends it when it can be read, -1: none
}

func (c *child) openPipes() (hookIn, hookOut int, err error) {
	var in, out [2]int
	if err := unix.Pipe2(in[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, fmt.Errorf("pipe2: %w", err)
	}
	if err := unix.Pipe2(out[:], unix.O_CLOEXEC); err != nil {
		unix.Close(in[0])
		unix.Close(in[1])
		return -1, -1, fmt.Errorf("pipe2: %w", err)
	}
	c.stdin, c.stdout = kernel.Own(in[1]), kernel.Own(out[0])
	// Only the ends that stay here: a hook expects blocking ones.
	unix.SetNonblock(in[1], true)
	unix.SetNonblock(out[0], true)
	return in[0], out[1], nil
}

// wait serves the hook until it ends, and reaps it.
//
// The hook ends with its own process. Others that it left behind may hold on
// to the output for ever; what the hook itself has written is in the pipe by
// then.
func (c *child) wait(timeout time.Duration) error {
	ended, err := c.serve(timeout)
	if !ended {
		// It has not been reaped, so the number is still its group's.
		unix.Kill(-c.pid, unix.SIGKILL)
		if ended, _ := c.serve(killed); !ended {
			return fmt.Errorf("did not end within %v, nor when it was killed", timeout)
		}
	}
	c.read()
	c.out.end()
	status, reapErr := kernel.Wait(c.pid)
	switch {
	case err != nil:
		return err
	case !ended:
		return fmt.Errorf("did not end within %v and was killed", timeout)
	case reapErr != nil:
		return fmt.Errorf("wait4: %w", reapErr)
	case status.Signaled():
		return fmt.Errorf("killed by %s", unix.SignalName(status.Signal()))
	case status.ExitStatus() != 0:
		return fmt.Errorf("exit status %d", status.ExitStatus())
	}
	return nil
}

var (
	errContainer   = errors.New("killed, because the container's first process has ended")
	errInterrupted = errors.New("killed")
)

// serve writes the state and reads the output until the hook has ended, or
// the time is over.
func (c *child) serve(timeout time.Duration) (ended bool, err error) {
	pidfd, err := unix.PidfdOpen(c.pid, 0)
	if err != nil {
		return false, fmt.Errorf("pidfd_open: %w", err)
	}
	defer unix.Close(pidfd)
	deadline := time.Now().Add(timeout)
	for {
		fds := [...]unix.PollFd{
			kernel.Readable(pidfd), kernel.Readable(c.stdout.Int()), {Fd: int32(c.stdin.Int()), Events: unix.POLLOUT},
			kernel.Readable(c.container), kernel.Readable(c.interrupt),
		}
		wait := time.Duration(-1)
		if timeout > 0 {
			if wait = time.Until(deadline); wait <= 0 {
				return false, nil
			}
		}
		if _, err := kernel.Poll(fds[:], wait); err != nil {
			return false, fmt.Errorf("poll: %w", err)
		}
		if fds[1].Revents != 0 {
			c.read()
		}
		if fds[2].Revents != 0 {
			c.write()
		}
		if fds[0].Revents != 0 {
			return true, nil
		}
		if fds[3].Revents != 0 {
			c.container = -1 // said once
			return false, errContainer
		}
		if fds[4].Revents != 0 {
			c.interrupt = -1
			return false, errInterrupted
		}
	}
}

// read takes what is in the pipe, but no more than the pipe holds: a hook's
// offspring may write without end.
func (c *child) read() {
	var buf [4096]byte
	for range 16 {
		n, err := kernel.RestartInt(func() (int, error) { return unix.Read(c.stdout.Int(), buf[:]) })
		if err == unix.EAGAIN {
			return
		}
		if n <= 0 {
			c.stdout.Close()
			return
		}
		c.out.Write(buf[:n])
	}
}

// write gives the hook more of the state. A hook that closes its input does
// not want it.
func (c *child) write() {
	if len(c.state) > 0 {
		n, err := kernel.RestartInt(func() (int, error) { return unix.Write(c.stdin.Int(), c.state) })
		if err == unix.EAGAIN {
			return
		}
		if err == nil {
			c.state = c.state[n:]
			if len(c.state) > 0 {
				return
			}
		}
	}
	c.stdin.Close()
}
