package birth

// Host holds the facts about this machine and this process that a birth program
// depends on. [Compile] looks nothing up: whoever launches the program has looked.
type Host struct {
	ID          string      // of the container
	Rootfs      string      // absolute path, no symlinks
	RootfsMount string      // the mount point that Rootfs lies on; only if it is shared
	Mounts      []HostMount // sorted by their points; only with NoPivot

	IgnoredSignals []int        // that the process would inherit
	Nofile         Rlimit       // of the caller
	Limits         Limits       // that process.rlimits change
	Streams        [3]StreamUse // what becomes of the standard streams
	Replaced       [3]bool      // standard streams that the launcher has others for
	Bounding       uint64       // the capabilities that there are to give
	LastCap        uint
	AppArmor       bool
	SELinux        bool

	Lacks       Lacks
	OOMScoreAdj *int // of this process, if it may not lower it

	CgroupFiles []string    // hierarchies to join, in order
	CgroupMove  string      // one that it joins only if it could not be born there; "": none
	Hierarchies []Hierarchy // of cgroups, to show
	HostRoot    bool        // the caller is the root of the host, and of no user namespace
}

// HostMount is a mount of the caller's mount namespace.
type HostMount struct {
	Point   string
	Reveals bool // it is a whole procfs or sysfs
}

// Rlimit is struct rlimit of prlimit(2).
type Rlimit struct{ Soft, Hard uint64 }

// Limits are those of this process, by their numbers.
type Limits [16]Rlimit // RLIM_NLIMITS

// Hierarchy is a cgroup hierarchy as the container is to see it.
type Hierarchy struct {
	Name    string   // of the directory; "": the destination itself
	Links   []string // symbolic links to the directory
	Dir     string   // what is bound without a cgroup namespace; "" if there is nothing
	Shared  bool     // it has cgroups of others: only the host's root may write there
	Type    string   // of the filesystem
	Options []string // to mount it
}

// Lacks is what this process may not do that root of the machine may. A user without
// privileges may do nothing of it, root of a user namespace, or of a container without some
// capabilities, a part.
type Lacks struct {
	Admin   bool // join namespaces without their user namespace: CAP_SYS_ADMIN
	Tracing bool // look at a process that is not dumpable: CAP_SYS_PTRACE
	Groups  bool // set supplementary groups: it is denied, user_namespaces(7)

	// what only counts in the initial user namespace
	Nodes     bool // make device nodes: CAP_MKNOD
	Resources bool // raise hard limits, lower oom_score_adj: CAP_SYS_RESOURCE
}
