package cri

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func podFlows() []flow {
	return []flow{
		{name: "runtime-status", run: runtimeStatus},
		{name: "runtime-config", run: runtimeConfig},
		{name: "pod-host-network", run: podHostNetwork},
		{name: "pod-own-network", run: podOwnNetwork},
		{name: "pods-reach-each-other", run: podsReachEachOther},
		{name: "pod-hostname", run: podHostname},
		{name: "pod-dns", run: podDNS},
		{name: "pod-sysctls", run: podSysctls},
		{name: "pod-cgroup-parent", run: podCgroupParent},
		{name: "pod-list", run: podList},
		{name: "pod-stop-twice", run: podStopTwice},
		{name: "pod-stop-ends-containers", run: podStopEndsContainers},
		{name: "pod-remove-while-running", run: podRemoveWhileRunning},
		{name: "pod-shared-pid", run: podSharedPid},
		{name: "pod-private-pid", run: podPrivatePid},
		{name: "pod-host-pid", run: podHostPid},
		{name: "pod-target-pid", run: podTargetPid},
		{name: "pod-shared-ipc", run: podSharedIPC},
		{name: "pod-host-ipc", run: podHostIPC},
		{name: "pod-user-namespace", run: podUserNamespace},
		{name: "pods-in-parallel", run: podsInParallel},
		{name: "pod-privileged", run: podPrivileged},
		{name: "pod-readonly-sandbox", run: podReadonlySandbox},
		{name: "pod-stats", run: podStats},
		{name: "pod-metrics", run: podMetrics, alone: true},
	}
}

// runtimeStatus: containerd asks each handler for its features when it starts.
func runtimeStatus(a *attempt) {
	version, err := a.runtime.Version(a.ctx, &cri.VersionRequest{})
	a.must(err)
	a.equal("name", version.RuntimeName, "containerd")
	res, err := a.runtime.Status(a.ctx, &cri.StatusRequest{Verbose: true})
	a.must(err)
	a.must(unmetCondition(res))
	for _, h := range res.RuntimeHandlers {
		if h.Name == a.handler {
			if !h.Features.GetRecursiveReadOnlyMounts() {
				a.Errorf("the handler's features lack recursive read-only mounts: %v", h.Features)
			}
			return
		}
	}
	a.Errorf("no handler %s in %v", a.handler, res.RuntimeHandlers)
}

func runtimeConfig(a *attempt) {
	res, err := a.runtime.RuntimeConfig(a.ctx, &cri.RuntimeConfigRequest{})
	a.must(err)
	if driver := res.GetLinux().GetCgroupDriver(); driver != cri.CgroupDriver_CGROUPFS {
		a.Errorf("cgroup driver: %v", driver)
	}
}

func podHostNetwork(a *attempt) {
	p := a.pod()
	status := p.status()
	if status.State != cri.PodSandboxState_SANDBOX_READY {
		a.Errorf("state: %v", status.State)
	}
	a.equal("runtime handler", status.RuntimeHandler, a.handler)
	network := status.Linux.Namespaces.Options.Network
	if network != cri.NamespaceMode_NODE {
		a.Errorf("network: %v", network)
	}
	a.contains("the host's interfaces", p.output("main", shell("ip -o link")), ": lo:")
}

func podOwnNetwork(a *attempt) {
	p := a.pod(ownNetwork)
	address := p.status().Network.GetIp()
	if !strings.HasPrefix(address, "10.88.") {
		a.Errorf("address: %q", address)
	}
	out := p.output("main", shell("ip -o -4 addr"))
	a.contains("addresses inside", out, address)
	a.contains("addresses inside", out, "127.0.0.1")
	p.stop()
	if left := p.status().Network.GetIp(); left != "" {
		a.Errorf("address after the end: %q", left)
	}
}

