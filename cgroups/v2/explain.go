package v2

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/cgroupfs"
)

// cannotMake is why a cgroup cannot be made at path.
func cannotMake(path, mountpoint string, err error) error {
	failed := &cgroups.MakeError{Err: fmt.Errorf("creating cgroup %s: %w", path, err), Hint: hint(err)}
	if errors.Is(err, unix.EAGAIN) {
		for dir := filepath.Dir(path); ; dir = filepath.Dir(dir) {
			if why := full(dir, path); why != "" {
				failed.Err = fmt.Errorf("%w: %s", failed.Err, why)
				break
			}
			if dir == mountpoint || dir == "/" {
				break
			}
		}
	}
	return failed
}

// hint says what can be done about a cgroup that cannot be made or written to.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EROFS):
		return "the cgroups are mounted read-only here, as in an unprivileged container: " +
			"they have to be writable, or rung to run outside"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return "no cgroup is delegated to this user there: run rung as root, or name one in linux.cgroupsPath that " +
			"the user may write to, as in systemd-run --user --scope -p Delegate=yes"
	case errors.Is(err, unix.EAGAIN):
		return "remove cgroups that are not used, or raise that limit"
	}
	return ""
}

// full says which limit of a cgroup keeps one from being made below it.
func full(dir, path string) string {
	value := func(file string) string {
		v, _ := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(dir, file))
		return v
	}
	depth := strings.Count(strings.TrimPrefix(path, dir), "/")
	if most, err := strconv.Atoi(value("cgroup.max.depth")); err == nil && depth > most {
		return fmt.Sprintf("cgroup.max.depth of %s is %d", dir, most)
	}
	most := value("cgroup.max.descendants")
	for line := range strings.Lines(value("cgroup.stat")) {
		if n, ok := strings.CutPrefix(strings.TrimSpace(line), "nr_descendants "); ok && n == most {
			return fmt.Sprintf("cgroup.max.descendants of %s is %s, and it has as many", dir, most)
		}
	}
	return ""
}

// cannotEnable is why a cgroup does not enable a controller for its children.
func cannotEnable(dir string, n Need, err error) error {
	failed := &cgroups.MakeError{Hint: hint(err)}
	failed.Err = fmt.Errorf("%s: enabling the %s controller: writing %q to %s: %w",
		n.Property, n.Controller, "+"+n.Controller, filepath.Join(dir, subtreeFile), err)
	switch {
	case errors.Is(err, unix.EBUSY):
		why, hint := occupied(dir)
		failed.Err, failed.Hint = fmt.Errorf("%w: %s", failed.Err, why), hint
	case errors.Is(err, unix.EOPNOTSUPP):
		failed.Err = fmt.Errorf("%w: %s", failed.Err, threaded(dir))
		failed.Hint = "name a cgroup in linux.cgroupsPath that is not below a threaded one"
	}
	return failed
}

// occupied says who keeps a cgroup from enabling controllers: one that has processes cannot
// ("no internal processes").
func occupied(dir string) (why, hint string) {
	why = "a cgroup with processes cannot enable controllers for its children"
	pids, err := processesOf(dir)
	if err != nil || len(pids) == 0 {
		return why, ""
	}
	const most = 10
	why += fmt.Sprintf(", and %s has %v", dir, pids[:min(most, len(pids))])
	if len(pids) > most {
		why += fmt.Sprintf(" and %d more", len(pids)-most)
	}
	if slices.Contains(pids, os.Getpid()) {
		return why + ", rung among them", "move all of them to a cgroup below, as in " +
			"mkdir " + filepath.Join(dir, "init") + " and then writing their pids to its cgroup.procs; " +
			"or let linux.cgroupsPath begin elsewhere"
	}
	return why, "move them to a cgroup below it, or name another parent in linux.cgroupsPath"
}

// processesOf are the processes in a cgroup itself.
func processesOf(dir string) ([]int, error) {
	fd, err := cgroupfs.OpenDir(dir)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return cgroupfs.Sorted(cgroupfs.AppendPids(nil, fd))
}

// threaded says of what type a cgroup is that may only have threads
// (Documentation/admin-guide/cgroup-v2.rst, "Threads").
func threaded(dir string) string {
	kind, err := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(dir, "cgroup.type"))
	if err != nil {
		return "it is of a kind that cannot"
	}
	return fmt.Sprintf("cgroup.type of %s is %q: it and those below it are for threads of one process, or for what "+
		"limits only these (cpu, cpuset, pids)", dir, kind)
}

// cannotJoin is why the way into a cgroup cannot be opened.
func cannotJoin(dir string, err error) error {
	if cgroupfs.IgnoreGone(err) == nil {
		return fmt.Errorf("joining cgroup %s: it is gone: somebody else has removed it: %w", dir, err)
	}
	return fmt.Errorf("joining cgroup %s: %w", dir, err)
}

// refused says why the kernel lets no process be born in the cgroup.
func (m *Manager) refused(err error) error {
	dir := m.joined()
	var why string
	switch {
	case errors.Is(err, unix.EBUSY):
		enabled, _ := cgroupfs.ReadValue(unix.AT_FDCWD, filepath.Join(dir, subtreeFile))
		why = fmt.Sprintf("it has controllers enabled for cgroups below it (%s is %q), "+
			"so that it can have no processes itself", subtreeFile, enabled)
	case errors.Is(err, unix.EOPNOTSUPP):
		why = threaded(dir)
	case errors.Is(err, unix.ENODEV):
		why = "it is gone: somebody else has removed it"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		why = "this user may not move processes there: " + cgroupfs.Procs + " of it, and of the cgroup that it has " +
			"in common with rung's, have to be the user's"
	default:
		return err
	}
	return fmt.Errorf("joining cgroup %s: %w: %s", dir, err, why)
}
