package clients

import (
	"regexp"
	"strings"
	"time"
)

// startFlows are about create, start and attach.
func startFlows() []flow {
	return []flow{
		{name: "create-start", run: func(a *attempt) {
			name := a.name()
			a.do("create", "--name", name, "--network", "none", image, "echo", "started").ok()
			if status := a.inspect(name, "{{.State.Status}}"); status != "created" {
				a.fatalf("status %s", status)
			}
			a.do("start", "--attach", name).ok().prints("started")
			a.do("start", "--attach", name).ok().prints("started")
		}},
		{name: "start/not-found", run: func(a *attempt) {
			name := a.name()
			a.do("create", "--name", name, "--network", "none", image, "no-such-command").ok()
			a.do("start", name).fails("no-such-command")
		}},
		{name: "attach/stdin", run: func(a *attempt) {
			name := a.name()
			a.do("run", "-di", "--name", name, "--network", "none", image, "sh", "-c",
				`read -r line; sleep 0.3; echo "got $line"; exit 4`).ok()
			a.feed("a line\n", "attach", name)
			a.do("wait", name).ok().prints("4")
			a.do("logs", name).ok().has("got a line")
		}},
		{name: "attach/terminal", run: func(a *attempt) {
			name := a.name()
			a.do("run", "-dit", "--name", name, "--network", "none", image, "sh", "-c",
				`read -r line; echo "got $line"; exit 4`).ok()
			a.terminal("attach", name).types("a line\r").shows("got a line")
			a.do("wait", name).ok().prints("4")
		}},
	}
}

// signalFlows are about kill and stop.
func signalFlows() []flow {
	return []flow{
		{name: "kill/default", run: func(a *attempt) {
			name := a.detached()
			a.do("kill", name).ok()
			a.do("wait", name).ok().prints("137")
		}},
		{name: "kill/name", run: func(a *attempt) {
			name := a.detachedSh("trap 'echo usr1' USR1; trap 'echo hup; exit 9' HUP; echo ready; while :; do sleep " +
				"0.1; done")
			a.do("kill", "-s", "USR1", name).ok()
			a.waitLog(name, "usr1")
			a.do("kill", "--signal", "SIGHUP", name).ok()
			a.do("wait", name).ok().prints("9")
			a.do("logs", name).ok().has("hup")
		}},
		{name: "kill/number", run: func(a *attempt) {
			name := a.detachedSh("trap 'exit 11' WINCH; echo ready; while :; do sleep 0.1; done")
			a.do("kill", "-s", "28", name).ok()
			a.do("wait", name).ok().prints("11")
		}},
		{name: "kill/real-time", run: func(a *attempt) {
			name := a.detachedSh("trap 'exit 12' 37; echo ready; while :; do sleep 0.1; done")
			a.do("kill", "-s", "37", name).ok()
			a.do("wait", name).ok().prints("12")
		}},
		{name: "kill/unknown-signal", run: func(a *attempt) {
			name := a.detached()
			a.do("kill", "-s", "NONSENSE", name).fails("NONSENSE")
			a.waitStatus(name, "running")
		}},
		{name: "kill/stopped", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", image, "true").ok()
			a.do("kill", name).fails()
		}},
		{name: "stop/handled", run: func(a *attempt) {
			name := a.detachedSh("trap 'echo stopping; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
			a.do("stop", name).ok()
			a.do("logs", name).ok().has("stopping")
			if code := a.inspect(name, "{{.State.ExitCode}}"); code != "3" {
				a.fatalf("exit code %s", code)
			}
		}},
		{name: "stop/timeout", run: func(a *attempt) {
			name := a.detachedSh("trap '' TERM; echo ready; while :; do sleep 0.1; done")
			started := time.Now()
			a.do("stop", "--time", "1", name).ok()
			if took := time.Since(started); took < time.Second {
				a.fatalf("stopped after %v", took)
			}
			if code := a.inspect(name, "{{.State.ExitCode}}"); code != "137" {
				a.fatalf("exit code %s", code)
			}
		}},
		{name: "stop/signal", run: func(a *attempt) {
			name := a.detachedSh("trap 'exit 21' INT; echo ready; while :; do sleep 0.1; done", "--stop-signal", "INT")
			a.do("stop", name).ok()
			a.do("wait", name).ok().prints("21")
		}},
		{name: "stop/descendants", run: func(a *attempt) {
			name := a.detachedSh("sleep 1001 & setsid sleep 1002 & trap 'exit 0' TERM; echo ready; while :; do sleep " +
				"0.1; done")
			a.do("stop", name).ok()
			if left := a.call(call{command: []string{"pgrep", "-f", "sleep 100[12]"}}); left.code != 1 {
				a.fatalf("still there: %s", left.stdout)
			}
		}},
	}
}

