package terminal

import (
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A stream is one direction of what is copied. It holds what was read and could
// not be written yet; only when that is nothing, more is read.
type stream struct {
	from, to int
	buf      [4096]byte // at most one page: a pipe that is ready takes it whole
	pending  []byte     // of buf
	end      bool       // from has no more
	broken   bool       // to takes no more; what is read is dropped
}

func (s *stream) wantsRead() bool  { return !s.end && len(s.pending) == 0 }
func (s *stream) wantsWrite() bool { return len(s.pending) > 0 }

// read reads once and reports whether there may be more.
func (s *stream) read() bool {
	n, err := unix.Read(s.from, s.buf[:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return false
	}
	if n <= 0 { // EIO: the last slave was closed
		s.end = true
		return false
	}
	if !s.broken {
		s.pending = s.buf[:n]
	}
	return true
}

// write writes once and reports whether it is of use to do so again at once.
func (s *stream) write() bool {
	n, err := unix.Write(s.to, s.pending)
	switch {
	case err == nil:
		s.pending = s.pending[n:]
	case err == unix.EAGAIN:
		return false
	case err != unix.EINTR:
		s.broken, s.pending = true, nil
	}
	return true
}

// An input is what the user sends to a container, through a descriptor of this
// process that does not block. Others may read the same: what was there when this
// was told to read may be theirs before it does, and the read waits for more. So
// nobody waits for an input.
type input struct {
	stream
	tty  bool // from is a terminal
	stop int  // can be read: copy no more

	mu     sync.Mutex // held while copying, but for the reads
	closed bool       // the descriptors may be others' from now on
}

func newInput(from, to, stop int) *input {
	return &input{stream: stream{from: from, to: to}, tty: IsTerminal(from), stop: stop}
}

// copy copies until the input ends or is stopped.
func (in *input) copy() {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.closed && !in.end {
		reads, timeout := in.wantsRead(), forever
		if reads && in.mustNotRead() {
			reads, timeout = false, backgroundTime
		}
		fds := [...]unix.PollFd{
			kernel.Readable(in.stop),
			pollFd(in.from, reads, false),
			pollFd(in.to, false, in.wantsWrite()),
		}
		if _, err := kernel.Poll(fds[:], timeout); err != nil || fds[0].Revents != 0 {
			return
		}
		if fds[1].Revents != 0 {
			in.mu.Unlock()
			in.read()
			in.mu.Lock()
		}
		if fds[2].Revents != 0 {
			in.write()
		}
	}
}

// close waits until nothing is copied any more. The input was told to stop.
func (in *input) close() {
	in.mu.Lock()
	in.closed = true
	in.mu.Unlock()
}

// hangUp lets the process see the end of the input.
func (in *input) hangUp() {
	in.mu.Lock()
	defer in.mu.Unlock()
	if !in.closed {
		unix.Close(in.to)
		in.to = -1
	}
}

// read is [stream.read]. If this process is in the background by the time, the
// terminal refuses to be read instead of sending SIGTTIN: see mustNotRead.
func (in *input) read() {
	if !in.tty {
		in.stream.read()
		return
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	block, old := unix.Sigset_t{}, unix.Sigset_t{}
	block.Val[0] = 1 << (unix.SIGTTIN - 1)
	if unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old) == nil {
		defer unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil)
	}
	in.stream.read()
	in.end = in.end && !in.mustNotRead()
}

// mustNotRead reports whether the input is a terminal of which this process is in the
// background. What is typed there is for others: who reads is sent SIGTTIN, again and
// again if that is caught.
func (in *input) mustNotRead() bool { return in.tty && inBackground(in.from) }

// An output is what a container sends to the user, from a descriptor of this process
// that does not block.
type output struct {
	stream
	tty   bool // to is a terminal
	stop  int  // can be read: copy what is there and no more
	ended chan struct{}
}

func newOutput(from, to, stop int) *output {
	return &output{stream: stream{from: from, to: to}, tty: IsTerminal(to), stop: stop, ended: make(chan struct{})}
}

// copy copies until the output ends or is stopped.
func (out *output) copy() {
	for !out.end {
		writes, timeout := out.wantsWrite(), forever
		if writes && out.mustNotWrite() {
			writes, timeout = false, backgroundTime
		}
		fds := [...]unix.PollFd{
			kernel.Readable(out.stop),
			pollFd(out.from, out.wantsRead(), false),
			pollFd(out.to, false, writes),
		}
		if _, err := kernel.Poll(fds[:], timeout); err != nil {
			return
		}
		if fds[1].Revents != 0 {
			out.read()
		}
		if fds[2].Revents != 0 && !out.mustNotWrite() {
			out.write()
		}
		if fds[0].Revents != 0 {
			out.finish()
			return
		}
	}
}

// mustNotWrite reports whether the output is a terminal of which this process is in the
// background, and its user wants no output from there (stty tostop): who writes is
// sent SIGTTOU.
func (out *output) mustNotWrite() bool {
	if !out.tty || !inBackground(out.to) {
		return false
	}
	modes, err := unix.IoctlGetTermios(out.to, unix.TCGETS)
	return err == nil && modes.Lflag&unix.TOSTOP != 0
}

// finish copies what is there, but no more than a pseudoterminal or the pipe holds:
// there may be somebody who goes on writing.
func (out *output) finish() {
	most := 64
	if size, err := unix.FcntlInt(uintptr(out.from), unix.F_GETPIPE_SZ, 0); err == nil {
		most = size/len(out.buf) + 1
	}
	for range most {
		for out.wantsWrite() {
			if !out.write() { // whoever reads it made it so that it does not block
				unix.Poll([]unix.PollFd{pollFd(out.to, false, true)}, -1)
			}
		}
		if out.end || !out.read() {
			return
		}
	}
}

// backgroundTime is how soon it is seen that this process is in the foreground
// again.
const backgroundTime = 200 * time.Millisecond

const forever = time.Duration(-1)

func inBackground(tty int) bool {
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// pollFd returns what to wait for on a descriptor; nothing, not even its
// hanging up, if neither is wanted.
func pollFd(fd int, read, write bool) unix.PollFd {
	p := unix.PollFd{Fd: int32(fd)}
	if read {
		p.Events |= unix.POLLIN
	}
	if write {
		p.Events |= unix.POLLOUT
	}
	if p.Events == 0 {
		p.Fd = -1
	}
	return p
}
