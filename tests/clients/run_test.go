package clients

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// commonFlows are made with podman and with docker, whose commands are spelled alike.
func commonFlows() []flow {
	return slices.Concat(
		runFlows(), runTerminalFlows(), runSettingFlows(), runExitFlows(), runNetworkFlows(), runParallelFlows(),
		startFlows(), signalFlows(), endFlows(), pauseFlows(), lookFlows(), fileFlows(),
		execFlows(), execSettingFlows(), execExitFlows(), execParallelFlows(), limitFlows(), updateFlows(),
		volumeFlows(), propagationFlows(), tmpfsFlows(), deviceFlows(),
		capabilityFlows(), securityFlows(), namespaceFlows(),
	)
}

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
	}
}

func runTerminalFlows() []flow {
	return []flow{
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
	}
}

// runSettingFlows are about what an image or a flag says of the process.
func runSettingFlows() []flow {
	return []flow{
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
	}
}

// runExitFlows are about how a container ends, or does not begin.
func runExitFlows() []flow {
	return []flow{
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
	}
}

func runNetworkFlows() []flow {
	return []flow{
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
	}
}

func runParallelFlows() []flow {
	return []flow{
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
