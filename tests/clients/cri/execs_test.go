package cri

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func execFlows() []flow {
	return []flow{
		{name: "exec-output-and-exit-code", run: execOutput},
		{name: "exec-large-output", run: execLargeOutput},
		{name: "exec-command-not-found", run: execCommandNotFound},
		{name: "exec-as-the-container", run: execAsContainer},
		{name: "exec-timeout", run: execTimeout},
		{name: "exec-joins-namespaces", run: execNamespaces},
		{name: "exec-in-cgroup", run: execCgroup},
		{name: "exec-in-parallel", run: execParallel},
		{name: "exec-not-running", run: execNotRunning},
		{name: "exec-killed-by-signal", run: execKilledBySignal},
		{name: "exec-orphans", run: execOrphans},
		{name: "exec-while-stopping", run: execWhileStopping},
		{name: "exec-stream", run: execStream},
		{name: "exec-stream-exit-code", run: execStreamExitCode},
		{name: "exec-stream-terminal", run: execStreamTerminal},
		{name: "attach", run: attach},
		{name: "attach-terminal", run: attachTerminal},
		{name: "stdin-once", run: stdinOnce},
	}
}

func execOutput(a *attempt) {
	c := a.pod().start("main", sleeper)
	res, err := c.execute("/bin/sh", "-c", "echo out; echo err >&2; exit 42")
	a.must(err)
	a.equal("stdout", string(res.Stdout), "out")
	a.equal("stderr", string(res.Stderr), "err")
	if res.ExitCode != 42 {
		a.Errorf("exit code %d", res.ExitCode)
	}
}

func execLargeOutput(a *attempt) {
	c := a.pod().start("main", sleeper)
	const size = 4 << 20
	res, err := c.execute("head", "-c", fmt.Sprint(size), "/dev/zero")
	a.must(err)
	if len(res.Stdout) != size {
		a.Errorf("%d bytes of %d", len(res.Stdout), size)
	}
}

func execCommandNotFound(a *attempt) {
	c := a.pod().start("main", sleeper)
	for _, command := range []string{"/no/such/command", "no-such-command", "/etc/not-executable", "/etc"} {
		_, err := c.execute(command)
		if err == nil {
			a.Fatalf("%s is executed", command)
		}
		a.contains("the error", err.Error(), "failed to exec in container")
		a.contains("the error", err.Error(), command)
	}
	a.equal("the container lives", c.sh("echo yes"), "yes")
}

func execAsContainer(a *attempt) {
	c := a.pod().start("main", sleeper, func(c *cri.ContainerConfig) {
		c.Envs = []*cri.KeyValue{{Key: "FROM_POD", Value: []byte("here")}}
		c.WorkingDir = "/home"
	}, secure(func(s *cri.LinuxContainerSecurityContext) {
		s.RunAsUser, s.RunAsGroup, s.SupplementalGroups = &cri.Int64Value{Value: 1000}, &cri.Int64Value{Value: 1001},
			[]int64{1002}
		s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}}
		s.NoNewPrivs = true
	}))
	a.equal("ids", c.sh("id -u; id -g; id -G"), "1000\n1001\n1001 1002 2000")
	a.equal("environment", c.sh("echo $FROM_POD $FROM_IMAGE; pwd"), "here yes\n/home")
	a.equal("capabilities", c.sh(printCapabilities), strings.Repeat("0000000000000000 ", 5))
	a.equal("no_new_privs", c.sh("grep NoNewPrivs /proc/self/status"), "NoNewPrivs:\t1")
}

func execTimeout(a *attempt) {
	c := a.pod().start("main", sleeper)
	start := time.Now()
	_, err := a.runtime.ExecSync(a.ctx, &cri.ExecSyncRequest{ContainerId: c.id, Cmd: []string{"sleep", "77"},
		Timeout: 1})
	if status.Code(err) != codes.DeadlineExceeded {
		a.Errorf("the error: %v", err)
	}
	if took := time.Since(start); took > 10*time.Second {
		a.Errorf("took %v", took)
	}
	a.eventually("the process is killed", func() bool { return !strings.Contains(c.sh("ps -o args"), "sleep 77") })
}

func execNamespaces(a *attempt) {
	const script = "for n in cgroup ipc mnt net pid uts user; do readlink /proc/$PID/ns/$n; done"
	c := a.pod(ownNetwork).start("main", sleeper)
	a.equal("namespaces", c.sh("PID=self; "+script), c.sh("PID=1; "+script))
}

func execCgroup(a *attempt) {
	c := a.pod().start("main", sleeper)
	a.equal("cgroups", c.sh("cat /proc/self/cgroup"), c.sh("cat /proc/1/cgroup"))
	before, err := cgroupFile("pids", c.cgroup(), "pids.current")
	a.must(err)
	var all sync.WaitGroup
	all.Go(func() { c.execute("sleep", "3") })
	a.eventually("the exec is counted", func() bool {
		during, err := cgroupFile("pids", c.cgroup(), "pids.current")
		a.must(err)
		return during > before
	})
	all.Wait()
}

