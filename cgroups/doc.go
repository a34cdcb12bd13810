// Package cgroups is what a container runtime asks of control groups, whatever their
// version: one interface, [Manager], and the values that go through it. The way of a
// container's cgroup, which the example walks, is
//
//	New ──▶ Create ──▶ Entry ──▶ Update, Freeze, Stats … ──▶ Kill ──▶ Remove
//	             └─ Record ─▶ Restore, by a later command ─┘
//
// The package knows the properties of linux.resources of the OCI runtime specification
// and nothing else of containers, and can be used without the rest of the runtime. Its
// rooms are
//
//	cgroups    the interface, its values, and Find: which hierarchies are mounted where
//	manager    chooses the implementation; nobody else names one
//	v1         a directory of the same name in every hierarchy of cgroup v1, and in the
//	           unified one of a hybrid machine (Documentation/admin-guide/cgroup-v1)
//	systemd    a scope of systemd, and for all else v2; its room bus speaks D-Bus
//	limits     plans of what to write for linux.resources, and writing them, whole or not at all
//	counters   the files that say what was used
//	cgroupfs   directories and files of either version, by bare system calls
//
// # Why the interface is cut like this
//
// Each operation is one that every version can do in its own way, with all that it needs
// at once. Who asks knows neither files nor controllers: an error names the property of
// the config.
//
// Create takes the limits, because making a cgroup depends on them: cgroup v2 enables for
// the children only those controllers that are needed, down the path (cgroup.subtree_control),
// and systemd makes a scope with all its properties by one StartTransientUnit. A scope
// needs a process: New is given one that idles in it until the container's is
// there, which Settle tells, so that at no moment a process of the container runs without limits.
//
// Entry is opened after Create and used by the process itself. On v2 its Dir is all of
// it: a process is born in its cgroup by CLONE_INTO_CGROUP. Where the kernel refuses that,
// with EAGAIN for a cgroup at its pids.max or EBUSY, since it counts the clone itself, the
// launcher is to take a Detour, as on v1, where a process clones in the cgroup it has joined.
// Files are what v1 needs besides; their names are part of a program that is compiled
// before the cgroup is made, hence EntryFiles. In a scope of systemd it is the same: the
// directory is there when its job is done.
//
// Mounts say what to mount, not which version: v1 has a directory for each hierarchy, v2
// is one mount at the destination itself, a Mount without a name.
//
// Freeze, Thaw and Frozen hide that v1 has to write and look again where v2 tells by
// cgroup.events; Kill that v1 freezes and signals until none is left where v2 has
// cgroup.kill; an OOMWatch that v1 counts in an eventfd and v2 in memory.events, watched
// by inotify(7). Rules of devices are files of v1 and a BPF program of v2: both are made
// from the same list, in its order.
//
// Update is a patch that is applied whole or not at all; the Change takes it back when
// the caller cannot keep a record of it. A systemd unit's properties and the files are
// then written and taken back together.
//
// Record is text that only the implementation which wrote it reads again. Containers
// outlive the program, so that what was once written stays readable.
package cgroups
