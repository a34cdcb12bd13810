package clients

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// podmanFlows are all flows of podman.
func podmanFlows() []flow {
	return slices.Concat(
		commonFlows(), podmanRunFlows(), podmanSettingFlows(), podmanHookFlows(), podmanLifeFlows(),
		podmanCheckpointFlows(), podmanKubeFlows(), podmanUserFlows(), podmanPodFlows(), podmanPodSettingFlows(),
		podmanBuildFlows(),
		namedFlows("runc"), namedFlows("crun"),
		[]flow{{name: "as-crun/cgroups-disabled", as: "crun", run: func(a *attempt) {
			a.quick([]string{"--cgroups", "disabled"}, "echo", "hello").ok().prints("hello")
		}}},
	)
}

// namedFlows are made with rung installed under the name of a peer: podman
// decides by the name what a runtime can do, docker and containerd ask
// “runc --version”.
func namedFlows(name string) []flow {
	return []flow{
		{name: "as-" + name + "/run", as: name, run: func(a *attempt) {
			a.sh("echo hello; exit 3").exits(3).prints("hello")
		}},
		{name: "as-" + name + "/exec", as: name, run: func(a *attempt) {
			a.do("exec", a.detached(), "sh", "-c", "echo hello; exit 3").exits(3).prints("hello")
		}},
		{name: "as-" + name + "/not-found", as: name, run: func(a *attempt) {
			a.quick(nil, "no-such-command").exits(127)
		}},
		{name: "as-" + name + "/life", as: name, run: func(a *attempt) {
			name := a.detached("--memory", "50m")
			a.do("pause", name).ok()
			a.do("unpause", name).ok()
			a.do("top", name).ok().has("trap")
			a.do("update", "--cpu-shares", "300", name).ok()
			a.do("stop", name).ok()
			a.do("start", name).ok()
			a.do("rm", "--force", name).ok()
		}},
		{name: "as-" + name + "/info", as: name, run: func(a *attempt) {
			first, _, _ := strings.Cut(a.host(a.engine.runtime.path, "--version"), "\n")
			if !strings.HasPrefix(first, filepath.Base(a.engine.runtime.path)+" version ") {
				a.fatalf("--version begins with %q", first)
			}
			a.do("info").ok().has(filepath.Base(a.engine.runtime.path))
		}},
	}
}

// podmanUserFlows are about user namespaces.
func podmanUserFlows() []flow {
	maps := []string{"--uidmap", "0:100000:65536", "--gidmap", "0:200000:65536"}
	return []flow{
		{name: "userns/map", run: func(a *attempt) {
			a.quick(maps, "cat", "/proc/self/uid_map", "/proc/self/gid_map").ok().has("0     100000      65536",
				"0     200000      65536")
		}},
		{name: "userns/host-side", run: func(a *attempt) {
			name := a.detached(maps...)
			got := a.host("stat", "-c", "%u:%g", "/proc/"+a.inspect(name, "{{.State.Pid}}"))
			if got != "100000:200000" {
				a.fatalf("the process is of %s", got)
			}
		}},
		{name: "userns/user", run: func(a *attempt) {
			a.quick(append(maps, "--user", "1000:1000"), "id", "-u").ok().prints("1000")
		}},
		{name: "userns/exec", run: func(a *attempt) {
			name := a.detached(maps...)
			a.do("exec", name, "sh", "-c", "id -u; cat /proc/self/uid_map").ok().has("0\n", "100000")
			a.do("exec", "--user", "1000", name, "id", "-u").ok().prints("1000")
		}},
		{name: "userns/terminal", run: func(a *attempt) {
			t := a.terminal(slices.Concat([]string{"run", "--rm", "--network", "none", "-it"}, maps,
				[]string{image, "sh", "-c", "tty; echo to tty >/dev/tty; exit 3"})...)
			t.shows("/dev/pts/0").shows("to tty").exits(3)
		}},
		{name: "userns/volume", run: func(a *attempt) {
			dir := a.mkdir("v")
			a.host("chown", "101000:201000", dir)
			a.sh("stat -c %u:%g /v; touch /v/file",
				append(maps, "--user", "1000:1000", "--volume", dir+":/v")...).ok().prints("1000:1000")
			if got := a.host("stat", "-c", "%u:%g", dir+"/file"); got != "101000:201000" {
				a.fatalf("the file is of %s", got)
			}
		}},
		{name: "userns/volume-chown", run: func(a *attempt) {
			a.sh("touch /v/file && echo written", append(maps, "--volume",
				a.mkdir("v")+":/v:U")...).ok().prints("written")
		}},
		{name: "userns/device", run: func(a *attempt) {
			a.sh("head -c 4 /dev/zero2 | wc -c", append(maps, "--device", "/dev/zero:/dev/zero2")...).ok().prints("4")
		}},
		{name: "userns/sysctl", run: func(a *attempt) {
			a.sh("cat /proc/sys/net/ipv4/ip_default_ttl",
				append(maps, "--sysctl", "net.ipv4.ip_default_ttl=99")...).ok().prints("99")
		}},
		{name: "userns/bridge", run: func(a *attempt) {
			a.do(slices.Concat([]string{"run", "--rm"}, maps,
				[]string{image, "ls", "/sys/class/net"})...).ok().has("eth0")
		}},
		{name: "userns/keep-limits", run: func(a *attempt) {
			a.quick(append(maps, "--memory", "50m"), "cat",
				"/sys/fs/cgroup/memory/memory.limit_in_bytes").ok().prints("52428800")
		}},
		{name: "userns/container", run: func(a *attempt) {
			name := a.detached(maps...)
			want := a.host("readlink", "/proc/"+a.inspect(name, "{{.State.Pid}}")+"/ns/user")
			a.do("run", "--rm", "--userns", "container:"+name, "--network", "container:"+name, image, "readlink",
				"/proc/self/ns/user").ok().prints(want)
		}},
		{name: "userns/pid-container", run: func(a *attempt) {
			name := a.detached(maps...)
			a.do("run", "--rm", "--userns", "container:"+name, "--pid", "container:"+name, "--network", "none", image,
				"ps").ok().has("trap")
		}},
	}
}

