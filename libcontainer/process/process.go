// Package process identifies processes across the lifetime of the program
// that started them.
//
// A pid alone names nothing: it is reused as soon as its process has been
// reaped, and it means another process after a reboot. An [Identity] adds the
// two facts that make it unique, and every operation checks them.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// ErrGone reports that the process does not exist any more. A reaped process,
// another process with the same pid and a reboot all count as that.
var ErrGone = errors.New("no such process")

// An Identity names one process for ever.
type Identity struct {
	// Pid is the process as the reader's pid namespace sees it. Zero is no
	// process at all, and always gone.
	Pid int
	// StartTime is when the process started, in clock ticks after boot:
	// field 22 of /proc/PID/stat, proc_pid_stat(5).
	StartTime uint64
	// BootID is /proc/sys/kernel/random/boot_id, random(4).
	BootID string
}

// Of returns the identity of the process that pid names now. The error is
// ErrGone, wrapped, if there is none.
func Of(pid int) (Identity, error) {
	st, err := readStat(pid)
	if err != nil {
		return Identity{}, err
	}
	boot, err := BootID()
	if err != nil {
		return Identity{}, err
	}
	return Identity{pid, st.startTime, boot}, nil
}

// A State is what has become of a process.
type State uint8

const (
	Dead    State = iota // it does not exist, or no longer
	Zombie               // it has ended, or is just about to, and its parent has not waited for it
	Running              // anything else, stopped and frozen ones too
)

// State returns the state of the process.
func (p Identity) State() (State, error) {
	if p.Pid <= 0 {
		return Dead, nil
	}
	st, err := readStat(p.Pid)
	if errors.Is(err, ErrGone) {
		return Dead, nil
	}
	if err != nil {
		return Dead, err
	}
	if st.startTime != p.StartTime {
		return Dead, nil
	}
	boot, err := BootID()
	if err != nil {
		return Dead, err
	}
	if boot != p.BootID {
		return Dead, nil
	}
	return st.state(), nil
}

// Open returns a pidfd of the process, close-on-exec. A zombie has one too.
// The error is ErrGone, wrapped, if the process does not exist any more.
func (p Identity) Open() (int, error) {
	fd, _, err := p.open()
	return fd, err
}

// OpenRunning is Open, but a zombie counts as gone.
func (p Identity) OpenRunning() (int, error) {
	fd, state, err := p.open()
	if err == nil && state != Running {
		unix.Close(fd)
		return -1, fmt.Errorf("process %d: %w", p.Pid, ErrGone)
	}
	return fd, err
}

func (p Identity) open() (int, State, error) {
	if p.Pid <= 0 {
		return -1, Dead, ErrGone
	}
	fd, err := unix.PidfdOpen(p.Pid, 0)
	if err == unix.ESRCH {
		return -1, Dead, fmt.Errorf("process %d: %w", p.Pid, ErrGone)
	}
	if err != nil {
		return -1, Dead, fmt.Errorf("process %d: pidfd_open: %w", p.Pid, err)
	}
	// The identity is checked after the descriptor was opened: if the pid
	// still means this process now, it meant it then.
	state, err := p.State()
	if err == nil && state == Dead {
		err = fmt.Errorf("process %d: %w", p.Pid, ErrGone)
	}
	if err != nil {
		unix.Close(fd)
		return -1, Dead, err
	}
	return fd, state, nil
}

// Executes reports whether the process executes the file with this device and
// inode number. One that is gone, or a zombie, executes nothing.
func (p Identity) Executes(dev, ino uint64) (bool, error) {
	if p.Pid <= 0 {
		return false, nil
	}
	var st unix.Stat_t
	path := "/proc/" + strconv.Itoa(p.Pid) + "/exe"
	err := unix.Stat(path, &st)
	if err == unix.ENOENT || err == unix.ESRCH {
		return false, nil
	}
	if err != nil {
		return false, &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if uint64(st.Dev) != dev || st.Ino != ino {
		return false, nil
	}
	// As in Open: whose file that was is known only afterwards.
	state, err := p.State()
	return state == Running, err
}

// Ending reports whether the process has ended, or will before it runs again: it was sent
// SIGKILL.
func (p Identity) Ending() (bool, error) {
	path := "/proc/" + strconv.Itoa(p.Pid) + "/status"
	text, err := kernel.ReadFile(unix.AT_FDCWD, path, 4096)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	pending, err := maskAfter(text, "\nSigPnd:\t")
	if err != nil {
		return false, fmt.Errorf("%s: %w", path, err)
	}
	// As in Open: whose that was is known only afterwards.
	state, err := p.State()
	return pending>>(unix.SIGKILL-1)&1 != 0 || state != Running, err
}

// BootID returns the identifier of this boot of the machine.
func BootID() (string, error) {
	b, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/sys/kernel/random/boot_id", 64)
	return string(bytes.TrimSpace(b)), err
}

// A stat is what rung needs of /proc/PID/stat.
type stat struct {
	letter    byte   // field 3
	flags     uint64 // field 9
	threads   int    // field 20
	startTime uint64 // field 22
}

// exiting is PF_EXITING of the kernel's include/linux/sched.h. The thread has
// called exit, or was killed, and will not return to its program; before it is
// a zombie it gives back what it has, its executable among the first.
const exiting = 0x4

func (s stat) state() State {
	switch {
	case s.letter == 'X' || s.letter == 'x':
		return Dead
	case s.letter != 'Z' && s.flags&exiting == 0:
		return Running
	// The first thread may end before the others: its process runs on.
	case s.threads > 1:
		return Running
	}
	return Zombie
}

func readStat(pid int) (stat, error) {
	path := "/proc/" + strconv.Itoa(pid) + "/stat"
	line, err := kernel.ReadFile(unix.AT_FDCWD, path, 1024) // the whole line has at most some 500 bytes
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		return stat{}, fmt.Errorf("process %d: %w", pid, ErrGone)
	}
	if err != nil {
		return stat{}, err
	}
	st, err := parseStat(line)
	if err != nil {
		return stat{}, fmt.Errorf("%s: %w", path, err)
	}
	return st, nil
}

// parseStat parses a line of /proc/PID/stat. Its second field is the
// process's name in parentheses, which may itself contain anything, so the
// rest begins after the last closing one.
func parseStat(line []byte) (stat, error) {
	i := bytes.LastIndexByte(line, ')')
	if i < 0 {
		return stat{}, errors.New("no process name")
	}
	fields := bytes.Fields(line[i+1:]) // the first is field 3
	if len(fields) < 20 || len(fields[0]) != 1 {
		return stat{}, errors.New("too few fields")
	}
	threads, err := strconv.Atoi(string(fields[17]))
	if err != nil {
		return stat{}, fmt.Errorf("number of threads: %w", err)
	}
	flags, err := strconv.ParseUint(string(fields[6]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("flags: %w", err)
	}
	start, err := strconv.ParseUint(string(fields[19]), 10, 64)
	if err != nil {
		return stat{}, fmt.Errorf("start time: %w", err)
	}
	return stat{fields[0][0], flags, threads, start}, nil
}
