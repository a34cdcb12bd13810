package cri

import (
	"fmt"
	"strings"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func resourceFlows() []flow {
	return []flow{
		{name: "limits-memory", run: limitsMemory},
		{name: "limits-cpu", run: limitsCPU},
		{name: "limits-cpuset", run: limitsCpuset},
		{name: "limits-seen-inside", run: limitsSeenInside},
		{name: "limits-updated", run: limitsUpdated},
		{name: "limits-update-refused", run: limitsUpdateRefused},
		{name: "limits-update-created", run: limitsUpdateCreated},
		{name: "out-of-memory", run: outOfMemory},
		{name: "out-of-memory-child", run: outOfMemoryChild},
		{name: "oom-score", run: oomScore},
		{name: "container-stats", run: containerStats},
		{name: "container-stats-list", run: containerStatsList},
	}
}

const mib = 1 << 20

func memory(bytes int64) change {
	return limit(func(r *cri.LinuxContainerResources) { r.MemoryLimitInBytes = bytes })
}

// limited requires what a file of the container's cgroup has.
func (c *container) limited(controller, file, want string) {
	got, err := cgroupFile(controller, c.cgroup(), file)
	c.must(err)
	c.equal(file, got, want)
}

func limitsMemory(a *attempt) {
	c := a.pod().start("main", sleeper, memory(64*mib))
	c.limited("memory", "memory.limit_in_bytes", fmt.Sprint(64*mib))
}

func limitsCPU(a *attempt) {
	c := a.pod().start("main", sleeper, limit(func(r *cri.LinuxContainerResources) {
		r.CpuPeriod, r.CpuQuota, r.CpuShares = 50000, 20000, 512
	}))
	c.limited("cpu", "cpu.cfs_period_us", "50000")
	c.limited("cpu", "cpu.cfs_quota_us", "20000")
	c.limited("cpu", "cpu.shares", "512")
}

func limitsCpuset(a *attempt) {
	c := a.pod().start("main", sleeper, limit(func(r *cri.LinuxContainerResources) {
		r.CpusetCpus, r.CpusetMems = "0", "0"
	}))
	c.limited("cpuset", "cpuset.cpus", "0")
	c.limited("cpuset", "cpuset.mems", "0")
	a.equal("seen by an exec", c.sh("grep Cpus_allowed_list /proc/self/status"), "Cpus_allowed_list:\t0")
}

func limitsSeenInside(a *attempt) {
	out := a.output(shell("cat /sys/fs/cgroup/memory/memory.limit_in_bytes; echo 1 2>&1 "+
		">/sys/fs/cgroup/memory/memory.limit_in_bytes || exit 0"), memory(48*mib))
	a.contains("the limit", out, fmt.Sprint(48*mib))
	a.contains("writing it", out, "Read-only file system")
}

func (c *container) update(r *cri.LinuxContainerResources) error {
	_, err := c.runtime.UpdateContainerResources(c.ctx,
		&cri.UpdateContainerResourcesRequest{ContainerId: c.id, Linux: r})
	return err
}

func limitsUpdated(a *attempt) {
	c := a.pod().start("main", sleeper, memory(64*mib), limit(func(r *cri.LinuxContainerResources) {
		r.CpuShares = 512
	}))
	a.must(c.update(&cri.LinuxContainerResources{
		MemoryLimitInBytes: 96 * mib, CpuShares: 256, CpuQuota: 30000, CpuPeriod: 100000, CpusetCpus: "0",
	}))
	c.limited("memory", "memory.limit_in_bytes", fmt.Sprint(96*mib))
	c.limited("cpu", "cpu.shares", "256")
	c.limited("cpu", "cpu.cfs_quota_us", "30000")
	c.limited("cpuset", "cpuset.cpus", "0")
	a.must(c.update(&cri.LinuxContainerResources{MemoryLimitInBytes: 32 * mib}))
	c.limited("memory", "memory.limit_in_bytes", fmt.Sprint(32*mib))
	c.limited("cpu", "cpu.cfs_quota_us", "30000")
	if memory := c.status().GetResources().GetLinux().GetMemoryLimitInBytes(); memory != 32*mib {
		a.Errorf("the status has the memory limit %d", memory)
	}
}

func limitsUpdateRefused(a *attempt) {
	c := a.pod().start("main", sleeper, memory(64*mib))
	if err := c.update(&cri.LinuxContainerResources{CpusetCpus: "4096"}); err == nil {
		a.Errorf("a processor that is not there is accepted")
	}
	c.limited("memory", "memory.limit_in_bytes", fmt.Sprint(64*mib))
	a.equal("the container lives", c.sh("echo yes"), "yes")
}

func limitsUpdateCreated(a *attempt) {
	c := a.pod().create("main", sleeper, memory(64*mib))
	a.must(c.update(&cri.LinuxContainerResources{MemoryLimitInBytes: 80 * mib}))
	a.must(c.tryStart())
	c.limited("memory", "memory.limit_in_bytes", fmt.Sprint(80*mib))
}

func outOfMemory(a *attempt) {
	p := a.pod()
	s := p.start("main", func(c *cri.ContainerConfig) {
		c.Command = []string{"tail", "/dev/zero"}
	}, memory(24*mib)).wait()
	if s.ExitCode != 137 { // whether the reason is known already is a race of containerd's
		a.Errorf("exit code %d", s.ExitCode)
	}
	p.start("outlives", shell("tail /dev/zero; sleep 1; exit 9"), memory(24*mib)).ends(9, "OOMKilled")
}

// outOfMemoryChild: a child that is killed does not end the container.
func outOfMemoryChild(a *attempt) {
	c := a.pod().start("main", shell("tail /dev/zero; echo $?"), memory(24*mib))
	if s := c.wait(); s.ExitCode != 0 {
		a.Errorf("exit code %d", s.ExitCode)
	}
	a.equal("the child's status", c.log("stdout"), "137")
}

func oomScore(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper, limit(func(r *cri.LinuxContainerResources) { r.OomScoreAdj = 500 }))
	a.equal("oom_score_adj", c.sh("cat /proc/1/oom_score_adj"), "500")
	a.equal("oom_score_adj of an exec", c.sh("cat /proc/self/oom_score_adj"), "500")
}