// newPod makes a pod and returns its name.
func newPod(a *attempt, flags ...string) string {
	name := "pod-" + a.name()
	a.removePod(name)
	a.do(slices.Concat([]string{"pod", "create", "--name", name, "--network", "none"}, flags)...).ok()
	return name
}

func podmanPodFlows() []flow {
	return []flow{
		{name: "pod/namespaces", run: func(a *attempt) {
			p := newPod(a)
			one := a.detachedSh("echo ready; exec sleep 1000", "--pod", p, "--name", a.name("one"))
			two := a.detachedSh("echo ready; exec sleep 1000", "--pod", p, "--name", a.name("two"))
			const links = "for n in ipc net uts; do readlink /proc/self/ns/$n; done"
			want := a.do("exec", one, "sh", "-c", links).ok().text()
			a.do("exec", two, "sh", "-c", links).ok().prints(want)
			a.do("pod", "stop", "--time", "0", p).ok()
			a.waitStatus(one, "exited")
			a.do("pod", "start", p).ok()
			a.waitStatus(two, "running")
		}},
		{name: "pod/localhost", run: func(a *attempt) {
			p := newPod(a)
			a.detachedSh("echo in the pod >/tmp/index.html; httpd -p 127.0.0.1:80 -h /tmp; echo ready; exec sleep 1000",
				"--pod", p)
			a.do("run", "--rm", "--pod", p, image, "wget", "-qO-", "http://127.0.0.1/").ok().prints("in the pod")
		}},
		{name: "pod/share-pid", run: func(a *attempt) {
			p := newPod(a, "--share", "+pid")
			a.detachedSh("sleep 1008 & echo ready; wait", "--pod", p)
			a.do("run", "--rm", "--pod", p, image, "ps").ok().has("sleep 1008", "catatonit")
		}},
		{name: "pod/pause", run: func(a *attempt) {
			p := newPod(a)
			name := a.detachedSh("echo ready; exec sleep 1000", "--pod", p)
			a.do("pod", "pause", p).ok()
			a.waitStatus(name, "paused")
			a.do("pod", "unpause", p).ok()
			a.waitStatus(name, "running")
		}},
		{name: "pod/kill", run: func(a *attempt) {
			p := newPod(a)
			name := a.detachedSh("echo ready; exec sleep 1000", "--pod", p)
			a.do("pod", "kill", p).ok()
			a.waitStatus(name, "exited")
		}},
		{name: "pod/top", run: func(a *attempt) {
			p := newPod(a)
			a.detachedSh("echo ready; exec sleep 1009", "--pod", p)
			a.do("pod", "top", p).ok().has("sleep 1009")
		}},
	}
}

