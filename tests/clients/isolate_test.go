package clients

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// insideEnv is set in the process that runs the tests.
const insideEnv = "RUNG_TEST_CLIENTS_INSIDE"

// isolated calls f in pid, network, mount and cgroup namespaces of its own, so
// that daemons, bridges and firewall rules of the clients are theirs alone and
// vanish with them. The cgroups are below bundle.CgroupParent, the files below
// bundle.Scratch. It returns f's exit code, and at least 1 when anything is
// left behind.
func isolated(f func() int) int {
	if os.Getenv(insideEnv) != "" {
		return inside(f)
	}
	return bundle.Isolated("rung-clients", func() int {
		code, err := enter()
		if err != nil {
			fmt.Fprintln(os.Stderr, "clients:", err)
			return 1
		}
		return code
	})
}

// enter starts this program again in the namespaces. Its parent there is tini,
// which reaps what conmon and the shims leave to the first process.
func enter() (int, error) {
	if err := enterCgroups(bundle.CgroupParent()); err != nil {
		return 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	args := []string{"--cgroup", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "tini", "--", self}
	cmd := exec.Command("unshare", append(args, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err = cmd.Run()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// enterCgroups makes a cgroup in every hierarchy, moves this process there, and
// hides the rest of the hierarchy: a cgroup namespace made now begins there.
func enterCgroups(cgroup string) error {
	hierarchies, err := bundle.CgroupMounts()
	if err != nil {
		return err
	}
	for _, hierarchy := range hierarchies {
		dir := filepath.Join(hierarchy, cgroup)
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
		for _, file := range [...]string{"cpuset.cpus", "cpuset.mems"} { // cpuset takes nobody in before
			if value, err := os.ReadFile(filepath.Join(hierarchy, file)); err == nil {
				if err := os.WriteFile(filepath.Join(dir, file), value, 0); err != nil {
					return err
				}
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(os.Getpid())), 0); err != nil {
			return err
		}
		if err := unix.Mount(dir, hierarchy, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("hiding %s: %w", hierarchy, err)
		}
	}
	return nil
}

// inside prepares the namespaces, calls f, stops the daemons and looks for what
// was left.
func inside(f func() int) int {
	if err := prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "clients:", err)
		return 1
	}
	code := f()
	stopEngines()
	endLeftByPeers()
	for _, left := range leftProcesses() {
		fmt.Fprintln(os.Stderr, "left behind: process", left)
		code = max(code, 1)
	}
	removeParents()
	return code
}

// prepare hides the directories in which the clients keep what they share with
// others of their kind on the machine. Storage is in memory: an overlay can be
// mounted on that whatever the machine's file system is, and the many calls of
// fsync cost nothing.
func prepare() error {
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	for _, dir := range [...]string{"/run", "/dev/shm", "/var/lib/cni", bundle.Scratch()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
			return fmt.Errorf("mounting tmpfs on %s: %w", dir, err)
		}
	}
	if err := os.Chmod("/dev/shm", 0o777|os.ModeSticky); err != nil {
		return err
	}
	upper, work := scratch("etc/upper"), scratch("etc/work")
	for _, dir := range [...]string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := unix.Mount("etc", "/etc", "overlay", 0, "lowerdir=/etc,upperdir="+upper+",workdir="+work); err != nil {
		return fmt.Errorf("mounting an overlay on /etc: %w", err)
	}
	return makeImage(imageArchive())
}

// scratch returns the path of a file in the directory of the tests.
func scratch(name string) string { return filepath.Join(bundle.Scratch(), name) }

// endLeftByPeers ends what the engines of the peers left behind, and says so: a
// control that hangs shows nothing about rung.
func endLeftByPeers() {
	var dirs []string
	for key := range engines.start {
		if _, runtime, _ := strings.Cut(key, "-"); !strings.HasPrefix(runtime, "rung") {
			dirs = append(dirs, scratch(key)+"/")
		}
	}
	left := processesOf(dirs)
	var cgroups []string
	for _, pid := range left {
		fmt.Fprintln(os.Stderr, "# left behind by a peer, and ended: process", pid, commandLine(pid))
		cgroups = append(cgroups, cgroupsOf(pid)...)
	}
	for _, pid := range left {
		unix.Kill(pid, unix.SIGKILL)
	}
	end := time.Now().Add(5 * time.Second)
	for _, cgroup := range cgroups {
		for unix.Rmdir(cgroup) == unix.EBUSY && time.Now().Before(end) {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// processesOf lists the processes that have one of the directories in their
// command line, as shims and conmon have their engine's, and all below them.
func processesOf(dirs []string) []int {
	children := map[int][]int{}
	var found []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if slices.ContainsFunc(dirs, func(dir string) bool { return strings.Contains(commandLine(pid), dir) }) {
			found = append(found, pid)
		}
		stat, _ := os.ReadFile(path)
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 {
			parent, _ := strconv.Atoi(fields[1])
			children[parent] = append(children[parent], pid)
		}
	}
	for i := 0; i < len(found); i++ {
		for _, child := range children[found[i]] {
			if !slices.Contains(found, child) {
				found = append(found, child)
			}
		}
	}
	return found
}

// cgroupsOf lists the directories of a process's cgroups.
func cgroupsOf(pid int) []string {
	hierarchies, err := bundle.CgroupMounts()
	if err != nil {
		return nil
	}
	lines, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	var dirs []string
	for line := range strings.Lines(string(lines)) {
		if parts := strings.SplitN(strings.TrimSpace(line), ":", 3); len(parts) == 3 && parts[2] != "/" {
			for _, hierarchy := range hierarchies { // those it is not in do not have it, or not empty
				dirs = append(dirs, filepath.Join(hierarchy, parts[2]))
			}
		}
	}
	return dirs
}

// commandLine returns the arguments of a process, empty for zombies.
func commandLine(pid int) string {
	args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return strings.ReplaceAll(string(args), "\x00", " ")
}

// leftProcesses lists the processes of the pid namespace that are still there
// when there should be none but this one and its parent.
func leftProcesses() []string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left = nil
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			pid, _ := strconv.Atoi(filepath.Base(dir))
			if args := commandLine(pid); args != "" && pid != 1 && pid != os.Getpid() {
				left = append(left, fmt.Sprint(pid, " ", args))
			}
		}
		if left == nil {
			return nil
		}
	}
	return left
}

// removeParents removes the cgroups that the clients make for themselves and
// keep. Those of containers are for the runtime to remove, and stay to be found.
func removeParents() {
	hierarchies, err := bundle.CgroupMounts()
	if err != nil {
		return
	}
	container := regexp.MustCompile(`/(libpod-|docker/)[0-9a-f]{64}$`)
	for _, hierarchy := range hierarchies {
		var dirs []string
		filepath.WalkDir(hierarchy, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || !entry.IsDir():
			case container.MatchString(path):
				return fs.SkipDir
			case path != hierarchy:
				dirs = append(dirs, path)
			}
			return nil
		})
		for _, dir := range slices.Backward(dirs) {
			unix.Rmdir(dir)
		}
	}
}
