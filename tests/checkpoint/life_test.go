package checkpoint

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// A process goes on where it was, with its memory and open files, and its output
// goes to what restore was given.
func TestCounter(t *testing.T) {
	s := newSubject(t, counter)
	created := s.start()
	s.checkpoint().OK()
	s.gone()
	at := s.count()
	pidFile := filepath.Join(s.Dir, "pid")
	restored := newOutput(t)
	s.restoreInto(restored, "--pid-file", pidFile, "-no-subreaper").OK()
	s.counts(at)
	state := s.State()
	if state.Status != specs.StateRunning || strconv.Itoa(state.Pid) != s.read(pidFile) {
		t.Errorf("status %s, pid %d, pid file %s", state.Status, state.Pid, s.read(pidFile))
	}
	s.write(s.Path("tmp/speak"), "")
	restored.prints("still " + strings.Fields(created.String())[1])
	s.Start().Fails("cannot start an already running container")

	s.Do("pause", s.ID).OK()
	s.WaitStatus("paused")
	s.Do("resume", s.ID).OK()
	s.counts(s.count())
	if out := s.Do("ps", "--format", "json", s.ID).OK().Stdout; !strings.Contains(out, strconv.Itoa(state.Pid)) {
		t.Errorf("ps: %s lacks %d", out, state.Pid)
	}
	s.Do("exec", s.ID, "sh", "-c", "echo from inside >/tmp/exec; exit 3").Exits(3)
	if got := s.read(s.Path("tmp/exec")); got != "from inside" {
		t.Errorf("exec has written %q", got)
	}
	s.Do("update", "--pids-limit", "77", s.ID).OK()
	if got := s.cgroupFile("pids", "pids.max"); got != "77" {
		t.Errorf("pids.max is %s after an update to 77", got)
	}
	s.Kill("KILL").OK()
	s.WaitStatus(specs.StateStopped)
	s.Delete().OK()
	s.LeavesNothing()
}

func (s *subject) cgroupFile(controller, name string) string {
	s.t.Helper()
	return s.read(filepath.Join("/sys/fs/cgroup", controller, s.Cgroup, name))
}

func TestLeaveRunning(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	// as podman does
	s.checkpoint("--leave-running", "--leave-running", "--work-path", filepath.Join(s.Dir, "work")).OK()
	if _, err := os.Stat(filepath.Join(s.Dir, "work", "dump.log")); err != nil {
		t.Errorf("the log is not in --work-path: %v", err)
	}
	before := s.State()
	s.counts(s.count())
	s.checkpoint("--leave-running").OK() // again, over the same images
	if after := s.State(); after.Pid != before.Pid || after.Status != specs.StateRunning {
		t.Errorf("after a checkpoint: %+v, before %+v", after, before)
	}
	saved := s.count()
	bundle.Eventually(t, "counting on", func() bool { return s.count() > saved+100 })
	s.Delete("--force").OK()
	ended := s.count()
	os.Remove(s.Path("tmp/count"))
	s.restore().OK()
	bundle.Eventually(t, "counting", func() bool { _, err := os.Stat(s.Path("tmp/count")); return err == nil })
	if now := s.count(); now >= ended || now < 2 {
		t.Errorf("restored to %d, saved at about %d, ran until %d", now, saved, ended)
	}
}

// A checkpoint of a paused container is one; its processes go on when restored.
func TestPaused(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.Do("pause", s.ID).OK()
	s.checkpoint().OK()
	s.gone()
	at := s.count()
	s.restore().OK()
	s.counts(at)
}

// restore in the foreground ends as the process does, and deletes the container.
func TestForeground(t *testing.T) {
	s := newSubject(t, `echo ready; while [ ! -e /tmp/end ]; do sleep 0.02; done; echo done; exit 7`)
	s.start()
	s.checkpoint().OK()
	s.write(s.Path("tmp/end"), "")
	out := newOutput(t)
	s.into(out, "restore", "--bundle", s.Bundle, "--image-path", s.images, s.ID).Exits(7)
	out.prints("done")
	s.gone()
}

