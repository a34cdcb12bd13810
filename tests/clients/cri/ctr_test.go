package cri

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

func ctrFlows() []flow {
	return []flow{
		{name: "ctr-run", run: ctrRun},
		{name: "ctr-exit-code", run: ctrExitCode},
		{name: "ctr-command-not-found", run: ctrCommandNotFound},
		{name: "ctr-standard-input", run: ctrStandardInput},
		{name: "ctr-exec", run: ctrExec},
		{name: "ctr-exec-detached", run: ctrExecDetached},
		{name: "ctr-exec-killed", run: ctrExecKilled},
		{name: "ctr-list", run: ctrList},
		{name: "ctr-processes", run: ctrProcesses},
		{name: "ctr-kill", run: ctrKill},
		{name: "ctr-kill-all", run: ctrKillAll},
		{name: "ctr-delete-force", run: ctrDeleteForce},
		{name: "ctr-pause-and-resume", run: ctrPause},
		{name: "ctr-exec-while-paused", run: ctrExecPaused},
		{name: "ctr-delete-while-paused", run: ctrDeletePaused},
		{name: "ctr-metrics", run: ctrMetrics},
		{name: "ctr-options", run: ctrOptions},
		{name: "ctr-limits", run: ctrLimits},
		{name: "ctr-privileged", run: ctrPrivileged},
		{name: "ctr-root-directory", run: ctrRootDirectory},
		{name: "ctr-no-pivot", run: ctrNoPivot},
		{name: "ctr-joins-namespace", run: ctrJoinsNamespace},
		{name: "ctr-user-namespace", run: ctrUserNamespace},
		{name: "ctr-runtime-root", run: ctrRuntimeRoot},
		{name: "ctr-parallel", run: ctrParallel},
		{name: "ctr-checkpoint-and-restore", run: ctrCheckpoint},
	}
}

// runArgs are the arguments that run a container with this attempt's runtime.
func (a *attempt) runArgs(id string, flags []string, image string, process ...string) []string {
	args := []string{"run", "--runtime", "io.containerd.runc.v2", "--runc-binary", a.runtimes[a.handler],
		"--cgroup", cgroupParent() + "/" + id}
	args = append(append(args, flags...), image, id)
	return append(args, process...)
}

// run runs a container to its end, and removes it.
func (a *attempt) run(flags []string, process ...string) (stdout string, err error) {
	return a.ctr(a.runArgs(a.name, append([]string{"--rm"}, flags...), busyboxImage, process...)...)
}

// mustRun requires success.
func (a *attempt) mustRun(flags []string, process ...string) string {
	out, err := a.run(flags, process...)
	a.must(err)
	return out
}

// mustCtr runs another command of ctr, which has to succeed.
func (a *attempt) mustCtr(args ...string) string {
	out, err := a.ctr(args...)
	a.must(err)
	return out
}

// exitCode requires that ctr ended with a code.
func (a *attempt) exitCode(err error, want int) {
	got := 0
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		got = exit.ExitCode()
	}
	if got != want {
		a.Errorf("exit code %d, want %d: %v", got, want, err)
	}
}

// detached starts a container and leaves it to run; with the attempt it is removed.
func (a *attempt) detached(flags []string, process ...string) {
	a.Cleanup(a.removeContainer)
	a.mustCtr(a.runArgs(a.name, append([]string{"--detach"}, flags...), busyboxImage, process...)...)
}

func (a *attempt) removeContainer() {
	a.ctr("tasks", "kill", "--signal", "SIGKILL", a.name)
	a.eventually("the task can be deleted", func() bool {
		_, err := a.ctr("tasks", "delete", "--force", a.name)
		return err == nil || strings.Contains(err.Error(), "not found")
	})
	if out, err := a.ctr("containers", "delete", a.name); err != nil && !strings.Contains(err.Error(), "not found") {
		a.Errorf("%w: %s", err, out)
	}
	if state := filepath.Join(runcRoot, "default", a.name); exists(state) {
		a.Errorf("left behind: state %s", state)
	}
	for _, mount := range cgroupMounts() {
		if dir := filepath.Join(mount, cgroupParent(), a.name); exists(dir) {
			a.Errorf("left behind: cgroup %s", dir)
		}
	}
}

// status is what ctr tasks list has, or an empty string without a task.
func (a *attempt) taskStatus() string {
	for line := range strings.Lines(a.mustCtr("tasks", "list")) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == a.name {
			return fields[2]
		}
	}
	return ""
}

