package cri

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func containerFlows() []flow {
	return []flow{
		{name: "container-life", run: containerLife},
		{name: "container-exit-code", run: containerExitCode},
		{name: "container-killed-by-signal", run: containerKilledBySignal},
		{name: "container-command-not-found", run: containerCommandNotFound},
		{name: "container-command-not-executable", run: containerCommandNotExecutable},
		{name: "container-log-streams", run: containerLogStreams},
		{name: "container-log-reopened", run: containerLogReopened},
		{name: "container-environment", run: containerEnvironment},
		{name: "container-command-and-args", run: containerCommandAndArgs},
		{name: "container-working-directory", run: containerWorkingDirectory},
		{name: "container-working-directory-made", run: containerWorkingDirectoryMade},
		{name: "container-terminal", run: containerTerminal},
		{name: "container-stop-graceful", run: containerStopGraceful},
		{name: "container-stop-kills", run: containerStopKills},
		{name: "container-stop-signal", run: containerStopSignal},
		{name: "container-stop-twice", run: containerStopTwice},
		{name: "container-remove-created", run: containerRemoveCreated},
		{name: "container-remove-running", run: containerRemoveRunning},
		{name: "container-restarted-in-pod", run: containerRestartedInPod},
		{name: "container-events", run: containerEvents},
		{name: "container-leaves-children", run: containerLeavesChildren},
		{name: "container-checkpoint", run: containerCheckpoint},
	}
}

func containerLife(a *attempt) {
	c := a.pod().create("main", sleeper)
	if s := c.status(); s.State != cri.ContainerState_CONTAINER_CREATED || s.StartedAt != 0 {
		a.Errorf("after create: %v", s)
	}
	a.must(c.tryStart())
	if s := c.status(); s.State != cri.ContainerState_CONTAINER_RUNNING || s.StartedAt < s.CreatedAt {
		a.Errorf("after start: %v", s)
	}
	if err := c.tryStart(); err == nil {
		a.Errorf("a running container starts again")
	}
	c.stop(10)
	if s := c.status(); s.State != cri.ContainerState_CONTAINER_EXITED || s.FinishedAt < s.StartedAt {
		a.Errorf("after stop: %v", s)
	}
	_, err := a.runtime.RemoveContainer(a.ctx, &cri.RemoveContainerRequest{ContainerId: c.id})
	a.must(err)
	c.leavesNothing(c.id)
	if _, err := a.runtime.ContainerStatus(a.ctx, &cri.ContainerStatusRequest{ContainerId: c.id}); err == nil {
		a.Errorf("a removed container has a status")
	}
}

// ends requires how a container ends.
func (c *container) ends(code int32, reason string) {
	s := c.wait()
	if s.ExitCode != code || s.Reason != reason {
		c.Errorf("ends with %d, %s (%s); want %d, %s", s.ExitCode, s.Reason, s.Message, code, reason)
	}
}

func containerExitCode(a *attempt) {
	p := a.pod()
	p.start("success", shell("exit 0")).ends(0, "Completed")
	p.start("failure", shell("exit 7")).ends(7, "Error")
	p.start("highest", shell("exit 255")).ends(255, "Error")
}

func containerKilledBySignal(a *attempt) {
	p := a.pod()
	// Of the signals that a first process does not handle, only SIGKILL from outside ends it.
	c := p.start("main", shell("exec sleep 1000"))
	processes, err := cgroupFile("pids", c.cgroup(), "cgroup.procs")
	a.must(err)
	var pid int
	_, err = fmt.Sscan(processes, &pid)
	a.must(err)
	a.must(syscall.Kill(pid, syscall.SIGKILL))
	c.ends(128+int32(syscall.SIGKILL), "Error")
}

func containerCommandNotFound(a *attempt) {
	c := a.pod().create("main", func(c *cri.ContainerConfig) { c.Command = []string{"/no/such/command"} })
	err := c.tryStart()
	if err == nil {
		a.Fatalf("starts")
	}
	a.contains("the error", err.Error(), "/no/such/command")
	a.contains("the error", err.Error(), "no such file or directory")
	c.ends(128, "StartError")
}

