package clients

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ctrFlows are all flows of ctr. Its control is runc, which containerd is made
// for.
func ctrFlows() []flow {
	flows := slices.Concat(ctrRunFlows(), ctrProcessFlows(), ctrLimitFlows(), ctrSecurityFlows(), ctrConfigFlows(),
		ctrMountFlows(), ctrTaskFlows(), ctrTaskStateFlows(), ctrExecFlows())
	for i := range flows {
		flows[i].control = "runc"
	}
	return flows
}

func ctrRunFlows() []flow {
	return []flow{
		{name: "run/attached", run: func(a *attempt) { a.ctr(nil, "echo", "hello").ok().prints("hello") }},
		{name: "run/output", run: func(a *attempt) {
			r := a.ctr(nil, "sh", "-c", "echo out; echo err >&2").ok().prints("out")
			if r.stderr != "err\n" {
				a.fatalf("stderr: %q", r.stderr)
			}
		}},
		{name: "run/stdin", run: func(a *attempt) {
			a.feed("one\ntwo\n", a.ctrRun([]string{"--rm"}, a.name(), "sh", "-c",
				"read a; read b; echo $b $a")...).ok().prints("two one")
		}},
		{name: "run/terminal", run: func(a *attempt) {
			t := a.terminal(a.ctrRun([]string{"--rm", "--tty"}, a.name(), "sh", "-c",
				`tty; read -r line; echo "got $line"; exit 3`)...)
			t.shows("/dev/pts/0").types("some words\r").shows("got some words").exits(3)
		}},
		{name: "run/detached", run: func(a *attempt) { a.waitTask(a.task(), "RUNNING") }},
		{name: "run/exit-code", run: func(a *attempt) { a.ctr(nil, "sh", "-c", "exit 42").exits(42) }},
		{name: "run/exit-code-killed", run: func(a *attempt) {
			name := a.name()
			p := a.start(a.ctrRun([]string{"--rm", "--null-io"}, name, "sleep", "1000")...)
			a.eventually("task", func() bool { return strings.Contains(a.do("task", "list").ok().stdout, name+" ") })
			a.waitTask(name, "RUNNING")
			a.do("task", "kill", "--signal", "SIGKILL", name).ok()
			p.wait().exits(137)
		}},
		{name: "run/parallel", run: func(a *attempt) {
			var processes []*process
			for i := range 20 {
				processes = append(processes, a.start(a.ctrRun([]string{"--rm"}, a.name(fmt.Sprint(i)), "echo",
					fmt.Sprint(i))...))
			}
			for i, p := range processes {
				p.wait().ok().prints(fmt.Sprint(i))
			}
		}},
	}
}

// ctrProcessFlows are about the process and what it finds.
func ctrProcessFlows() []flow {
	return []flow{
		{name: "run/not-found", run: func(a *attempt) {
			a.ctr(nil, "no-such-command").fails("no-such-command", "executable file not found in $PATH")
		}},
		{name: "run/not-executable", run: func(a *attempt) {
			a.ctr(nil, "/bin/not-executable").fails("permission denied")
		}},
		{name: "run/directory", run: func(a *attempt) { a.ctr(nil, "/etc").fails("/etc") }},
		{name: "run/env", run: func(a *attempt) {
			a.ctr([]string{"--env", "A=1"}, "sh", "-c", "echo $A-$FROM_IMAGE").ok().prints("1-yes")
		}},
		{name: "run/cwd", run: func(a *attempt) { a.ctr([]string{"--cwd", "/var"}, "pwd").ok().prints("/var") }},
		{name: "run/read-only", run: func(a *attempt) {
			a.ctr([]string{"--read-only"}, "touch", "/file").fails("Read-only file system")
		}},
		{name: "run/rootfs", run: func(a *attempt) {
			dir := a.mkdir("rootfs")
			a.host("cp", "-a", scratch("image/rootfs")+"/.", dir)
			a.do("run", "--rm", "--runc-binary", a.engine.runtime.path, "--rootfs", dir, a.name(), "/bin/echo",
				"no image").ok().prints("no image")
		}},
		{name: "run/pid-file", run: func(a *attempt) {
			name := a.task("--pid-file", a.dir+"/pid")
			if got, want := a.host("cat", a.dir+"/pid"), a.taskPid(name); got != want {
				a.fatalf("the file says %s, ctr %s", got, want)
			}
		}},
		{name: "run/no-pivot", run: func(a *attempt) {
			a.ctr([]string{"--no-pivot"}, "echo", "hello").ok().prints("hello")
		}},
		{name: "run/net-host", run: func(a *attempt) {
			want := a.host("readlink", "/proc/self/ns/net")
			a.ctr([]string{"--net-host"}, "readlink", "/proc/self/ns/net").ok().prints(want)
		}},
		{name: "run/with-namespace", run: func(a *attempt) {
			pid := a.taskPid(a.task())
			want := a.host("readlink", "/proc/"+pid+"/ns/net")
			name := a.name("other")
			a.do(a.ctrRun([]string{"--rm", "--with-ns", "network:/proc/" + pid + "/ns/net"}, name, "readlink",
				"/proc/self/ns/net")...).ok().prints(want)
		}},
	}
}

