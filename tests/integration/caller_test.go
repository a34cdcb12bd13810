package integration

import (
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

// What rung's caller set for itself does not reach the container, except the
// limits, of which the soft one of open files is the caller's and not the Go
// runtime's.
func TestCallersStateDoesNotLeak(t *testing.T) {
	t.Parallel()
	const show = `grep -E "^(SigIgn|SigBlk|Cpus_allowed_list)" /proc/self/status; ` +
		`grep "open files" /proc/self/limits | tr -s " "; umask; cat /proc/self/oom_score_adj`
	change := func(s *specs.Spec) { s.Process.Rlimits = nil }
	for _, command := range []string{"run", "create"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			c := bundle.New(t, bundle.Shell(show), change)
			cmd := c.Command(command, "--bundle", c.Bundle, c.ID)
			script := `umask 0; ulimit -Sn 500; ulimit -Hn 900; exec env --ignore-signal=HUP,PIPE,USR1 ` +
				`--block-signal=USR2,TERM,CHLD,RTMIN+3 taskset 1 "$0" "$@"`
			cmd.Args = append([]string{"sh", "-c", script}, cmd.Args...)
			cmd.Path = "/bin/sh"
			r := c.Wait(cmd).OK()
			if command == "create" {
				c.Start().OK()
				c.WaitStatus(specs.StateStopped)
			}
			cpus := read(t, "/sys/devices/system/cpu/online")
			r.Prints("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\nCpus_allowed_list:\t" + cpus +
				"\nMax open files 500 900 files \n0022\n0")
		})
	}
}

// The umask of the caller, which services may have set to 077, is not that of
// the directories on the way to what a user namespace's root is to reach.
func TestCallersUmask(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, userNamespace(100000))
	parent := c.Cgroup
	c.Cgroup = filepath.Join(parent, "child")
	c.Configure(userNamespace(100000),
		bundle.Shell("cat /sys/fs/cgroup/pids/pids.max; stat -c %a /dev/pts /dev/shm /mnt"),
		bundle.Mount(specs.Mount{Destination: "/mnt", Type: "tmpfs", Source: "none"}))
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	cmd.Args = append([]string{"sh", "-c", `umask 077; exec "$0" "$@"`}, cmd.Args...)
	cmd.Path = "/bin/sh"
	r := c.Wait(cmd)
	if _, err := bundle.RemoveCgroups(parent); err != nil {
		t.Error(err)
	}
	r.OK().Prints("max\n755\n1777\n755")
}

// run passes on the signals that it gets, and takes the terminal's size itself.
func TestRunForwardsSignals(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell(`
		for s in USR1 HUP INT QUIT WINCH; do trap "echo $s" $s; done
		trap "echo TERM; exit 5" TERM
		echo ready; while :; do sleep 0.01; done`))
	cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
	log := filepath.Join(c.Dir, "stdout")
	cmd.Stdout = create(t, log)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	printed := func(want string) {
		bundle.Eventually(t, want, func() bool { return read(t, log) == want })
	}
	printed("ready")
	seen := "ready"
	for _, step := range []struct {
		signal syscall.Signal
		says   string
	}{
		{syscall.SIGHUP, "HUP"}, {syscall.SIGINT, "INT"}, {syscall.SIGUSR1, "USR1"},
		{syscall.SIGWINCH, ""}, // or it would be seen with the next one
		{syscall.SIGQUIT, "QUIT"}, {syscall.SIGTERM, "TERM"},
	} {
		if err := cmd.Process.Signal(step.signal); err != nil {
			t.Fatal(err)
		}
		if step.says != "" {
			seen += "\n" + step.says
			printed(seen)
		}
	}
	if cmd.Wait(); cmd.ProcessState.ExitCode() != 5 {
		t.Errorf("run: %v, want exit status 5", cmd.ProcessState)
	}
	c.LeavesNothing()
}

// The exit status of every kind of end.
func TestRunEveryExitStatus(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Args("sh", "/tmp/script"))
	for _, want := range []int{2, 3, 64, 125, 127, 128, 254} {
		write(t, c.Path("tmp/script"), "exit "+strconv.Itoa(want))
		c.Run().Exits(want)
	}
	// a process that a signal ended, in the host's pid namespace where it can
	killed := bundle.New(t, bundle.Shell("kill -USR1 $$"), bundle.WithoutNamespace(specs.PIDNamespace))
	killed.Run().Exits(128 + int(syscall.SIGUSR1))
}

// The ambient capabilities of the caller are not the container's, not even those
// that may be inheritable there.
func TestCallersAmbientCapabilities(t *testing.T) {
	t.Parallel()
	const print = "grep ^CapAmb /proc/self/status | cut -f2"
	inheritable := func(s *specs.Spec) {
		own := []string{"CAP_KILL"}
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: own, Permitted: own, Effective: own,
			Inheritable: own}
	}
	ambient := func(cmd *exec.Cmd) *exec.Cmd {
		cmd.Args = append([]string{"setpriv", "--inh-caps", "+kill", "--ambient-caps", "+kill"}, cmd.Args...)
		cmd.Path = "/usr/bin/setpriv"
		return cmd
	}
	c := bundle.New(t, bundle.Shell(print+"; "+idle), inheritable)
	created := c.Wait(ambient(c.Command("create", "--bundle", c.Bundle, c.ID))).OK()
	c.Start().OK()
	waitReady(t, created)
	created.Prints("0000000000000000\nready")
	c.Wait(ambient(c.Command("exec", c.ID, "sh", "-c", print))).OK().Prints("0000000000000000")
}