func containerStats(a *attempt) {
	c := a.pod().start("main",
		shell("head -c 1000000 /dev/zero >/file; i=0; while test $i -lt 100000; do i=$((i+1)); done; exec sleep 1000"))
	a.eventually("the container's statistics", func() bool {
		res, _ := a.runtime.ContainerStats(a.ctx, &cri.ContainerStatsRequest{ContainerId: c.id})
		s := res.GetStats()
		return s.GetCpu().GetUsageCoreNanoSeconds().GetValue() > 1e6 &&
			s.GetMemory().GetUsageBytes().GetValue() > 4096 &&
			s.GetMemory().GetWorkingSetBytes().GetValue() > 4096
	})
}

func containerStatsList(a *attempt) {
	p := a.pod()
	running, ended := p.start("running", sleeper), p.start("ended", shell("exit 0"))
	ended.wait()
	a.eventually("the statistics", func() bool {
		res, err := a.runtime.ListContainerStats(a.ctx, &cri.ListContainerStatsRequest{
			Filter: &cri.ContainerStatsFilter{PodSandboxId: p.id},
		})
		a.must(err)
		for _, s := range res.Stats {
			if s.GetAttributes().GetId() == running.id {
				a.contains("name", s.Attributes.Metadata.Name, "running")
				return strings.HasPrefix(s.Attributes.Metadata.Name, "running") &&
					s.GetMemory().GetWorkingSetBytes().GetValue() > 0
			}
		}
		return false
	})
}
