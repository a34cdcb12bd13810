package integration

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// An agent is a seccomp agent: it answers that mkdir has failed with EDQUOT, and lets everything else go on.
type agent struct {
	path string

	silent, dies bool // it takes the listener, and never answers, or ends at once

	t        *testing.T
	listener *net.UnixListener
	mu       sync.Mutex
	states   []specs.ContainerProcessState
	asked    []int32 // the numbers of the calls
}

func newAgent(t *testing.T) *agent {
	t.Helper()
	// longer than the address of a socket may be
	dir := filepath.Join(newDir(t), strings.Repeat("longer-than-an-address", 6))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: kernel.ProcPath(fd) + "/agent.sock", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	a := &agent{path: filepath.Join(dir, "agent.sock"), t: t, listener: l}
	t.Cleanup(func() { l.Close() })
	return a
}

// serve takes connections until the test ends.
func (a *agent) serve() *agent {
	go func() {
		for {
			c, err := a.listener.AcceptUnix()
			if err != nil {
				return
			}
			a.take(c)
		}
	}()
	return a
}

// take receives one state, behind which the connection has to be closed.
func (a *agent) take(c *net.UnixConn) {
	defer c.Close()
	file, err := c.File()
	if err != nil {
		a.t.Error(err)
		return
	}
	defer file.Close()
	var data [1 << 16]byte
	n, fds, err := kernel.Receive(int(file.Fd()), data[:], 1)
	var state specs.ContainerProcessState
	if err == nil {
		err = json.Unmarshal(data[:n], &state)
	}
	if err != nil || len(fds) != 1 {
		a.t.Errorf("the agent received %q with %d descriptors, %v", data[:n], len(fds), err)
		return
	}
	if more, _ := file.Read(data[:]); more > 0 {
		a.t.Errorf("the agent received %q more", data[:more])
	}
	a.mu.Lock()
	a.states = append(a.states, state)
	a.mu.Unlock()
	switch {
	case a.dies:
		fds[0].Close()
	case !a.silent:
		go a.answer(fds[0])
	}
}

// notification is struct seccomp_notif.
type notification struct {
	id         uint64
	pid, flags uint32
	nr         int32
	arch       uint32
	ip         uint64
	args       [6]uint64
}

// response is struct seccomp_notif_resp.
type response struct {
	id    uint64
	val   int64
	errno int32
	flags uint32
}

const (
	notifyReceive  = 0xc0502100 // SECCOMP_IOCTL_NOTIF_RECV
	notifySend     = 0xc0182101 // SECCOMP_IOCTL_NOTIF_SEND
	notifyContinue = 1          // SECCOMP_USER_NOTIF_FLAG_CONTINUE
)

// answer answers until nobody is under the filter any more.
func (a *agent) answer(listener kernel.Fd) {
	defer listener.Close()
	for {
		poll := []unix.PollFd{{Fd: int32(listener.Int()), Events: unix.POLLIN}}
		if _, err := kernel.Poll(poll, time.Minute); err != nil || poll[0].Revents&unix.POLLIN == 0 {
			return
		}
		var n notification
		switch ioctl(listener.Int(), notifyReceive, unsafe.Pointer(&n)) {
		case 0:
		case unix.ENOENT, unix.EINTR: // the process has ended meanwhile
			continue
		default:
			return
		}
		a.mu.Lock()
		a.asked = append(a.asked, n.nr)
		a.mu.Unlock()
		r := response{id: n.id, flags: notifyContinue}
		if n.nr == unix.SYS_MKDIRAT || n.nr == sysMkdir {
			r = response{id: n.id, errno: -int32(unix.EDQUOT)}
		}
		ioctl(listener.Int(), notifySend, unsafe.Pointer(&r))
	}
}

func ioctl(fd int, request uintptr, arg unsafe.Pointer) unix.Errno {
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(arg))
	return errno
}

// wasAskedFor reports whether the agent has seen a call.
func (a *agent) wasAskedFor(nr int32) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Contains(a.asked, nr)
}

// received are the states that have come.
// It waits for as many as are to come: what was sent to the agent is not yet read.
func (a *agent) received(want int) []specs.ContainerProcessState {
	count := func() int {
		a.mu.Lock()
		defer a.mu.Unlock()
		return len(a.states)
	}
	for end := time.Now().Add(5 * time.Second); count() < want && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.states)
}

// notifies changes a config to one that asks the agent about mkdir, and these calls; about all if there are none.
func (a *agent) notifies(flags []specs.LinuxSeccompFlag, names ...string) func(*specs.Spec) {
	return func(s *specs.Spec) {
		asks := specs.LinuxSyscall{Names: append(slices.Clone(names), "mkdir", "mkdirat"), Action: specs.ActNotify}
		s.Linux.Seccomp = &specs.LinuxSeccomp{DefaultAction: specs.ActAllow, ListenerPath: a.path,
			ListenerMetadata: "some data", Flags: flags, Syscalls: []specs.LinuxSyscall{asks}}
		if len(names) == 0 {
			s.Linux.Seccomp.DefaultAction, s.Linux.Seccomp.Syscalls = specs.ActNotify, nil
		}
	}
}
