package integration

import "slices"

// A limitCase is a property of linux.resources and what becomes of it: lines "FILE=VALUE", of
// which the file has the value as a line; "warns", which names the property; or "refused: WHY".
type limitCase struct {
	property  string
	resources string // as JSON; DEVICE stands for the numbers of a block device, MAJ:MIN for them as in files
	v1, v2    string
}

// limitCases has a row for each property of linux.resources but the rules of devices.
func limitCases() []limitCase {
	return slices.Concat(memoryCases(), cpuCases(), blockCases(), otherCases())
}

func memoryCases() []limitCase {
	return []limitCase{
		{property: "memory.limit", resources: `{"memory":{"limit":33554432}}`,
			v1: "memory.limit_in_bytes=33554432", v2: "memory.max=33554432"},
		{property: "memory.limit", resources: `{"memory":{"limit":-1}}`,
			v1: "memory.limit_in_bytes=9223372036854771712", v2: "memory.max=max"},
		{property: "memory.reservation", resources: `{"memory":{"reservation":16777216}}`,
			v1: "memory.soft_limit_in_bytes=16777216", v2: "memory.low=16777216"}, // v2-check 5
		{property: "memory.swap", resources: `{"memory":{"limit":33554432,"swap":67108864}}`, // v2-check 3
			v1: "memory.memsw.limit_in_bytes=67108864", v2: "memory.swap.max=33554432\nmemory.max=33554432"},
		{property: "memory.swap", resources: `{"memory":{"limit":33554432,"swap":33554432}}`,
			v1: "memory.memsw.limit_in_bytes=33554432", v2: "memory.swap.max=0"},
		{property: "memory.swap", resources: `{"memory":{"limit":33554432,"swap":-1}}`,
			v1: "memory.memsw.limit_in_bytes=9223372036854771712", v2: "memory.swap.max=max"},
		{property: "memory.swap", resources: `{"memory":{"limit":33554432,"swap":0}}`,
			v1: "memory.memsw.limit_in_bytes=9223372036854771712", v2: "memory.swap.max=max"},
		{property: "memory.swap", resources: `{"memory":{"swap":67108864}}`,
			v1: "refused: below the limit of memory", v2: "refused: without linux.resources.memory.limit"},
		{property: "memory.kernel", resources: `{"memory":{"kernel":33554432}}`, // v2-check 6
			v1: "warns", v2: "warns"},
		{property: "memory.kernelTCP", resources: `{"memory":{"kernelTCP":33554432}}`,
			v1: "memory.kmem.tcp.limit_in_bytes=33554432", v2: "warns"},
		{property: "memory.swappiness", resources: `{"memory":{"swappiness":10}}`,
			v1: "memory.swappiness=10", v2: "warns"},
		{property: "memory.disableOOMKiller", resources: `{"memory":{"disableOOMKiller":true}}`,
			v1: "memory.oom_control=oom_kill_disable 1", v2: "warns"},
		{property: "memory.useHierarchy", resources: `{"memory":{"useHierarchy":true}}`,
			v1: "memory.use_hierarchy=1", v2: ""},
		{property: "memory.useHierarchy", resources: `{"memory":{"useHierarchy":false}}`,
			v1: "refused: accounted hierarchically", v2: "warns"},
		{property: "memory.checkBeforeUpdate", resources: `{"memory":{"limit":33554432,"checkBeforeUpdate":true}}`,
			v1: "memory.limit_in_bytes=33554432", v2: "memory.max=33554432"},
	}
}

func cpuCases() []limitCase {
	return []limitCase{
		{property: "cpu.shares", resources: `{"cpu":{"shares":512}}`, v1: "cpu.shares=512", v2: "cpu.weight=59"},
		{property: "cpu.shares", resources: `{"cpu":{"shares":262144}}`,
			v1: "cpu.shares=262144", v2: "cpu.weight=10000"},
		{property: "cpu.quota", resources: `{"cpu":{"quota":42000}}`, // v2-check 2
			v1: "cpu.cfs_quota_us=42000\ncpu.cfs_period_us=100000", v2: "cpu.max=42000 100000"},
		{property: "cpu.quota", resources: `{"cpu":{"quota":500000,"period":1000000}}`,
			v1: "cpu.cfs_quota_us=500000\ncpu.cfs_period_us=1000000", v2: "cpu.max=500000 1000000"},
		{property: "cpu.quota", resources: `{"cpu":{"quota":-1,"period":1000000}}`,
			v1: "cpu.cfs_quota_us=-1\ncpu.cfs_period_us=1000000", v2: "cpu.max=max 1000000"},
		{property: "cpu.period", resources: `{"cpu":{"period":30000}}`, // v2-check 1
			v1: "cpu.cfs_period_us=30000", v2: "cpu.max=max 30000"},
		{property: "cpu.burst", resources: `{"cpu":{"quota":50000,"burst":10000}}`,
			v1: "cpu.cfs_burst_us=10000", v2: "cpu.max.burst=10000"},
		{property: "cpu.idle", resources: `{"cpu":{"idle":1}}`, v1: "cpu.idle=1", v2: "cpu.idle=1"},
		{property: "cpu.realtimeRuntime", resources: `{"cpu":{"realtimeRuntime":1000}}`,
			v1: "cpu.rt_runtime_us=1000", v2: "warns"},
		{property: "cpu.realtimePeriod", resources: `{"cpu":{"realtimePeriod":2000000}}`,
			v1: "cpu.rt_period_us=2000000", v2: "warns"},
		{property: "cpu.cpus", resources: `{"cpu":{"cpus":"0"}}`, v1: "cpuset.cpus=0", v2: "cpuset.cpus=0"},
		{property: "cpu.mems", resources: `{"cpu":{"mems":"0"}}`, v1: "cpuset.mems=0", v2: "cpuset.mems=0"},
	}
}

