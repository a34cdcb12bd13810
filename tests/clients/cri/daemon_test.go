package cri

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func daemonFlows() []flow {
	return []flow{
		{name: "containerd-restarts", run: containerdRestarts, alone: true},
		{name: "containerd-killed", run: containerdKilled, alone: true},
		{name: "shim-killed", run: shimKilled, alone: true},
	}
}

func containerdRestarts(a *attempt) { restart(a, syscall.SIGTERM) }

func containerdKilled(a *attempt) { restart(a, syscall.SIGKILL) }

// restart ends containerd while containers run: they live on, and the next
// containerd knows them and what became of them meanwhile.
func restart(a *attempt, signal syscall.Signal) {
	p := a.pod(ownNetwork)
	lives := p.start("lives",
		shell("i=0; while :; do i=$((i+1)); echo $i >/tmp/new; mv /tmp/new /tmp/count; sleep .05; done"))
	ends := p.start("ends", shell("until test -e /tmp/go; do sleep .05; done; exit 11"))
	processes, err := cgroupFile("pids", ends.cgroup(), "cgroup.procs")
	a.must(err)
	created := p.create("created", sleeper)
	var before string
	a.eventually("it counts", func() bool {
		before = lives.sh("cat /tmp/count || true")
		return before != ""
	})

	a.node.stop(signal)
	first, _, _ := strings.Cut(processes, "\n")
	a.must(os.WriteFile(filepath.Join("/proc", first, "root/tmp/go"), nil, 0o644))
	a.eventually("the container ends", func() bool { return !exists(filepath.Join("/proc", first, "root/tmp/go")) })
	a.must(a.node.start())

	a.eventually("the other counts on", func() bool {
		now, err := strconv.Atoi(strings.TrimSpace(lives.sh("cat /tmp/count")))
		a.must(err)
		then, err := strconv.Atoi(strings.TrimSpace(before))
		a.must(err)
		return now > then
	})
	ends.wait() // its exit code is lost with its task, which the new containerd removes
	a.must(created.tryStart())
	created.stop(10)
	lives.stop(0)
	lives.ends(137, "Error")
}

// shimKilled: containerd cleans up after a shim by having its binary call “delete --force”.
func shimKilled(a *attempt) {
	p := a.pod()
	c := p.start("main", shell("exec sleep 1000"))
	processes, err := cgroupFile("pids", c.cgroup(), "cgroup.procs")
	a.must(err)
	first, err := strconv.Atoi(processes)
	a.must(err)
	shim, err := parent(first)
	a.must(err)
	if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", shim)); !strings.HasPrefix(string(name), "containerd-shim") {
		a.Fatalf("the container's parent is %s", name)
	}
	a.must(syscall.Kill(shim, syscall.SIGKILL))
	a.eventually("the container is known to have ended", func() bool {
		return c.status().State == cri.ContainerState_CONTAINER_EXITED
	})
	a.eventually("its process is gone", func() bool { return !exists(fmt.Sprintf("/proc/%d", first)) })
}

func parent(pid int) (int, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	return strconv.Atoi(fields[1])
}
