package libcontainer

import (
	"encoding/binary"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/nsenter"
)

// terminal opens a pseudo-terminal in the container's own devpts, hands its
// master to the launcher, and makes the slave the process's terminal. The slave
// comes from the master itself (TIOCGPTPEER), not from a path (CVE-2025-52565).
func (c *compiler) terminal() error {
	if !c.proc.Terminal {
		return nil
	}
	master, slave := c.openTerminal()
	if c.mountNS {
		c.Label("binding the terminal to /dev/console")
		if err := c.ensure("/dev/console", true, 0); err != nil {
			return err
		}
		c.openTree(nsenter.Value(slave), "", unix.OPEN_TREE_CLONE, c.tree)
		c.setAttributes(c.tree, 0, mountAttr{propagation: unix.MS_PRIVATE})
		c.attachMade()
	}
	c.handOver(master)
	c.useTerminal(slave)
	c.controlTerminal()
	c.close(slave)
	return nil
}

func (c *compiler) openTerminal() (master, slave nsenter.Cell) {
	const devptsMagic, tiocgptpeer = 0x1cd1, 0x5441
	master, slave = c.Cell("master"), c.Cell("slave")
	c.Label("opening a terminal in the container's /dev/pts")
	c.resolve("/dev/pts/ptmx", unix.O_RDWR|unix.O_NOCTTY, unix.RESOLVE_NO_SYMLINKS, master)
	c.expectFilesystem(master, devptsMagic)
	c.Call(unix.SYS_IOCTL, nsenter.Value(master), nsenter.Int(unix.TIOCSPTLCK), nsenter.Words(0))
	c.Call(unix.SYS_IOCTL, nsenter.Value(master), nsenter.Int(tiocgptpeer), nsenter.Int(unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC)).Into(slave)
	c.Call(unix.SYS_FCHOWN, nsenter.Value(slave), nsenter.Int(c.proc.User.UID), nsenter.Int(-1)).Ignore(unix.EPERM, unix.EINVAL)
	return master, slave
}

// handOver gives the terminal's master to the launcher.
func (c *compiler) handOver(master nsenter.Cell) {
	c.Label("handing over the terminal")
	c.sync(TagTerminal, master)
	c.close(master)
}

func (c *compiler) useTerminal(slave nsenter.Cell) {
	for fd := range 3 {
		c.Call(unix.SYS_DUP3, nsenter.Value(slave), nsenter.Int(fd), nsenter.Int(0))
	}
}

// controlTerminal makes standard input the terminal that controls the session.
func (c *compiler) controlTerminal() {
	c.Call(unix.SYS_IOCTL, nsenter.Int(0), nsenter.Int(unix.TIOCSCTTY), nsenter.Int(0))
}

// The execution domains of personality(2) (include/uapi/linux/personality.h).
const (
	perLinux   = 0
	perLinux32 = 8
)

// tuning sets what the scheduler and the memory management know of the process.
func (c *compiler) tuning() error {
	c.affinity()
	return c.policies()
}

func (c *compiler) policies() error {
	if c.hasLinux.Personality != nil {
		c.Label("setting linux.personality")
		domain := perLinux
		if c.hasLinux.Personality.Domain == specs.PerLinux32 {
			domain = perLinux32
		}
		c.Call(unix.SYS_PERSONALITY, nsenter.Int(domain))
	}
	if p := c.hasLinux.MemoryPolicy; p != nil {
		if err := c.memoryPolicy(p); err != nil {
			return fmt.Errorf("linux.memoryPolicy: %w", err)
		}
	}
	if s := c.proc.Scheduler; s != nil {
		if err := c.scheduler(s); err != nil {
			return fmt.Errorf("process.scheduler: %w", err)
		}
	}
	if io := c.proc.IOPriority; io != nil {
		return c.ioPriority(io)
	}
	return nil
}

// affinity undoes a restriction that the caller of rung lives under: the
// container's cpuset is what counts.
func (c *compiler) affinity() {
	all := slices.Repeat([]byte{0xff}, maxCPUs/8)
	c.Label("allowing all CPUs of the cgroup")
	c.Call(unix.SYS_SCHED_SETAFFINITY, nsenter.Int(0), nsenter.Int(len(all)), nsenter.Bytes(all)).Ignore(nsenter.AnyErrno)
}

