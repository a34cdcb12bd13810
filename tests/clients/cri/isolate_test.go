package cri

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain runs the tests three processes deep: the first builds what they need
// and cleans up after them; the second is process 1 of a new pid namespace,
// which reaps the shims, and whose end ends everything; the third tests.
func TestMain(m *testing.M) {
	const stage = "RUNG_TEST_CRI_STAGE"
	var code int
	var err error
	switch os.Getenv(stage) {
	case "":
		if os.Geteuid() != 0 {
			os.Exit(m.Run()) // they skip
		}
		os.Setenv(stage, "init")
		code, err = supervise()
	case "init":
		os.Setenv(stage, "test")
		code, err = reapUntilTested()
	default:
		if err = prepareNamespaces(); err == nil {
			os.Exit(m.Run())
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "cri:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// cgroupParentEnv has the path of the cgroup below which all containers are.
const cgroupParentEnv = "RUNG_TEST_CRI_CGROUP"

func cgroupParent() string { return os.Getenv(cgroupParentEnv) }

// supervise builds, starts the tests in new namespaces, and removes the cgroups
// in the end; the rest that they leave goes with their namespaces. A cgroup
// left below the parent is a failure, unless a control left it.
func supervise() (code int, err error) {
	runtime.LockOSThread() // the parent-death signal is about the thread
	if err := buildPrograms(); err != nil {
		return 0, err
	}
	parent := fmt.Sprintf("/rung-cri-%d", os.Getpid())
	os.Setenv(cgroupParentEnv, parent)
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM) // the tests get them too; clean up after them

	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
		Pdeathsig:  unix.SIGKILL,
	}
	runErr := cmd.Run()
	var exit *exec.ExitError
	if runErr != nil && !errors.As(runErr, &exit) {
		return 0, runErr
	}
	return cmd.ProcessState.ExitCode(), removeCgroups(parent)
}

// removeCgroups removes a cgroup from every hierarchy, and reports what was left below it.
func removeCgroups(parent string) error {
	var errs []error
	for _, mount := range cgroupMounts() {
		var dirs []string
		filepath.WalkDir(filepath.Join(mount, parent), func(path string, entry os.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for i := len(dirs) - 1; i >= 0; i-- {
			if leftByControl(strings.TrimPrefix(dirs[i], filepath.Join(mount, parent))) {
				fmt.Fprintln(os.Stderr, "# left behind by a control: cgroup", dirs[i])
			} else if i > 0 {
				errs = append(errs, fmt.Errorf("left behind: cgroup %s", dirs[i]))
			}
			if err := os.Remove(dirs[i]); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// leftByControl reports whether a path below the parent is that of an attempt
// with a control, whose name says so.
func leftByControl(path string) bool {
	attempt, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return slices.ContainsFunc(controls, func(control string) bool {
		return strings.Contains(attempt, "-"+control+"-")
	})
}

// cgroupMounts are the mount points of the cgroup hierarchies, proc_pid_mountinfo(5).
func cgroupMounts() []string {
	data, _ := os.ReadFile("/proc/self/mountinfo")
	var points []string
	for line := range strings.Lines(string(data)) {
		if mount, source, ok := strings.Cut(line, " - "); ok && strings.HasPrefix(source, "cgroup") {
			points = append(points, strings.Fields(mount)[4])
		}
	}
	return points
}

// mountHierarchies mounts the hierarchies that this process is in and does not
// see, because somebody mounted them in another namespace: containerd's
// statistics want all of them.
func mountHierarchies() error {
	data, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(data)) {
		controllers := strings.Split(line, ":")[1]
		if controllers == "" || regexp.MustCompile(` - cgroup .*\b`+regexp.QuoteMeta(controllers)+`\b`).Match(mounts) {
			continue
		}
		point := "/run/cgroup/" + controllers
		if err := os.MkdirAll(point, 0o755); err != nil {
			return err
		}
		if err := unix.Mount("cgroup", point, "cgroup", 0, controllers); err != nil {
			return fmt.Errorf("mounting the hierarchy %s: %w", controllers, err)
		}
	}
	return nil
}

// reapUntilTested starts the tests and reaps whatever ends, until they do.
func reapUntilTested() (code int, err error) {
	signal.Ignore(unix.SIGINT, unix.SIGTERM)
	child, err := os.StartProcess("/proc/self/exe", os.Args, &os.ProcAttr{
		Env: os.Environ(), Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	if err != nil {
		return 0, err
	}
	for {
		var status unix.WaitStatus
		switch pid, err := unix.Wait4(-1, &status, 0, nil); {
		case pid == child.Pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case pid == child.Pid:
			return status.ExitStatus(), nil
		case err == unix.ECHILD:
			return 0, fmt.Errorf("the tests' process vanished: %w", err)
		}
	}
}

// prepareNamespaces gives the new namespaces a /proc and a /sys of their own
// and fresh directories for what containerd, its plugins and runtimes keep.
func prepareNamespaces() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("making all mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mounting /proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/lib", "/var/log", "/etc/cni", "/etc/cdi", "/etc/containerd", "/opt"} {
		err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
		if err != nil && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("mounting a tmpfs on %s: %w", dir, err)
		}
	}
	if err := mountHierarchies(); err != nil {
		return err
	}
	// Volumes with shared propagation need a shared mount to begin with.
	if err := os.Mkdir(volumesDir, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", volumesDir, "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("mounting a tmpfs on %s: %w", volumesDir, err)
	}
	if err := unix.Mount("", volumesDir, "", unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing %s: %w", volumesDir, err)
	}
	if out, err := exec.Command("ip", "link", "set", "lo", "up").CombinedOutput(); err != nil {
		return fmt.Errorf("ip link set lo up: %w: %s", err, out)
	}
	return nil
}

// volumesDir is a shared mount for the directories that containers bind.
const volumesDir = "/run/volumes"

func TestLeftByControl(t *testing.T) {
	for path, want := range map[string]bool{
		"":                               false,
		"/together-exec-runc-7-1":        true,
		"/together-exec-runc-7-1/8a2f":   true,
		"/crun-killed-rung-8-1":          false,
		"/together-exec-rung-8-1/-runc-": false,
	} {
		if got := leftByControl(path); got != want {
			t.Errorf("%q: %v, want %v", path, got, want)
		}
	}
}
