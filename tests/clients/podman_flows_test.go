package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// podmanFlows are all flows of podman.
func podmanFlows() []flow {
	return slices.Concat(
		runFlows(), lifeFlows(), execFlows(), limitFlows(), mountFlows(), securityFlows(), namespaceFlows(),
		podmanRunFlows(), podmanUserFlows(), podmanPodFlows(), podmanBuildFlows(),
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

func podmanRunFlows() []flow {
	return []flow{
		{name: "run/preserve-fds", run: func(a *attempt) {
			file := a.open(a.write("file", "through a descriptor", 0o644))
			a.call(call{
				command: a.command("run", "--rm", "--network", "none", "--preserve-fds", "1", image, "sh", "-c",
					"cat <&3"),
				files: []*os.File{file},
			}).ok().prints("through a descriptor")
		}},
		{name: "exec/preserve-fds", run: func(a *attempt) {
			name := a.detached()
			file := a.open(a.write("file", "through a descriptor", 0o644))
			a.call(call{
				command: a.command("exec", "--preserve-fds", "1", name, "sh", "-c", "cat <&3"),
				files:   []*os.File{file},
			}).ok().prints("through a descriptor")
		}},
		{name: "run/cgroups-disabled", run: func(a *attempt) {
			want := a.host("cat", "/proc/self/cgroup")
			a.quick([]string{"--cgroups", "disabled"}, "cat", "/proc/self/cgroup").ok().prints(want)
		}},
		{name: "run/cgroups-no-conmon", run: func(a *attempt) {
			a.quick([]string{"--cgroups", "no-conmon"}, "grep", "memory",
				"/proc/self/cgroup").ok().has("libpod_parent/libpod-")
		}},
		{name: "run/rootfs", run: func(a *attempt) {
			dir := a.mkdir("rootfs")
			a.host("cp", "-a", scratch("image/rootfs")+"/.", dir)
			a.do("run", "--rm", "--network", "none", "--rootfs", dir, "echo", "no image").ok().prints("no image")
		}},
		{name: "run/systemd", run: func(a *attempt) {
			a.sh("grep -c ' /run tmpfs' /proc/mounts; mkdir /sys/fs/cgroup/systemd/sub && rmdir "+
				"/sys/fs/cgroup/systemd/sub && echo writable", "--systemd", "always").ok().prints("1\nwritable")
		}},
		{name: "run/unmask", run: func(a *attempt) {
			a.sh("wc -c </proc/keys | grep -v '^0$' >/dev/null || "+
				"wc -l </proc/key-users | grep -qv '^0$' && echo shown", "--security-opt",
				"unmask=ALL").ok().prints("shown")
		}},
		{name: "run/mask", run: func(a *attempt) {
			a.sh("wc -c </proc/cpuinfo", "--security-opt", "mask=/proc/cpuinfo").ok().prints("0")
		}},
		{name: "run/timezone-umask", run: func(a *attempt) {
			a.sh("umask", "--umask", "0077").ok().prints("0077")
		}},
		{name: "run/timeout", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", "--timeout", "1", image, "sleep", "1000").fails()
			a.waitStatus(name, "exited")
		}},
		{name: "run/replace", run: func(a *attempt) {
			name := a.detached()
			a.do("run", "--replace", "--name", name, "--network", "none", image, "echo",
				"replaced").ok().has("\nreplaced\n")
		}},
		{name: "run/secret", run: func(a *attempt) {
			secret := "secret-" + a.name()
			a.feed("hidden", "secret", "create", secret, "-").ok()
			a.cleanup(func() { a.do("secret", "rm", secret).ok() })
			a.quick([]string{"--secret", secret}, "cat", "/run/secrets/"+secret).ok().prints("hidden")
		}},
		{name: "run/personality", run: func(a *attempt) {
			a.quick([]string{"--personality", "LINUX32"}, "uname", "-m").ok().prints("i686")
		}},
		{name: "run/annotation", run: func(a *attempt) {
			name := a.detached("--annotation", "org.example.key=value", "--label", "a=b")
			if got := a.inspect(name, `{{index .Config.Annotations "org.example.key"}}`); got != "value" {
				a.fatalf("annotation %q", got)
			}
		}},
		{name: "run/pidfile", run: func(a *attempt) {
			name := a.detached("--pidfile", a.dir+"/pid")
			if got, want := a.host("cat", a.dir+"/pid"), a.inspect(name, "{{.State.Pid}}"); got != want {
				a.fatalf("the file says %s, podman %s", got, want)
			}
		}},
		{name: "run/requires", run: func(a *attempt) {
			name, other := a.name(), a.name("other")
			a.do("create", "--name", name, "--network", "none", image, "sleep", "1000").ok()
			a.do("run", "--rm", "--requires", name, "--name", other, "--network", "none", image, "true").ok()
			a.waitStatus(name, "running")
		}},
		{name: "volume/image", run: func(a *attempt) {
			a.quick([]string{"--mount", "type=image,source=" + image + ",destination=/i"}, "cat",
				"/i/etc/group").ok().has("root:x:0:")
		}},
		{name: "volume/overlay", run: func(a *attempt) {
			dir := a.mkdir("v")
			a.sh("touch /v/file && echo written", "--volume", dir+":/v:O").ok().prints("written")
			a.host("test", "!", "-e", dir+"/file")
		}},
		{name: "volume/options", run: func(a *attempt) {
			a.sh("grep ' /v ' /proc/self/mountinfo", "--volume",
				a.mkdir("v")+":/v:nosuid,nodev,noexec").ok().has("nosuid", "nodev", "noexec")
		}},
		{name: "hooks/stages", run: func(a *attempt) {
			dir := a.mkdir("hooks.d")
			log := a.dir + "/log"
			for _, stage := range [...]string{"prestart", "poststart", "poststop", "createRuntime", "createContainer",
				"startContainer"} {
				path := a.write(stage, "#!/bin/busybox sh\nread -r state\necho "+stage+" $state >>"+log+"\n", 0o755)
				if stage == "startContainer" { // is executed in the container
					path = "/bin/true"
				}
				hook := map[string]any{
					"version": "1.0.0", "hook": map[string]any{"path": path},
					"when":   map[string]any{"annotations": map[string]string{"^hooked$": "."}},
					"stages": []string{stage},
				}
				data, err := json.Marshal(hook)
				if err != nil {
					a.fatalf("%v", err)
				}
				a.write("hooks.d/"+stage+".json", string(data), 0o644)
			}
			a.do("--hooks-dir", dir, "run", "--rm", "--network", "none", "--annotation", "hooked=yes", image,
				"true").ok()
			a.eventually("hooks' lines in their log", func() bool {
				return strings.Count(a.host("cat", log), "\n") == 4
			})
			var stages []string
			for line := range strings.Lines(a.host("cat", log)) {
				stage, state, _ := strings.Cut(line, " ")
				stages = append(stages, stage)
				var s struct{ ID, Status, Bundle string }
				if err := json.Unmarshal([]byte(state), &s); err != nil || s.ID == "" || s.Status == "" ||
					s.Bundle == "" {
					a.fatalf("state of %s: %v %s", stage, err, state)
				}
			}
			if got := strings.Join(stages, " "); got != "prestart createRuntime createContainer poststart poststop" {
				a.fatalf("order of the hooks: %s", got)
			}
		}},
		{name: "hooks/failing", run: func(a *attempt) {
			hook := a.write("hook", "#!/bin/busybox sh\nexit 3\n", 0o755)
			a.write("hook.json", `{"version": "1.0.0", "hook": {"path": "`+hook+
				`"}, "when": {"always": true}, "stages": ["createRuntime"]}`, 0o644)
			name := a.name()
			a.do("--hooks-dir", a.dir, "run", "--name", name, "--network", "none", image, "true").fails("hook")
			a.do("rm", name).ok()
		}},
		{name: "health/good", run: func(a *attempt) {
			name := a.detached("--health-cmd", "true", "--health-interval", "disable")
			a.do("healthcheck", "run", name).ok()
			if got := a.inspect(name, "{{.State.Health.Status}}"); got != "healthy" {
				a.fatalf("status %s", got)
			}
		}},
		{name: "health/bad", run: func(a *attempt) {
			name := a.detached("--health-cmd", "exit 1", "--health-interval", "disable", "--health-retries", "1")
			a.do("healthcheck", "run", name).exits(1)
			if got := a.inspect(name, "{{.State.Health.Status}}"); got != "unhealthy" {
				a.fatalf("status %s", got)
			}
		}},
		{name: "mount", run: func(a *attempt) {
			name := a.detachedSh("echo seen >/etc/new; echo ready; exec sleep 1000")
			path := a.do("mount", name).ok().text()
			if got := a.host("cat", path+"/etc/new"); got != "seen" {
				a.fatalf("got %q", got)
			}
			a.do("umount", name).ok()
		}},
		{name: "clone", run: func(a *attempt) {
			name := a.detached()
			other := a.name("other")
			a.do("container", "clone", name, other).ok()
			a.do("start", other).ok()
			a.waitStatus(other, "running")
		}},
		{name: "checkpoint/restore", run: func(a *attempt) {
			name := a.detachedSh("echo ready; i=0; while :; do i=$((i+1)); echo $i >/tmp/n; sleep 0.05; done")
			a.do("container", "checkpoint", name).ok()
			a.waitStatus(name, "exited")
			a.do("container", "restore", name).ok()
			a.waitStatus(name, "running")
			before := a.do("exec", name, "cat", "/tmp/n").ok().text()
			a.eventually("progress", func() bool { return a.do("exec", name, "cat", "/tmp/n").ok().text() != before })
		}},
		{name: "checkpoint/leave-running", run: func(a *attempt) {
			name := a.detached()
			a.do("container", "checkpoint", "--leave-running", name).ok()
			a.waitStatus(name, "running")
			a.do("exec", name, "true").ok()
		}},
		{name: "checkpoint/export", run: func(a *attempt) {
			name, other := a.detached(), a.name("other")
			a.do("container", "checkpoint", "--export", a.dir+"/checkpoint.tar", name).ok()
			a.do("container", "restore", "--import", a.dir+"/checkpoint.tar", "--name", other).ok()
			a.waitStatus(other, "running")
		}},
		{name: "kube/play", run: func(a *attempt) {
			pod := "pod-" + a.name()
			file := a.write("pod.yaml", fmt.Sprintf(`
apiVersion: v1
kind: Pod
metadata:
  name: %s
spec:
  hostNetwork: true
  containers:
  - name: one
    image: %s
    imagePullPolicy: Never
    command: ["sh", "-c", "echo $GREETING; exec sleep 1000"]
    env: [{name: GREETING, value: from kube}]
    resources: {limits: {memory: 50Mi}}
`, pod, image), 0o644)
			a.removePod(pod)
			a.do("play", "kube", file).ok()
			a.waitLog(pod+"-one", "from kube")
			a.do("exec", pod+"-one", "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes").ok().prints("52428800")
			a.do("play", "kube", "--down", file).ok()
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
			if got := a.host("stat", "-c", "%u:%g",
				"/proc/"+a.inspect(name, "{{.State.Pid}}")); got != "100000:200000" {
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

func podmanPodFlows() []flow {
	// pod makes a pod and returns its name.
	pod := func(a *attempt, flags ...string) string {
		name := "pod-" + a.name()
		a.removePod(name)
		a.do(slices.Concat([]string{"pod", "create", "--name", name, "--network", "none"}, flags)...).ok()
		return name
	}
	return []flow{
		{name: "pod/namespaces", run: func(a *attempt) {
			p := pod(a)
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
			p := pod(a)
			a.detachedSh("echo in the pod >/tmp/index.html; httpd -p 127.0.0.1:80 -h /tmp; echo ready; exec sleep 1000",
				"--pod", p)
			a.do("run", "--rm", "--pod", p, image, "wget", "-qO-", "http://127.0.0.1/").ok().prints("in the pod")
		}},
		{name: "pod/share-pid", run: func(a *attempt) {
			p := pod(a, "--share", "+pid")
			a.detachedSh("sleep 1008 & echo ready; wait", "--pod", p)
			a.do("run", "--rm", "--pod", p, image, "ps").ok().has("sleep 1008", "catatonit")
		}},
		{name: "pod/pause", run: func(a *attempt) {
			p := pod(a)
			name := a.detachedSh("echo ready; exec sleep 1000", "--pod", p)
			a.do("pod", "pause", p).ok()
			a.waitStatus(name, "paused")
			a.do("pod", "unpause", p).ok()
			a.waitStatus(name, "running")
		}},
		{name: "pod/kill", run: func(a *attempt) {
			p := pod(a)
			name := a.detachedSh("echo ready; exec sleep 1000", "--pod", p)
			a.do("pod", "kill", p).ok()
			a.waitStatus(name, "exited")
		}},
		{name: "pod/top", run: func(a *attempt) {
			p := pod(a)
			a.detachedSh("echo ready; exec sleep 1009", "--pod", p)
			a.do("pod", "top", p).ok().has("sleep 1009")
		}},
		{name: "pod/limits", run: func(a *attempt) {
			p := pod(a, "--memory", "60m")
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
			p := pod(a)
			dir := a.mkdir("v")
			a.do("create", "--pod", p, "--name", a.name("init"), "--init-ctr", "always", "--volume", dir+":/v", image,
				"touch", "/v/prepared").ok()
			name := a.name()
			a.do("create", "--pod", p, "--name", name, "--volume", dir+":/v", image, "ls", "/v").ok()
			a.do("pod", "start", p).ok()
			a.waitLog(name, "prepared")
		}},
		{name: "pod/userns", run: func(a *attempt) {
			p := pod(a, "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536")
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
