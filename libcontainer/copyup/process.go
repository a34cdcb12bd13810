package copyup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// Command is the argument that [Main] is called by.
const Command = "copy-up-for-rung"

// Descriptors of the process that Run starts, besides the standard error.
const (
	fromFd  = 0
	toFd    = 1
	tasksFd = 3
)

// ErrKilled is why a copy ended that needs more memory than the cgroup may have.
var ErrKilled = errors.New("the process that copies was killed")

// Run is [Copy] as the root of the user namespace of a process, in a process of its own,
// charged to a cgroup: the pages of a tmpfs are charged to whose memory the writer's is
// (mm->owner, mm/memcontrol.c), which a thread cannot have for itself. tasks is the file of
// the cgroup that charges, see [cgroups.EntryFile]. exe is a program whose main
// function calls [Main].
func Run(exe string, pid, from, to, tasks int) error {
	out, in, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("copying up: %w", err)
	}
	defer out.Close()
	child, err := syscall.ForkExec(exe, []string{exe, Command, strconv.Itoa(pid)}, &syscall.ProcAttr{
		Files: []uintptr{fromFd: uintptr(from), toFd: uintptr(to), 2: in.Fd(), tasksFd: uintptr(tasks)},
	})
	in.Close()
	if err != nil {
		return fmt.Errorf("copying up: executing %s: %w", exe, err)
	}
	text, _ := io.ReadAll(out)
	switch status, err := kernel.Wait(child); {
	case err != nil:
		return fmt.Errorf("copying up: %w", err)
	case status.Signaled():
		return ErrKilled
	case len(text) > 0:
		return errors.New(string(text))
	case status != 0:
		return fmt.Errorf("copying up: %s ended with status %d", exe, status.ExitStatus())
	}
	return nil
}

// Main does in the process that [Run] has started what it is for, and returns its exit
// status. It is not one if the arguments do not say so.
func Main(args []string) (status int, called bool) {
	if len(args) != 3 || args[1] != Command {
		return 0, false
	}
	if err := charged(args[2]); err != nil {
		fmt.Fprint(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

func charged(process string) error {
	pid, err := strconv.Atoi(process)
	if err == nil { // not "0": this may be another thread than the first, whose cgroup it is that counts
		_, err = unix.Write(tasksFd, strconv.AppendInt(nil, int64(os.Getpid()), 10))
	}
	if err != nil {
		return fmt.Errorf("copying up: joining the container's memory cgroup: %w", err)
	}
	return userns.AsRoot(pid, func() error { return Copy(fromFd, toFd) })
}
