package store

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// longWait is how long a wait for the lock is nothing to talk about.
const longWait = 2 * time.Second

// Lock locks the directory for this process, waiting no longer than timeout
// for another one that has it. The error is ErrLocked, wrapped, with that
// process's name after the time, and ErrNotExist, wrapped, if the directory
// was removed meanwhile.
func (d *Dir) Lock(timeout time.Duration) error {
	deadline, warn := time.Now().Add(timeout), time.Now().Add(longWait)
	pause := time.Millisecond
	for {
		err := d.flock(unix.LOCK_EX)
		if err == nil {
			d.locked = true
			return d.checkName()
		}
		if err != unix.EWOULDBLOCK {
			return &fs.PathError{Op: "flock", Path: d.path, Err: err}
		}
		left := time.Until(deadline)
		if left <= 0 {
			return fmt.Errorf("%q: %w by %s", d.id, ErrLocked, d.holder())
		}
		if d.Waiting != nil && time.Now().After(warn) {
			d.Waiting(d.holder())
			warn = deadline
		}
		// A blocking flock could not be given up, and holders are quick,
		// or run hooks: then the wait is long whatever the pause.
		time.Sleep(min(pause, left))
		pause = min(2*pause, 50*time.Millisecond)
	}
}

// Unlock takes Lock back.
func (d *Dir) Unlock() error {
	if err := d.flock(unix.LOCK_UN); err != nil {
		return &fs.PathError{Op: "flock", Path: d.path, Err: err}
	}
	d.locked = false
	return nil
}

// Busy reports whether somebody else has locked the directory.
func (d *Dir) Busy() (bool, error) {
	if d.locked {
		return false, nil
	}
	switch err := d.flock(unix.LOCK_SH); err {
	case nil:
		return false, d.flock(unix.LOCK_UN)
	case unix.EWOULDBLOCK:
		return true, nil
	default:
		return false, &fs.PathError{Op: "flock", Path: d.path, Err: err}
	}
}

func (d *Dir) flock(how int) error {
	return kernel.Restart(func() error { return unix.Flock(d.fd, how|unix.LOCK_NB) })
}

// checkName returns ErrNotExist unless the directory still has its name.
// Whoever waits for the lock of a container that is being deleted gets it
// when the directory is no longer the container's.
func (d *Dir) checkName() error {
	var mine, named unix.Stat_t
	if err := unix.Fstat(d.fd, &mine); err != nil {
		return &fs.PathError{Op: "stat", Path: d.path, Err: err}
	}
	err := unix.Lstat(d.path, &named)
	if err == unix.ENOENT || err == nil && (mine.Dev != named.Dev || mine.Ino != named.Ino) {
		return fmt.Errorf("%q: %w", d.id, ErrNotExist)
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: d.path, Err: err}
	}
	return nil
}

// holder describes the process that has locked the directory.
func (d *Dir) holder() string {
	pid := d.holderPid()
	if pid <= 0 {
		return "another process"
	}
	s := "process " + strconv.Itoa(pid)
	cmdline, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cmdline")
	if err != nil || len(cmdline) == 0 {
		return s
	}
	args := strings.ReplaceAll(string(bytes.TrimRight(cmdline, "\x00")), "\x00", " ")
	return s + " (" + args + ")"
}

func (d *Dir) holderPid() int {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd, &st); err != nil {
		return 0
	}
	f, err := os.Open("/proc/locks")
	if err != nil {
		return 0
	}
	defer f.Close()
	return findLock(f, unix.Major(uint64(st.Dev)), unix.Minor(uint64(st.Dev)), st.Ino)
}

// findLock returns the pid of the process that has locked a file with
// flock(2), from the text of /proc/locks, proc_locks(5); 0 if it is not there.
// Its lines look like
//
//	1: FLOCK  ADVISORY  WRITE 4711 00:1a:2093 0 EOF
func findLock(r io.Reader, major, minor uint32, ino uint64) int {
	file := fmt.Sprintf("%02x:%02x:%d", major, minor, ino)
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == file {
			pid, _ := strconv.Atoi(f[4])
			return pid
		}
	}
	return 0
}
