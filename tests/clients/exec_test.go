package clients

import (
	"fmt"
	"strings"
)

func execFlows() []flow {
	return []flow{
		{name: "exec/attached", run: func(a *attempt) {
			r := a.do("exec", a.detached(), "sh", "-c", "echo out; echo err >&2").ok().prints("out")
			if r.stderr != "err\n" {
				a.fatalf("stderr: %q", r.stderr)
			}
		}},
		{name: "exec/detached", run: func(a *attempt) {
			name := a.detached()
			a.do("exec", "--detach", name, "sh", "-c", "echo detached >/tmp/file").ok()
			a.eventually("file", func() bool { return a.do("exec", name, "cat", "/tmp/file").stdout == "detached\n" })
		}},
		{name: "exec/detached-stays", run: func(a *attempt) {
			name := a.detached()
			a.do("exec", "--detach", name, "sleep", "1004").ok()
			a.eventually("process", func() bool {
				return strings.Contains(a.do("exec", name, "ps").ok().stdout, "sleep 1004")
			})
			a.do("stop", name).ok()
			if left := a.call(call{command: []string{"pgrep", "-f", "sleep 1004"}}); left.code != 1 {
				a.fatalf("still there: %s", left.stdout)
			}
		}},
		{name: "exec/stdin", run: func(a *attempt) {
			a.feed("one\ntwo\n", "exec", "-i", a.detached(), "wc", "-l").ok().prints("2")
		}},
		{name: "exec/stdin-binary", run: func(a *attempt) {
			data := strings.Repeat("\x00\x01\xfe\xff\r\n\x04", 30000)
			if r := a.feed(data, "exec", "-i", a.detached(), "cat").ok(); r.stdout != data {
				a.fatalf("%d bytes came back of %d, or others", len(r.stdout), len(data))
			}
		}},
		{name: "exec/terminal", run: func(a *attempt) {
			t := a.terminal("exec", "-it", a.detached(), "sh", "-c", `tty; read -r line; echo "got $line"; exit 3`)
			t.shows("/dev/pts/").types("some words\r").shows("got some words").exits(3)
		}},
		{name: "exec/terminal-size", run: func(a *attempt) {
			t := a.terminal("exec", "-it", a.detached(), "sh", "-c",
				`until [ "$(stty size)" = "30 100" ]; do sleep 0.05; done; sleep 0.1; trap 'stty size; exit' WINCH; `+
					`echo ready; while :; do sleep 0.1; done`)
			t.shows("ready").resizes(40, 120, "40 120").exits(0)
		}},
		{name: "exec/terminal-interrupt", run: func(a *attempt) {
			t := a.terminal("exec", "-it", a.detached(), "sh", "-c",
				`trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done`)
			t.shows("ready").types("\x03").shows("interrupted").exits(5)
		}},
	}
}

// execSettingFlows are about what a flag, or the container, says of the process.
func execSettingFlows() []flow {
	return []flow{
		{name: "exec/env", run: func(a *attempt) {
			name := a.detached("--env", "A=1")
			a.do("exec", "--env", "B=2", name, "sh", "-c", "echo $A-$B-$FROM_IMAGE").ok().prints("1-2-yes")
		}},
		{name: "exec/workdir", run: func(a *attempt) {
			a.do("exec", "--workdir", "/var", a.detached(), "pwd").ok().prints("/var")
		}},
		{name: "exec/missing-workdir", run: func(a *attempt) {
			a.do("exec", "--workdir", "/not/there", a.detached(), "pwd").fails()
		}},
		{name: "exec/user", run: func(a *attempt) {
			a.do("exec", "--user", "1000:1001", a.detached(), "sh", "-c", "id -u; id -g").ok().prints("1000\n1001")
		}},
		{name: "exec/user-by-name", run: func(a *attempt) {
			a.do("exec", "--user", "user", a.detached(), "id", "-un").ok().prints("user")
		}},
		{name: "exec/user-of-container", run: func(a *attempt) {
			a.do("exec", a.detached("--user", "1000"), "id", "-u").ok().prints("1000")
		}},
		{name: "exec/groups", run: func(a *attempt) {
			a.do("exec", a.detached("--user", "1000:1000", "--group-add", "2000"), "id", "-G").ok().prints("1000 2000")
		}},
		{name: "exec/privileged", run: func(a *attempt) {
			name := a.detached()
			caps := func(flags ...string) string {
				args := append(append([]string{"exec"}, flags...), name, "grep", "CapEff", "/proc/self/status")
				return a.do(args...).ok().text()
			}
			ordinary, privileged := caps(), caps("--privileged")
			if ordinary == privileged || !strings.HasSuffix(privileged, "ffffff") {
				a.fatalf("%s, privileged %s", ordinary, privileged)
			}
		}},
		{name: "exec/capabilities", run: func(a *attempt) {
			name := a.detached("--cap-drop", "all", "--cap-add", "chown")
			a.do("exec", name, "grep", "CapBnd", "/proc/self/status").ok().prints("CapBnd:\t0000000000000001")
		}},
		{name: "exec/seccomp", run: func(a *attempt) {
			name := a.detached("--security-opt", "seccomp="+a.write("seccomp.json", noMkdir, 0o644))
			a.do("exec", name, "sh", "-c", "mkdir /tmp/d || echo refused").ok().has("refused")
			a.do("exec", name, "touch", "/tmp/file").ok()
		}},
		{name: "exec/no-new-privileges", run: func(a *attempt) {
			name := a.detached("--security-opt", "no-new-privileges")
			a.do("exec", name, "grep", "NoNewPrivs", "/proc/self/status").ok().prints("NoNewPrivs:\t1")
		}},
		{name: "exec/namespaces", run: func(a *attempt) {
			name := a.detached()
			const links = "for n in ipc mnt net pid uts; do readlink /proc/%s/ns/$n; done"
			self := a.do("exec", name, "sh", "-c", fmt.Sprintf(links, "self")).ok()
			a.do("exec", name, "sh", "-c", fmt.Sprintf(links, "1")).ok().prints(self.text())
		}},
		{name: "exec/cgroup", run: func(a *attempt) {
			name := a.detached("--memory", "50m")
			self := a.do("exec", name, "cat", "/proc/self/cgroup").ok()
			a.do("exec", name, "cat", "/proc/1/cgroup").ok().prints(self.text())
		}},
	}
}