// inTask runs a script in the task.
func (a *attempt) inTask(script string) (string, error) {
	id := fmt.Sprintf("exec-%d", serial.Add(1))
	return a.ctr("tasks", "exec", "--exec-id", id, a.name, "/bin/sh", "-c", script)
}

func ctrRun(a *attempt) {
	out := a.mustRun(nil, "/bin/sh", "-c", "echo $$; hostname; echo $FROM_IMAGE")
	a.contains("output", out, "1\n")
	a.contains("output", out, "yes\n")
	a.Cleanup(a.removeContainer) // it finds nothing
}

func ctrExitCode(a *attempt) {
	_, err := a.run(nil, "/bin/sh", "-c", "exit 23")
	a.exitCode(err, 23)
	_, err = a.run(nil, "/bin/sh", "-c", "sleep 100 & kill -9 $!; wait $!")
	a.exitCode(err, 137)
}

func ctrCommandNotFound(a *attempt) {
	for _, command := range []string{"/no/such/command", "no-such-command"} {
		_, err := a.run(nil, command)
		a.exitCode(err, 1)
		a.contains("the error", fmt.Sprint(err), command)
	}
	_, err := a.run(nil, "/etc/not-executable")
	a.exitCode(err, 1)
	a.contains("the error", fmt.Sprint(err), "permission denied")
	a.Cleanup(a.removeContainer)
}

func ctrStandardInput(a *attempt) {
	cmd := exec.Command(program("ctr"), a.runArgs(a.name, []string{"--rm"}, busyboxImage, "/bin/sh", "-c", "wc -c")...)
	cmd.Stdin = strings.NewReader(strings.Repeat("x", 300000))
	out, err := cmd.Output()
	a.must(err)
	a.equal("bytes", string(out), "300000")
}

func ctrExec(a *attempt) {
	a.detached(nil, "sleep", "1000")
	out, err := a.inTask("cat /proc/1/comm; exit 12")
	a.exitCode(err, 12)
	a.equal("output", out, "sleep")
	out, err = a.ctr("tasks", "exec", "--exec-id", "as-user", "--user", "1000:1000", "--cwd", "/home", a.name,
		"/bin/sh", "-c", "id -u; pwd")
	a.must(err)
	a.equal("output", out, "1000\n/home")
}

func ctrExecDetached(a *attempt) {
	a.detached(nil, "sleep", "1000")
	a.mustCtr("tasks", "exec", "--detach", "--exec-id", "background", a.name, "/bin/sh", "-c",
		"touch /tmp/started; sleep 1000")
	a.eventually("the process runs", func() bool {
		_, err := a.inTask("test -e /tmp/started")
		return err == nil
	})
	a.mustCtr("tasks", "kill", "--signal", "SIGKILL", "--exec-id", "background", a.name)
	a.eventually("the exec can be deleted", func() bool {
		_, err := a.ctr("tasks", "delete", "--exec-id", "background", a.name)
		return err == nil || strings.Contains(err.Error(), "exit") // its exit code is ctr's
	})
}

func ctrExecKilled(a *attempt) {
	a.detached(nil, "sleep", "1000")
	var all sync.WaitGroup
	var err error
	all.Go(func() { _, err = a.ctr("tasks", "exec", "--exec-id", "killed", a.name, "sleep", "999") })
	a.eventually("the process runs", func() bool { return strings.Contains(must(a.inTask("ps -o args")), "sleep 999") })
	a.mustCtr("tasks", "kill", "--signal", "SIGTERM", "--exec-id", "killed", a.name)
	all.Wait()
	a.exitCode(err, 143)
}

// must drops an error, for conditions that are tried until they hold.
func must(out string, _ error) string { return out }

func ctrList(a *attempt) {
	a.equal("before", a.taskStatus(), "")
	a.detached(nil, "sleep", "1000")
	a.equal("running", a.taskStatus(), "RUNNING")
	a.contains("containers", a.mustCtr("containers", "list", "-q"), a.name)
	a.mustCtr("tasks", "kill", "--signal", "KILL", a.name)
	a.eventually("it ends", func() bool { return a.taskStatus() == "STOPPED" })
}

func ctrProcesses(a *attempt) {
	a.detached(nil, "/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait")
	a.eventually("three processes", func() bool {
		lines := strings.Split(strings.TrimSpace(a.mustCtr("tasks", "ps", a.name)), "\n")
		return len(lines) == 4 // and the heading
	})
}

