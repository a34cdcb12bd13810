package netdevice

import (
	"errors"
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// dialIn makes a connection to the network namespace of a descriptor. A socket
// belongs for ever to the namespace of the thread that made it; so a thread
// goes there, makes one and comes back, or ends with its goroutine.
func dialIn(netns int) (c *conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		var back bool
		if c, back, err = dialFrom(netns); back {
			runtime.UnlockOSThread()
		}
	}()
	<-done
	return c, err
}

// dialFrom does dialIn's work on a locked thread, and reports whether the
// thread is in its old namespace again.
func dialFrom(netns int) (c *conn, back bool, err error) {
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, true, fmt.Errorf("own network namespace: %w", err)
	}
	defer unix.Close(own)
	if err := unix.Setns(netns, unix.CLONE_NEWNET); err != nil {
		return nil, true, fmt.Errorf("entering the container's network namespace: %w", err)
	}
	c, err = dial()
	back = unix.Setns(own, unix.CLONE_NEWNET) == nil
	return c, back, err
}

// checkOther is an error if netns is the caller's own namespace: then there is
// nowhere to move to.
func checkOther(netns int) error {
	var own, other unix.Stat_t
	if err := unix.Stat("/proc/thread-self/ns/net", &own); err != nil {
		return fmt.Errorf("own network namespace: %w", err)
	}
	if err := unix.Fstat(netns, &other); err != nil {
		return fmt.Errorf("the container's network namespace: %w", err)
	}
	if own.Dev == other.Dev && own.Ino == other.Ino {
		return errors.New("the container's network namespace is the caller's")
	}
	return nil
}
