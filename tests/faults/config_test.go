package faults

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// A config is a way to call rung. Together they use all that rung knows.
type config struct {
	name    string
	changes []bundle.Change
	flags   []string // of create and run
	sockets bool     // there is somebody to be sent a terminal and a pidfd
	env     []string // of every command
	device  string   // a network device of rung's, in a network namespace of its own
	uid     int      // whom the root filesystem belongs to on the host
	only    bool     // test only the steps that no config before this has
}

func pointer[T any](v T) *T { return &v }

// configs returns the configs, and what they need on the machine.
func configs(t *testing.T) []*config {
	s := sharedFiles(t)
	budget(t)
	return []*config{
		{
			name: "everything",
			changes: []bundle.Change{common(s), func(c *specs.Spec) {
				c.Process.Terminal = true
				c.Process.ConsoleSize = &specs.Box{Height: 30, Width: 100}
				c.Root.Readonly = true
				c.Linux.RootfsPropagation = "rshared"
				c.Mounts = append(c.Mounts, specs.Mount{Destination: "/cache", Type: "tmpfs", Source: "tmpfs",
					Options: []string{"tmpcopyup", "private"}})
				c.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1", "kernel.shmmax": "65536",
					"fs.mqueue.msg_max": "20"}
				c.Linux.Resources = resources()
			}, bundle.Namespace(specs.TimeNamespace, "")},
			sockets: true,
			env:     []string{"NOTIFY_SOCKET=" + s.notify},
		},
		{
			name: "user namespace",
			changes: []bundle.Change{common(s), func(c *specs.Spec) {
				c.Process.NoNewPrivileges = true
				c.Linux.RootfsPropagation = "rprivate"
				c.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 1000},
					{ContainerID: 1000, HostID: 200000, Size: 64536}}
				c.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
				c.Linux.Sysctl = map[string]string{"net.ipv4.ip_forward": "1"}
				c.Mounts = append(c.Mounts, specs.Mount{Destination: "/cache", Type: "tmpfs", Source: "tmpfs",
					Options: []string{"tmpcopyup", "private"}})
			}, bundle.Namespace(specs.UserNamespace, ""), bundle.Namespace(specs.CgroupNamespace,
				""), bundle.Namespace(specs.TimeNamespace, "")},
			uid: 100000,
		},
		{
			name:    "joined namespaces",
			changes: append([]bundle.Change{common(s)}, joining(t)...),
			flags:   []string{"--no-pivot", "--no-new-keyring"},
			uid:     100000,
			only:    true,
		},
		{
			name: "network device",
			changes: []bundle.Change{common(s), func(c *specs.Spec) {
				c.Linux.TimeOffsets = nil
				c.Linux.NetDevices = map[string]specs.LinuxNetDevice{"outside": {Name: "inside"}}
			}},
			device: "outside",
			only:   true,
		},
	}
}

// common is what all configs have.
func common(s *shared) bundle.Change {
	return func(c *specs.Spec) {
		c.Version = specs.Version
		c.Domainname = "example.org"
		c.Process.Cwd = "/srv"
		c.Process.User = specs.User{UID: 1000, GID: 1001, Umask: pointer(uint32(0o27)), AdditionalGids: []uint32{5, 7}}
		c.Process.NoNewPrivileges = false
		c.Process.OOMScoreAdj = pointer(500)
		c.Process.Capabilities.Inheritable = []string{"CAP_KILL"}
		c.Process.Capabilities.Ambient = []string{"CAP_KILL"}
		c.Process.Rlimits = append(c.Process.Rlimits, specs.POSIXRlimit{Type: "RLIMIT_CORE"})
		c.Process.Scheduler = &specs.Scheduler{Policy: specs.SchedBatch, Nice: 5}
		c.Process.IOPriority = &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_BE, Priority: 6}
		c.Mounts = append(c.Mounts,
			specs.Mount{Destination: "/srv/data", Type: "none", Source: s.dir,
				Options: []string{"rbind", "rro", "nosuid", "rslave"}},
			specs.Mount{Destination: "/etc/hosts", Type: "bind", Source: s.file, Options: []string{"bind", "ro"}},
			specs.Mount{Destination: "/var/run/deep", Type: "tmpfs", Source: "tmpfs",
				Options: []string{"mode=700", "nr_inodes=10"}},
			specs.Mount{Destination: "/var/run/deep", Options: []string{"remount", "ro"}},
		)
		c.Hooks = hooks()
		c.Linux.Devices = []specs.LinuxDevice{
			{Path: "/dev/fuse", Type: "c", Major: 10, Minor: 229, FileMode: pointer(os.FileMode(0o640)),
				UID: pointer(uint32(0)), GID: pointer(uint32(6))},
			{Path: "/dev/pipe", Type: "p", UID: pointer(uint32(1000))},
		}
		c.Linux.Resources.Devices = append(c.Linux.Resources.Devices,
			specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: pointer(int64(10)), Minor: pointer(int64(229)),
				Access: "rwm"})
		c.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"monotonic": {Secs: 5},
			"boottime": {Secs: 7, Nanosecs: 7}}
		c.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux}
		c.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0"}
		c.Linux.Seccomp = &specs.LinuxSeccomp{
			DefaultAction: specs.ActAllow,
			Syscalls:      []specs.LinuxSyscall{{Names: []string{"bpf"}, Action: specs.ActErrno}},
		}
	}
}