// What a user of a restored container sees is what the config says.
func TestLimits(t *testing.T) {
	limit := int64(64 << 20)
	s := newSubject(t, counter, func(c *specs.Spec) {
		c.Linux.Resources.Memory = &specs.LinuxMemory{Limit: &limit}
		c.Linux.Resources.Pids = &specs.LinuxPids{Limit: &[]int64{99}[0]}
	})
	s.start()
	devices := s.cgroupFile("devices", "devices.list")
	s.checkpoint().OK()
	s.gone()
	s.restore().OK()
	if got := s.cgroupFile("memory", "memory.limit_in_bytes"); got != strconv.FormatInt(limit, 10) {
		t.Errorf("memory.limit_in_bytes is %s", got)
	}
	if got := s.cgroupFile("pids", "pids.max"); got != "99" {
		t.Errorf("pids.max is %s", got)
	}
	if got := s.cgroupFile("devices", "devices.list"); got != devices || got == "" {
		t.Errorf("devices.list is %q, before %q", got, devices)
	}
	pid := strconv.Itoa(s.State().Pid)
	for line := range strings.Lines(s.read("/proc/" + pid + "/cgroup")) {
		if line = strings.TrimSpace(line); strings.HasSuffix(line, ":/") {
			continue // a hierarchy that is not mounted
		}
		if !strings.HasSuffix(line, s.Cgroup) {
			t.Errorf("the process is in %s, not %s", line, s.Cgroup)
		}
	}
	for _, mode := range []string{"ignore", "full", "strict"} {
		dump := s.checkpoint("--manage-cgroups-mode", mode)
		if strings.Contains(dump.Stderr, "its cgroups cannot be saved") { // another test has mounted one more hierarchy
			t.Log(dump.Stderr)
			continue
		}
		dump.OK()
		s.restore("--manage-cgroups-mode", mode).OK()
		s.counts(s.count())
		if !strings.Contains(s.read("/proc/"+strconv.Itoa(s.State().Pid)+"/cgroup"), s.Cgroup) {
			t.Errorf("--manage-cgroups-mode %s: the process is not in %s", mode, s.Cgroup)
		}
	}
}

// Cgroups that a container has made come back, with what is in them, and it may get
// another cgroup than it had.
func TestCgroups(t *testing.T) {
	script := "sleep 1000 & " + counter
	s := newSubject(t, script)
	s.start()
	s.checkpoint().OK()
	s.Cgroup += "-other"
	s.Configure(bundle.Shell(script))
	s.restore().OK()
	s.counts(s.count())
	text := s.read("/proc/" + strconv.Itoa(s.State().Pid) + "/cgroup")
	if !strings.Contains(text, ":memory:"+s.Cgroup+"\n") {
		t.Errorf("the process is in %s", text)
	}
	child := filepath.Join("/sys/fs/cgroup/pids", s.Cgroup, "child")
	if err := os.Mkdir(child, 0o755); err != nil {
		t.Fatal(err)
	}
	sleeper := func() string {
		pid := strconv.Itoa(s.State().Pid)
		return strings.Fields(s.read("/proc/" + pid + "/task/" + pid + "/children"))[0]
	}
	s.write(filepath.Join(child, "cgroup.procs"), sleeper())
	dump := s.checkpoint()
	if strings.Contains(dump.Stderr, "its cgroups cannot be saved") {
		t.Skip("a hierarchy of cgroups is not mounted here, in which the container is at the root")
	}
	dump.OK()
	s.gone()
	s.restore().OK()
	pid := strconv.Itoa(s.State().Pid)
	got, children := s.read(filepath.Join(child, "cgroup.procs")), s.read("/proc/"+pid+"/task/"+pid+"/children")
	if got == "" || !slices.Contains(strings.Fields(children), got) {
		t.Errorf("in the container's own cgroup is %q, the first process has %s", got, children)
	}
}

// A restored container is as closed as a created one.
func TestIsolation(t *testing.T) {
	s := newSubject(t, counter, bundle.Namespace(specs.CgroupNamespace, ""))
	s.start()
	look := func() string {
		root := "/proc/" + strconv.Itoa(s.State().Pid)
		var b strings.Builder
		for line := range strings.Lines(s.read(root + "/status")) {
			for _, key := range []string{"Cap", "NoNewPrivs", "Seccomp", "Uid", "Gid", "Groups", "SigIgn"} {
				if strings.HasPrefix(line, key) {
					b.WriteString(line)
				}
			}
		}
		var mounts []string
		for line := range strings.Lines(s.read(root + "/mountinfo")) {
			f := strings.Fields(line)
			mounts = append(mounts, f[4]+" "+f[5]+"\n")
		}
		slices.Sort(mounts)
		b.WriteString(strings.Join(mounts, ""))
		for fd := range 64 {
			open := true
			for range 50 { // the shell has some for moments
				if _, err := os.Readlink(root + "/fd/" + strconv.Itoa(fd)); err != nil {
					open = false
					break
				}
				time.Sleep(time.Millisecond)
			}
			if open {
				b.WriteString("fd " + strconv.Itoa(fd) + "\n")
			}
		}
		return b.String()
	}
	if strings.Contains(s.read("/proc/"+strconv.Itoa(s.State().Pid)+"/cgroup"), ":/\n") {
		t.Skip("a hierarchy of cgroups is not mounted here, in which the container is at the root")
	}
	ownCgroups := func() {
		t.Helper()
		its, _ := os.Readlink("/proc/" + strconv.Itoa(s.State().Pid) + "/ns/cgroup")
		if mine, _ := os.Readlink("/proc/self/ns/cgroup"); its == mine || its == "" {
			t.Errorf("the container is in the host's cgroup namespace, %s", its)
		}
	}
	ownCgroups()
	// nothing of rung is in a running container
	if maps := s.read("/proc/" + strconv.Itoa(s.State().Pid) + "/maps"); strings.Contains(maps, "rung") ||
		strings.Contains(maps, "memfd") {
		t.Errorf("the process maps something of rung: %s", maps)
	}
	before := look()
	s.checkpoint().OK()
	s.restore().OK()
	ownCgroups()
	if after := look(); after != before {
		t.Errorf("restored:\n%s\nbefore:\n%s", after, before)
	}
}

