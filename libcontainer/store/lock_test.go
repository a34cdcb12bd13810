package store

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestLockTimeout(t *testing.T) {
	s := newStore(t)
	holder := create(t, s, "a")
	d := open(t, s, "a")
	if busy, err := d.Busy(); !busy || err != nil {
		t.Errorf("Busy: %v, %v; want true", busy, err)
	}
	begin := time.Now()
	err := d.Lock(30 * time.Millisecond)
	if !errors.Is(err, ErrLocked) {
		t.Fatalf("Lock: %v, want ErrLocked", err)
	}
	if want := fmt.Sprintf("process %d (", os.Getpid()); !strings.Contains(err.Error(), want) {
		t.Errorf("Lock: %q does not name the holder, %q", err, want)
	}
	if took := time.Since(begin); took < 30*time.Millisecond {
		t.Errorf("Lock gave up after %v", took)
	}
	holder.Close()
	if busy, err := d.Busy(); busy || err != nil {
		t.Errorf("Busy: %v, %v; want false", busy, err)
	}
	if err := d.Lock(0); err != nil {
		t.Errorf("Lock after the holder's end: %v", err)
	}
	if busy, err := d.Busy(); busy || err != nil {
		t.Errorf("Busy with its own lock: %v, %v; want false", busy, err)
	}
}

func TestLockWaits(t *testing.T) {
	s := newStore(t)
	holder := create(t, s, "a")
	d := open(t, s, "a")
	done := make(chan error)
	go func() { done <- d.Lock(time.Minute) }()
	time.Sleep(20 * time.Millisecond)
	holder.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// Whoever waited for a container that was then deleted must not take its
// successor, or nothing, for it.
func TestLockOfRemoved(t *testing.T) {
	for _, successor := range []bool{false, true} {
		s := newStore(t)
		holder := create(t, s, "a")
		d := open(t, s, "a")
		if err := holder.Remove(); err != nil {
			t.Fatal(err)
		}
		holder.Close()
		if successor {
			create(t, s, "a")
		}
		if err := d.Lock(time.Second); !errors.Is(err, ErrNotExist) {
			t.Errorf("successor %v: %v, want ErrNotExist", successor, err)
		}
	}
}

func TestFindLock(t *testing.T) {
	const locks = `1: POSIX  ADVISORY  WRITE 1 00:1a:12 0 EOF
2: FLOCK  ADVISORY  WRITE 2 00:1a:123 0 EOF
3: FLOCK  ADVISORY  WRITE 3 103:02:12 0 EOF
3: -> FLOCK  ADVISORY  WRITE 4 103:02:12 0 EOF
4: FLOCK  ADVISORY  WRITE 5 00:1a:12 0 EOF
`
	for _, tt := range []struct {
		major, minor uint32
		ino          uint64
		want         int
	}{{0, 0x1a, 12, 5}, {0x103, 2, 12, 3}, {0, 0x1a, 123, 2}, {0, 0x1a, 1, 0}} {
		if got := findLock(strings.NewReader(locks), tt.major, tt.minor, tt.ino); got != tt.want {
			t.Errorf("findLock(%x:%x:%d) = %d, want %d", tt.major, tt.minor, tt.ino, got, tt.want)
		}
	}
}
