package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

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
	}
}

// podmanSettingFlows are about what podman alone can say of a container.
func podmanSettingFlows() []flow {
	return []flow{
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
	}
}

func podmanHookFlows() []flow {
	return []flow{
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
	}
}

// podmanLifeFlows are about containers that are there for longer.
func podmanLifeFlows() []flow {
	return []flow{
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
	}
}

func podmanCheckpointFlows() []flow {
	return []flow{
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
	}
}

func podmanKubeFlows() []flow {
	return []flow{
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