// execExitFlows are about how a process ends, or does not begin.
func execExitFlows() []flow {
	// notFound is the exit status for a command that does not exist. This docker
	// gives one for all that cannot be executed.
	notFound := func(a *attempt) int {
		if a.client == "docker" {
			return 126
		}
		return 127
	}
	return []flow{
		{name: "exec/exit-code", run: func(a *attempt) {
			a.do("exec", a.detached(), "sh", "-c", "exit 42").exits(42)
		}},
		{name: "exec/exit-code-killed", run: func(a *attempt) {
			a.do("exec", a.detached(), "sh", "-c", "kill -KILL $$").exits(137)
		}},
		{name: "exec/not-found", run: func(a *attempt) {
			a.do("exec", a.detached(), "no-such-command").exits(notFound(a))
		}},
		{name: "exec/not-found-path", run: func(a *attempt) {
			a.do("exec", a.detached(), "/no/such/command").exits(notFound(a))
		}},
		{name: "exec/not-executable", run: func(a *attempt) {
			a.do("exec", a.detached(), "/bin/not-executable").exits(126)
		}},
		{name: "exec/directory", run: func(a *attempt) {
			a.do("exec", a.detached(), "/etc").exits(126)
		}},
		{name: "exec/stopped", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", image, "true").ok()
			a.do("exec", name, "true").fails()
		}},
		{name: "exec/container-ends", run: func(a *attempt) {
			name := a.detached()
			p := a.start("exec", name, "sh", "-c", "sleep 1011; true")
			a.eventually("process", func() bool {
				return strings.Contains(a.do("exec", name, "ps").ok().stdout, "sleep 1011")
			})
			a.do("kill", name).ok()
			p.wait().exits(137)
		}},
		{name: "exec/while-stopping", run: func(a *attempt) {
			name := a.detachedSh("trap 'sleep 0.3; exit 6' TERM; echo ready; while :; do sleep 0.1; done")
			stop := a.start("stop", name)
			for ended := false; !ended; {
				r := a.do("exec", name, "true") // may fail, must not hang or hurt
				ended = r.code != 0
			}
			stop.wait().ok()
			a.do("wait", name).ok().prints("6")
		}},
	}
}

func execParallelFlows() []flow {
	return []flow{
		{name: "exec/parallel", run: func(a *attempt) {
			name := a.detached()
			var processes []*process
			for i := range 20 {
				processes = append(processes, a.start("exec", name, "echo", fmt.Sprint(i)))
			}
			for i, p := range processes {
				p.wait().ok().prints(fmt.Sprint(i))
			}
			a.eventually("end of all processes but the container's", func() bool {
				return strings.Count(a.do("exec", name, "ps", "-o", "comm").ok().stdout, "echo") == 0
			})
		}},
		{name: "exec/large-output", run: func(a *attempt) {
			if r := a.do("exec", a.detached(), "seq", "200000").ok(); len(r.stdout) != 1288895 {
				a.fatalf("%d bytes printed", len(r.stdout))
			}
		}},
		{name: "exec/read-only", run: func(a *attempt) {
			a.do("exec", a.detached("--read-only"), "touch", "/file").fails("Read-only file system")
		}},
	}
}