// maxCPUs is the greatest number of CPUs that Linux can be built for (CONFIG_NR_CPUS).
const maxCPUs = 8192

func (c *compiler) scheduler(s *specs.Scheduler) error {
	policy, err := schedulerPolicy(s.Policy)
	if err != nil {
		return err
	}
	flags, err := schedulerFlags(s.Flags)
	if err != nil {
		return err
	}
	// struct sched_attr of sched_setattr(2)
	attr := make([]byte, 48)
	binary.NativeEndian.PutUint32(attr, uint32(len(attr)))
	binary.NativeEndian.PutUint32(attr[4:], policy)
	binary.NativeEndian.PutUint64(attr[8:], flags)
	binary.NativeEndian.PutUint32(attr[16:], uint32(s.Nice))
	binary.NativeEndian.PutUint32(attr[20:], uint32(s.Priority))
	binary.NativeEndian.PutUint64(attr[24:], s.Runtime)
	binary.NativeEndian.PutUint64(attr[32:], s.Deadline)
	binary.NativeEndian.PutUint64(attr[40:], s.Period)
	c.Label("setting process.scheduler")
	c.Call(unix.SYS_SCHED_SETATTR, nsenter.Int(0), nsenter.Bytes(attr), nsenter.Int(0))
	return nil
}

func schedulerPolicy(p specs.LinuxSchedulerPolicy) (uint32, error) {
	switch p {
	case specs.SchedOther:
		return 0, nil
	case specs.SchedFIFO:
		return 1, nil
	case specs.SchedRR:
		return 2, nil
	case specs.SchedBatch:
		return 3, nil
	case specs.SchedISO:
		return 4, nil
	case specs.SchedIdle:
		return 5, nil
	case specs.SchedDeadline:
		return 6, nil
	}
	return 0, fmt.Errorf("unknown policy %q", p)
}

func schedulerFlags(list []specs.LinuxSchedulerFlag) (flags uint64, err error) {
	for _, f := range list {
		switch f {
		case specs.SchedFlagResetOnFork:
			flags |= 0x01
		case specs.SchedFlagReclaim:
			flags |= 0x02
		case specs.SchedFlagDLOverrun:
			flags |= 0x04
		case specs.SchedFlagKeepPolicy:
			flags |= 0x08
		case specs.SchedFlagKeepParams:
			flags |= 0x10
		case specs.SchedFlagUtilClampMin:
			flags |= 0x20
		case specs.SchedFlagUtilClampMax:
			flags |= 0x40
		default:
			return 0, fmt.Errorf("unknown flag %q", f)
		}
	}
	return flags, nil
}

func (c *compiler) ioPriority(io *specs.LinuxIOPriority) error {
	class := uint64(0)
	switch io.Class {
	case specs.IOPRIO_CLASS_RT:
		class = 1
	case specs.IOPRIO_CLASS_BE:
		class = 2
	case specs.IOPRIO_CLASS_IDLE:
		class = 3
	default:
		return fmt.Errorf("process.ioPriority.class: unknown class %q", io.Class)
	}
	const whoProcess, classShift = 1, 13
	c.Label("setting process.ioPriority")
	c.Call(unix.SYS_IOPRIO_SET, nsenter.Int(whoProcess), nsenter.Int(0), nsenter.Int(class<<classShift|uint64(io.Priority)))
	return nil
}

// openWorkingDirectory opens process.cwd, made if it is missing as long as that
// can be done: before the root is read-only.
func (c *compiler) openWorkingDirectory() error {
	c.Label("opening the working directory " + c.proc.Cwd)
	target := c.target
	c.target = c.cwd
	defer func() { c.target = target }()
	if err := c.ensure(path.Clean(c.proc.Cwd), false, 0); err != nil {
		return fmt.Errorf("process.cwd: %w", err)
	}
	return nil
}

// enterWorkingDirectory enters it by descriptor, after the root has changed.
func (c *compiler) enterWorkingDirectory() error {
	c.Label("entering the working directory " + c.proc.Cwd)
	c.Call(unix.SYS_FCHDIR, nsenter.Value(c.cwd))
	c.close(c.cwd)
	return nil
}

