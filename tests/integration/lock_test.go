package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A command that waits long for another says for which.
func TestLockHolderIsNamed(t *testing.T) {
	t.Parallel()
	c := running(t, idle)
	dir, err := unix.Open(filepath.Join(c.Root, c.ID), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Flock(dir, unix.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	release := time.AfterFunc(2500*time.Millisecond, func() { unix.Close(dir) })
	defer release.Stop()
	begin := time.Now()
	r := c.Do("pause", c.ID).OK()
	if waited := time.Since(begin); waited < 2*time.Second {
		t.Errorf("pause took %v, and the lock was held", waited)
	}
	want := fmt.Sprintf("is locked: waiting for process %d (%s", os.Getpid(), os.Args[0])
	if got := r.Stderr; !strings.Contains(got, want) {
		t.Errorf("pause said %q, want %q", got, want)
	}
	c.Do("resume", c.ID).OK()
}
