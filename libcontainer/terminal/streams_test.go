package terminal

import (
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A process gets pipes in the place of terminals, and the end of the input. Somebody
// who keeps one of them does not hold up the end.
func TestStreams(t *testing.T) {
	userMaster, user, _ := openPty(t)
	_, outW := pipe(t)
	before := countFds(t)
	s, err := NewStreams([3]int{user, user, fd(outW)})
	if err != nil {
		t.Fatal(err)
	}
	in, out := s.Ends[0], s.Ends[1]
	if in < 0 || out < 0 || s.Ends[2] != -1 || IsTerminal(in) || IsTerminal(out) {
		t.Fatalf("instead of a terminal, a terminal and a pipe: %v", s.Ends)
	}
	s.Start()
	unix.Write(userMaster, []byte("to the process\n\x04"))
	readUntil(t, in, "to the process\n")
	if n, err := unix.Read(in, make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("after the end of the input: %d, %v", n, err)
	}
	unix.Write(out, []byte("to the user"))
	readUntil(t, userMaster, "to the user")
	unix.Write(out, []byte("last words"))
	s.Close()
	readUntil(t, userMaster, "last words")
	unix.Close(in)
	unix.Close(out)
	s.Close() // once more
	if after := countFds(t); after != before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
	if s, err := NewStreams([3]int{fd(outW), fd(outW), 999}); s != nil || err != nil {
		t.Errorf("without a terminal: %v, %v", s, err)
	}
}

// Somebody who goes on writing does not hold up the end.
func TestStreamsEndless(t *testing.T) {
	userMaster, user, _ := openPty(t)
	inR, _ := pipe(t)
	s, err := NewStreams([3]int{fd(inR), user, user})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	if !sameFile(s.Ends[1], s.Ends[2]) {
		t.Error("output and errors for the same terminal have two pipes")
	}
	go func() {
		for buf := make([]byte, 4096); ; {
			if n, _ := unix.Read(userMaster, buf); n <= 0 {
				return
			}
		}
	}()
	var writers sync.WaitGroup
	for _, end := range s.Ends[1:] {
		writers.Go(func() {
			for err := error(nil); err == nil; {
				_, err = unix.Write(end, make([]byte, 4096))
			}
			unix.Close(end)
		})
	}
	time.Sleep(10 * time.Millisecond)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("there is no end")
	}
	writers.Wait() // nobody reads any more
}
