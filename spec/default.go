package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Default returns the config that the command spec writes: a shell on a
// terminal, with a read-only root, few capabilities and namespaces of its own.
//
// It is the same on every machine, so it has no cgroup namespace, which runc
// adds on cgroup v2: callers that know the machine can append it.
func Default() *specs.Spec {
	return &specs.Spec{
		Version:  specs.Version,
		Process:  defaultProcess(),
		Root:     &specs.Root{Path: "rootfs", Readonly: true},
		Hostname: "rung",
		Mounts:   defaultMounts(),
		Linux: &specs.Linux{
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
			},
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
			},
			MaskedPaths: []string{
				"/proc/acpi",
				"/proc/asound",
				"/proc/interrupts",
				"/proc/kcore",
				"/proc/keys",
				"/proc/latency_stats",
				"/proc/sched_debug",
				"/proc/scsi",
				"/proc/timer_list",
				"/proc/timer_stats",
				"/sys/devices/virtual/powercap",
				"/sys/firmware",
			},
			ReadonlyPaths: []string{
				"/proc/bus",
				"/proc/fs",
				"/proc/irq",
				"/proc/sys",
				"/proc/sysrq-trigger",
			},
		},
	}
}

// Rootless returns the config of [Default] for a user without privileges, who
// becomes root of a user namespace with only the user's own IDs. There is no
// network namespace, which nobody could connect, and no limits of resources;
// without a network namespace sysfs cannot be mounted, so the host's is bound.
func Rootless(uid, gid int) *specs.Spec {
	s := Default()
	s.Linux.Resources = nil
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: uint32(uid), Size: 1}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: uint32(gid), Size: 1}}
	for i := range s.Linux.Namespaces {
		if ns := &s.Linux.Namespaces[i]; ns.Type == specs.NetworkNamespace {
			ns.Type = specs.UserNamespace
		}
	}
	for i := range s.Mounts {
		m := &s.Mounts[i]
		if m.Destination == "/sys" {
			m.Type, m.Source = "none", "/sys"
			m.Options = append([]string{"rbind"}, m.Options...)
			continue
		}
		m.Options = withoutIDs(m.Options)
	}
	return s
}

// withoutIDs removes the owners from mount options: they have no mapping.
func withoutIDs(options []string) (kept []string) {
	for _, o := range options {
		if !strings.HasPrefix(o, "uid=") && !strings.HasPrefix(o, "gid=") {
			kept = append(kept, o)
		}
	}
	return kept
}

func defaultProcess() *specs.Process {
	capabilities := func() []string {
		return []string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	}
	return &specs.Process{
		Terminal: true,
		Args:     []string{"sh"},
		Env: []string{
			"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"TERM=xterm",
		},
		Cwd: "/",
		Capabilities: &specs.LinuxCapabilities{
			Bounding:  capabilities(),
			Effective: capabilities(),
			Permitted: capabilities(),
		},
		Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		NoNewPrivileges: true,
	}
}

func defaultMounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{
			Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"},
		},
		{
			Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"},
		},
		{
			Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"},
		},
		{
			Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue",
			Options: []string{"nosuid", "noexec", "nodev"},
		},
		{
			Destination: "/sys", Type: "sysfs", Source: "sysfs",
			Options: []string{"nosuid", "noexec", "nodev", "ro"},
		},
		{
			Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"},
		},
	}
}