// podmanPodSettingFlows are about what a pod gives to its containers.
func podmanPodSettingFlows() []flow {
	return []flow{
		{name: "pod/limits", run: func(a *attempt) {
			p := newPod(a, "--memory", "60m")
			parent := a.do("pod", "inspect", "--format", "{{.CgroupPath}}", p).ok().text()
			limit := func() string { return a.host("cat", "/sys/fs/cgroup/memory/"+parent+"/memory.limit_in_bytes") }
			if got := limit(); got != "62914560" {
				a.fatalf("limit of the pod as podman made it: %s", got)
			}
			a.do("run", "--rm", "--pod", p, image, "grep", "memory", "/proc/self/cgroup").ok().has(parent + "/")
			if got := limit(); got != "62914560" {
				a.fatalf("limit of the pod: %s", got)
			}
		}},
		{name: "pod/init-container", run: func(a *attempt) {
			p := newPod(a)
			dir := a.mkdir("v")
			a.do("create", "--pod", p, "--name", a.name("init"), "--init-ctr", "always", "--volume", dir+":/v", image,
				"touch", "/v/prepared").ok()
			name := a.name()
			a.do("create", "--pod", p, "--name", name, "--volume", dir+":/v", image, "ls", "/v").ok()
			a.do("pod", "start", p).ok()
			a.waitLog(name, "prepared")
		}},
		{name: "pod/userns", run: func(a *attempt) {
			p := newPod(a, "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536")
			a.do("run", "--rm", "--pod", p, image, "cat", "/proc/self/uid_map").ok().has("100000")
		}},
	}
}

func podmanBuildFlows() []flow {
	// build builds a Containerfile and returns the name of the image.
	build := func(a *attempt, file string, flags ...string) (string, result) {
		tag := "localhost/built-" + a.name()
		dir := a.mkdir("context")
		a.write("context/Containerfile", "FROM "+image+"\n"+file, 0o644)
		return tag, a.do(slices.Concat([]string{"build", "--network", "none", "--tag", tag}, flags, []string{dir})...)
	}
	return []flow{
		{name: "build/run", run: func(a *attempt) {
			tag, r := build(a, "RUN echo built >/etc/built\nCMD cat /etc/built\n")
			r.ok()
			a.do("run", "--rm", "--network", "none", tag).ok().prints("built")
		}},
		{name: "build/failing", run: func(a *attempt) {
			_, r := build(a, "RUN exit 7\n")
			r.exits(7)
		}},
		{name: "build/user-workdir-env", run: func(a *attempt) {
			_, r := build(a, "ENV A=b\nUSER 1000\nWORKDIR /tmp\nRUN echo $(id -u) $PWD $A\n")
			r.ok().has("1000 /tmp b")
		}},
		{name: "build/volume", run: func(a *attempt) {
			dir := a.mkdir("v")
			a.write("v/file", "of the machine", 0o644)
			_, r := build(a, "RUN cat /v/file\n", "--volume", dir+":/v:ro")
			r.ok().has("of the machine")
		}},
		{name: "build/capabilities", run: func(a *attempt) {
			_, r := build(a, "RUN grep CapEff /proc/self/status\n", "--cap-drop", "all")
			r.ok().has("CapEff:\t0000000000000000")
		}},
		{name: "build/limits", run: func(a *attempt) {
			_, r := build(a, "RUN cat /sys/fs/cgroup/memory/memory.limit_in_bytes\n", "--memory", "60m")
			r.ok().has("62914560")
		}},
		{name: "build/mounts", run: func(a *attempt) {
			_, r := build(a,
				"RUN --mount=type=tmpfs,target=/t --mount=type=bind,target=/context grep ' /t ' /proc/mounts && ls "+
					"/context\n")
			r.ok().has("tmpfs /t tmpfs", "Containerfile")
		}},
		{name: "build/chown-in-userns", run: func(a *attempt) {
			_, r := build(a, "RUN touch /tmp/f && chown 1000 /tmp/f && stat -c %u /tmp/f && cat /proc/self/uid_map\n",
				"--userns-uid-map", "0:100000:65536", "--userns-gid-map", "0:100000:65536")
			r.ok().has("1000\n", "100000")
		}},
	}
}

// removePod removes a pod when the flow has ended, with its containers.
func (a *attempt) removePod(name string) {
	a.cleanup(func() {
		a.eventually("end of pod "+name, func() bool { // see startPodman
			return a.do("pod", "rm", "--force", "--ignore", "--time", "0", name).code == 0
		})
	})
}

// open opens a file for the time of the flow.
func (a *attempt) open(path string) *os.File {
	f, err := os.Open(path)
	if err != nil {
		a.fatalf("%v", err)
	}
	a.cleanup(func() { f.Close() })
	return f
}
