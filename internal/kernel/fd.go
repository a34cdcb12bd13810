package kernel

import "golang.org/x/sys/unix"

// An Fd is a descriptor that belongs to its holder, who has to close it, or none, as the
// zero Fd: neither 0, which is the standard input, nor a missing element of a map has to
// mean that. Passed on as a value it is only lent; who may take it gets its address.
type Fd struct{ next int } // the descriptor + 1

// Own takes a descriptor that was opened for the caller. A negative one is none.
func Own(fd int) Fd { return Fd{max(fd, -1) + 1} }

// Ok reports whether there is a descriptor.
func (f Fd) Ok() bool { return f.next > 0 }

// Int lends the descriptor: -1 if there is none, which poll(2) ignores and every other
// call refuses with EBADF.
func (f Fd) Int() int { return f.next - 1 }

// Take gives the descriptor away, to whom it then belongs: -1 if there is none. The Fd
// is none afterwards.
func (f *Fd) Take() int {
	fd := f.Int()
	f.next = 0
	return fd
}

// Close closes the descriptor, if there is one. The Fd is none afterwards, also after
// an error: Linux has closed it then, and it may be another's, close(2).
func (f *Fd) Close() error {
	if !f.Ok() {
		return nil
	}
	return unix.Close(f.Take())
}

// CloseAll closes those descriptors that are left.
func CloseAll(fds []Fd) {
	for i := range fds {
		fds[i].Close()
	}
}
