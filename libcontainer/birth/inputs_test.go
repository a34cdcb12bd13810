package birth

import (
	"os"
	"runtime"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/spec"
)

// testHost is a machine that does not depend on the one that runs the tests.
func testHost() *Host {
	host := &Host{
		ID: "c1", Rootfs: "/bundle/rootfs", RootfsMount: "/bundle", Mounts: []HostMount{{"/data", false},
			{"/proc", true}},
		IgnoredSignals: []int{13},
		Nofile:         Rlimit{Soft: 1024, Hard: 4096},
		Streams:        [3]StreamUse{StreamGiven, StreamKept, StreamGiven},
		Bounding:       1<<41 - 1, LastCap: 40,
		CgroupFiles: []string{"cpu,cpuacct", "name=systemd"},
		Hierarchies: []Hierarchy{
			{Name: "cpu,cpuacct", Links: []string{"cpu", "cpuacct"}, Dir: "/sys/fs/cgroup/cpu,cpuacct/c1",
				Type: "cgroup", Options: []string{"cpu", "cpuacct"}},
			{Name: "systemd", Dir: "/sys/fs/cgroup/systemd/c1", Type: "cgroup",
				Options: []string{"none", "name=systemd"}},
		},
	}
	for i := range host.Limits {
		host.Limits[i] = Rlimit{Soft: 4096, Hard: 4096}
	}
	return host
}

func inputFor(s *specs.Spec) *Input {
	in := &Input{Spec: s, Host: testHost()}
	in.Mounts, _ = Mounts(s, "/bundle")
	if s.Process != nil {
		in.Env = append(append(in.Env, s.Process.Env...), "HOME=/root")
		in.Candidates = []string{"/bin/" + s.Process.Args[0]}
	}
	return in
}

func defaultInput() *Input { return inputFor(spec.Default()) }

// rootlessInput is that of a user without privileges.
func rootlessInput() *Input {
	in := inputFor(spec.Rootless(1000, 1000))
	in.Host.Lacks = Lacks{Admin: true, Tracing: true, Groups: true, Nodes: true, Resources: true}
	in.Host.CgroupFiles = nil
	in.Spec.Process.OOMScoreAdj, in.Host.OOMScoreAdj = pointer(0), pointer(200)
	in.Spec.Process.User.AdditionalGids = []uint32{5}
	return in
}

func pointer[T any](v T) *T { return &v }

