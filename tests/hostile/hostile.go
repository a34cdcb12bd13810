// Package hostile plays the owner of an image who changes it while it is looked at,
// for tests.
package hostile

import (
	"testing"

	"golang.org/x/sys/unix"
)

// Race tries something many times while something else is done again and again.
func Race(t *testing.T, beside, try func()) {
	t.Helper()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				beside()
			}
		}
	}()
	defer func() { close(stop); <-stopped }()
	for range 5000 {
		try()
	}
}

// Exchange returns a function that has two files change places.
func Exchange(a, b string) func() {
	return func() { unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE) }
}

// Opened returns a function that reports whether a file has been opened since, under
// whatever name: inotify(7) does not tell of O_PATH.
func Opened(t *testing.T, path string) func() bool {
	t.Helper()
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_OPEN); err != nil {
		t.Fatal(err)
	}
	return func() bool {
		n, _ := unix.Read(fd, make([]byte, 4096))
		return n > 0
	}
}
