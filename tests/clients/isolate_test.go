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

// leftProcesses lists the processes of the pid namespace that are still there
// when there should be none but this one and its parent.
func leftProcesses() []string {
	var left []string
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		left = nil
		dirs, _ := filepath.Glob("/proc/[0-9]*")
		for _, dir := range dirs {
			args, err := os.ReadFile(dir + "/cmdline") // empty for zombies
			if pid := filepath.Base(dir); err == nil && len(args) > 0 && pid != "1" && pid != strconv.Itoa(os.Getpid()) {
				left = append(left, pid+" "+strings.ReplaceAll(string(args), "\x00", " "))
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