// endFlows are about what follows the end of a container.
func endFlows() []flow {
	return []flow{
		{name: "restart", run: func(a *attempt) {
			name := a.detached()
			before := a.inspect(name, "{{.State.Pid}}")
			a.do("restart", "--time", "1", name).ok()
			a.waitStatus(name, "running")
			if after := a.inspect(name, "{{.State.Pid}}"); after == before {
				a.fatalf("process %s as before", after)
			}
		}},
		{name: "restart-policy/on-failure", run: func(a *attempt) {
			name := a.name()
			a.do("run", "-d", "--name", name, "--network", "none", "--restart", "on-failure:2", image, "sh", "-c",
				"echo once more; exit 5").ok()
			a.waitInspect(name, "{{.RestartCount}} {{.State.Status}}", "2 exited")
			if n := strings.Count(a.do("logs", name).ok().stdout, "once more"); n != 3 {
				a.fatalf("ran %d times, want 3", n)
			}
		}},
		{name: "restart-policy/always", run: func(a *attempt) {
			script := "echo ready; [ -e /ended ] || { touch /ended; exit; }; echo started again; exec sleep 1000"
			name := a.detachedSh(script, "--restart", "always")
			a.waitLog(name, "started again")
			a.do("stop", "--time", "0", name).ok()
			a.waitStatus(name, "exited")
		}},
		{name: "rm/force", run: func(a *attempt) {
			name := a.detached()
			a.do("rm", name).fails("running")
			a.do("rm", "--force", name).ok()
			a.do("container", "inspect", name).fails()
		}},
		{name: "wait", run: func(a *attempt) {
			name := a.detachedSh("echo ready; read -r nothing </dev/zero & sleep 0.3; exit 17")
			a.do("wait", name).ok().prints("17")
		}},
	}
}

func pauseFlows() []flow {
	return []flow{
		{name: "pause/resume", run: func(a *attempt) {
			name := a.detachedSh("echo ready; i=0; while :; do i=$((i+1)); echo $i >/tmp/n; usleep 1000; done")
			pid := a.inspect(name, "{{.State.Pid}}")
			a.do("pause", name).ok()
			a.waitStatus(name, "paused")
			count := func() string { return a.host("cat", "/proc/"+pid+"/root/tmp/n") }
			before := count()
			time.Sleep(50 * time.Millisecond)
			if after := count(); after != before {
				a.fatalf("runs on while it is paused: %s, then %s", before, after)
			}
			a.do("unpause", name).ok()
			a.waitStatus(name, "running")
			a.eventually("progress", func() bool { return count() != before })
		}},
		{name: "pause/twice", run: func(a *attempt) {
			name := a.detached()
			a.do("pause", name).ok()
			a.do("pause", name).fails()
			a.do("unpause", name).ok()
			a.do("unpause", name).fails()
		}},
		{name: "pause/kill", run: func(a *attempt) {
			name := a.detached()
			a.do("pause", name).ok()
			a.do("rm", "--force", name).ok()
			a.do("container", "inspect", name).fails()
		}},
		{name: "pause/exec", run: func(a *attempt) {
			name := a.detached()
			a.do("pause", name).ok()
			a.do("exec", name, "true").fails()
			a.do("unpause", name).ok()
			a.do("exec", name, "echo", "works again").ok().prints("works again")
		}},
	}
}