func ctrKill(a *attempt) {
	a.detached(nil, "/bin/sh", "-c", "trap 'exit 21' USR1; touch /tmp/ready; while :; do sleep .05; done")
	a.eventually("the trap is set", func() bool {
		_, err := a.inTask("test -e /tmp/ready")
		return err == nil
	})
	a.mustCtr("tasks", "kill", "--signal", "USR1", a.name)
	a.eventually("it ends", func() bool { return a.taskStatus() == "STOPPED" })
	a.mustCtr("tasks", "delete", a.name)
}

// ctrKillAll: in the host's pid namespace nothing but the runtime can find all processes.
func ctrKillAll(a *attempt) {
	a.detached([]string{"--with-ns", "pid:/proc/1/ns/pid"}, "/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait")
	processes, err := cgroupFile("pids", cgroupParent()+"/"+a.name, "cgroup.procs")
	a.must(err)
	a.mustCtr("tasks", "kill", "--all", "--signal", "KILL", a.name)
	a.eventually("it ends", func() bool { return a.taskStatus() == "STOPPED" })
	for _, pid := range strings.Fields(processes) {
		a.eventually("process "+pid+" ends", func() bool { return !exists("/proc/" + pid) })
	}
}

func ctrDeleteForce(a *attempt) {
	a.detached(nil, "sleep", "1000")
	if _, err := a.ctr("tasks", "delete", a.name); err == nil {
		a.Errorf("a running task is deleted without --force")
	}
	a.mustCtr("tasks", "delete", "--force", a.name)
	a.equal("status", a.taskStatus(), "")
}

// ctrPause: a paused container's counter stands still.
func ctrPause(a *attempt) {
	dir := a.volume()
	a.detached([]string{"--mount", "type=bind,src=" + dir + ",dst=/mnt,options=rbind:rw"}, "/bin/sh", "-c",
		"i=0; while :; do i=$((i+1)); echo $i >/mnt/count.new; mv /mnt/count.new /mnt/count; sleep .02; done")
	count := func() string {
		data, _ := os.ReadFile(filepath.Join(dir, "count"))
		return string(data)
	}
	a.eventually("it counts", func() bool { return count() != "" })
	a.mustCtr("tasks", "pause", a.name)
	a.equal("status", a.taskStatus(), "PAUSED")
	before := count()
	a.mustCtr("tasks", "ps", a.name) // works, and takes its time
	a.equal("the count while paused", count(), before)
	a.mustCtr("tasks", "resume", a.name)
	a.equal("status", a.taskStatus(), "RUNNING")
	a.eventually("it counts on", func() bool { return count() != before })
}

func ctrExecPaused(a *attempt) {
	a.detached(nil, "sleep", "1000")
	a.mustCtr("tasks", "pause", a.name)
	if _, err := a.inTask("true"); err == nil {
		a.Errorf("a process starts in a paused container")
	}
	a.mustCtr("tasks", "resume", a.name)
	_, err := a.inTask("true")
	a.must(err)
}

func ctrDeletePaused(a *attempt) {
	a.detached(nil, "sleep", "1000")
	a.mustCtr("tasks", "pause", a.name)
	a.mustCtr("tasks", "delete", "--force", a.name)
	a.equal("status", a.taskStatus(), "")
}

func ctrMetrics(a *attempt) {
	a.detached([]string{"--memory-limit", fmt.Sprint(50 * mib)}, "sleep", "1000")
	out := a.mustCtr("tasks", "metrics", a.name)
	a.contains("metrics", out, "memory.usage_in_bytes")
	a.contains("metrics", out, fmt.Sprint(50*mib))
}

func ctrOptions(a *attempt) {
	dir := a.volume()
	out := a.mustRun([]string{
		"--read-only", "--hostname", "of-ctr", "--cwd", "/mnt", "--env", "FROM_CTR=yes", "--user", "1000:1000",
		"--seccomp",
		"--cap-drop", "CAP_CHOWN", "--mount", "type=bind,src=" + dir +
			",dst=/mnt,options=rbind:ro", "--device", "/dev/full",
		"--annotation", "org.example.key=value", "--rlimit-nofile", "100:200",
	}, "/bin/sh", "-c", "hostname; pwd; echo $FROM_CTR; id -u; cat file; touch new 2>&1; test -c /dev/full && ulimit "+
		"-n; grep ^Seccomp: /proc/self/status")
	a.equal("output", out, "of-ctr\n/mnt\nyes\n1000\nof the host\ntouch: new: Read-only file system\n100\nSeccomp:\t2")
}

