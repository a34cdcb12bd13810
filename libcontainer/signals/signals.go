// Package signals catches signals with a handler of its own, a few instructions
// that write a signal's number to a socket, where it can be waited for together
// with other things.
//
// os/signal would do, and serves a process that lives. It asks the Go runtime for
// each signal with two switches between threads, one of which is started for
// that; with all the signals of a foreground, an exec takes a fifth longer.
package signals

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// What the handler knows of each signal. Like the dispositions of signals it
// belongs to the process.
var (
	sockets [Max + 1]int32   // where its number is written
	next    [Max + 1]uintptr // the handler for those that the kernel sends because of an instruction, 0: none
)

// Max is the last signal, a real-time one.
const Max = 64

// handlerAddress is where the kernel calls the handler, and restorerAddress
// where that returns to.
func handlerAddress() uintptr
func restorerAddress() uintptr

// A Queue holds caught signals in the order in which they came. Some hundred
// have room; what comes then is lost.
type Queue struct{ out, in int }

// NewQueue returns an empty queue, which lives as long as the process.
func NewQueue() (*Queue, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair for signals: %w", err)
	}
	return &Queue{out: pair[0], in: pair[1]}, nil
}

// Fd is a descriptor that can be read (poll(2)) as long as the queue has a
// signal. It is the queue's.
func (q *Queue) Fd() int { return q.out }

// Peek returns the first signal, which stays; 0 if there is none.
func (q *Queue) Peek() unix.Signal { return q.receive(unix.MSG_PEEK) }

// Take takes the first signal; 0 if there is none.
func (q *Queue) Take() unix.Signal { return q.receive(0) }

func (q *Queue) receive(flags int) unix.Signal {
	var number [1]byte
	n, err := kernel.RestartInt(func() (int, error) {
		n, _, err := unix.Recvfrom(q.out, number[:], flags|unix.MSG_DONTWAIT)
		return n, err
	})
	if err != nil || n != 1 {
		return 0
	}
	return unix.Signal(number[0])
}

// sigaction is struct sigaction of the kernel.
type sigaction struct {
	handler  uintptr
	flags    uint64
	restorer uintptr
	mask     uint64
}

const (
	saSigInfo  = 0x4
	saRestorer = 0x04000000
	saOnStack  = 0x08000000 // goroutines have too little of it
	saRestart  = 0x10000000
	sigIgn     = 1
)

// Catch has signals come to the queue from now on, also those that the caller of
// this process had blocked. The Go runtime keeps what an instruction of this
// process causes.
func (q *Queue) Catch(list ...unix.Signal) error {
	for _, s := range list {
		if err := q.catch(s); err != nil {
			return err
		}
	}
	return Unblock(list...)
}

// Unblock lets signals come to this thread, which is enough as long as it lives. Few
// threads end before the process, but some do.
func Unblock(list ...unix.Signal) error {
	var mask unix.Sigset_t
	for _, s := range list {
		mask.Val[(s-1)/64] |= 1 << ((s - 1) % 64)
	}
	return kernel.Failed("unblocking signals", unix.PthreadSigmask(unix.SIG_UNBLOCK, &mask, nil))
}

func (q *Queue) catch(s unix.Signal) error {
	if isFault(s) {
		var old sigaction
		if err := rtSigaction(s, nil, &old); err != nil {
			return err
		}
		if old.handler != handlerAddress() {
			next[s] = old.handler
		}
	}
	sockets[s] = int32(q.in)
	return rtSigaction(s, &sigaction{
		handler:  handlerAddress(),
		flags:    saSigInfo | saRestorer | saOnStack | saRestart,
		restorer: restorerAddress(),
		mask:     ^uint64(0),
	}, nil)
}

// isFault reports whether an instruction can cause the signal.
func isFault(s unix.Signal) bool {
	switch s {
	case unix.SIGILL, unix.SIGTRAP, unix.SIGBUS, unix.SIGFPE, unix.SIGSEGV, unix.SIGSYS:
		return true
	}
	return false
}

// Default has the kernel do with a signal what it does by default.
func Default(s unix.Signal) error { return rtSigaction(s, &sigaction{}, nil) }

// Ignored reports whether a signal is ignored. One that the Go runtime handles is
// not, whatever the caller of this process had set.
func Ignored(s unix.Signal) (bool, error) {
	var now sigaction
	err := rtSigaction(s, nil, &now)
	return now.handler == sigIgn, err
}

// rtSigaction is rt_sigaction(2).
func rtSigaction(s unix.Signal, action, old *sigaction) error {
	_, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, uintptr(s),
		uintptr(unsafe.Pointer(action)), uintptr(unsafe.Pointer(old)), unsafe.Sizeof(old.mask), 0, 0)
	if errno != 0 {
		return fmt.Errorf("rt_sigaction of signal %d: %w", int(s), errno)
	}
	return nil
}