// ctrLimitFlows are about cgroups.
func ctrLimitFlows() []flow {
	return []flow{
		{name: "run/memory-limit", run: func(a *attempt) {
			got := a.taskCgroup(a.task("--memory-limit", "52428800"), "memory", "memory.limit_in_bytes")
			if got != "52428800" {
				a.fatalf("limit %s", got)
			}
		}},
		{name: "run/cpus", run: func(a *attempt) {
			if got := a.taskCgroup(a.task("--cpus", "0.5"), "cpu", "cpu.cfs_quota_us"); got != "50000" {
				a.fatalf("quota %s", got)
			}
		}},
		{name: "run/cgroup", run: func(a *attempt) {
			// ctr gives every container a cgroup namespace or none, as the machine has it.
			name := a.task("--cgroup", "/ctr-cgroup/"+a.engine.runtime.name)
			got := a.host("cat", "/proc/"+a.taskPid(name)+"/cgroup")
			if !strings.Contains(got, "memory:/ctr-cgroup/"+a.engine.runtime.name+"\n") {
				a.fatalf("in %s", got)
			}
		}},
		{name: "run/device", run: func(a *attempt) {
			a.ctr([]string{"--device", "/dev/fuse"}, "sh", "-c", "true </dev/fuse && echo opened").ok().prints("opened")
		}},
	}
}

func ctrSecurityFlows() []flow {
	return []flow{
		{name: "run/capabilities", run: func(a *attempt) {
			caps := func(flags ...string) string {
				return a.ctr(flags, "grep", "CapEff", "/proc/self/status").ok().text()
			}
			if with, without := caps("--cap-add", "CAP_NET_ADMIN"), caps("--cap-drop", "CAP_CHOWN"); with == without ||
				with == caps() || without == caps() {
				a.fatalf("CAP_NET_ADMIN added: %s, CAP_CHOWN dropped: %s", with, without)
			}
		}},
		{name: "run/privileged", run: func(a *attempt) {
			a.ctr([]string{"--privileged"}, "sh", "-c",
				"mount -t tmpfs none /mnt && echo mounted").ok().prints("mounted")
		}},
		{name: "run/seccomp", run: func(a *attempt) {
			a.ctr([]string{"--seccomp"}, "sh", "-c", "grep ^Seccomp: /proc/self/status").ok().prints("Seccomp:\t2")
		}},
		{name: "run/seccomp-profile", run: func(a *attempt) {
			profile := a.write("seccomp.json", noMkdir, 0o644)
			a.ctr([]string{"--seccomp", "--seccomp-profile", profile}, "sh", "-c",
				"mkdir /tmp/d && echo made || echo refused").ok().prints("refused")
		}},
		{name: "run/allow-new-privs", run: func(a *attempt) {
			a.ctr(nil, "grep", "NoNewPrivs", "/proc/self/status").ok().prints("NoNewPrivs:\t1")
			a.ctr([]string{"--allow-new-privs"}, "grep", "NoNewPrivs",
				"/proc/self/status").ok().prints("NoNewPrivs:\t0")
		}},
		{name: "run/userns", run: func(a *attempt) {
			a.ctr([]string{"--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"}, "cat",
				"/proc/self/uid_map").ok().has("100000")
		}},
	}
}

