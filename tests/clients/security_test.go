package clients

import "strings"

// noMkdir is a seccomp profile that allows all system calls but mkdir.
const noMkdir = `{
	"defaultAction": "SCMP_ACT_ALLOW",
	"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "args": []}]
}`

func capabilityFlows() []flow {
	// capabilities looks at the effective ones.
	capabilities := func(want string, flags ...string) func(*attempt) {
		return func(a *attempt) {
			a.quick(flags, "grep", "CapEff", "/proc/self/status").ok().prints("CapEff:\t" + want)
		}
	}
	return []flow{
		{name: "capability/drop-all", run: capabilities("0000000000000000", "--cap-drop", "all")},
		{name: "capability/drop-all-but", run: capabilities("0000000000000401", "--cap-drop", "all", "--cap-add",
			"chown", "--cap-add", "net_bind_service")},
		{name: "capability/drop", run: func(a *attempt) {
			a.sh("touch /tmp/f && chown 1000 /tmp/f").ok()
			a.sh("touch /tmp/f && chown 1000 /tmp/f", "--cap-drop", "CHOWN").fails("Operation not permitted")
		}},
		{name: "capability/add", run: func(a *attempt) {
			a.sh("ip link set lo down").fails("Operation not permitted")
			a.sh("ip link set lo down && echo done", "--cap-add", "NET_ADMIN").ok().prints("done")
		}},
		{name: "capability/user", run: capabilities("0000000000000000", "--user", "1000")},
		{name: "capability/unknown", run: func(a *attempt) {
			a.quick([]string{"--cap-add", "NONSENSE"}, "true").fails("NONSENSE")
		}},
		{name: "privileged", run: func(a *attempt) {
			a.sh("mount -t tmpfs none /mnt && echo mounted; [ -c /dev/fuse ] && echo devices; touch "+
				"/proc/sys/kernel/domainname && echo writable", "--privileged").
				ok().prints("mounted\ndevices\nwritable")
		}},
		{name: "no-new-privileges", run: func(a *attempt) {
			a.quick([]string{"--security-opt", "no-new-privileges"}, "grep", "NoNewPrivs",
				"/proc/self/status").ok().prints("NoNewPrivs:\t1")
			a.quick(nil, "grep", "NoNewPrivs", "/proc/self/status").ok().prints("NoNewPrivs:\t0")
		}},
	}
}

// securityFlows are about seccomp and what is hidden.
func securityFlows() []flow {
	return []flow{
		{name: "seccomp/default", run: func(a *attempt) {
			a.quick(nil, "grep", "^Seccomp:", "/proc/self/status").ok().prints("Seccomp:\t2")
			a.sh("unshare -m true").fails("Operation not permitted")
		}},
		{name: "seccomp/custom", run: func(a *attempt) {
			profile := a.write("seccomp.json", noMkdir, 0o644)
			a.sh("touch /tmp/file && echo made; mkdir /tmp/d || echo refused", "--security-opt",
				"seccomp="+profile).ok().prints("made\nrefused")
		}},
		{name: "seccomp/custom-errno", run: func(a *attempt) {
			profile := a.write("seccomp.json", strings.Replace(noMkdir, `"args": []`, `"args": [], "errnoRet": 28`, 1),
				0o644)
			a.sh("mkdir /tmp/d", "--security-opt", "seccomp="+profile).fails("No space left on device")
		}},
		{name: "seccomp/custom-kill", run: func(a *attempt) {
			profile := a.write("seccomp.json", strings.Replace(noMkdir, "SCMP_ACT_ERRNO", "SCMP_ACT_KILL_PROCESS", 1),
				0o644)
			a.sh("mkdir /tmp/d; echo $?", "--security-opt", "seccomp="+profile).ok().prints("159")
		}},
		{name: "seccomp/arguments", run: func(a *attempt) {
			// kill(0, SIGUSR1) is refused, other signals are not.
			profile := a.write("seccomp.json", `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
				{"names": ["kill"], "action": "SCMP_ACT_ERRNO",
				"args": [{"index": 1, "value": 10, "op": "SCMP_CMP_EQ"}]}]}`, 0o644)
			a.sh("kill -USR1 $$ || echo refused; kill -0 $$ && echo allowed", "--security-opt",
				"seccomp="+profile).ok().prints("refused\nallowed")
		}},
		{name: "seccomp/unconfined", run: func(a *attempt) {
			a.quick([]string{"--security-opt", "seccomp=unconfined"}, "grep", "^Seccomp:",
				"/proc/self/status").ok().prints("Seccomp:\t0")
		}},
		{name: "masked-paths", run: func(a *attempt) {
			a.sh("wc -c </proc/keys; wc -c </proc/timer_list; ls /sys/firmware | wc -l").ok().prints("0\n0\n0")
		}},
		{name: "readonly-paths", run: func(a *attempt) {
			a.sh("echo x >/proc/sys/kernel/domainname").fails("Read-only file system")
		}},
		{name: "sysctl/namespaced", run: func(a *attempt) {
			a.quick([]string{"--sysctl", "net.ipv4.ip_default_ttl=99", "--sysctl", "kernel.msgmax=1234"}, "cat",
				"/proc/sys/net/ipv4/ip_default_ttl", "/proc/sys/kernel/msgmax").
				ok().prints("99\n1234")
			if ttl := a.host("cat", "/proc/sys/net/ipv4/ip_default_ttl"); ttl == "99" {
				a.fatalf("it is the machine's now, too")
			}
		}},
		{name: "sysctl/not-namespaced", run: func(a *attempt) {
			a.quick([]string{"--sysctl", "vm.swappiness=99"}, "true").fails()
		}},
	}
}

