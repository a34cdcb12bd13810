package bundle

import "github.com/opencontainers/runtime-spec/specs-go"

// A Change changes a bundle's configuration.
type Change func(*specs.Spec)

// Spec returns a new configuration that runs /bin/true as root in new pid,
// network, ipc, uts and mount namespaces, with the mounts, capabilities and
// hidden paths that container engines usually ask for, and then the changes.
func Spec(changes ...Change) *specs.Spec {
	caps := []string{"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"}
	spec := &specs.Spec{
		Version: "1.0.2", // the newest that all peers of the bench accept
		Process: &specs.Process{
			Args:            []string{"true"},
			Env:             []string{"PATH=/bin", "TERM=xterm"},
			Cwd:             "/",
			NoNewPrivileges: true,
			Capabilities:    &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps},
			Rlimits:         []specs.POSIXRlimit{{Type: "RLIMIT_NOFILE", Hard: 1024, Soft: 1024}},
		},
		Root:     &specs.Root{Path: "rootfs"},
		Hostname: "bundle",
		Mounts:   defaultMounts(),
		Linux: &specs.Linux{
			Namespaces: []specs.LinuxNamespace{
				{Type: specs.PIDNamespace},
				{Type: specs.NetworkNamespace},
				{Type: specs.IPCNamespace},
				{Type: specs.UTSNamespace},
				{Type: specs.MountNamespace},
			},
			Resources: &specs.LinuxResources{
				Devices: []specs.LinuxDeviceCgroup{{Allow: false, Access: "rwm"}},
			},
			MaskedPaths: []string{
				"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
				"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
			},
			ReadonlyPaths: []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"},
		},
	}
	for _, change := range changes {
		change(spec)
	}
	return spec
}

func defaultMounts() []specs.Mount {
	return []specs.Mount{
		{Destination: "/proc", Type: "proc", Source: "proc"},
		{Destination: "/dev", Type: "tmpfs", Source: "tmpfs",
			Options: []string{"nosuid", "strictatime", "mode=755", "size=65536k"}},
		{Destination: "/dev/pts", Type: "devpts", Source: "devpts",
			Options: []string{"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
		{Destination: "/dev/shm", Type: "tmpfs", Source: "shm",
			Options: []string{"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
		{Destination: "/dev/mqueue", Type: "mqueue", Source: "mqueue", Options: []string{"nosuid", "noexec", "nodev"}},
		{Destination: "/sys", Type: "sysfs", Source: "sysfs", Options: []string{"nosuid", "noexec", "nodev", "ro"}},
		{Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
			Options: []string{"nosuid", "noexec", "nodev", "relatime", "ro"}},
	}
}

// Args makes the container run args, found through its PATH.
func Args(args ...string) Change {
	return func(s *specs.Spec) { s.Process.Args = args }
}

// Shell makes the container run a shell script.
func Shell(script string) Change { return Args("sh", "-c", script) }

// Env adds NAME=VALUE settings to the container's environment.
func Env(settings ...string) Change {
	return func(s *specs.Spec) { s.Process.Env = append(s.Process.Env, settings...) }
}

// Mount adds a mount after the others.
func Mount(m specs.Mount) Change {
	return func(s *specs.Spec) { s.Mounts = append(s.Mounts, m) }
}

// Namespace adds a namespace, or replaces the one of the same type.
func Namespace(typ specs.LinuxNamespaceType, path string) Change {
	return func(s *specs.Spec) {
		WithoutNamespace(typ)(s)
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: typ, Path: path})
	}
}

// WithoutNamespace lets the container share the runtime's namespace of a type.
func WithoutNamespace(typ specs.LinuxNamespaceType) Change {
	return func(s *specs.Spec) {
		var kept []specs.LinuxNamespace
		for _, ns := range s.Linux.Namespaces {
			if ns.Type != typ {
				kept = append(kept, ns)
			}
		}
		s.Linux.Namespaces = kept
	}
}