func ctrConfigFlows() []flow {
	return []flow{
		{name: "run/config", run: func(a *attempt) {
			spec := a.do("oci", "spec").ok().stdout
			var config map[string]any
			if err := json.Unmarshal([]byte(spec), &config); err != nil {
				a.fatalf("%v", err)
			}
			config["root"] = map[string]any{"path": scratch("image/rootfs")}
			config["process"].(map[string]any)["args"] = []string{"/bin/hostname"}
			config["hostname"] = "of-the-config"
			config["linux"].(map[string]any)["cgroupsPath"] = "/flows/" + a.name() // or it is that of all
			data, err := json.Marshal(config)
			if err != nil {
				a.fatalf("%v", err)
			}
			a.do("run", "--rm", "--runc-binary", a.engine.runtime.path, "--config",
				a.write("config.json", string(data), 0o644), a.name()).ok().prints("of-the-config")
		}},
	}
}

func ctrMountFlows() []flow {
	// mounted runs a script with a directory bound with some options, below
	// which a tmpfs is mounted.
	mounted := func(options, script, want string) func(*attempt) {
		return func(a *attempt) {
			dir := a.mount("top", unix.MS_PRIVATE)
			a.mount("top/sub", unix.MS_PRIVATE)
			mount := fmt.Sprintf("type=bind,src=%s,dst=/v,options=%s", dir, options)
			a.ctr([]string{"--mount", mount}, "sh", "-c", script).ok().prints(want)
		}
	}
	const touch = `touch /v/f 2>/dev/null && echo "/v writable" || echo "/v read-only"; ` +
		`touch /v/sub/f 2>/dev/null && echo "/v/sub writable" || echo "/v/sub read-only"`
	return []flow{
		{name: "mount/rbind", run: mounted("rbind:rw", touch, "/v writable\n/v/sub writable")},
		{name: "mount/ro", run: mounted("rbind:ro", touch, "/v read-only\n/v/sub writable")},
		{name: "mount/rro", run: mounted("rbind:rro", touch, "/v read-only\n/v/sub read-only")},
		{name: "mount/bind", run: mounted("bind:rw", "touch /v/sub/f; grep -c ' /v/sub ' /proc/self/mountinfo || true",
			"0")},
		{name: "mount/noexec", run: mounted("rbind:rw:noexec", "cp /bin/true /v/true; /v/true 2>/dev/null || echo $?",
			"126")},
		{name: "mount/tmpfs", run: func(a *attempt) {
			a.ctr([]string{"--mount", "type=tmpfs,src=tmpfs,dst=/t,options=size=1m:mode=700"}, "grep", " /t ",
				"/proc/mounts").ok().has("size=1024k", "mode=700")
		}},
		{name: "mount/shared", run: func(a *attempt) {
			dir := a.mount("shared", unix.MS_SHARED)
			a.mkdir("shared/out")
			a.taskSh("mount -t tmpfs none /v/out; sleep 1000", "--privileged", "--rootfs-propagation", "shared",
				"--mount", "type=bind,src="+dir+",dst=/v,options=rbind:rshared")
			a.eventually("mount of the container on the machine", func() bool {
				return strings.Contains(a.host("cat", "/proc/self/mountinfo"), " "+dir+"/out ")
			})
		}},
		{name: "mount/slave", run: func(a *attempt) {
			dir := a.mount("shared", unix.MS_SHARED)
			name := a.task("--mount", "type=bind,src="+dir+",dst=/v,options=rbind:rslave")
			a.mkdir("shared/in")
			a.host("mount", "-t", "tmpfs", "in", dir+"/in")
			a.do("task", "exec", "--exec-id", "e", name, "cat", "/proc/self/mountinfo").ok().has(" /v/in ")
		}},
	}
}