// checkExecutable looks for what execve will be called with, where mounts hide
// it from the launcher's own look at the rootfs.
func (c *compiler) checkExecutable() error {
	if !c.in.Behind || len(c.in.Candidates) == 0 {
		return nil
	}
	found := c.Target()
	name := c.proc.Args[0]
	c.Label(fmt.Sprintf("exec: %q: executable file not found in $PATH", name))
	if strings.Contains(name, "/") {
		c.Label(fmt.Sprintf("exec: %q: stat %s", name, name))
	}
	file := c.Cell("executable") // -1 as long as none was opened
	for i, candidate := range c.in.Candidates {
		call := c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String(candidate), nsenter.Int(unix.O_PATH|unix.O_CLOEXEC), nsenter.Int(0)).Into(file)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
			c.JumpUnless(nsenter.Value(file), ^uint64(0), ^uint64(0), found)
		}
	}
	c.Place(found)
	c.close(file)
	return nil
}

// stdio gives pipes and files that are standard streams to the user, who could
// not open /dev/stdout otherwise. Devices of the host keep their owner.
func (c *compiler) stdio() error {
	if c.proc.Terminal || c.proc.User.UID == 0 && !c.userNS {
		return nil
	}
	c.Label("giving the standard streams to the user")
	for fd, owned := range c.in.Host.OwnStreams {
		if owned {
			c.Call(unix.SYS_FCHOWN, nsenter.Int(fd), nsenter.Int(c.proc.User.UID), nsenter.Int(-1)).
				Ignore(unix.EPERM, unix.EINVAL, unix.EROFS, unix.EACCES)
		}
	}
	return nil
}

// credentials sets limits, ids and capabilities, in the order that each needs
// the rights that a later one takes away.
func (c *compiler) credentials() error {
	if err := c.limits(); err != nil {
		return err
	}
	sets, err := c.capabilitySets()
	if err != nil {
		return err
	}
	c.dropBounding(sets.bounding)
	c.identity()
	c.capset(sets)
	for bit := range c.in.Host.LastCap + 1 {
		if sets.ambient&(1<<bit) != 0 {
			c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAP_AMBIENT), nsenter.Int(unix.PR_CAP_AMBIENT_RAISE), nsenter.Int(bit), nsenter.Int(0), nsenter.Int(0))
		}
	}
	c.hide()
	c.umask()
	c.noNewPrivileges()
	return nil
}

// restrict puts root of the container under the restrictions of the container's
// process: no capability but those of its bounding set, and its filter.
func (c *compiler) restrict() error {
	sets, err := c.capabilitySets()
	if err != nil {
		return err
	}
	c.dropBounding(sets.bounding)
	c.capset(capSets{effective: sets.bounding, permitted: sets.bounding})
	c.noNewPrivileges()
	c.loadFilter()
	return nil
}

func (c *compiler) dropBounding(keep uint64) {
	c.Label("dropping capabilities from the bounding set")
	for bit := range c.in.Host.LastCap + 1 {
		if keep&(1<<bit) == 0 {
			c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAPBSET_DROP), nsenter.Int(bit))
		}
	}
}

func (c *compiler) capset(s capSets) {
	c.Label("setting the capabilities")
	keep := c.forFilter()
	c.Call(unix.SYS_CAPSET, nsenter.Bytes(capHeader()), nsenter.Bytes(capData(s.effective|keep, s.permitted|keep, s.inheritable)))
	// which has kept those of the caller's ambient ones that are inheritable
	c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAP_AMBIENT), nsenter.Int(unix.PR_CAP_AMBIENT_CLEAR_ALL), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
}