// TCP connections are only saved when that is asked for, and live on.
func TestTCP(t *testing.T) {
	s := newSubject(t, `ip link set lo up; mkfifo /tmp/in
		nc -l -p 4711 -e cat & sleep 0.5
		nc 127.0.0.1 4711 <>/tmp/in >/tmp/echoed &
		echo hello >/tmp/in; until grep -q hello /tmp/echoed; do sleep 0.02; done; echo ready; wait`,
		func(c *specs.Spec) {
			for _, set := range []*[]string{&c.Process.Capabilities.Bounding, &c.Process.Capabilities.Effective,
				&c.Process.Capabilities.Permitted} {
				*set = append(*set, "CAP_NET_ADMIN")
			}
		})
	s.start()
	s.checkpoint().Fails("criu dump failed", "dump.log")
	if s.State().Status != specs.StateRunning {
		t.Fatal("a checkpoint that failed ended the container")
	}
	dump := s.checkpoint("--tcp-established", "--tcp-skip-in-flight")
	if strings.Contains(dump.Stderr, "Can't get 1:16 opt") {
		t.Skip("this CRIU cannot save TCP sockets on this kernel, which refuses SO_PASSCRED for them; criu 4.2 can: ",
			dump.Stderr)
	}
	dump.OK()
	s.gone()
	s.restore("--tcp-established").OK()
	fifo, err := os.OpenFile(s.Path("tmp/in"), os.O_WRONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer fifo.Close()
	if _, err := fifo.WriteString("again\n"); err != nil {
		t.Fatal(err)
	}
	bundle.Eventually(t, "echo through the restored connection", func() bool {
		return strings.Contains(s.read(s.Path("tmp/echoed")), "again")
	})
}

// A file without a name is linked back to be saved, where that is asked for; a network
// namespace may come back with nothing in it.
func TestRemap(t *testing.T) {
	s := newSubject(t, `echo kept >/tmp/file; ln /tmp/file /tmp/other; exec 8</tmp/file; rm /tmp/file; `+counter+`
		`, func(c *specs.Spec) {
		c.Process.Args[2] = strings.Replace(c.Process.Args[2], "rm /tmp/speak", "rm /tmp/speak && cat <&8", 1)
	})
	s.start()
	s.checkpoint().Fails("criu dump failed", "link-remap")
	s.checkpoint("--link-remap", "--auto-dedup", "--empty-ns", "network").OK()
	out := newOutput(t)
	s.restoreInto(out, "--auto-dedup", "--empty-ns", "network", "--no-pivot").OK()
	s.write(s.Path("tmp/speak"), "")
	out.prints("kept")
	if left, _ := filepath.Glob(s.Path("tmp/link_remap*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestFileLocks(t *testing.T) {
	s := newSubject(t, "exec guest lock /tmp/lock")
	s.invite()
	locked := func() bool { return exec.Command("flock", "-n", s.Path("tmp/lock"), "true").Run() != nil }
	s.start()
	s.checkpoint().Fails("criu dump failed", "lock")
	s.checkpoint("--file-locks").OK()
	if locked() {
		t.Fatal("the lock is held by a container that is gone")
	}
	s.restore("--file-locks").OK()
	if !locked() {
		t.Error("the restored container has not got its lock")
	}
}

// What is executed in a restored container is where its first process is, and both can be
// saved and restored again. CRIU gives a container a time namespace that had none.
func TestExecAfterRestore(t *testing.T) {
	s := newSubject(t, counter)
	s.start()
	s.checkpoint().OK()
	s.restore().OK()
	s.counts(s.count())
	for range 2 {
		s.Exec([]string{"--detach"}, "sh", "-c", "exec sleep 1000 </dev/null >/dev/null 2>&1").OK()
		its := host(t, "readlink", fmt.Sprintf("/proc/%d/ns/time", s.State().Pid))
		executed := strings.TrimSpace(s.Exec(nil, "readlink", "/proc/self/ns/time").OK().Stdout)
		if executed != its {
			t.Errorf("what is executed has the time namespace %s, the first process %s", executed, its)
		}
		bundle.Eventually(t, "executed sleep", func() bool {
			return strings.Contains(s.Exec(nil, "ps").OK().Stdout, "sleep 1000")
		})
		s.checkpoint().OK()
		s.restore().OK()
		s.counts(s.count())
	}
}