func containerCommandNotExecutable(a *attempt) {
	c := a.pod().create("main", func(c *cri.ContainerConfig) { c.Command = []string{"/etc/not-executable"} })
	err := c.tryStart()
	if err == nil {
		a.Fatalf("starts")
	}
	a.contains("the error", err.Error(), "permission denied")
	c.ends(128, "StartError")
}

func containerLogStreams(a *attempt) {
	c := a.pod().start("main",
		shell("echo out; echo err >&2; printf unfinished; head -c 20000 /dev/zero | tr '\\0' x >&2"))
	c.ends(0, "Completed")
	a.equal("stdout", c.log("stdout"), "out\nunfinished")
	a.equal("stderr", c.log("stderr"), "err\n"+strings.Repeat("x", 20000))
}

func containerLogReopened(a *attempt) {
	c := a.pod().start("main", shell("echo before; until test -e /tmp/go; do sleep .05; done; echo after"))
	a.eventually("the first line", func() bool { return strings.Contains(c.log("stdout"), "before") })
	a.must(os.Rename(c.logPath(), c.logPath()+".1"))
	_, err := a.runtime.ReopenContainerLog(a.ctx, &cri.ReopenContainerLogRequest{ContainerId: c.id})
	a.must(err)
	c.sh("touch /tmp/go")
	c.ends(0, "Completed")
	a.equal("the new log", c.log("stdout"), "after")
}

func containerEnvironment(a *attempt) {
	out := a.output(shell(`echo "$FROM_IMAGE $FROM_POD"; env | grep -c ^TWICE=; echo "$TWICE"`),
		func(c *cri.ContainerConfig) {
			c.Envs = []*cri.KeyValue{{Key: "FROM_POD", Value: []byte("a = b")}, {Key: "TWICE", Value: []byte("1")},
				{Key: "TWICE", Value: []byte("2")}}
		})
	a.equal("environment", out, "yes a = b\n1\n2")
}

func containerCommandAndArgs(a *attempt) {
	out := a.output(func(c *cri.ContainerConfig) {
		c.Command, c.Args = []string{"echo"}, []string{"found", "in  PATH", ""}
	})
	a.equal("output", out, "found in  PATH")
}

func containerWorkingDirectory(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper, func(c *cri.ContainerConfig) { c.WorkingDir = "/link" })
	a.equal("through a symbolic link", c.sh("pwd -P"), "/mnt")
}

func containerWorkingDirectoryMade(a *attempt) {
	out := a.output(shell("pwd; stat -c %u:%g:%a ."), func(c *cri.ContainerConfig) { c.WorkingDir = "/not/there" })
	a.equal("a directory that was missing", out, "/not/there\n0:0:755")
}

func containerTerminal(a *attempt) {
	out := a.output(shell("tty; test -t 0 && test -t 1 && test -t 2 && echo all; ls -l /dev/console | cut -c1"),
		func(c *cri.ContainerConfig) { c.Tty, c.Stdin = true, true })
	a.equal("terminal", strings.ReplaceAll(out, "\r", ""), "/dev/pts/0\nall\nc")
}

// trapped is ready to be signalled when it has written a line.
func trapped(p *pod, changes ...change) *container {
	c := p.start("main", changes...)
	p.eventually("the trap is set", func() bool { return strings.Contains(c.log("stdout"), "ready") })
	return c
}

func containerStopGraceful(a *attempt) {
	c := trapped(a.pod(), shell("trap 'echo got TERM; exit 3' TERM; echo ready; sleep 1000 & wait"))
	c.stop(30)
	c.ends(3, "Error")
	a.contains("output", c.log("stdout"), "got TERM")
}