func podsReachEachOther(a *attempt) {
	server := a.pod(ownNetwork)
	server.start("server",
		shell("mkdir /tmp/www && echo served >/tmp/www/index.html && exec httpd -f -p 8080 -h /tmp/www"))
	address := server.status().Network.Ip
	const get = "for i in 1 2 3 4 5 6 7 8 9; do wget -q -O - http://%s:8080/ && exit; sleep .3; done; exit 1"
	a.equal("from the same pod", server.output("client", shell(fmt.Sprintf(get, "127.0.0.1"))), "served")
	other := a.pod(ownNetwork)
	a.equal("from another pod", other.output("client", shell(fmt.Sprintf(get, address))), "served")
}

func podHostname(a *attempt) {
	p := a.pod(ownNetwork, func(c *cri.PodSandboxConfig) { c.Hostname = "of-the-pod" })
	a.equal("hostname", p.output("main", shell("hostname; cat /etc/hostname; echo $HOSTNAME")),
		"of-the-pod\nof-the-pod\nof-the-pod")
}

func podDNS(a *attempt) {
	p := a.pod(func(c *cri.PodSandboxConfig) {
		c.DnsConfig = &cri.DNSConfig{Servers: []string{"192.0.2.53"}, Searches: []string{"example.org"},
			Options: []string{"ndots:3"}}
	})
	a.equal("resolv.conf", p.output("main", shell("cat /etc/resolv.conf")),
		"search example.org\nnameserver 192.0.2.53\noptions ndots:3")
}

func podSysctls(a *attempt) {
	sysctls := map[string]string{
		"net.ipv4.ip_local_port_range": "20000 30000",
		"net.core.somaxconn":           "77",
		"kernel.shm_rmid_forced":       "1",
		"kernel/msgmax":                "4321",
	}
	p := a.pod(ownNetwork, func(c *cri.PodSandboxConfig) { c.Linux.Sysctls = sysctls })
	for _, name := range slices.Sorted(maps.Keys(sysctls)) {
		file := "/proc/sys/" + strings.ReplaceAll(name, ".", "/")
		got := strings.Join(strings.Fields(p.output(strings.ReplaceAll(name, "/", "."), shell("cat "+file))), " ")
		a.equal(name, got, sysctls[name])
	}
}

func podCgroupParent(a *attempt) {
	c := a.pod().start("main", sleeper)
	for _, controller := range []string{"memory", "cpu", "pids", "devices", "freezer"} {
		processes, err := cgroupFile(controller, c.cgroup(), "cgroup.procs")
		a.must(err)
		if strings.TrimSpace(processes) == "" {
			a.Errorf("%s: no process in the container's cgroup", controller)
		}
	}
}

func podList(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper, func(c *cri.ContainerConfig) { c.Labels = map[string]string{"is": a.name} })
	pods, err := a.runtime.ListPodSandbox(a.ctx, &cri.ListPodSandboxRequest{
		Filter: &cri.PodSandboxFilter{LabelSelector: map[string]string{"attempt": a.name}},
	})
	a.must(err)
	if len(pods.Items) != 1 || pods.Items[0].Id != p.id || pods.Items[0].State != cri.PodSandboxState_SANDBOX_READY {
		a.Errorf("pods: %v", pods.Items)
	}
	containers, err := a.runtime.ListContainers(a.ctx, &cri.ListContainersRequest{
		Filter: &cri.ContainerFilter{LabelSelector: map[string]string{"is": a.name}},
	})
	a.must(err)
	if list := containers.Containers; len(list) != 1 || list[0].Id != c.id ||
		list[0].State != cri.ContainerState_CONTAINER_RUNNING {
		a.Errorf("containers: %v", list)
	}
}

func podStopTwice(a *attempt) {
	p := a.pod()
	p.stop()
	if state := p.status().State; state != cri.PodSandboxState_SANDBOX_NOTREADY {
		a.Errorf("state: %v", state)
	}
	p.stop()
	p.remove()
	p.remove()
}

