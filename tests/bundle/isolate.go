package bundle

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What the supervisor tells its child.
const (
	scratchEnv = "RUNG_TEST_SCRATCH"
	cgroupEnv  = "RUNG_TEST_CGROUP"
)

// Scratch is the directory below which an isolated function works.
func Scratch() string { return os.Getenv(scratchEnv) }

// CgroupParent is the cgroup below which an isolated function works, a path
// for cgroupsPath.
func CgroupParent() string { return os.Getenv(cgroupEnv) }

// Main is the TestMain of packages whose tests run containers: the tests run
// isolated. Without root, but in the forms for that, they run in place, and New skips them.
func Main(m *testing.M) {
	if os.Geteuid() != 0 && !Rootless() {
		os.Exit(m.Run())
	}
	os.Exit(Isolated("rung-test", m.Run))
}

// Isolated starts this program again in a mount namespace of its own, calls f
// there, and returns its exit code. Meanwhile this process adopts and reaps
// orphans, so that a container's init does not depend on how fast the machine's
// first process is. In the end it removes Scratch and CgroupParent, whose name
// starts with name. Nothing may be left: a process or a cgroup that is still
// there makes the exit code at least 1.
func Isolated(name string, f func() int) int {
	if Scratch() != "" {
		return f()
	}
	code, err := supervise(name)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return max(code, 1)
	}
	return code
}

func supervise(name string) (code int, err error) {
	// The parent-death signal is about the thread that started the child.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return 0, fmt.Errorf("becoming a subreaper: %w", err)
	}
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, unix.SIGINT, unix.SIGTERM) // the child gets them too; clean up after it

	scratch, err := os.MkdirTemp("", name+"-")
	if err != nil {
		return 0, err
	}
	if err := os.Chmod(scratch, 0o755); err != nil { // containers run as other users, too
		return 0, err
	}
	cgroup, err := newCgroupParent(name)
	if err != nil {
		return 0, err
	}
	child, err := isolated(scratchEnv+"="+scratch, cgroupEnv+"="+cgroup)
	if err != nil {
		return 0, err
	}
	status := reapUntil(child.Pid)
	code = status.ExitStatus()
	if status.Signaled() {
		code = 128 + int(status.Signal())
	}

	left := killOrphans()
	if Systemd() {
		units, err := removeSlice(filepath.Base(cgroup))
		if err != nil {
			units = append(units, err.Error())
		}
		left = append(left, units...)
	}
	cgroups, err := RemoveCgroups(cgroup)
	left = append(left, cgroups...)
	remove := []string{"rm", "-rf", "--one-file-system", scratch}
	if Rootless() { // who has made it may not enter all of it
		remove = inUserNamespace(remove...)
	}
	if out, rmErr := exec.Command(remove[0], remove[1:]...).CombinedOutput(); rmErr != nil {
		left = append(left, strings.TrimSpace(string(out)))
	}
	for _, l := range left {
		fmt.Fprintln(os.Stderr, "left behind:", l)
		code = max(code, 1)
	}
	return code, err
}

// isolated starts this program again in a mount namespace of its own, with more
// environment.
func isolated(env ...string) (*os.Process, error) {
	attr := &os.ProcAttr{
		Env:   append(os.Environ(), env...),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Pdeathsig: unix.SIGKILL},
	}
	if !Rootless() {
		attr.Sys.Unshareflags = unix.CLONE_NEWNS
		return os.StartProcess("/proc/self/exe", os.Args, attr)
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	args := inUserNamespace(append([]string{self}, os.Args[1:]...)...)
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, err
	}
	return os.StartProcess(path, args, attr)
}

// reapUntil reaps every child that ends, until pid does.
func reapUntil(pid int) unix.WaitStatus {
	for {
		var status unix.WaitStatus
		if ended, err := unix.Wait4(-1, &status, 0, nil); err == nil && ended == pid {
			return status
		}
	}
}

// killOrphans kills the processes that were left, and describes them. One that
// does not end, as in a frozen cgroup, is not waited for for ever.
func killOrphans() []string {
	var left []string
	seen := map[int]bool{}
	for deadline := time.Now().Add(commandLimit); time.Now().Before(deadline); {
		pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
		if err == unix.ECHILD {
			return left
		}
		if pid > 0 {
			continue // a zombie is nothing that was left
		}
		procs, _ := filepath.Glob("/proc/[0-9]*")
		for _, proc := range procs {
			p, ok := readProcess(proc)
			if !ok || p.parent != os.Getpid() || p.state == 'Z' {
				continue
			}
			if !seen[p.pid] {
				seen[p.pid] = true
				left = append(left, "process "+p.String())
			}
			unix.Kill(p.pid, unix.SIGKILL)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return append(left, fmt.Sprintf("they did not end within %v", commandLimit))
}