func containerStopKills(a *attempt) {
	c := trapped(a.pod(), shell("trap '' TERM; echo ready; while :; do sleep 1; done"))
	start := time.Now()
	c.stop(1)
	if took := time.Since(start); took < time.Second || took > 10*time.Second {
		a.Errorf("took %v", took)
	}
	c.ends(137, "Error")
}

func containerStopSignal(a *attempt) {
	c := trapped(a.pod(), shell("trap 'exit 4' USR1; trap 'exit 5' TERM; echo ready; sleep 1000 & wait"),
		func(c *cri.ContainerConfig) { c.StopSignal = cri.Signal_SIGNAL_SIGUSR1 })
	c.stop(30)
	c.ends(4, "Error")
}

func containerStopTwice(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper)
	c.stop(10)
	c.stop(10)
	created := p.create("created", sleeper)
	created.stop(10)
}

func (c *container) remove() {
	_, err := c.runtime.RemoveContainer(c.ctx, &cri.RemoveContainerRequest{ContainerId: c.id})
	c.must(err)
	c.leavesNothing(c.id)
}

func containerRemoveCreated(a *attempt) { a.pod().create("main", sleeper).remove() }

func containerRemoveRunning(a *attempt) { a.pod().start("main", shell("exec sleep 1000")).remove() }

func containerRestartedInPod(a *attempt) {
	p := a.pod()
	for i := range 3 {
		c := p.start("main", shell(fmt.Sprintf("exit %d", i+1)), func(c *cri.ContainerConfig) {
			c.Metadata.Attempt = uint32(i)
		})
		c.ends(int32(i+1), "Error")
		c.remove()
	}
}

func containerEvents(a *attempt) {
	events := a.events()
	p := a.pod()
	c := p.start("main", shell("exit 5"))
	c.ends(5, "Error")
	c.remove()
	var got []string
	for e := range events {
		if e.ContainerId == c.id {
			got = append(got, strings.TrimSuffix(strings.TrimPrefix(e.ContainerEventType.String(), "CONTAINER_"),
				"_EVENT"))
		}
		if len(got) == 4 {
			break
		}
	}
	a.equal("events", strings.Join(got, " "), "CREATED STARTED STOPPED DELETED")
}

// events subscribes to all events until the attempt's end. They are taken from
// containerd whether anyone wants them or not: its event loop waits for its
// slowest subscriber.
func (a *attempt) events() <-chan *cri.ContainerEventResponse {
	ctx, cancel := context.WithCancel(a.ctx)
	a.Cleanup(cancel)
	stream, err := a.runtime.GetContainerEvents(ctx, &cri.GetEventsRequest{})
	a.must(err)
	events := make(chan *cri.ContainerEventResponse, 10000)
	go func() {
		defer close(events)
		for {
			e, err := stream.Recv()
			if err != nil {
				return
			}
			select {
			case events <- e:
			default: // nobody is listening any more
			}
		}
	}()
	return events
}

// containerLeavesChildren: in a shared pid namespace, a container's end is to
// end the processes that it started, too.
func containerLeavesChildren(a *attempt) {
	p := a.pod(pidMode(cri.NamespaceMode_POD))
	c := p.start("main", shell("nohup sleep 98765 >/dev/null 2>&1 & exit 0"))
	c.ends(0, "Completed")
	c.remove()
	if out := p.output("after", shell("ps -o args")); strings.Contains(out, "98765") {
		a.Errorf("still running: %s", out)
	}
}

func containerCheckpoint(a *attempt) {
	c := a.pod().start("main", sleeper)
	archive := filepath.Join("/run", a.name+".tar")
	_, err := a.runtime.CheckpointContainer(a.ctx,
		&cri.CheckpointContainerRequest{ContainerId: c.id, Location: archive, Timeout: 10})
	a.must(err)
	info, err := os.Stat(archive)
	a.must(err)
	if info.Size() == 0 {
		a.Errorf("an empty archive")
	}
	if state := c.status().State; state != cri.ContainerState_CONTAINER_RUNNING {
		a.Errorf("state: %v", state)
	}
}