// ctrTaskFlows are about the beginning and the end of tasks.
func ctrTaskFlows() []flow {
	return []flow{
		{name: "create-start", run: func(a *attempt) {
			name := a.name()
			a.do("container", "create", image, name, "sleep", "1000").ok()
			a.do("task", "start", "--detach", "--null-io", name).ok()
			a.waitTask(name, "RUNNING")
		}},
		{name: "task/kill", run: func(a *attempt) {
			name := a.task()
			a.do("task", "kill", "--signal", "SIGKILL", name).ok()
			a.waitTask(name, "STOPPED")
			a.deleteTask(name, 137)
		}},
		{name: "task/kill-number", run: func(a *attempt) {
			name := a.taskSh("trap 'exit 9' USR1; touch /ready; while :; do sleep 0.1; done")
			a.eventually("trap", func() bool {
				return a.do("task", "exec", "--exec-id", "e", name, "ls", "/ready").code == 0
			})
			a.do("task", "kill", "--signal", "10", name).ok()
			a.waitTask(name, "STOPPED")
			a.deleteTask(name, 9)
		}},
		{name: "task/kill-all", run: func(a *attempt) {
			name := a.taskSh("sleep 1020 & sleep 1020 & wait")
			a.do("task", "kill", "--all", "--signal", "SIGKILL", name).ok()
			a.waitTask(name, "STOPPED")
			if left := a.call(call{command: []string{"pgrep", "-f", "sleep 1020"}}); left.code != 1 {
				a.fatalf("still there: %s", left.stdout)
			}
		}},
		{name: "task/kill-stopped", run: func(a *attempt) {
			name := a.taskSh("exit 0")
			a.waitTask(name, "STOPPED")
			a.do("task", "kill", name).fails("process already finished")
		}},
		{name: "task/delete-running", run: func(a *attempt) {
			name := a.task()
			a.do("task", "delete", name).fails()
			a.waitTask(name, "RUNNING")
			a.do("task", "delete", "--force", name).ok()
		}},
		{name: "task/restart", run: func(a *attempt) {
			name := a.taskSh("exit 3")
			a.waitTask(name, "STOPPED")
			a.deleteTask(name, 3)
			a.do("task", "start", name).exits(3)
		}},
		{name: "container/delete", run: func(a *attempt) {
			name := a.taskSh("exit 0")
			a.waitTask(name, "STOPPED")
			a.do("task", "delete", name).ok()
			a.do("container", "delete", name).ok()
			a.do("container", "list", "--quiet").ok().lacks(name + "\n")
		}},
	}
}

// ctrTaskStateFlows are about tasks in between.
func ctrTaskStateFlows() []flow {
	return []flow{
		{name: "task/pause", run: func(a *attempt) {
			name := a.taskSh("i=0; while :; do i=$((i+1)); echo $i >/tmp/n; usleep 1000; done")
			pid := a.taskPid(name)
			a.do("task", "pause", name).ok()
			a.waitTask(name, "PAUSED")
			count := func() string {
				return a.call(call{command: []string{"cat", "/proc/" + pid + "/root/tmp/n"}}).text()
			}
			before := count()
			time.Sleep(50 * time.Millisecond)
			if after := count(); after != before {
				a.fatalf("runs on while it is paused: %s, then %s", before, after)
			}
			a.do("task", "resume", name).ok()
			a.waitTask(name, "RUNNING")
			a.eventually("progress", func() bool { return count() != before })
		}},
		{name: "task/ps", run: func(a *attempt) {
			name := a.taskSh("sleep 1021 & wait")
			a.eventually("two processes", func() bool {
				return strings.Count(a.do("task", "ps", name).ok().stdout, "\n") == 3
			})
			a.do("task", "ps", name).ok().has(a.taskPid(name))
		}},
		{name: "task/metrics", run: func(a *attempt) {
			a.do("task", "metrics", a.task("--memory-limit", "52428800")).ok().has("memory.usage_in_bytes", "52428800",
				"cpuacct.usage", "pids.current")
		}},
		{name: "task/attach", run: func(a *attempt) {
			name := a.name()
			a.do("container", "create", image, name, "script", "attached").ok()
			a.do("task", "start", name).ok().prints("script attached")
		}},
		{name: "task/checkpoint", run: func(a *attempt) {
			name := a.taskSh("i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.05; done")
			checkpoint := "localhost/checkpoint-" + name
			a.do("container", "checkpoint", "--rw", "--image", "--task", name, checkpoint).ok()
			a.do("task", "delete", "--force", name).ok() // the restored one has its cgroup
			restored := a.name("restored")
			a.do("container", "restore", "--rw", "--live", restored, checkpoint).ok()
			a.waitTask(restored, "RUNNING")
		}},
	}
}

