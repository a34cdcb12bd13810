package clients

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The commands of podman and docker are spelled alike. These flows, and those
// of exec_test.go and so on, are made with both.

func runFlows() []flow {
	return []flow{
		{name: "run/attached", run: func(a *attempt) {
			a.quick(nil, "echo", "hello").ok().prints("hello")
		}},
		{name: "run/output", run: func(a *attempt) {
			r := a.sh("echo out; echo err >&2").ok().prints("out")
			if r.stderr != "err\n" {
				a.fatalf("stderr: %q", r.stderr)
			}
		}},
		{name: "run/output-large", run: func(a *attempt) {
			r := a.sh("seq 200000").ok()
			if want := 1288895; len(r.stdout) != want || !strings.HasSuffix(r.stdout, "\n200000\n") {
				a.fatalf("%d bytes printed, want %d", len(r.stdout), want)
			}
		}},
		{name: "run/detached", run: func(a *attempt) {
			a.waitStatus(a.detached(), "running")
		}},
		{name: "run/stdin", run: func(a *attempt) {
			a.feed("one\ntwo\n", "run", "--rm", "--network", "none", "-i", image, "wc", "-l").ok().prints("2")
		}},
		{name: "run/stdin-binary", run: func(a *attempt) {
			data := strings.Repeat("\x00\x01\xfe\xff\r\n\x04", 30000)
			if r := a.feed(data, "run", "--rm", "--network", "none", "-i", image, "cat").ok(); r.stdout != data {
				a.fatalf("%d bytes came back of %d, or others", len(r.stdout), len(data))
			}
		}},
		{name: "run/stdin-not-given", run: func(a *attempt) {
			a.feed("text", "run", "--rm", "--network", "none", image, "wc", "-c").ok().prints("0")
		}},
		{name: "run/terminal", run: func(a *attempt) {
			t := a.terminal("run", "--rm", "--network", "none", "-it", image, "sh", "-c",
				`tty; read -r line; echo "got $line"; exit 3`)
			t.shows("/dev/pts/0").types("some words\r").shows("got some words").exits(3)
		}},
		{name: "run/terminal-size", run: func(a *attempt) {
			t := a.terminal("run", "--rm", "--network", "none", "-it", image, "sh", "-c",
				`until [ "$(stty size)" = "30 100" ]; do sleep 0.05; done; sleep 0.1; trap 'stty size; exit' WINCH; `+
					`echo ready; while :; do sleep 0.1; done`)
			t.shows("ready").resizes(40, 120, "40 120").exits(0)
		}},
		{name: "run/terminal-interrupt", run: func(a *attempt) {
			t := a.terminal("run", "--rm", "--network", "none", "-it", image, "sh", "-c",
				`trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.1; done`)
			t.shows("ready").types("\x03").shows("interrupted").exits(5)
		}},
		{name: "run/terminal-detached", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", "-dt", image, "sh", "-c", "tty; stty -a").ok()
			a.waitStatus(name, "exited")
			a.do("logs", name).ok().has("/dev/pts/0", "onlcr")
		}},
		{name: "run/detach-keys", run: func(a *attempt) {
			name := a.name()
			t := a.terminal("run", "--name", name, "--network", "none", "--detach-keys", "ctrl-a,d", "-it", image, "sh",
				"-c", "echo ready; exec cat")
			t.shows("ready").types("\x01")
			time.Sleep(300 * time.Millisecond) // podman takes keys that come together for text
			t.types("d").exits(0)
			a.waitStatus(name, "running")
		}},
		{name: "run/signal-proxy", run: func(a *attempt) {
			name := a.name()
			p := a.start("run", "--name", name, "--network", "none", image, "sh", "-c",
				"trap 'echo usr1; exit 7' USR1; echo ready; while :; do sleep 0.1; done")
			a.waitLog(name, "ready")
			p.signal(unix.SIGUSR1)
			p.wait().exits(7).has("usr1")
		}},
		{name: "run/env", run: func(a *attempt) {
			a.sh("echo $A-$B-$FROM_IMAGE", "--env", "A=1", "--env", "B=x y").ok().prints("1-x y-yes")
		}},
		{name: "run/env-file", run: func(a *attempt) {
			file := a.write("env", "A=from file\nB=2\n", 0o644)
			a.sh("echo $A-$B", "--env-file", file).ok().prints("from file-2")
		}},
		{name: "run/workdir", run: func(a *attempt) {
			a.quick([]string{"--workdir", "/var"}, "pwd").ok().prints("/var")
		}},
		{name: "run/user", run: func(a *attempt) {
			a.sh("id -u; id -g", "--user", "1000:1000").ok().prints("1000\n1000")
		}},
		{name: "run/user-by-name", run: func(a *attempt) {
			a.quick([]string{"--user", "user"}, "id", "-un").ok().prints("user")
		}},
		{name: "run/group-add", run: func(a *attempt) {
			a.quick([]string{"--user", "1000:1000", "--group-add", "2000", "--group-add", "2001"}, "id",
				"-G").ok().prints("1000 2000 2001")
		}},
		{name: "run/entrypoint", run: func(a *attempt) {
			a.quick([]string{"--entrypoint", "/bin/echo"}, "an", "argument").ok().prints("an argument")
		}},
		{name: "run/script", run: func(a *attempt) {
			a.quick(nil, "script", "a", "b").ok().prints("script a b")
		}},
		{name: "run/init", run: func(a *attempt) {
			r := a.sh("tr '\\0' ' ' </proc/1/cmdline; echo; echo $$", "--init").ok().has("init")
			if strings.HasSuffix(r.text(), "\n1") {
				a.fatalf("the shell is the first process: %s", r.stdout)
			}
		}},
		{name: "run/hostname", run: func(a *attempt) {
			a.quick([]string{"--hostname", "rung.example"}, "hostname").ok().prints("rung.example")
		}},
		{name: "run/read-only", run: func(a *attempt) {
			a.sh("touch /file", "--read-only").fails("Read-only file system")
			a.sh("touch /tmp/file && echo yes", "--read-only", "--tmpfs", "/tmp").ok().prints("yes")
		}},
		{name: "run/name", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", image, "true").ok()
			a.do("run", "--name", name, "--network", "none", image, "true").exits(125).fails("already in use")
		}},
		{name: "run/rm", run: func(a *attempt) {
			name := a.name()
			a.quick([]string{"--name", name}, "true").ok()
			a.do("container", "inspect", name).fails()
		}},
		{name: "run/cidfile", run: func(a *attempt) {
			name := a.name()
			a.do("run", "-d", "--name", name, "--cidfile", a.dir+"/id", "--network", "none", image, "true").ok()
			id, err := os.ReadFile(a.dir + "/id")
			if err != nil {
				a.fatalf("%v", err)
			}
			if got := a.inspect(name, "{{.Id}}"); got != strings.TrimSpace(string(id)) {
				a.fatalf("the file has %s, the container is %s", id, got)
			}
		}},
		{name: "run/exit-code", run: func(a *attempt) {
			a.sh("exit 42").exits(42)
		}},
		{name: "run/exit-code-detached", run: func(a *attempt) {
			name := a.name()
			a.do("run", "-d", "--name", name, "--network", "none", image, "sh", "-c", "exit 43").ok()
			a.do("wait", name).ok().prints("43")
			if code := a.inspect(name, "{{.State.ExitCode}}"); code != "43" {
				a.fatalf("exit code %s", code)
			}
		}},
		{name: "run/exit-code-killed", run: func(a *attempt) {
			a.sh("kill -KILL $$", "--init").exits(137)
		}},
		{name: "run/not-found", run: func(a *attempt) {
			a.quick(nil, "no-such-command").exits(127)
		}},
		{name: "run/not-found-path", run: func(a *attempt) {
			a.quick(nil, "/no/such/command").exits(127)
		}},
		{name: "run/no-interpreter", run: func(a *attempt) {
			a.quick(nil, "/bin/no-interpreter").fails()
		}},
		{name: "run/not-executable", run: func(a *attempt) {
			a.quick(nil, "/bin/not-executable").exits(126)
		}},
		{name: "run/directory", run: func(a *attempt) {
			a.quick(nil, "/etc").exits(126)
		}},
		{name: "run/not-found-leaves-nothing", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", image, "no-such-command").exits(127)
			a.do("rm", name).ok()
			a.do("run", "--name", name, "--network", "none", image, "echo", "again").ok().prints("again")
		}},
		{name: "run/hosts", run: func(a *attempt) {
			a.quick([]string{"--add-host", "some.example:192.0.2.7"}, "cat", "/etc/hosts").ok().has("192.0.2.7",
				"some.example")
		}},
		{name: "run/dns", run: func(a *attempt) {
			a.do("run", "--rm", "--dns", "192.0.2.53", "--dns-search", "rung.example", "--dns-opt", "ndots:3", image,
				"cat", "/etc/resolv.conf").
				ok().has("nameserver 192.0.2.53", "search rung.example", "ndots:3")
		}},
		{name: "run/network-none", run: func(a *attempt) {
			a.quick(nil, "ls", "/sys/class/net").ok().prints("lo")
		}},
		{name: "run/network-bridge", run: func(a *attempt) {
			name := a.detachedSh("echo over the network >/tmp/index.html; httpd -p 80 -h /tmp; echo ready; exec "+
				"sleep 1000", "--network", "bridge")
			address := a.inspect(name, "{{.NetworkSettings.IPAddress}}")
			a.do("run", "--rm", image, "wget", "-qO-", "http://"+address+"/").ok().prints("over the network")
		}},
		{name: "run/network-host", run: func(a *attempt) {
			want := a.host("readlink", "/proc/self/ns/net")
			a.do("run", "--rm", "--network", "host", image, "readlink", "/proc/self/ns/net").ok().prints(want)
		}},
		{name: "run/parallel", run: func(a *attempt) {
			var processes []*process
			for i := range 20 {
				processes = append(processes, a.start("run", "--rm", "--network", "none", image, "echo", fmt.Sprint(i)))
			}
			for i, p := range processes {
				p.wait().ok().prints(fmt.Sprint(i))
			}
		}},
		{name: "run/parallel-detached", run: func(a *attempt) {
			var processes []*process
			for i := range 20 {
				processes = append(processes, a.start("run", "-d", "--name", a.name(fmt.Sprint(i)), "--network", "none",
					image, "sleep", "1000"))
			}
			for _, p := range processes {
				p.wait().ok()
			}
			for i := range 20 {
				if status := a.inspect(a.name(fmt.Sprint(i)), "{{.State.Status}}"); status != "running" {
					a.fatalf("container %d is %s", i, status)
				}
			}
		}},
	}
}

// lifeFlows are about what happens to a container between its start and its
// end.
func lifeFlows() []flow {
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