func podStopEndsContainers(a *attempt) {
	p := a.pod()
	running := p.start("running", sleeper)
	created := p.create("created", sleeper)
	p.stop()
	if state := running.status().State; state != cri.ContainerState_CONTAINER_EXITED {
		a.Errorf("the running container: %v", state)
	}
	if err := created.tryStart(); err == nil {
		a.Errorf("a container starts in a stopped pod")
	}
}

func podRemoveWhileRunning(a *attempt) {
	p := a.pod()
	p.start("main", shell("trap '' TERM; while :; do sleep 1; done"))
	_, err := a.runtime.RemovePodSandbox(a.ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.id})
	a.must(err)
	pods, err := a.runtime.ListPodSandbox(a.ctx, &cri.ListPodSandboxRequest{Filter: &cri.PodSandboxFilter{Id: p.id}})
	a.must(err)
	if len(pods.Items) != 0 {
		a.Errorf("the pod is still there: %v", pods.Items)
	}
}

func pidMode(mode cri.NamespaceMode) func(*cri.PodSandboxConfig) {
	return func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.NamespaceOptions.Pid = mode }
}

func podSharedPid(a *attempt) {
	p := a.pod(pidMode(cri.NamespaceMode_POD))
	p.start("other", shell("exec sleep 1234"))
	out := p.output("main", shell("cat /proc/1/comm; ps -o args"))
	a.equal("process 1", strings.SplitN(out, "\n", 2)[0], "pause")
	a.contains("processes", out, "sleep 1234")
}

func podPrivatePid(a *attempt) {
	p := a.pod()
	p.start("other", shell("exec sleep 1234"))
	out := p.output("main", shell("echo $$; ps -o args"))
	a.equal("pid", strings.SplitN(out, "\n", 2)[0], "1")
	if strings.Contains(out, "sleep 1234") {
		a.Errorf("sees another container's process: %s", out)
	}
}

func podHostPid(a *attempt) {
	p := a.pod(pidMode(cri.NamespaceMode_NODE))
	c := p.start("main", sleeper)
	a.contains("processes", c.sh("ps -o args"), "containerd.toml")
	c.stop(5)
}

func podTargetPid(a *attempt) {
	p := a.pod()
	target := p.start("target", shell("exec sleep 4321"))
	// its shell may not have executed it yet
	out := p.output("main",
		shell("until grep -q ^sleep /proc/1/cmdline; do sleep .05; done; tr '\\0' ' ' </proc/1/cmdline"),
		secure(func(s *cri.LinuxContainerSecurityContext) {
			s.NamespaceOptions.Pid, s.NamespaceOptions.TargetId = cri.NamespaceMode_TARGET, target.id
		}))
	a.equal("process 1", out, "sleep 4321")
}

func podSharedIPC(a *attempt) {
	p := a.pod()
	p.output("writer", shell("echo shared >/dev/shm/file"))
	a.equal("/dev/shm of another container", p.output("reader", shell("cat /dev/shm/file")), "shared")
	first := p.output("first", shell("readlink /proc/self/ns/ipc"))
	a.equal("the ipc namespace", p.output("second", shell("readlink /proc/self/ns/ipc")), first)
}

func podHostIPC(a *attempt) {
	const script = "readlink /proc/self/ns/ipc"
	host := func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.NamespaceOptions.Ipc = cri.NamespaceMode_NODE }
	p := a.pod(host)
	inHost := p.output("main", shell(script), secure(func(s *cri.LinuxContainerSecurityContext) {
		s.NamespaceOptions.Ipc = cri.NamespaceMode_NODE
	}))
	a.equal("the ipc namespace", inHost, hostNamespace(a, "ipc"))
}

func podUserNamespace(a *attempt) {
	ids := []*cri.IDMapping{{HostId: 100000, ContainerId: 0, Length: 65536}}
	users := &cri.UserNamespace{Mode: cri.NamespaceMode_POD, Uids: ids, Gids: ids}
	p := a.pod(ownNetwork, func(c *cri.PodSandboxConfig) {
		c.Linux.SecurityContext.NamespaceOptions.UsernsOptions = users
	})
	out := p.output("main", shell("cat /proc/self/uid_map; id -u"), secure(func(s *cri.LinuxContainerSecurityContext) {
		s.NamespaceOptions.UsernsOptions = users
	}))
	a.equal("ids", strings.Join(strings.Fields(out), " "), "0 100000 65536 0")
}

