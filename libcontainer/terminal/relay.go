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
	master int
	tty    int // the user's terminal, -1 if there is none
	saved  *unix.Termios

	stop    int // eventfd
	input   *input
	output  *output
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
	r := &Relay{master: master, tty: -1}
	// Nobody else has this descriptor, so its flags are ours to change.
	if err := unix.SetNonblock(master, true); err != nil {
		return nil, fmt.Errorf("terminal: %w", err)
	}
	var err error
	if r.stop, err = unix.Eventfd(0, unix.EFD_CLOEXEC); err != nil {
		return nil, fmt.Errorf("terminal: eventfd: %w", err)
	}
	r.input, r.output = newInput(in, master, r.stop), newOutput(master, out, r.stop)
	if r.input.tty {
		r.tty = in
	} else if r.output.tty {
		r.tty = out
	}
	if r.tty >= 0 {
		if err := r.takeTerminal(); err != nil {
			unix.Close(r.stop)
			return nil, err
		}
	}
	go r.input.copy()
	go func() {
		defer close(r.output.ended)
		r.output.copy()
		tellStop(r.stop) // nobody is there to read the input
	}()
	return r, nil
}

// Ended is closed when the relay has nothing left to copy: everything in the
// container has closed the terminal.
func (r *Relay) Ended() <-chan struct{} { return r.output.ended }

// Close passes on the output that is there, stops, and restores the user's
// terminal. It is called when the container's process has ended; others that
// it left behind lose their terminal. Somebody else who reads the same input may
// have left nothing to a read of it that has begun: that is not waited for.
func (r *Relay) Close() error {
	// From now on also from the background, where the terminal would stop who writes
	// or changes it, or send a caught signal again and again.
	signal.Ignore(unix.SIGTTOU)
	tellStop(r.stop)
	<-r.output.ended
	r.input.close()
	unix.Close(r.stop)
	if r.tty < 0 {
		return nil
	}
	signal.Stop(r.resized)
	close(r.resized)
	<-r.resizer
	return Restore(r.tty, r.saved)
}

// tellStop makes an eventfd readable.
func tellStop(stop int) {
	one := [8]byte{1, 1, 1, 1, 1, 1, 1, 1} // any number but zero, whatever the byte order
	unix.Write(stop, one[:])
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