func hooks() *specs.Hooks {
	const true = "/bin/true" // of the host, or of the container for startContainer
	one := []specs.Hook{{Path: true, Args: []string{"true"}, Timeout: pointer(60)}}
	return &specs.Hooks{
		Prestart:        one, //nolint:staticcheck // deprecated, not gone
		CreateRuntime:   one,
		CreateContainer: one,
		StartContainer:  one,
		Poststart:       one,
		Poststop:        one,
	}
}

// resources are limits for all controllers that this machine has.
func resources() *specs.LinuxResources {
	r := bundle.Spec().Linux.Resources
	r.Devices = append(r.Devices, specs.LinuxDeviceCgroup{Allow: true, Type: "c", Major: pointer(int64(10)),
		Minor: pointer(int64(229)), Access: "rwm"})
	if hasFile("memory.limit_in_bytes") {
		r.Memory = &specs.LinuxMemory{Limit: pointer(int64(64 << 20)), Reservation: pointer(int64(32 << 20)),
			Swappiness: pointer(uint64(10))}
		if hasFile("memory.memsw.limit_in_bytes") {
			r.Memory.Swap = pointer(int64(96 << 20))
		}
	}
	if hasFile("cpu.shares") {
		r.CPU = &specs.LinuxCPU{Shares: pointer(uint64(512)), Quota: pointer(int64(90000)),
			Period: pointer(uint64(100000))}
		if hasFile("cpu.cfs_burst_us") {
			r.CPU.Burst = pointer(uint64(1000))
		}
		if hasFile("cpu.rt_runtime_us") {
			r.CPU.RealtimePeriod, r.CPU.RealtimeRuntime = pointer(uint64(1000000)), pointer(int64(1000))
		}
	}
	if hasFile("cpuset.cpus") {
		if r.CPU == nil {
			r.CPU = &specs.LinuxCPU{}
		}
		r.CPU.Cpus, r.CPU.Mems = "0", "0"
	}
	if hasFile("pids.max") || hasFile("tasks") {
		r.Pids = &specs.LinuxPids{Limit: pointer(int64(64))}
	}
	if major, minor, ok := disk(); ok && hasFile("blkio.throttle.read_bps_device") {
		rate := specs.LinuxThrottleDevice{Rate: 1 << 30}
		rate.Major, rate.Minor = major, minor
		list := []specs.LinuxThrottleDevice{rate}
		r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: list, ThrottleWriteBpsDevice: list,
			ThrottleReadIOPSDevice: list, ThrottleWriteIOPSDevice: list}
	}
	if hasFile("net_cls.classid") {
		r.Network = &specs.LinuxNetwork{ClassID: pointer(uint32(0x100001))}
	}
	if hasFile("hugetlb.2MB.limit_in_bytes") {
		r.HugepageLimits = []specs.LinuxHugepageLimit{{Pagesize: "2MB", Limit: 2 << 20}}
	}
	return r
}

// budget gives the cgroups of all containers together realtime for all of them:
// the kernel wants a parent to have as much as its children in sum.
func budget(t *testing.T) {
	mounts, err := bundle.CgroupMounts()
	must(t, err)
	for _, mount := range mounts {
		if _, err := os.Stat(filepath.Join(mount, "cpu.rt_runtime_us")); err == nil {
			parent := filepath.Join(mount, bundle.CgroupParent())
			must(t, os.MkdirAll(parent, 0o755))
			must(t, os.WriteFile(filepath.Join(parent, "cpu.rt_runtime_us"), []byte("100000"), 0))
		}
	}
}

// hasFile tells whether a hierarchy of cgroups has files of this name.
func hasFile(name string) bool {
	mounts, err := bundle.CgroupMounts()
	return err == nil && slices.ContainsFunc(mounts, func(dir string) bool {
		found, _ := filepath.Glob(filepath.Join(dir, name))
		return len(found) > 0
	})
}

// disk is a block device of this machine.
func disk() (major, minor int64, ok bool) {
	found, _ := filepath.Glob("/sys/block/*/dev")
	for _, file := range found {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		a, b, _ := strings.Cut(strings.TrimSpace(string(text)), ":")
		major, majorErr := strconv.ParseInt(a, 10, 64)
		minor, minorErr := strconv.ParseInt(b, 10, 64)
		if majorErr == nil && minorErr == nil {
			return major, minor, true
		}
	}
	return 0, 0, false
}

// joining starts a process in new namespaces and returns a change to join them,
// all but its mount namespace, which would keep the container's mounts.
func joining(t *testing.T) []bundle.Change {
	holder := exec.Command("sleep", "1000000")
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	holder.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP,
		// a new time namespace is for children
		Unshareflags: unix.CLONE_NEWTIME,
		UidMappings:  ids, GidMappings: ids, GidMappingsEnableSetgroups: true,
		Credential: &syscall.Credential{},
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		holder.Process.Kill()
		holder.Wait()
	})
	ns := "/proc/" + strconv.Itoa(holder.Process.Pid) + "/ns/"
	changes := []bundle.Change{func(c *specs.Spec) { c.Linux.TimeOffsets = nil }}
	for typ, file := range map[specs.LinuxNamespaceType]string{
		specs.UserNamespace: "user", specs.PIDNamespace: "pid", specs.NetworkNamespace: "net",
		specs.IPCNamespace: "ipc",
		specs.UTSNamespace: "uts", specs.CgroupNamespace: "cgroup", specs.TimeNamespace: "time_for_children",
	} {
		changes = append(changes, bundle.Namespace(typ, ns+file))
	}
	return changes
}
