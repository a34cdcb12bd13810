package clients

import (
	"fmt"
	"os"
	"strings"
)

// limitFlows are about cgroups.
func limitFlows() []flow {
	// cgroup asks a container for a file of one of its cgroup v1 hierarchies.
	cgroup := func(file, want string, flags ...string) func(*attempt) {
		return func(a *attempt) {
			a.quick(flags, "cat", "/sys/fs/cgroup/"+file).ok().prints(want)
		}
	}
	return []flow{
		{name: "limit/memory", run: cgroup("memory/memory.limit_in_bytes", "20971520", "--memory", "20m")},
		{name: "limit/memory-reservation", run: cgroup("memory/memory.soft_limit_in_bytes", "10485760",
			"--memory-reservation", "10m")},
		{name: "limit/swappiness", run: cgroup("memory/memory.swappiness", "30", "--memory-swappiness", "30")},
		{name: "limit/cpus", run: cgroup("cpu/cpu.cfs_quota_us", "50000", "--cpus", "0.5")},
		{name: "limit/cpu-period", run: cgroup("cpu/cpu.cfs_period_us", "50000", "--cpu-period", "50000", "--cpu-quota",
			"25000")},
		{name: "limit/cpu-shares", run: cgroup("cpu/cpu.shares", "512", "--cpu-shares", "512")},
		{name: "limit/cpuset", run: func(a *attempt) {
			r := a.quick([]string{"--cpuset-cpus", "0", "--cpuset-mems", "0"}, "sh", "-c",
				"nproc; cat /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/cpuset/cpuset.mems")
			r.ok().prints("1\n0\n0")
		}},
		{name: "limit/pids", run: func(a *attempt) {
			a.quick([]string{"--pids-limit", "20"}, "cat", "/sys/fs/cgroup/pids/pids.max").ok().prints("20")
			r := a.sh("for i in $(seq 30); do sleep 5 & done; echo all", "--pids-limit", "20")
			if r.text() == "all" || !strings.Contains(r.stderr, "can't fork") {
				a.fatalf("30 processes under a limit of 20: %q %q", r.stdout, r.stderr)
			}
		}},
		{name: "limit/write-bps", run: func(a *attempt) {
			disk, err := blockDevice()
			if err != nil {
				a.fatalf("%v", err)
			}
			a.quick([]string{"--device-write-bps", disk + ":1mb"}, "cat",
				"/sys/fs/cgroup/blkio/blkio.throttle.write_bps_device").ok().has(" 1048576")
		}},
		{name: "limit/oom", run: func(a *attempt) {
			a.sh("tail /dev/zero; exit $?", "--memory", "20m").exits(137)
		}},
		{name: "limit/ulimit", run: func(a *attempt) {
			a.sh("ulimit -n; ulimit -Hn; ulimit -c", "--ulimit", "nofile=100:200", "--ulimit", "core=0", "--ulimit",
				"nproc=30000:30000").ok().prints("100\n200\n0")
		}},
		{name: "limit/cgroup-parent", run: func(a *attempt) {
			parent := "/parent-" + a.engine.runtime.name
			a.quick([]string{"--cgroup-parent", parent, "--cgroupns", "host"}, "cat",
				"/proc/self/cgroup").ok().has("memory:" + parent + "/")
		}},
		{name: "limit/exceeds-machine", run: func(a *attempt) {
			name := a.name()
			a.do("run", "--name", name, "--network", "none", "--cpuset-cpus", "4000", image, "true").fails()
		}},
	}
}

func updateFlows() []flow {
	return []flow{
		{name: "update/cpus", run: func(a *attempt) {
			name := a.detached("--memory", "50m", "--cpu-shares", "512")
			a.do("update", "--cpus", "0.3", name).ok()
			a.do("exec", name, "sh", "-c",
				"cd /sys/fs/cgroup; cat cpu/cpu.cfs_quota_us cpu/cpu.shares memory/memory.limit_in_bytes").
				ok().prints("30000\n512\n52428800")
		}},
		{name: "update/memory", run: func(a *attempt) {
			name := a.detached("--memory", "50m")
			a.do("update", "--memory", "80m", "--memory-swap", "80m", name).ok()
			a.do("exec", name, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes").ok().prints("83886080")
			a.do("update", "--memory", "40m", "--memory-swap", "40m", name).ok()
			a.do("exec", name, "cat", "/sys/fs/cgroup/memory/memory.limit_in_bytes").ok().prints("41943040")
		}},
		{name: "update/cpuset", run: func(a *attempt) {
			name := a.detached()
			a.do("update", "--cpuset-cpus", "0", name).ok()
			a.do("exec", name, "nproc").ok().prints("1")
		}},
		{name: "update/devices-stay", run: func(a *attempt) {
			name := a.detached("--device-cgroup-rule", "c 10:200 rw")
			a.do("update", "--cpu-shares", "300", name).ok()
			a.do("exec", name, "cat", "/sys/fs/cgroup/devices/devices.list").ok().has("c 10:200 rw").lacks("a *:* rwm")
			a.do("exec", name, "sh", "-c", "echo x >/dev/null").ok()
		}},
	}
}

// blockDevice returns the path of some disk of the machine.
func blockDevice() (string, error) {
	disks, err := os.ReadDir("/sys/block")
	if err != nil {
		return "", err
	}
	for _, d := range disks {
		if _, err := os.Stat("/dev/" + d.Name()); err == nil && !strings.HasPrefix(d.Name(), "loop") {
			return "/dev/" + d.Name(), nil
		}
	}
	return "", fmt.Errorf("the machine has no disk in /dev")
}