func podsInParallel(a *attempt) {
	const count = 8
	pods := make([]*pod, count)
	for i := range pods { // the pods' removal is registered one after the other
		pods[i] = a.pod()
	}
	var all sync.WaitGroup
	errs := make([]error, count)
	for i, p := range pods {
		all.Go(func() {
			c, err := p.tryCreate("main", sleeper)
			if err == nil {
				err = c.tryStart()
			}
			if err == nil {
				_, err = c.execute("/bin/true")
			}
			if err == nil {
				_, err = c.runtime.StopContainer(c.ctx, &cri.StopContainerRequest{ContainerId: c.id, Timeout: 5})
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		a.must(err)
	}
}

func podPrivileged(a *attempt) {
	p := a.pod(func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.Privileged = true })
	out := p.output("main",
		shell("test -e /dev/kmsg || test -e /dev/tty0 || test -e /dev/vda || ls /dev; grep CapEff /proc/self/status; "+
			"grep Seccomp: /proc/self/status"),
		secure(func(s *cri.LinuxContainerSecurityContext) { s.Privileged = true }))
	a.contains("capabilities", out, allCapabilities(a))
	a.contains("seccomp", out, "Seccomp:\t0")
}

func podReadonlySandbox(a *attempt) {
	p := a.pod(func(c *cri.PodSandboxConfig) {
		c.Linux.SecurityContext.ReadonlyRootfs = true
		c.Linux.SecurityContext.RunAsUser = &cri.Int64Value{Value: 1000}
		c.Linux.SecurityContext.RunAsGroup = &cri.Int64Value{Value: 1000}
		c.Linux.SecurityContext.Seccomp = &cri.SecurityProfile{ProfileType: cri.SecurityProfile_RuntimeDefault}
	}, pidMode(cri.NamespaceMode_POD))
	out := p.output("main", shell("grep -E '^(Uid|Gid|Seccomp):' /proc/1/status"))
	a.equal("the sandbox's process", strings.Join(strings.Fields(out), " "),
		"Uid: 1000 1000 1000 1000 Gid: 1000 1000 1000 1000 Seccomp: 2")
}

func podStats(a *attempt) {
	p := a.pod(ownNetwork)
	c := p.start("main", sleeper)
	a.eventually("the pod's statistics", func() bool {
		res, err := a.runtime.PodSandboxStats(a.ctx, &cri.PodSandboxStatsRequest{PodSandboxId: p.id})
		a.must(err)
		linux := res.GetStats().GetLinux()
		return linux.GetCpu().GetUsageCoreNanoSeconds().GetValue() > 0 &&
			linux.GetMemory().GetWorkingSetBytes().GetValue() > 0 &&
			linux.GetNetwork().GetDefaultInterface().GetName() == "eth0" &&
			len(linux.GetContainers()) == 1 && linux.Containers[0].GetAttributes().GetId() == c.id
	})
	list, err := a.runtime.ListPodSandboxStats(a.ctx,
		&cri.ListPodSandboxStatsRequest{Filter: &cri.PodSandboxStatsFilter{Id: p.id}})
	a.must(err)
	if len(list.Stats) != 1 {
		a.Errorf("list: %v", list.Stats)
	}
}

func podMetrics(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper)
	a.eventually("the pod's metrics", func() bool {
		res, err := a.runtime.ListPodSandboxMetrics(a.ctx, &cri.ListPodSandboxMetricsRequest{})
		a.must(err)
		for _, m := range res.PodMetrics {
			for _, of := range m.ContainerMetrics {
				if m.PodSandboxId == p.id && of.ContainerId == c.id && len(of.Metrics) > 10 {
					return true
				}
			}
		}
		return false
	})
}
