package bundle

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// LeavesNothing requires that the runtime has left nothing of the container
// behind: no state, process, cgroup or mount.
func (c *Container) LeavesNothing() {
	c.t.Helper()
	for _, left := range c.leftovers() {
		c.t.Errorf("left behind: %s", left)
	}
}

func (c *Container) leftovers() []string {
	c.t.Helper()
	var left []string
	if _, err := os.Lstat(filepath.Join(c.Root, c.ID)); err == nil {
		left = append(left, "state "+filepath.Join(c.Root, c.ID))
	}
	mounts, err := mountinfo()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range mounts {
		switch {
		case strings.HasPrefix(m.point, c.Dir+"/"):
			left = append(left, "mount "+m.point)
		case m.isCgroup():
			if dir := filepath.Join(m.point, c.Cgroup); exists(dir) {
				left = append(left, "cgroup "+dir)
			}
		}
	}
	return append(left, processesOf(c.Dir, c.Cgroup)...)
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// processesOf describes the processes whose root directory or working
// directory is below dir, or who are in a cgroup of that path.
func processesOf(dir, cgroup string) []string {
	var found []string
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		root, _ := os.Readlink(proc + "/root")
		cwd, _ := os.Readlink(proc + "/cwd")
		cgroups, _ := os.ReadFile(proc + "/cgroup")
		if !strings.HasPrefix(root, dir+"/") && !strings.HasPrefix(cwd, dir+"/") &&
			!bytes.Contains(cgroups, []byte(":"+cgroup+"\n")) {
			continue
		}
		if p, ok := readProcess(proc); ok && p.state != 'Z' {
			found = append(found, "process "+p.String())
		}
	}
	return found
}

type process struct {
	pid, parent int
	name        string
	state       byte
}

func (p process) String() string { return fmt.Sprintf("%d (%s, state %c)", p.pid, p.name, p.state) }

// readProcess reads /proc/PID/stat; the process may be gone.
func readProcess(proc string) (p process, ok bool) {
	stat, err := os.ReadFile(proc + "/stat")
	if err != nil {
		return p, false
	}
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')') // the name may hold anything
	if open < 0 || end < open {
		return p, false
	}
	p.name = string(stat[open+1 : end])
	if _, err := fmt.Sscan(string(stat[:open]), &p.pid); err != nil {
		return p, false
	}
	_, err = fmt.Sscanf(string(stat[end+1:]), " %c %d", &p.state, &p.parent)
	return p, err == nil
}

type mount struct{ point, fstype string }

func (m mount) isCgroup() bool { return m.fstype == "cgroup" || m.fstype == "cgroup2" }

// mountinfo lists this process's mounts, proc_pid_mountinfo(5).
func mountinfo() ([]mount, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var mounts []mount
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		before, after, ok := strings.Cut(lines.Text(), " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if ok && len(fields) > 4 && len(super) > 0 {
			mounts = append(mounts, mount{fields[4], super[0]})
		}
	}
	return mounts, lines.Err()
}

// CgroupMounts lists the mount points of the cgroup hierarchies.
func CgroupMounts() ([]string, error) {
	mounts, err := mountinfo()
	if err != nil {
		return nil, err
	}
	var points []string
	for _, m := range mounts {
		if m.isCgroup() && !slices.Contains(points, m.point) {
			points = append(points, m.point)
		}
	}
	return points, nil
}

// RemoveCgroups removes a cgroup with all that are below it from every
// hierarchy and returns the directories of those that were below it.
func RemoveCgroups(cgroup string) (below []string, err error) {
	mounts, err := CgroupMounts()
	if err != nil {
		return nil, err
	}
	for _, mount := range mounts {
		var dirs []string
		top := filepath.Join(mount, cgroup)
		filepath.WalkDir(top, func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			if dir != top {
				below = append(below, dir)
			}
			if rmdirErr := syscall.Rmdir(dir); rmdirErr != nil && err == nil {
				err = fmt.Errorf("removing cgroup %s: %w", dir, rmdirErr)
			}
		}
	}
	return below, err
}
