package terminal

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

// A Relay connects the user's terminal, or whatever the standard streams are,
// to the master of a container's pseudoterminal, while the container runs in
// the foreground.
type Relay struct {
	master, in, out int

	tty    int  // the user's terminal, -1 if there is none
	inTTY  bool // in is one
	outTTY bool // out is one
	saved  *unix.Termios

	stop    int // eventfd
	ended   chan struct{}
	resized chan os.Signal
	resizer chan struct{} // closed when resizing has ended
}

// NewRelay begins to copy from in to master and from master to out. If in or
// out is a terminal, it goes into raw mode, and master gets its size, now and
// whenever it changes. The descriptors stay the caller's, who must not close
// them before [Relay.Close].
//
// If the size of the pseudoterminal is fixed, by consoleSize or because there
// is no terminal here, set it afterwards.
func NewRelay(master, in, out int) (*Relay, error) {
	r := &Relay{master: master, in: in, out: out, tty: -1, ended: make(chan struct{})}
	// Nobody else has this descriptor, so its flags are ours to change.
	if err := unix.SetNonblock(master, true); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	var err error
	if r.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("terminal: eventfd: %w", err)
	}
	if r.inTTY, r.outTTY = IsTerminal(in), IsTerminal(out); r.inTTY {
		r.tty = in
	} else if r.outTTY {
		r.tty = out
	}
	if r.tty >= 0 {
		if err := r.takeTerminal(); err != nil {
			unix.Close(r.stop)
			return nil, err
		}
	}
	go func() {
		defer close(r.ended)
		r.copy()
	}()
	return r, nil
}

// Ended is closed when the relay has nothing left to copy: everything in the
// container has closed the terminal.
func (r *Relay) Ended() <-chan struct{} { return r.ended }

// Close passes on the output that is there, stops, and restores the user's
// terminal. It is called when the container's process has ended; others that
// it left behind lose their terminal.
func (r *Relay) Close() error {
	// From now on also from the background, where the terminal would stop who writes
	// or changes it, or send a caught signal again and again.
	signal.Ignore(unix.SIGTTOU)
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1} // any number but zero, whatever the byte order
	unix.Write(r.stop, one[:])
	<-r.ended
	unix.Close(r.stop)
	if r.tty < 0 {
		return nil
	}
	signal.Stop(r.resized)
	close(r.resized)
	<-r.resizer
	return Restore(r.tty, r.saved)
}

func (r *Relay) takeTerminal() error {
	if err := r.resize(); err != nil {
		return err
	}
	saved, err := MakeRaw(r.tty)
	if err != nil {
		return err
	}
	r.saved = saved
	r.resized = make(chan os.Signal, 1)
	r.resizer = make(chan struct{})
	signal.Notify(r.resized, unix.SIGWINCH)
	go func() {
		defer close(r.resizer)
		for range r.resized {
			r.resize() // the terminal may be gone: nothing to do then
		}
	}()
	return nil
}

func (r *Relay) resize() error {
	rows, columns, err := Size(r.tty)
	if err != nil {
		return err
	}
	return SetSize(r.master, rows, columns)
}

// A stream is one direction of a relay. It holds what was read and could not
// be written yet; only when that is nothing, more is read.
type stream struct {
	from, to int
	buf      [4096]byte // at most one page: a pipe that is ready takes it whole
	pending  []byte     // of buf
	ended    bool       // from has no more
	broken   bool       // to takes no more; what is read is dropped
}

func (s *stream) wantsRead() bool  { return !s.ended && len(s.pending) == 0 }
func (s *stream) wantsWrite() bool { return len(s.pending) > 0 }

// read reads once and tells whether there may be more.
func (s *stream) read() bool {
	n, err := unix.Read(s.from, s.buf[:])
	if err == unix.EAGAIN || err == unix.EINTR {
		return false
	}
	if n <= 0 { // EIO: the last slave was closed
		s.ended = true
		return false
	}
	if !s.broken {
		s.pending = s.buf[:n]
	}
	return true
}

func (s *stream) write() {
	n, err := unix.Write(s.to, s.pending)
	switch {
	case err == nil:
		s.pending = s.pending[n:]
	case err != unix.EAGAIN && err != unix.EINTR:
		s.broken, s.pending = true, nil
	}
}

// copy copies both ways until the output ends or the relay is stopped.
func (r *Relay) copy() {
	input := &stream{from: r.in, to: r.master}
	output := &stream{from: r.master, to: r.out}
	for !output.ended {
		reads, writes, timeout := input.wantsRead(), output.wantsWrite(), -1
		if reads && r.mustNotRead() {
			reads, timeout = false, backgroundTime
		}
		if writes && r.mustNotWrite() {
			writes, timeout = false, backgroundTime
		}
		fds := [...]unix.PollFd{
			{Fd: int32(r.stop), Events: unix.POLLIN},
			pollFd(r.in, reads, false),
			pollFd(r.master, output.wantsRead(), input.wantsWrite()),
			pollFd(r.out, false, writes),
		}
		if _, err := unix.Poll(fds[:], timeout); err == unix.EINTR {
			continue
		} else if err != nil {
			return
		}
		if fds[1].Revents != 0 && !r.mustNotRead() {
			input.read()
		}
		if fds[2].Revents != 0 && input.wantsWrite() {
			input.write()
		}
		if fds[2].Revents != 0 && output.wantsRead() {
			output.read()
		}
		if fds[3].Revents != 0 && !r.mustNotWrite() {
			output.write()
		}
		if fds[0].Revents != 0 {
			output.finish()
			return
		}
	}
}

// backgroundTime is how soon it is seen that this process is in the foreground
// again, in milliseconds.
const backgroundTime = 200

// mustNotRead tells whether the input is a terminal of which this process is in the
// background. What is typed there is for others: who reads is sent SIGTTIN, again and
// again if that is caught.
func (r *Relay) mustNotRead() bool { return r.inTTY && inBackground(r.in) }

// mustNotWrite tells whether the output is such a terminal, and its user wants no
// output from the background (stty tostop): who writes is sent SIGTTOU.
func (r *Relay) mustNotWrite() bool {
	if !r.outTTY || !inBackground(r.out) {
		return false
	}
	modes, err := unix.IoctlGetTermios(r.out, unix.TCGETS)
	return err == nil && modes.Lflag&unix.TOSTOP != 0
}

func inBackground(tty int) bool {
	group, err := unix.IoctlGetInt(tty, unix.TIOCGPGRP)
	return err == nil && group != unix.Getpgrp()
}

// finish copies what is there, but no more than a pseudoterminal holds.
func (s *stream) finish() {
	for range 64 {
		for s.wantsWrite() {
			s.write()
		}
		if s.ended || !s.read() {
			return
		}
	}
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