// everythingInput uses every part of the compiler that does not exclude another.
func everythingInput(t testing.TB) *Input {
	s := spec.Default()
	s.Domainname = "example.org"
	s.Root.Readonly = false
	s.Hooks = &specs.Hooks{CreateRuntime: []specs.Hook{{Path: "/bin/hook"}}}
	everythingProcess(s.Process)
	s.Mounts = append(s.Mounts, everythingMounts()...)
	everythingLinux(s.Linux)

	in := inputFor(s)
	in.Host.AppArmor, in.Host.SELinux = true, true
	for i := range in.Mounts {
		if m := &in.Mounts[i]; m.Target == "/var/run/dangling" {
			m.Target = "/run/dangling"
		}
	}
	notify, err := NewMount("", &specs.Mount{
		Destination: "/run/notify", Type: "bind", Source: "/state/notify", Options: []string{"bind"},
	}, "/bundle")
	if err != nil {
		t.Fatal(err)
	}
	in.Mounts = append(in.Mounts, notify)
	in.Candidates = []string{"/usr/local/bin/sh", "/bin/sh"}
	in.Behind = true
	in.PreserveFds = 2
	in.Filter, err = seccomp.CompileFor(runtime.GOARCH, &specs.LinuxSeccomp{
		DefaultAction: specs.ActAllow,
		Syscalls:      []specs.LinuxSyscall{{Names: []string{"bpf"}, Action: specs.ActErrno}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return in
}

func everythingProcess(p *specs.Process) {
	p.Cwd = "/srv/work"
	p.User = specs.User{UID: 1000, GID: 1001, Umask: pointer(uint32(0o27)), AdditionalGids: []uint32{5, 7}}
	p.NoNewPrivileges = false
	p.ApparmorProfile, p.SelinuxLabel = "rung-default", "system_u:system_r:container_t:s0"
	p.OOMScoreAdj = pointer(-500)
	p.Capabilities.Inheritable = []string{"CAP_KILL", "CAP_UNHEARD_OF"}
	p.Capabilities.Ambient = []string{"CAP_KILL", "CAP_AUDIT_WRITE"}
	p.Rlimits = append(p.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_CORE"},
		specs.POSIXRlimit{Type: "RLIMIT_MEMLOCK", Soft: 8, Hard: 1 << 20})
	p.Scheduler = &specs.Scheduler{
		Policy: specs.SchedDeadline, Flags: []specs.LinuxSchedulerFlag{specs.SchedFlagReclaim},
		Runtime: 10, Deadline: 20, Period: 30,
	}
	p.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 4}
}

func everythingMounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/srv/data", Type: "none", Source: "/data",
			Options: []string{"rbind", "rro", "nosuid", "rshared", "size=1"}},
		{Destination: "/etc/hosts", Type: "bind", Source: "hosts", Options: []string{"bind", "ro"}},
		{Destination: "/cache", Type: "tmpfs", Source: "tmpfs", Options: []string{"tmpcopyup", "private", "sync"}},
		{Destination: "/var/run/dangling", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"mode=700", "nr_inodes=10", "huge"}},
		{Destination: "/counted", Type: "tmpfs", Source: "tmpfs", Options: []string{"mode=700", "iversion", "noexec"}},
		{Destination: "/disk", Type: "ext4", Source: "/dev/sdb1", Options: []string{"ro", "noatime", "rnodev"}},
		{Destination: "/disk", Options: []string{"remount", "ro", "data=journal"}},
	}
}

func everythingLinux(l *specs.Linux) {
	for _, t := range []specs.LinuxNamespaceType{specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace} {
		l.Namespaces = append(l.Namespaces, specs.LinuxNamespace{Type: t})
	}
	l.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	l.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 200000, Size: 65536}}
	l.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 5}, "boottime": {Secs: -3, Nanosecs: 7}}
	l.Devices = []specs.LinuxDevice{
		{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: pointer(os.FileMode(0o640)),
			UID: pointer(uint32(0)), GID: pointer(uint32(6))},
		{Path: "/dev/pipe", Type: "p", UID: pointer(uint32(1000))},
	}
	l.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.shmmax": "65536"}
	l.NetDevices = map[string]specs.LinuxNetDevice{"eth1": {Name: "eth0"}}
	l.MountLabel = "system_u:object_r:container_file_t:s0"
	l.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	l.MemoryPolicy = &specs.LinuxMemoryPolicy{
		Mode: specs.MpolBind, Nodes: "0-1,3", Flags: []specs.MemoryPolicyFlagType{specs.MpolFStaticNodes},
	}
	l.RootfsPropagation = "rshared"
}

// joiningInput joins all of its namespaces by path.
func joiningInput() *Input {
	s := spec.Default()
	s.Hostname = ""
	s.Linux.Namespaces = nil
	for _, t := range []specs.LinuxNamespaceType{
		specs.PIDNamespace, specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace,
		specs.MountNamespace, specs.UserNamespace, specs.CgroupNamespace, specs.TimeNamespace,
	} {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t, Path: "/run/ns/" + string(t)})
	}
	s.Process.Terminal = false
	return inputFor(s)
}

// hostMountsInput has no mount namespace.
func hostMountsInput() *Input {
	s := spec.Default()
	s.Mounts, s.Hostname = nil, ""
	s.Linux = &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.PIDNamespace}}}
	s.Process.Terminal = false
	s.Process.Capabilities = nil
	in := inputFor(s)
	in.Gate = GateSync
	in.NoNewKeyring = true
	in.Candidates = []string{"/usr/bin/sh", "/bin/sh"}
	return in
}