func execParallel(a *attempt) {
	c := a.pod().start("main", sleeper)
	var all sync.WaitGroup
	errs := make([]error, 24)
	for i := range errs {
		all.Go(func() {
			res, err := c.execute("/bin/sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i))
			if err == nil && (res.ExitCode != int32(i) || strings.TrimSpace(string(res.Stdout)) != fmt.Sprint(i)) {
				err = fmt.Errorf("exec %d: exit code %d, output %q", i, res.ExitCode, res.Stdout)
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		a.must(err)
	}
}

func execNotRunning(a *attempt) {
	p := a.pod()
	created := p.create("created", sleeper)
	if _, err := created.execute("true"); err == nil {
		a.Errorf("an exec in a container that is only created")
	}
	ended := p.start("ended", shell("exit 0"))
	ended.wait()
	if _, err := ended.execute("true"); err == nil {
		a.Errorf("an exec in a container that has ended")
	}
}

func execKilledBySignal(a *attempt) {
	c := a.pod().start("main", sleeper)
	res, err := c.execute("/bin/sh", "-c", "kill -SEGV $$")
	a.must(err)
	if res.ExitCode != 139 {
		a.Errorf("exit code %d", res.ExitCode)
	}
}

// execOrphans: what an exec leaves in the background belongs to the container,
// and goes with it.
func execOrphans(a *attempt) {
	c := a.pod().start("main", sleeper)
	c.sh("sleep 86420 >/dev/null 2>&1 &")
	a.contains("processes", c.sh("ps -o args"), "sleep 86420")
	c.stop(10)
	c.wait()
}

func execWhileStopping(a *attempt) {
	c := a.pod().start("main", sleeper)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 20 {
				if _, err := c.execute("true"); err != nil {
					return // the container is gone
				}
			}
		})
	}
	c.stop(10)
	all.Wait()
	c.wait()
}

// open starts a command on a stream.
func (c *container) open(tty bool, command ...string) *stream {
	res, err := c.runtime.Exec(c.ctx, &cri.ExecRequest{
		ContainerId: c.id, Cmd: command, Stdin: true, Stdout: true, Stderr: !tty, Tty: tty,
	})
	c.must(err)
	return c.stream(res.Url)
}

func execStream(a *attempt) {
	s := a.pod().start("main", sleeper).open(false, "/bin/sh", "-c", "head -c 4; head -c 3; echo err >&2")
	s.send(stdin, "one ")
	s.receiveUntil(stdout, "one ")
	s.send(stdin, "two")
	s.receiveAll()
	a.equal("stdout", s.got(stdout), "one two")
	a.equal("stderr", s.got(stderr), "err")
	a.contains("the end", s.got(streamError), `"status":"Success"`)
}

func execStreamExitCode(a *attempt) {
	s := a.pod().start("main", sleeper).open(false, "/bin/sh", "-c", "exit 9")
	s.receiveAll()
	a.contains("the end", s.got(streamError), `"reason":"NonZeroExitCode"`)
	a.contains("the end", s.got(streamError), `"message":"9"`)
}

func execStreamTerminal(a *attempt) {
	s := a.pod().start("main", sleeper).open(true, "/bin/sh")
	s.send(resize, `{"Width": 91, "Height": 27}`)
	s.send(stdin, "tty; until stty size | grep '27 91'; do sleep .05; done; echo TERM=$TERM\n")
	s.receiveUntil(stdout, "27 91\r\n")
	s.send(stdin, "exit 6\n")
	s.receiveAll()
	a.contains("the terminal", s.got(stdout), "/dev/pts/")
	a.contains("the environment", s.got(stdout), "TERM=xterm")
	a.contains("the end", s.got(streamError), `"message":"6"`)
}

// The process lives on for a while after its last words: containerd ends the stream with it.
func attach(a *attempt) {
	c := a.pod().start("main", shell("while read line; do echo got $line; test $line = end && sleep 1 && exit 8; done"),
		func(c *cri.ContainerConfig) { c.Stdin = true })
	s := c.attach(false)
	s.send(stdin, "first\n")
	s.receiveUntil(stdout, "got first")
	s.send(stdin, "end\n")
	s.receiveUntil(stdout, "got end")
	c.ends(8, "Error")
	a.equal("the log", c.log("stdout"), "got first\ngot end")
}

func (c *container) attach(tty bool) *stream {
	res, err := c.runtime.Attach(c.ctx, &cri.AttachRequest{ContainerId: c.id, Stdin: true, Stdout: true, Stderr: !tty,
		Tty: tty})
	c.must(err)
	return c.stream(res.Url)
}

func attachTerminal(a *attempt) {
	c := a.pod().start("main", func(c *cri.ContainerConfig) {
		c.Command, c.Tty, c.Stdin = []string{"/bin/sh"}, true, true
	})
	s := c.attach(true)
	s.send(resize, `{"Width": 93, "Height": 29}`)
	s.send(stdin, "until stty size | grep '29 93'; do sleep .05; done\n")
	s.receiveUntil(stdout, "29 93\r\n")
	s.send(stdin, "exit 3\n")
	c.ends(3, "Error")
}

func stdinOnce(a *attempt) {
	c := a.pod().start("main", shell("cat; exit 2"), func(c *cri.ContainerConfig) { c.Stdin, c.StdinOnce = true, true })
	s := c.attach(false)
	s.send(stdin, "all of it\n")
	s.receiveUntil(stdout, "all of it")
	s.conn.Close()
	c.ends(2, "Error")
}
