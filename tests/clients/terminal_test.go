package clients

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A terminal is where a client runs in the foreground, with somebody in front
// of it.
type terminal struct {
	a      *attempt
	cmd    *exec.Cmd
	master *os.File
	ended  chan struct{} // the client, and all its output is shown

	mu    sync.Mutex
	shown bytes.Buffer
}

// terminal calls the client on a terminal of 30 rows and 100 columns.
func (a *attempt) terminal(args ...string) *terminal {
	master, slave, err := openTerminal()
	if err != nil {
		a.fatalf("opening a terminal: %v", err)
	}
	defer slave.Close()
	command := a.command(args...)
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), a.env...)
	cmd.Dir = a.dir
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	t := &terminal{a: a, cmd: cmd, master: master, ended: make(chan struct{})}
	t.resize(30, 100)
	if err := cmd.Start(); err != nil {
		a.fatalf("%v", err)
	}
	go io.Copy(t, master) // ends with the terminal
	go func() {
		cmd.Wait()
		time.Sleep(20 * time.Millisecond) // for what it printed last
		close(t.ended)
	}()
	a.cleanup(func() {
		cmd.Process.Kill()
		<-t.ended
		master.Close()
	})
	return t
}

func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	conn, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	conn.Control(func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err != nil {
			return
		}
		peer, _, errno := unix.Syscall(unix.SYS_IOCTL, fd, unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)
		if errno != 0 {
			err = errno
			return
		}
		slave = os.NewFile(peer, "terminal")
	})
	if err != nil {
		master.Close()
	}
	return master, slave, err
}

// Write keeps what the terminal shows.
func (t *terminal) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.shown.Write(p)
}

func (t *terminal) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.ReplaceAll(t.shown.String(), "\r\n", "\n")
}

// shows waits until the terminal has shown a text.
func (t *terminal) shows(text string) *terminal {
	for end := time.Now().Add(eventLimit); !strings.Contains(t.text(), text); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.a.fatalf("the terminal of %s shows no %q but %q", t, text, t.text())
		}
	}
	return t
}

// types presses keys.
func (t *terminal) types(keys string) *terminal {
	if _, err := io.WriteString(t.master, keys); err != nil {
		t.a.fatalf("typing %q: %v", keys, err)
	}
	return t
}

func (t *terminal) resize(rows, columns uint16) {
	conn, err := t.master.SyscallConn()
	if err == nil {
		err = errors.Join(conn.Control(func(fd uintptr) {
			err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns})
		}), err)
	}
	if err != nil {
		t.a.fatalf("resizing: %v", err)
	}
}

// resizes changes the size until the terminal has shown a text. Docker's client misses
// a change that comes while it sends the first size; one that changes nothing for the
// container in between makes it look again.
func (t *terminal) resizes(rows, columns uint16, text string) *terminal {
	for end := time.Now().Add(12 * time.Second); time.Now().Before(end) && !strings.Contains(t.text(), text); {
		t.resize(30, 100)
		t.resize(rows, columns)
		for soon := time.Now().Add(3 * time.Second); time.Now().Before(soon) && !strings.Contains(t.text(), text); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	return t.shows(text)
}

// exits waits for the client's end and requires its exit status.
func (t *terminal) exits(code int) *terminal {
	select {
	case <-t.ended:
	case <-time.After(callLimit):
		t.a.fatalf("%s: no end; the terminal shows %q", t, t.text())
	}
	if got := exitCode(t.cmd.ProcessState); got != code {
		t.a.fatalf("%s: exit status %d, want %d; the terminal shows %q", t, got, code, t.text())
	}
	return t
}

func (t *terminal) String() string { return fmt.Sprint(t.cmd.Args[len(t.a.base):]) }