func ctrExecFlows() []flow {
	exec := func(a *attempt, name string, args ...string) result {
		return a.do(slices.Concat([]string{"task", "exec", "--exec-id", "e"}, args[:len(args)-1],
			[]string{name, "sh", "-c", args[len(args)-1]})...)
	}
	return []flow{
		{name: "exec/attached", run: func(a *attempt) { exec(a, a.task(), "echo hello").ok().prints("hello") }},
		{name: "exec/exit-code", run: func(a *attempt) { exec(a, a.task(), "exit 42").exits(42) }},
		{name: "exec/stdin", run: func(a *attempt) {
			a.feed("one\ntwo\n", "task", "exec", "--exec-id", "e", a.task(), "wc", "-l").ok().prints("2")
		}},
		{name: "exec/terminal", run: func(a *attempt) {
			t := a.terminal("task", "exec", "--tty", "--exec-id", "e", a.task(), "sh", "-c",
				`tty; read -r line; echo "got $line"; exit 3`)
			t.shows("/dev/pts/").types("some words\r").shows("got some words").exits(3)
		}},
		{name: "exec/cwd", run: func(a *attempt) { exec(a, a.task(), "--cwd", "/var", "pwd").ok().prints("/var") }},
		{name: "exec/user", run: func(a *attempt) { exec(a, a.task(), "--user", "1000", "id -u").ok().prints("1000") }},
		{name: "exec/detached", run: func(a *attempt) {
			name := a.task()
			a.do("task", "exec", "--detach", "--exec-id", "d", name, "touch", "/made").ok()
			a.eventually("file", func() bool { return exec(a, name, "ls /made").code == 0 })
		}},
		{name: "exec/not-found", run: func(a *attempt) {
			a.do("task", "exec", "--exec-id", "e", a.task(),
				"no-such-command").fails("executable file not found in $PATH")
		}},
		{name: "exec/not-executable", run: func(a *attempt) {
			a.do("task", "exec", "--exec-id", "e", a.task(), "/bin/not-executable").fails("permission denied")
		}},
		{name: "exec/paused", run: func(a *attempt) {
			name := a.task()
			a.do("task", "pause", name).ok()
			exec(a, name, "true").fails()
			a.do("task", "resume", name).ok()
			exec(a, name, "echo again").ok().prints("again")
		}},
		{name: "exec/parallel", run: func(a *attempt) {
			name := a.task()
			var processes []*process
			for i := range 20 {
				processes = append(processes, a.start("task", "exec", "--exec-id", fmt.Sprint("e", i), name, "echo",
					fmt.Sprint(i)))
			}
			for i, p := range processes {
				p.wait().ok().prints(fmt.Sprint(i))
			}
		}},
	}
}

// deleteTask deletes a stopped task and requires the exit status that it had.
func (a *attempt) deleteTask(name string, code int) {
	if r := a.do("task", "delete", name).ok(); !strings.Contains(r.stderr, fmt.Sprintf("exit code %d\"", code)) {
		a.fatalf("%s: exit code not %d: %s", r.command, code, r.stderr)
	}
}
