package criu

import "cmp"

// A Type is what a request asks for and a response answers (enum criu_req_type).
type Type int

// The types that are used here.
const (
	Dump         Type = 1
	Restore      Type = 2
	PreDump      Type = 4
	Notify       Type = 6
	FeatureCheck Type = 9
)

var typeNames = map[Type]string{
	Dump: "dump", Restore: "restore", PreDump: "pre-dump", Notify: "notify", FeatureCheck: "feature check",
}

func (t Type) String() string { return cmp.Or(typeNames[t], "request") }

// A Request is what CRIU is asked to do (message criu_req).
type Request struct {
	Type     Type
	Options  *Options  // nil: none
	Success  bool      // Notify: what was notified went well
	Features *Features // FeatureCheck: those that are asked about
}

// Features are abilities of CRIU and of the kernel (message criu_features).
type Features struct {
	MemTrack  bool // dirty pages can be tracked
	LazyPages bool // pages can be brought after the restore
}

// A Mode is how cgroups are restored (enum criu_cg_mode).
type Mode int

// The modes that the command line has names for.
const (
	Ignore Mode = 0
	Soft   Mode = 3
	Full   Mode = 4
	Strict Mode = 5
)

// Options are the details of a dump or a restore (message criu_opts). The zero
// value of a field leaves it to CRIU.
type Options struct {
	// ImagesDir and WorkDir are descriptors of this process, which CRIU opens
	// by way of /proc. Logs are in the latter.
	ImagesDir, WorkDir int
	LogLevel           int
	LogFile            string
	ConfigFile         string

	Pid          int    // Dump: of the first process
	Root         string // of the container's mounts
	Parent       string // images of an earlier pre-dump, relative to ImagesDir
	FreezeCgroup string // directory in the freezer's hierarchy

	LeaveRunning    bool
	ExtUnixSk       bool
	TCPEstablished  bool
	TCPSkipInFlight bool
	ShellJob        bool
	FileLocks       bool
	LinkRemap       bool
	AutoDedup       bool
	LazyPages       bool
	TrackMem        bool
	NotifyScripts   bool
	OrphanPtsMaster bool
	ExtMasters      bool
	Sibling         bool // Restore: the first process is a sibling of CRIU

	ManageCgroups bool
	CgroupsMode   Mode // with ManageCgroups
	EmptyNS       int  // CLONE_NEW* flags
	StatusFd      int  // descriptor of this process, 0: none

	LSMProfile, LSMMountContext string

	PageServer  *PageServer // nil: none
	CgroupRoots []CgroupRoot
	InheritFds  []InheritFd
	JoinNS      []JoinNS
	External    []string
}

// PageServer is where memory is sent to (message criu_page_server_info).
type PageServer struct {
	Address string
	Port    int
}

// CgroupRoot is where the cgroups of a container are to be (message cgroup_root).
type CgroupRoot struct {
	Controllers string // as in /proc/PID/cgroup; empty: all that are not named
	Path        string // in the hierarchy
}

// InheritFd is a descriptor of CRIU that takes the place of what was dumped under
// the key (message inherit_fd).
type InheritFd struct {
	Key string
	Fd  int
}

// JoinNS is a namespace to be joined instead of restored (message join_namespace).
type JoinNS struct{ Name, File string }

// Marshal encodes the request.
func (r *Request) Marshal() []byte {
	var m message
	m.number(1, int(r.Type))
	if r.Options != nil {
		m.bytes(2, r.Options.marshal())
	}
	if r.Type == Notify {
		m.number(3, boolInt(r.Success))
	}
	if f := r.Features; f != nil {
		var features message
		features.flag(1, f.MemTrack)
		features.flag(2, f.LazyPages)
		m.bytes(5, features)
	}
	return m
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (o *Options) marshal() []byte {
	var m message
	m.number(1, o.ImagesDir)
	m.optional(2, o.Pid)
	m.flag(3, o.LeaveRunning)
	m.flag(4, o.ExtUnixSk)
	m.flag(5, o.TCPEstablished)
	m.flag(7, o.ShellJob)
	m.flag(8, o.FileLocks)
	m.optional(9, o.LogLevel)
	m.text(10, o.LogFile)
	if p := o.PageServer; p != nil {
		var server message
		server.text(1, p.Address)
		server.number(2, p.Port)
		m.bytes(11, server)
	}
	m.flag(12, o.NotifyScripts)
	m.text(13, o.Root)
	m.text(14, o.Parent)
	m.flag(15, o.TrackMem)
	m.flag(16, o.AutoDedup)
	m.number(17, o.WorkDir)
	m.flag(18, o.LinkRemap)
	m.flag(24, o.ManageCgroups)
	for _, c := range o.CgroupRoots {
		var root message
		root.text(1, c.Controllers)
		root.bytes(2, []byte(c.Path))
		m.bytes(25, root)
	}
	m.flag(26, o.Sibling)
	for _, i := range o.InheritFds {
		var inherit message
		inherit.bytes(1, []byte(i.Key))
		inherit.number(2, i.Fd)
		m.bytes(27, inherit)
	}
	m.flag(30, o.ExtMasters)
	if o.ManageCgroups {
		m.number(34, int(o.CgroupsMode))
	}
	for _, e := range o.External {
		m.bytes(37, []byte(e))
	}
	m.optional(38, o.EmptyNS)
	for _, j := range o.JoinNS {
		var join message
		join.bytes(1, []byte(j.Name))
		join.bytes(2, []byte(j.File))
		m.bytes(39, join)
	}
	m.text(44, o.FreezeCgroup)
	m.flag(46, o.TCPSkipInFlight)
	m.flag(48, o.LazyPages)
	m.optional(49, o.StatusFd)
	m.flag(50, o.OrphanPtsMaster)
	m.text(51, o.ConfigFile)
	m.text(53, o.LSMProfile)
	m.text(63, o.LSMMountContext)
	return m
}
