package launch

import (
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// End is what [Process.Converse] takes for a tag: that the other end is closed.
const End = 0

// Converse does what the program asks for until it sends the tag, which is left
// unanswered, see [Process.Answer]; or, with [End], until its execve or its end closes the other
// end. An error that the program has reported is why what it asked for has failed, and is returned
// in place of that; if it has ended without a report, that is a part of the error. The process
// may be there after an error.
func (p *Process) Converse(until byte) error {
	for {
		tag, fds, err := p.receive()
		switch {
		case err != nil:
		case tag == until:
			kernel.CloseAll(fds)
			return nil
		case tag == End:
			return p.over()
		default:
			err = p.serve(tag, fds)
		}
		kernel.CloseAll(fds)
		if err != nil {
			if failed := p.Failure(); failed != nil {
				return failed
			}
			if ended, _ := kernel.Ends(p.Pidfd.Int(), 0); ended && p.found { // before its time: how says why
				err = errors.Join(err, p.ended(p.reap()))
			}
			return err
		}
		if err := p.Answer(); err != nil {
			return err
		}
	}
}

// receive waits for a tag, with its descriptors, and looks for who sent it.
func (p *Process) receive() (tag byte, fds []kernel.Fd, err error) {
	if err := p.wait(p.socket.Int()); err != nil {
		return End, nil, err
	}
	var data [1]byte
	_, fds, err = kernel.Receive(p.socket.Int(), data[:], birth.MostDescriptors)
	switch {
	case err == unix.ECONNRESET: // it has ended before it read an answer
		return End, nil, nil
	case err != nil:
		return End, nil, fmt.Errorf("receiving from %s: %w", p.Name, err)
	case data[0] != End && p.Found != nil && !p.found:
		if err = p.find(p.report()); err == nil && p.seen && !p.found {
			err = fmt.Errorf("%s sent %q, and its report names no process that it has cloned", p.Name, data[0])
		}
	}
	return data[0], fds, err
}

// wait waits until a descriptor can be read, which comes first: the moment after which all is
// well, too. Where nothing else can come, that is left to the reading.
func (p *Process) wait(fd int) error {
	poll, coming := []unix.PollFd{kernel.Readable(fd)}, false
	for _, w := range p.Watch {
		poll = append(poll, kernel.Readable(w.Fd()))
		coming = coming || w.Fd() >= 0
	}
	if !coming && p.lookout() < 0 {
		return nil
	}
	for {
		n, err := kernel.Poll(poll, p.lookout())
		if err != nil {
			return fmt.Errorf("waiting for %s: %w", p.Name, err)
		}
		if n > 0 {
			break
		}
		if err := p.look(); err != nil {
			return err
		}
	}
	for i, w := range p.Watch {
		if poll[0].Revents == 0 && poll[1+i].Revents != 0 {
			return w.Err(nil)
		}
	}
	return nil
}

// lookout is how long is waited before the report is looked at, which is all that tells of some things; -1: for ever.
func (p *Process) lookout() time.Duration {
	if p.Detour != nil && !p.found {
		return 2 * time.Millisecond
	}
	return p.Agent.Lookout()
}

func (p *Process) look() error {
	if p.Detour != nil && !p.found {
		if err := p.detour(); err != nil {
			return err
		}
	}
	report, pid, pidfd := p.report(), p.Pid, p.Pidfd
	if p.Agent != nil && !p.found && report.Child != 0 && report.Listener != 0 { // the launched process waits for it
		if err := p.believe(report.Child); err != nil {
			return err
		}
		fd, err := unix.PidfdOpen(report.Child, 0)
		if err != nil {
			return fmt.Errorf("pidfd_open of %s: %w", p.Name, err)
		}
		pid, pidfd = report.Child, kernel.Own(fd)
		defer pidfd.Close()
	}
	return p.Agent.Look(p.Report.Int(), report, pid, pidfd.Int())
}

// detour takes the launched process on its detour, if it waits for that, and the child back.
func (p *Process) detour() (err error) {
	switch report := p.report(); {
	case !report.Full || report.Child != 0 && p.back == nil:
		return nil
	case p.back == nil:
		if p.back, err = p.Detour(p.Pid); err != nil {
			return err
		}
		return nsenter.GiveTurn(p.Report.Int(), 1)
	case report.Child == 0:
		return nil
	default:
		if err := p.believe(report.Child); err != nil {
			return err
		}
		if err := p.back(report.Child); err != nil {
			return err
		}
		p.Detour = nil
		return nsenter.GiveTurn(p.Report.Int(), 2)
	}
}

// Distrust has nothing done for the program any more, from the message on that is answered
// next: others may trace what it clones then, and say in its place what they like. The report,
// which they can write, does not decide that.
func (p *Process) Distrust() { p.Serve, p.seen = nil, true }

func (p *Process) serve(tag byte, fds []kernel.Fd) error {
	do := p.Serve[tag]
	if tag == birth.TagListener && p.Agent != nil && !p.seen {
		do = p.Agent.Keep
	}
	if m, known := birth.MessageOf(tag); do == nil || !known || len(fds) != m.Descriptors {
		return fmt.Errorf("%s sent %q with %d descriptors", p.Name, tag, len(fds))
	}
	return do(fds)
}

// Answer lets the program go on behind a tag.
func (p *Process) Answer() error {
	if err := kernel.Send(p.socket.Int(), []byte{0}); err != nil {
		return p.over() // who would read it has ended
	}
	return nil
}

// Socket is this end of the conversation, for a program that becomes something else
// which goes on with it.
func (p *Process) Socket() int { return p.socket.Int() }

// HangUp closes this end of the conversation. A program that waits for an answer ends.
func (p *Process) HangUp() { p.socket.Close() }
