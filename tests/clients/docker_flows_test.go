package clients

import "slices"

// dockerFlows are all flows of docker. The control is runc, which docker is
// made for: with crun it takes a command that does not exist for another error.
func dockerFlows() []flow {
	flows := slices.Concat(commonFlows(), dockerOnlyFlows(), dockerBuildFlows(), namedFlows("runc"))
	for i := range flows {
		if flows[i].control == "" {
			flows[i].control = "runc"
		}
	}
	return flows
}

func dockerOnlyFlows() []flow {
	return []flow{
		{name: "run/missing-workdir", run: func(a *attempt) {
			a.quick([]string{"--workdir", "/made/for/it"}, "pwd").ok().prints("/made/for/it")
		}},
		{name: "run/sysctls-of-docker", run: func(a *attempt) {
			a.do("run", "--rm", "--network", "bridge", image, "cat", "/proc/sys/net/ipv4/ping_group_range",
				"/proc/sys/net/ipv4/ip_unprivileged_port_start").
				ok().prints("0\t2147483647\n0")
		}},
		{name: "run/publish", run: func(a *attempt) {
			name := a.detachedSh("echo published >/tmp/index.html; httpd -p 80 -h /tmp; echo ready; exec sleep 1000",
				"--network", "bridge", "--publish", "127.0.0.1::80")
			address := a.do("port", name, "80").ok().text()
			a.eventually("answer of "+address, func() bool {
				return a.call(call{command: []string{"busybox", "wget", "-qO-",
					"http://" + address + "/"}}).text() == "published"
			})
		}},
		{name: "update/pids", run: func(a *attempt) {
			name := a.detached("--pids-limit", "50")
			a.do("update", "--pids-limit", "60", name).ok()
			a.do("exec", name, "cat", "/sys/fs/cgroup/pids/pids.max").ok().prints("60")
		}},
		{name: "update/restart-policy", run: func(a *attempt) {
			name := a.detached()
			a.do("update", "--restart", "always", name).ok()
			a.host("kill", "-KILL", a.inspect(name, "{{.State.Pid}}"))
			a.waitInspect(name, "{{.RestartCount}} {{.State.Status}}", "1 running")
		}},
		{name: "health/good", run: func(a *attempt) {
			name := a.detached("--health-cmd", "true", "--health-interval", "200ms")
			a.waitInspect(name, "{{.State.Health.Status}}", "healthy")
		}},
		{name: "health/bad", run: func(a *attempt) {
			name := a.detached("--health-cmd", "exit 1", "--health-interval", "200ms", "--health-retries", "1")
			a.waitInspect(name, "{{.State.Health.Status}}", "unhealthy")
		}},
		// dockerd 20.10 deadlocks with every runtime when the time is over while
		// the check's process is being started: it waits for the end of the
		// process's output, and holds the lock of all the container's processes.
		// So the limit is far from a start's time, and the output ends.
		{name: "health/timeout", run: func(a *attempt) {
			name := a.detached("--health-cmd", "sleep 8", "--health-interval", "200ms", "--health-timeout", "2s",
				"--health-retries", "1")
			a.waitInspect(name, "{{.State.Health.Status}}", "unhealthy")
		}},
		{name: "volume/read-only-mount", run: func(a *attempt) {
			a.sh("touch /v/file", "--mount", "type=bind,source="+a.mkdir("v")+
				",target=/v,readonly").fails("Read-only file system")
		}},
		{name: "info", run: func(a *attempt) {
			a.do("info", "--format", "{{.DefaultRuntime}} {{json .RuncCommit}}").ok().has("subject ")
		}},
	}
}

func dockerBuildFlows() []flow {
	// build builds a Dockerfile and returns the name of the image.
	build := func(a *attempt, file string, flags ...string) (string, result) {
		tag := "localhost/built-" + a.name()
		dir := a.mkdir("context")
		a.write("context/Dockerfile", "FROM "+image+"\n"+file, 0o644)
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
	}
}
