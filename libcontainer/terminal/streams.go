package terminal

import (
	"fmt"
	"os/signal"

	"golang.org/x/sys/unix"
)

// Streams stand between a process in a container and those standard streams of this
// process that are terminals. A process that had the terminal itself could keep it
// open, write on it and read what is typed there when this process has ended long ago.
type Streams struct {
	// Ends are the pipes for the process, in the place of its standard streams; -1:
	// the stream is no terminal. They are the caller's to close. Output and errors for
	// the same terminal have the same pipe, or their order would be lost.
	Ends [3]int

	stop    int // eventfd
	input   *input
	outputs []*output
	started bool
}

// NewStreams makes the pipes for standard input, output and error, which are the
// descriptors own. It returns nil if none is a terminal.
func NewStreams(own [3]int) (*Streams, error) {
	s := &Streams{Ends: [3]int{-1, -1, -1}, stop: -1}
	for n, fd := range own {
		if !IsTerminal(fd) {
			continue
		}
		if err := s.add(n, fd); err != nil {
			for _, end := range s.Ends {
				closeEnd(end)
			}
			s.Close()
			return nil, fmt.Errorf("a pipe in the place of a terminal: %w", err)
		}
	}
	if s.stop < 0 {
		return nil, nil
	}
	return s, nil
}

func (s *Streams) add(n, fd int) (err error) {
	if s.stop < 0 {
		if s.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
			return err
		}
	}
	if n == 2 && s.Ends[1] >= 0 && sameFile(s.outputs[0].to, fd) {
		s.Ends[2], err = unix.FcntlInt(uintptr(s.Ends[1]), unix.F_DUPFD_CLOEXEC, 3)
		return err
	}
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return err
	}
	own, end := pipe[0], pipe[1]
	if n == 0 {
		own, end = end, own
		s.input = newInput(fd, own, s.stop)
	} else {
		s.outputs = append(s.outputs, newOutput(own, fd, s.stop))
	}
	s.Ends[n] = end
	return unix.SetNonblock(own, true) // which is not that of the other end
}

// Start begins to copy.
func (s *Streams) Start() {
	if s == nil {
		return
	}
	if s.input != nil {
		go func() {
			s.input.copy()
			s.input.hangUp()
		}()
	}
	for _, out := range s.outputs {
		go func() {
			defer close(out.ended)
			out.copy()
		}()
	}
	s.started = true
}

// Close passes on the output that is there, and stops. It is called when the process
// has ended: those that it left behind lose their streams. See also [Relay.Close].
func (s *Streams) Close() {
	if s == nil {
		return
	}
	signal.Ignore(unix.SIGTTOU) // see Relay.Close
	if s.stop >= 0 {
		tellStop(s.stop)
	}
	for _, out := range s.outputs {
		if s.started {
			<-out.ended
		}
		unix.Close(out.from)
	}
	if s.input != nil {
		s.input.close()
		closeEnd(s.input.to)
	}
	closeEnd(s.stop)
	*s = Streams{stop: -1}
}

func sameFile(a, b int) bool {
	var x, y unix.Stat_t
	return unix.Fstat(a, &x) == nil && unix.Fstat(b, &y) == nil && x.Dev == y.Dev && x.Ino == y.Ino
}

func closeEnd(fd int) {
	if fd >= 0 {
		unix.Close(fd)
	}
}