func blockCases() []limitCase {
	return []limitCase{
		{property: "blockIO.weight", resources: `{"blockIO":{"weight":500}}`,
			v1: "blkio.bfq.weight=500", v2: "io.bfq.weight=default 500"},
		{property: "blockIO.weightDevice", resources: `{"blockIO":{"weightDevice":[{DEVICE,"weight":300}]}}`,
			v1: "blkio.bfq.weight_device=MAJ:MIN 300", v2: "io.bfq.weight=MAJ:MIN 300"},
		{property: "blockIO.leafWeight", resources: `{"blockIO":{"leafWeight":500}}`,
			v1: "refused: does not have it", v2: "warns"},
		{property: "blockIO.throttleReadBpsDevice",
			resources: `{"blockIO":{"throttleReadBpsDevice":[{DEVICE,"rate":1048576}]}}`,
			v1:        "blkio.throttle.read_bps_device=MAJ:MIN 1048576",
			v2:        "io.max=MAJ:MIN rbps=1048576 wbps=max riops=max wiops=max"},
		{property: "blockIO.throttleWriteBpsDevice",
			resources: `{"blockIO":{"throttleWriteBpsDevice":[{DEVICE,"rate":1048576}]}}`,
			v1:        "blkio.throttle.write_bps_device=MAJ:MIN 1048576",
			v2:        "io.max=MAJ:MIN rbps=max wbps=1048576 riops=max wiops=max"},
		{property: "blockIO.throttleReadIOPSDevice",
			resources: `{"blockIO":{"throttleReadIOPSDevice":[{DEVICE,"rate":100}]}}`,
			v1:        "blkio.throttle.read_iops_device=MAJ:MIN 100",
			v2:        "io.max=MAJ:MIN rbps=max wbps=max riops=100 wiops=max"},
		{property: "blockIO.throttleWriteIOPSDevice",
			resources: `{"blockIO":{"throttleWriteIOPSDevice":[{DEVICE,"rate":100}]}}`,
			v1:        "blkio.throttle.write_iops_device=MAJ:MIN 100",
			v2:        "io.max=MAJ:MIN rbps=max wbps=max riops=max wiops=100"},
		{property: "blockIO.throttleReadBpsDevice",
			resources: `{"blockIO":{"throttleReadBpsDevice":[{DEVICE,"rate":5242880}],` +
				`"throttleWriteIOPSDevice":[{DEVICE,"rate":100}]}}`,
			v1: "blkio.throttle.read_bps_device=MAJ:MIN 5242880\nblkio.throttle.write_iops_device=MAJ:MIN 100",
			v2: "io.max=MAJ:MIN rbps=5242880 wbps=max riops=max wiops=100"},
	}
}

func otherCases() []limitCase {
	return []limitCase{
		{property: "pids.limit", resources: `{"pids":{"limit":77}}`, v1: "pids.max=77", v2: "pids.max=77"},
		{property: "pids.limit", resources: `{"pids":{"limit":-1}}`, v1: "pids.max=max", v2: "pids.max=max"},

		{property: "hugepageLimits", resources: `{"hugepageLimits":[{"pageSize":"2MB","limit":4194304}]}`,
			v1: "hugetlb.2MB.limit_in_bytes=4194304\nhugetlb.2MB.rsvd.limit_in_bytes=4194304",
			v2: "hugetlb.2MB.max=4194304\nhugetlb.2MB.rsvd.max=4194304"},
		{property: "network.classID", resources: `{"network":{"classID":1048577}}`,
			v1: "net_cls.classid=1048577", v2: "refused: cgroup v2 does not mark packets"},
		{property: "network.priorities", resources: `{"network":{"priorities":[{"name":"lo","priority":5}]}}`,
			v1: "net_prio.ifpriomap=lo 5", v2: "refused: cgroup v2 does not mark packets"},
		{property: "rdma", resources: `{"rdma":{"no_such_device":{"hcaHandles":3}}}`,
			v1: "refused: rdma", v2: "refused: rdma"}, // no machine of the tests has a device for it
		{property: "unified", resources: `{"unified":{"memory.high":"20971520","cgroup.max.depth":"3"}}`,
			v1: "refused: cgroup v1", v2: "memory.high=20971520\ncgroup.max.depth=3"},
		{property: "unified", resources: `{"unified":{"memory.max":"44040192"},"memory":{"limit":33554432}}`,
			v1: "refused: cgroup v1", v2: "memory.max=44040192"},
		{property: "unified", resources: `{"unified":{"memory.oom.group":"1"}}`,
			v1: "refused: cgroup v1", v2: "memory.oom.group=1"},
		{property: "unified", resources: `{"unified":{"cgroup.procs":"0"}}`,
			v1: "refused: cgroup v1", v2: "refused: sets no limit"},
		{property: "unified", resources: `{"unified":{"io.max":"MAJ:MIN rbps=4096\nMAJ:MIN wiops=7\n"}}`,
			v1: "refused: cgroup v1", v2: "io.max=MAJ:MIN rbps=4096 wbps=max riops=max wiops=7"},
	}
}