func (c *compiler) noNewPrivileges() {
	if c.proc.NoNewPrivileges {
		c.Label("setting process.noNewPrivileges")
		c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
}

// roomForStart is the least limit of open files with which a created container
// can take start's connection, beside what else it has open.
const roomForStart = 64

// limits sets process.rlimits; a soft limit of open files that the Go runtime
// raised goes back to what the caller had. A limit too low to be started with is
// set after start, see limitFiles; lowering takes no privilege.
func (c *compiler) limits() error {
	list := c.proc.Rlimits
	if !slices.ContainsFunc(list, func(r specs.POSIXRlimit) bool { return r.Type == "RLIMIT_NOFILE" }) {
		n := c.in.Host.Nofile
		list = append(slices.Clip(list), specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: n.Soft, Hard: n.Hard})
	}
	for i, r := range list {
		if c.delayed(r) {
			continue
		}
		room := min(roomForStart, c.in.Host.Nofile.Hard) // what takes no privilege either
		if r.Type == "RLIMIT_NOFILE" && r.Soft < room {
			low := r
			c.lowFiles = &low
			r.Soft, r.Hard = room, max(r.Hard, room)
		}
		if err := c.limit(r); err != nil {
			return fmt.Errorf("process.rlimits[%d].type: %w", i, err)
		}
	}
	return nil
}

func (c *compiler) limit(r specs.POSIXRlimit) error {
	resource, err := rlimitResource(r.Type)
	if err != nil {
		return err
	}
	c.Label("setting the limit " + r.Type)
	c.Call(unix.SYS_PRLIMIT64, nsenter.Int(0), nsenter.Int(resource), nsenter.Words(r.Soft, r.Hard), nsenter.Int(0))
	return nil
}

// limitFiles sets the limit of open files that was too low until now.
func (c *compiler) limitFiles() error {
	if c.lowFiles == nil {
		return nil
	}
	return c.limit(*c.lowFiles)
}

func rlimitResource(name string) (int, error) {
	for i, n := range [...]string{
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE",
		"MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	} { // include/uapi/asm-generic/resource.h
		if name == "RLIMIT_"+n {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown limit %q", name)
}

// identity takes on the user and the groups; the capabilities are kept for now.
func (c *compiler) identity() {
	user := c.proc.User
	c.Label(fmt.Sprintf("becoming user %d, group %d", user.UID, user.GID))
	c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_KEEPCAPS), nsenter.Int(1))
	groups := make([]byte, 0, 4*len(user.AdditionalGids))
	for _, gid := range user.AdditionalGids {
		groups = binary.NativeEndian.AppendUint32(groups, gid)
	}
	set := c.Call(unix.SYS_SETGROUPS, nsenter.Int(len(user.AdditionalGids)), nsenter.Bytes(groups))
	if c.userNS && len(user.AdditionalGids) == 0 {
		set.Ignore(unix.EPERM) // denied by /proc/PID/setgroups: user_namespaces(7)
	}
	c.Call(unix.SYS_SETRESGID, nsenter.Int(user.GID), nsenter.Int(user.GID), nsenter.Int(user.GID))
	c.Call(unix.SYS_SETRESUID, nsenter.Int(user.UID), nsenter.Int(user.UID), nsenter.Int(user.UID))
}

func (c *compiler) umask() {
	mask := uint32(0o22)
	if c.proc.User.Umask != nil {
		mask = *c.proc.User.Umask
	}
	c.Label("setting the umask")
	c.Call(unix.SYS_UMASK, nsenter.Int(mask))
}

type capSets struct{ bounding, effective, permitted, inheritable, ambient uint64 }

// capabilitySets are the sets as bit masks. Unknown capabilities and those that
// the runtime itself has not got are left out with a warning, as the
// specification asks.
func (c *compiler) capabilitySets() (capSets, error) {
	var s capSets
	if c.proc.Capabilities == nil {
		return s, nil
	}
	available := c.in.Host.Bounding
	if c.userNS { // where the process is made with all of them
		available = 1<<(c.in.Host.LastCap+1) - 1
	}
	for _, set := range []struct {
		name  string
		list  []string
		mask  *uint64
		limit uint64
	}{
		{"bounding", c.proc.Capabilities.Bounding, &s.bounding, available},
		{"permitted", c.proc.Capabilities.Permitted, &s.permitted, available},
		{"effective", c.proc.Capabilities.Effective, &s.effective, ^uint64(0)},
		{"inheritable", c.proc.Capabilities.Inheritable, &s.inheritable, available},
		{"ambient", c.proc.Capabilities.Ambient, &s.ambient, ^uint64(0)},
	} {
		mask, unknown := capabilities.Set(set.list)
		if len(unknown) > 0 {
			c.warn("process.capabilities.%s: unknown capabilities left out: %s", set.name, strings.Join(unknown, ", "))
		}
		if missing := mask &^ set.limit; missing != 0 {
			c.warn("process.capabilities.%s: not available to rung here, left out: %s", set.name, strings.Join(capabilities.Members(missing), ", "))
		}
		*set.mask = mask & set.limit
	}
	if s.effective&^s.permitted&available != 0 {
		return s, fmt.Errorf("process.capabilities.effective: not in the permitted set: %s", strings.Join(capabilities.Members(s.effective&^s.permitted&available), ", "))
	}
	s.effective &= s.permitted
	if s.ambient &^= ^available; s.ambient&^(s.permitted&s.inheritable) != 0 {
		c.warn("process.capabilities.ambient: left out, because not both permitted and inheritable: %s",
			strings.Join(capabilities.Members(s.ambient&^(s.permitted&s.inheritable)), ", "))
		s.ambient &= s.permitted & s.inheritable
	}
	return s, nil
}

