package kernel

import (
	"testing"

	"golang.org/x/sys/unix"
)

func TestFdNone(t *testing.T) {
	var none Fd
	for _, f := range []Fd{none, Own(-1), Own(-5)} {
		if f.Ok() || f.Int() != -1 || f.Take() != -1 {
			t.Errorf("%v: Ok %v, Int %d", f, f.Ok(), f.Int())
		}
		if err := f.Close(); err != nil {
			t.Errorf("closing none: %v", err)
		}
	}
	if stdin := Own(0); !stdin.Ok() || stdin.Int() != 0 {
		t.Errorf("0 is a descriptor: Ok %v, Int %d", stdin.Ok(), stdin.Int())
	}
}

// TestFdCloseOnce closes a descriptor twice: the second time it may be somebody else's.
func TestFdCloseOnce(t *testing.T) {
	r, w := pipe(t)
	number := r.Int()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if err := unix.Dup3(w.Int(), number, unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(number)
	if err := r.Close(); err != nil || r.Ok() {
		t.Errorf("second Close: %v, Ok %v", err, r.Ok())
	}
	if !isOpen(number) {
		t.Error("the second Close closed another descriptor")
	}
}

func TestFdTake(t *testing.T) {
	r, w := pipe(t)
	fds := []Fd{r, w}
	kept, closed := fds[0].Take(), fds[1].Int()
	CloseAll(fds)
	if !isOpen(kept) {
		t.Error("a descriptor that was taken is closed")
	}
	if isOpen(closed) {
		t.Error("a descriptor that was not taken is open")
	}
}

// pipe makes a pipe, of which the test closes what is left.
func pipe(t *testing.T) (r, w Fd) {
	t.Helper()
	var ends [2]int
	if err := unix.Pipe2(ends[:], unix.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(ends[0]); unix.Close(ends[1]) })
	return Own(ends[0]), Own(ends[1])
}

func isOpen(fd int) bool {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	return err == nil
}