// namespaceFlows are about namespaces that are shared with others.
func namespaceFlows() []flow {
	host := func(flag, namespace string) func(*attempt) {
		return func(a *attempt) {
			want := a.host("readlink", "/proc/self/ns/"+namespace)
			a.quick([]string{flag, "host"}, "readlink", "/proc/self/ns/"+namespace).ok().prints(want)
		}
	}
	return []flow{
		{name: "namespace/pid-container", run: func(a *attempt) {
			name := a.detachedSh("sleep 1005 & echo ready; wait")
			a.quick([]string{"--pid", "container:" + name}, "ps").ok().has("sleep 1005")
		}},
		{name: "namespace/pid-container-kill", run: func(a *attempt) {
			name, other := a.detached(), a.name("other")
			a.detachedSh("sleep 1006 & echo ready; wait", "--name", other, "--pid", "container:"+name)
			a.do("rm", "--force", other).ok() // has no pid namespace that could end
			if left := a.call(call{command: []string{"pgrep", "-f", "sleep 1006"}}); left.code != 1 {
				a.fatalf("still there: %s", left.stdout)
			}
			a.waitStatus(name, "running")
		}},
		{name: "namespace/pid-host", run: host("--pid", "pid")},
		{name: "namespace/net-container", run: func(a *attempt) {
			name := a.detached()
			want := a.host("readlink", "/proc/"+a.inspect(name, "{{.State.Pid}}")+"/ns/net")
			a.do("run", "--rm", "--network", "container:"+name, image, "readlink",
				"/proc/self/ns/net").ok().prints(want)
		}},
		{name: "namespace/ipc-container", run: func(a *attempt) {
			name := a.detached("--ipc", "shareable")
			a.do("exec", name, "touch", "/dev/shm/shared").ok()
			want := a.host("readlink", "/proc/"+a.inspect(name, "{{.State.Pid}}")+"/ns/ipc")
			a.quick([]string{"--ipc", "container:" + name}, "sh", "-c",
				"readlink /proc/self/ns/ipc; ls /dev/shm").ok().prints(want + "\nshared")
		}},
		{name: "namespace/ipc-host", run: host("--ipc", "ipc")},
		{name: "namespace/uts-host", run: host("--uts", "uts")},
		{name: "namespace/cgroup-private", run: func(a *attempt) {
			a.quick([]string{"--cgroupns", "private"}, "grep", "memory", "/proc/self/cgroup").ok().has("memory:/\n")
		}},
		{name: "namespace/cgroup-host", run: host("--cgroupns", "cgroup")},
		{name: "namespace/pid-container-exec", run: func(a *attempt) {
			name, other := a.detached(), a.name("other")
			a.detachedSh("sleep 1007 & echo ready; wait", "--name", other, "--pid", "container:"+name)
			a.do("exec", other, "ps").ok().has("sleep 1007", "trap")
			a.do("rm", "--force", other).ok()
		}},
	}
}