// lookFlows are about looking at a container.
func lookFlows() []flow {
	return []flow{
		{name: "logs/streams", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", image, "sh", "-c", "seq 5; echo wrong >&2").ok()
			r := a.do("logs", name).ok().prints("1\n2\n3\n4\n5")
			if r.stderr != "wrong\n" {
				a.fatalf("stderr: %q", r.stderr)
			}
			a.do("logs", "--tail", "2", name).ok()
			a.do("logs", "--timestamps", name).ok().has("T", " 5\n")
		}},
		{name: "logs/follow", run: func(a *attempt) {
			name := a.detachedSh("echo ready; sleep 0.3; echo last")
			a.do("logs", "--follow", name).ok().prints("ready\nlast")
		}},
		{name: "inspect/pid", run: func(a *attempt) {
			name := a.detached()
			pid := a.inspect(name, "{{.State.Pid}}")
			if args := a.host("cat", "/proc/"+pid+"/cmdline"); !strings.HasPrefix(args, "sh\x00-c\x00trap") {
				a.fatalf("process %s is %q", pid, args)
			}
		}},
		{name: "ps", run: func(a *attempt) {
			name := a.detached()
			a.do("ps", "--filter", "name="+name, "--format", "{{.Names}} {{.Status}}").ok().has(name + " Up")
			a.do("stop", "--time", "0", name).ok()
			a.do("ps", "--all", "--filter", "name="+name, "--format",
				"{{.Names}} {{.Status}}").ok().has(name + " Exited (")
		}},
		{name: "top", run: func(a *attempt) {
			name := a.detachedSh("sleep 1003 & echo ready; wait")
			a.do("top", name).ok().has("sleep 1003", "sh -c")
		}},
		{name: "stats", run: func(a *attempt) {
			name := a.detached("--memory", "100m")
			r := a.do("stats", "--no-stream", "--format", "{{.Name}} {{.MemUsage}} {{.PIDs}}", name).ok()
			if !regexp.MustCompile(`^stats [1-9][0-9.]*([kKMm]i?)?B / (100MiB|104\.9MB) [1-9]`).MatchString(r.text()) {
				a.fatalf("printed %q", r.stdout)
			}
		}},
	}
}

// fileFlows are about a container's files and its image.
func fileFlows() []flow {
	return []flow{
		{name: "cp/in", run: func(a *attempt) {
			name := a.detached()
			file := a.write("file", "copied in", 0o644)
			a.do("cp", file, name+":/tmp/file").ok()
			a.do("exec", name, "cat", "/tmp/file").ok().prints("copied in")
		}},
		{name: "cp/out", run: func(a *attempt) {
			name := a.detachedSh("mkdir -p /tmp/d; echo copied out >/tmp/d/file; echo ready; exec sleep 1000")
			a.do("cp", name+":/tmp/d", a.dir+"/d").ok()
			if got := a.host("cat", a.dir+"/d/file"); got != "copied out" {
				a.fatalf("got %q", got)
			}
		}},
		{name: "commit/stopped", run: func(a *attempt) {
			name := a.name()
			tag := "localhost/committed-" + name
			a.do("run", "--name", name, "--network", "none", image, "sh", "-c", "echo committed >/etc/new").ok()
			a.do("commit", name, tag).ok()
			a.do("run", "--rm", "--network", "none", tag, "cat", "/etc/new").ok().prints("committed")
		}},
		{name: "commit/running", run: func(a *attempt) {
			name := a.detachedSh("echo live >/etc/new; echo ready; exec sleep 1000")
			tag := "localhost/committed-" + name
			a.do("commit", "--pause", name, tag).ok()
			a.waitStatus(name, "running")
			a.do("run", "--rm", "--network", "none", tag, "cat", "/etc/new").ok().prints("live")
		}},
		{name: "rename", run: func(a *attempt) {
			name, other := a.detached(), a.name("other")
			a.do("rename", name, other).ok()
			a.do("exec", other, "echo", "renamed").ok().prints("renamed")
			a.do("container", "inspect", name).fails()
		}},
		{name: "export", run: func(a *attempt) {
			name := a.detachedSh("echo exported >/etc/new; echo ready; exec sleep 1000")
			a.do("export", "--output", a.dir+"/export.tar", name).ok()
			if got := a.host("tar", "-xOf", a.dir+"/export.tar", "etc/new"); got != "exported" {
				a.fatalf("got %q", got)
			}
		}},
		{name: "diff", run: func(a *attempt) {
			name := a.detachedSh("echo new >/etc/new; rm /etc/group; echo ready; exec sleep 1000")
			a.do("diff", name).ok().has("A /etc/new", "D /etc/group")
		}},
	}
}