func ctrLimits(a *attempt) {
	a.detached([]string{"--memory-limit", fmt.Sprint(40 * mib), "--cpu-quota", "25000", "--cpu-period", "100000",
		"--cpuset-cpus", "0", "--cpu-shares", "300"}, "sleep", "1000")
	for _, want := range [][3]string{
		{"memory", "memory.limit_in_bytes", fmt.Sprint(40 * mib)},
		{"cpu", "cpu.cfs_quota_us", "25000"},
		{"cpu", "cpu.shares", "300"},
		{"cpuset", "cpuset.cpus", "0"},
	} {
		got, err := cgroupFile(want[0], cgroupParent()+"/"+a.name, want[1])
		a.must(err)
		a.equal(want[1], got, want[2])
	}
}

func ctrPrivileged(a *attempt) {
	out := a.mustRun([]string{"--privileged", "--net-host"}, "/bin/sh", "-c",
		"grep CapEff /proc/self/status; mount -t tmpfs none /mnt && echo mounted; ip -o link | grep -c lo:")
	a.contains("capabilities", out, allCapabilities(a))
	a.contains("output", out, "mounted\n1\n")
}

// ctrRootDirectory runs a directory, without an image and a snapshot.
func ctrRootDirectory(a *attempt) {
	dir := filepath.Join("/run", a.name)
	for _, sub := range []string{"bin", "proc", "dev", "sys", "run", "tmp"} {
		a.must(os.MkdirAll(filepath.Join(dir, sub), 0o755))
	}
	busybox, err := exec.LookPath("busybox")
	a.must(err)
	data, err := os.ReadFile(busybox)
	a.must(err)
	a.must(os.WriteFile(filepath.Join(dir, "bin/busybox"), data, 0o755))
	out, err := a.ctr(a.runArgs(a.name, []string{"--rm", "--rootfs"}, dir, "/bin/busybox", "sh", "-c",
		"echo ran; /bin/busybox touch /written")...)
	a.must(err)
	a.equal("output", out, "ran")
	if !exists(filepath.Join(dir, "written")) {
		a.Errorf("the container's file is not in %s", dir)
	}
}

func ctrNoPivot(a *attempt) {
	a.equal("output", a.mustRun([]string{"--no-pivot"}, "/bin/sh", "-c", "ls -d /etc/not-executable"),
		"/etc/not-executable")
}

func ctrJoinsNamespace(a *attempt) {
	a.detached(nil, "sleep", "1000")
	pid, _, _ := strings.Cut(must(cgroupFile("pids", cgroupParent()+"/"+a.name, "cgroup.procs")), "\n")
	namespace := "/proc/" + pid + "/ns/net"
	want, err := os.Readlink(namespace)
	a.must(err)
	out, err := a.ctr(a.runArgs(a.name+"-joins", []string{"--rm", "--with-ns", "network:" + namespace}, busyboxImage,
		"readlink", "/proc/self/ns/net")...)
	a.must(err)
	a.equal("network namespace", out, want)
}

func ctrUserNamespace(a *attempt) {
	out := a.mustRun([]string{"--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"}, "/bin/sh", "-c",
		"cat /proc/self/uid_map; id -u; touch /tmp/mine && stat -c %u /tmp/mine")
	a.equal("output", strings.Join(strings.Fields(out), " "), "0 100000 65536 0 0")
}

func ctrRuntimeRoot(a *attempt) {
	root := filepath.Join("/run", a.name+"-root")
	a.detached([]string{"--runc-root", root}, "sleep", "1000")
	if state := filepath.Join(root, "default", a.name); !exists(state) {
		a.Errorf("no state at %s", state)
	}
}

func ctrParallel(a *attempt) {
	errs := make([]error, 10)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() {
			out, err := a.ctr(a.runArgs(fmt.Sprintf("%s-%d", a.name, i), []string{"--rm"}, busyboxImage, "echo",
				fmt.Sprint(i))...)
			if err == nil && strings.TrimSpace(out) != fmt.Sprint(i) {
				err = fmt.Errorf("container %d: output %q", i, out)
			}
			errs[i] = err
		})
	}
	all.Wait()
	a.must(errors.Join(errs...))
}

func ctrCheckpoint(a *attempt) {
	a.detached(nil, "/bin/sh", "-c", "i=0; while :; do i=$((i+1)); echo $i >/tmp/count; sleep .02; done")
	image := "localhost/" + a.name + ":checkpoint"
	a.mustCtr("containers", "checkpoint", "--rw", "--task", a.name, image)
	a.Cleanup(func() { a.ctr("images", "delete", image) })
	a.removeContainer()
	a.mustCtr("containers", "restore", "--rw", "--live", a.name, image)
	a.equal("status", a.taskStatus(), "RUNNING")
}
