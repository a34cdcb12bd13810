package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rung-oci/rung/cgroups"
)

const cgroupRoot = "/sys/fs/cgroup"

// suiteControllers are the controllers that programs of the suite need and
// that machines often leave unmounted.
var suiteControllers = [...]string{"hugetlb", "net_cls", "net_prio", "perf_event"}

// mountMissing mounts the cgroup v1 hierarchies of suiteControllers that are
// not mounted yet. The caller's mount namespace must be its own: the host's
// hierarchies are moved to a new tmpfs over /sys/fs/cgroup, so that not even a
// directory is made in the host's.
//
// It returns the controllers it mounted, and those that stayed missing with the
// reason.
func mountMissing() (added []string, missing map[string]string, err error) {
	missing = map[string]string{}
	mounted, err := mountedControllers()
	if err != nil {
		return nil, nil, err
	}
	var want []string
	for _, c := range suiteControllers {
		if _, ok := mounted[c]; !ok {
			want = append(want, c)
		}
	}
	if len(want) == 0 {
		return nil, missing, nil
	}
	if len(mounted) == 0 {
		for _, c := range want {
			missing[c] = "no cgroup v1 hierarchy below " + cgroupRoot
		}
		return nil, missing, nil
	}

	if err := replaceCgroupRoot(); err != nil {
		return nil, nil, err
	}
	for _, c := range want {
		dir := filepath.Join(cgroupRoot, c)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return nil, nil, err
		}
		if err := syscall.Mount("cgroup", dir, "cgroup", 0, c); err != nil {
			missing[c] = whyNotMounted(c, err)
			if err := os.Remove(dir); err != nil {
				return nil, nil, err
			}
			continue
		}
		added = append(added, c)
	}
	return added, missing, nil
}

// unmountAdded unmounts the hierarchies of controllers that mountMissing
// added. A hierarchy that still has cgroups when it is unmounted, if only
// removed ones that the kernel has not freed yet, stays with the machine and
// appears in every process's /proc/PID/cgroup; so this waits for the kernel, and
// says so if that was not enough: others may have cgroups there, too.
func unmountAdded(controllers []string) error {
	for _, c := range controllers {
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			n, err := countCgroups(c)
			if err != nil {
				return err
			}
			if n == 1 { // its root
				break
			}
			if time.Now().After(end) {
				fmt.Printf("# %s: still has %d cgroups, the hierarchy stays with the machine\n", c, n)
				break
			}
		}
		if err := syscall.Unmount(filepath.Join(cgroupRoot, c), 0); err != nil {
			return fmt.Errorf("unmounting hierarchy %s: %w", c, err)
		}
	}
	return nil
}

// countCgroups returns a controller's number of cgroups, from /proc/cgroups.
func countCgroups(controller string) (int, error) {
	data, err := os.ReadFile("/proc/cgroups")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if fields := strings.Fields(line); len(fields) == 4 && fields[0] == controller {
			return strconv.Atoi(fields[2])
		}
	}
	return 0, fmt.Errorf("/proc/cgroups lacks %s", controller)
}

// whyNotMounted explains the errno with which the kernel refused a hierarchy.
func whyNotMounted(controller string, err error) string {
	enabled, _ := os.ReadFile("/proc/cgroups")
	if !strings.Contains(string(enabled), controller+"\t") {
		return "this kernel does not have it"
	}
	carriers, _ := filepath.Glob(cgroupRoot + "/*/cgroup.controllers")
	for _, file := range carriers {
		data, _ := os.ReadFile(file)
		if slices.Contains(strings.Fields(string(data)), controller) {
			return "carried by the cgroup v2 hierarchy at " + filepath.Dir(file)
		}
	}
	return err.Error()
}

// mountedControllers maps each cgroup v1 controller (and name=… hierarchy) to
// the mount point of its hierarchy. It holds nothing of cgroup v2.
func mountedControllers() (map[string]string, error) {
	found, err := cgroups.Find()
	mounted := map[string]string{}
	for _, h := range found {
		for _, controller := range h.Controllers {
			mounted[controller] = h.Mountpoint
		}
	}
	return mounted, err
}

// replaceCgroupRoot covers /sys/fs/cgroup with a tmpfs that has the same
// entries: hierarchies are moved, symbolic links (cpu -> cpu,cpuacct) copied.
func replaceCgroupRoot() error {
	old, err := os.Open(cgroupRoot)
	if err != nil {
		return err
	}
	defer old.Close()
	entries, err := old.ReadDir(-1)
	if err != nil {
		return err
	}
	err = syscall.Mount("tmpfs", cgroupRoot, "tmpfs", syscall.MS_NOSUID|syscall.MS_NODEV|syscall.MS_NOEXEC, "mode=755")
	if err != nil {
		return fmt.Errorf("mounting a tmpfs on %s: %w", cgroupRoot, err)
	}
	for _, entry := range entries {
		from := fmt.Sprintf("/proc/self/fd/%d/%s", old.Fd(), entry.Name())
		to := filepath.Join(cgroupRoot, entry.Name())
		switch {
		case entry.IsDir():
			if err := os.Mkdir(to, 0o755); err != nil {
				return err
			}
			err := syscall.Mount(from, to, "", syscall.MS_MOVE, "")
			if errors.Is(err, syscall.EINVAL) {
				continue // a plain directory, nothing is mounted there
			}
			if err != nil {
				return fmt.Errorf("moving the mount on %s: %w", to, err)
			}
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(from)
			if err != nil {
				return err
			}
			if err := os.Symlink(target, to); err != nil {
				return err
			}
		}
	}
	return nil
}

// leftovers are the cgroups that the suite's programs make and leave behind:
// /cgrouptest and, relative to whatever the runtime takes as the base, to
// testdir/cgrouptest.
type leftovers struct{ dirs []string }

// findLeftovers lists, for each hierarchy, those of the suite's cgroups
// that do not exist yet, and may therefore be removed afterwards.
func findLeftovers() (leftovers, error) {
	found, err := cgroups.Find()
	if err != nil {
		return leftovers{}, err
	}
	var l leftovers
	for _, h := range found {
		for _, dir := range []string{"cgrouptest", "testdir", filepath.Join(h.Own, "testdir")} {
			path := filepath.Join(h.Mountpoint, dir)
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) && !slices.Contains(l.dirs, path) {
				l.dirs = append(l.dirs, path)
			}
		}
	}
	slices.Sort(l.dirs)
	return l, nil
}

// remove removes the cgroups that have appeared since findLeftovers, innermost
// first, and returns how many there were.
func (l leftovers) remove() (int, error) {
	var removed int
	var errs []error
	for _, dir := range l.dirs {
		var found []string
		filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return nil
		})
		for _, path := range slices.Backward(found) {
			if err := syscall.Rmdir(path); err != nil {
				errs = append(errs, fmt.Errorf("removing cgroup %s: %w", path, err))
				continue
			}
			removed++
		}
	}
	return removed, errors.Join(errs...)
}
