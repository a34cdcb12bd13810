package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/spec"
)

// members returns the processes of the container, as the caller's pid namespace sees
// them, sorted: those in its cgroup. Without one they are those in the pid or mount
// namespace of the first process, if that has its own; while that lives.
func (c *container) members(m cgroups.Manager) ([]int, error) {
	if c.hasCgroup() {
		return m.Processes()
	}
	spaces, err := c.ownSpaces()
	if err != nil {
		return nil, err
	}
	return spaces.processes()
}

// A space is a namespace, by its kind and what identifies it.
type space struct {
	kind string
	ino  uint64
}

type spaces []space

// needsInit says that only through the first process, while it lives, the others are
// found, and that they outlive it.
func (c *container) needsInit() bool { return !c.hasCgroup() && !c.record.PrivatePids }

// ownSpaces are the namespaces by which the container's processes can be told from
// others: those that were made for it. One that it joined is somebody else's, too.
// There are none when the first process has ended.
func (c *container) ownSpaces() (spaces, error) {
	config, err := c.config()
	if errors.Is(err, fs.ErrNotExist) { // its creator was killed before it was saved
		config, err = new(specs.Spec), nil
	}
	if err != nil {
		return nil, err
	}
	var own spaces
	for _, kind := range [...]specs.LinuxNamespaceType{specs.PIDNamespace, specs.MountNamespace} {
		if !madeNamespace(config, kind) {
			continue
		}
		name := spec.NamespaceByType(kind).File
		mine, _ := spaceOf("self", name) // a process that is being born may be there still
		if its, ok := spaceOf(strconv.Itoa(c.record.Init.Pid), name); ok && its.ino != mine.ino {
			own = append(own, its)
		}
	}
	// what was read is of the first process only if that lives even now
	if state, err := c.record.Init.State(); err != nil || state != process.Running {
		return nil, err
	}
	return own, nil
}

// madeNamespace tells whether a container has a namespace that was made for it.
func madeNamespace(s *specs.Spec, kind specs.LinuxNamespaceType) bool {
	return s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == kind && n.Path == ""
	})
}

func spaceOf(process, kind string) (space, bool) {
	var st unix.Stat_t
	if unix.Stat("/proc/"+process+"/ns/"+kind, &st) != nil {
		return space{}, false
	}
	return space{kind, st.Ino}, true
}

// processes returns those that are in one of the namespaces, sorted.
func (s spaces) processes() (pids []int, err error) {
	if len(s) == 0 {
		return nil, nil
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("listing the processes: %w", err)
	}
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil && s.have(pid) {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	return pids, nil
}

// have says whether a process is in one of the namespaces.
func (s spaces) have(pid int) bool {
	return slices.ContainsFunc(s, func(own space) bool {
		its, ok := spaceOf(strconv.Itoa(pid), own.kind)
		return ok && its == own
	})
}

// killMembers sends a signal to every process of a container without a cgroup, to the
// first process last: while that lives, another command finds the others. With SIGKILL
// it waits for their ends, and goes on until there are none left.
func (c *container) killMembers(sig unix.Signal) error {
	spaces, err := c.ownSpaces()
	if err != nil {
		return err
	}
	for deadline := time.Now().Add(process.EndTimeout); ; {
		pids, err := spaces.processes()
		if err != nil {
			return err
		}
		if i := slices.Index(pids, c.record.Init.Pid); i >= 0 {
			pids = append(slices.Delete(pids, i, i+1), c.record.Init.Pid)
		}
		last, err := spaces.signal(pids, sig)
		// One that is ending has left its namespaces before it has ended.
		for _, fd := range last {
			if err == nil && sig == unix.SIGKILL {
				err = process.WaitEnd(fd)
			}
			unix.Close(fd)
		}
		if err != nil || sig != unix.SIGKILL || len(pids) == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("killing the processes of the container: processes %v do not end", pids)
		}
	}
}

// maxOpen is how many processes are held at once.
const maxOpen = 256

// signal sends a signal to the processes that are in one of the namespaces, and
// returns pidfds of the last ones: as many as may be open.
func (s spaces) signal(pids []int, sig unix.Signal) (last []int, err error) {
	for _, pid := range pids {
		if len(last) == maxOpen {
			closeAll(last...)
			last = last[:0]
		}
		fd, err := unix.PidfdOpen(pid, 0)
		if (err == unix.EMFILE || err == unix.ENFILE) && len(last) > 0 {
			closeAll(last...)
			last = last[:0]
			fd, err = unix.PidfdOpen(pid, 0)
		}
		if err == unix.ESRCH {
			continue
		}
		if err != nil {
			return last, fmt.Errorf("opening process %d: %w", pid, err)
		}
		// The pid may have changed hands before it was opened.
		if !s.have(pid) {
			unix.Close(fd)
			continue
		}
		last = append(last, fd)
		if err := kernel.Signal(fd, sig); err != nil {
			return last, fmt.Errorf("sending signal %d to process %d: %w", int(sig), pid, err)
		}
	}
	return last, nil
}