// forFilter is the capability that loading a filter needs when there is no
// no_new_privs (seccomp(2)); execve takes it away again.
func (c *compiler) forFilter() uint64 {
	if c.in.Filter == nil || c.proc.NoNewPrivileges {
		return 0
	}
	return 1 << unix.CAP_SYS_ADMIN
}

func capHeader() []byte {
	b := make([]byte, 8)
	binary.NativeEndian.PutUint32(b, unix.LINUX_CAPABILITY_VERSION_3)
	return b
}

// capData is two struct __user_cap_data_struct, the lower halves first.
func capData(effective, permitted, inheritable uint64) []byte {
	b := make([]byte, 0, 24)
	for shift := 0; shift <= 32; shift += 32 {
		for _, set := range [...]uint64{effective, permitted, inheritable} {
			b = binary.NativeEndian.AppendUint32(b, uint32(set>>shift))
		}
	}
	return b
}

// ready tells the launcher that all but the execve is done.
func (c *compiler) ready() error {
	c.Label("waiting for the container to be recorded as created")
	c.sync(TagReady)
	return nil
}

// wait is where a created container stays until it is started.
func (c *compiler) wait() error {
	c.birth.Ready = len(c.Steps)
	c.Label("waiting for start")
	if c.in.Gate == GateSocket {
		c.Park()
		c.Call(unix.SYS_CLOSE, nsenter.File(fileSync))
		c.Call(unix.SYS_ACCEPT4, nsenter.File(fileGate), nsenter.Int(0), nsenter.Int(0), nsenter.Int(unix.SOCK_CLOEXEC)).
			RepeatOn(unix.EINTR, 1<<20).RepeatOn(unix.ECONNABORTED, 1<<20)
	} else if h := c.in.Spec.Hooks; h != nil && len(h.StartContainer) > 0 {
		c.sync(TagGate)
	}
	if err := c.limitFiles(); err != nil {
		return err
	}
	c.Label("closing all descriptors but those of the process")
	c.Call(unix.SYS_CLOSE_RANGE, nsenter.Int(3+c.in.PreserveFds), nsenter.Int(uint64(^uint32(0))), nsenter.Int(unix.CLOSE_RANGE_CLOEXEC))
	return nil
}

func (c *compiler) loadFilter() {
	f := c.in.Filter
	if f == nil {
		return
	}
	c.Label("loading the seccomp filter")
	code := &nsenter.Data{Bytes: f.Bytes()}
	prog := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 8, To: code.At(0)}}}
	binary.NativeEndian.PutUint16(prog.Bytes, uint16(len(f.Instructions)))
	c.Call(unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER), nsenter.Int(f.Flags), nsenter.Address(prog.At(0)))
}

// execute loads the filter and becomes the user's process.
func (c *compiler) execute() error {
	c.loadFilter()
	if len(c.in.Candidates) == 0 {
		c.Label("executing nothing: the config has no process")
		c.Expect(nsenter.Int(0), 0, 1, unix.ENOEXEC)
		return nil
	}
	argv, env := c.Strings(c.proc.Args), c.Strings(c.in.Env)
	for i, candidate := range c.in.Candidates {
		c.Label("executing " + candidate)
		call := c.Call(unix.SYS_EXECVE, c.String(candidate), argv, env)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
		}
	}
	return nil
}
