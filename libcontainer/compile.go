package libcontainer

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// Input is all that a birth program depends on: what the config asks for, what
// the command line adds, and facts about the host. Compile reads nothing else.
type Input struct {
	Spec   *specs.Spec
	Bundle string // absolute path
	Host   *Host
	Filter *seccomp.Filter // linux.seccomp compiled, nil: none

	Env          []string // process.env with what the runtime adds
	Candidates   []string // what execve is tried with, in order, paths in the container
	Behind       bool     // the candidates could not be judged from the rootfs alone
	NoPivot      bool
	NoNewKeyring bool
	PreserveFds  int  // descriptors from 3 on that the process gets
	Gate         Gate // what the process waits for before it executes
	ExtraMounts  []specs.Mount
}

// Gate is where the first process of a created container waits.
type Gate int

const (
	// GateSocket: for a connection to the listening socket in the container's
	// state directory, which `start` makes.
	GateSocket Gate = iota
	// GateSync: for nothing but the answer to [TagReady], because `run` starts
	// what it creates.
	GateSync
)

// Birth is a compiled container.
type Birth struct {
	Program *nsenter.Program
	// Flags are the CLONE_NEW* flags that the program is launched with.
	Flags uint64
	// Clones tells that the launched process clones the container's first
	// process and exits.
	Clones bool
	// Sources, if not nil, is a program to be run with the caller's credentials
	// when the birth program asks for it: see [TagSources].
	Sources *nsenter.Program
	Gate    Gate
	// Ready is the first step that is executed by `start`.
	Ready int
	// Warnings say what the specification allows to be left out, and was.
	Warnings []string
}

// A birth program sends a tag, one byte, to the launcher where it needs it to do
// something, and waits for a byte in return.
const (
	TagMaps     = 'm' // write the user namespace's maps
	TagSources  = 's' // run the sources program
	TagCopyUp   = 'c' // copy from descriptor 0 of the message to descriptor 1
	TagTerminal = 't' // take the terminal's master
	TagHooks    = 'h' // run prestart, createRuntime and createContainer hooks
	TagNetwork  = 'n' // move linux.netDevices
	TagReady    = 'r' // record the container as created; of an exec: be ready to stand for the process
	TagGate     = 'g' // GateSync: run the startContainer hooks
)

// Names of the launcher's descriptors in a birth program.
const (
	fileReport = "report page"
	fileSync   = "launcher"
	fileGate   = "start.sock"
	fileGroup  = "cgroup " // followed by the hierarchy's name
	fileNS     = "ns "     // followed by the namespace's type
)

// compiler builds one birth program. Its methods add steps in the order in
// which they are called.
type compiler struct {
	*nsenter.Program
	in    *Input
	birth *Birth
	proc  *specs.Process // never nil; empty if the config has none

	root    nsenter.Cell   // the root of the container's tree
	procfs  nsenter.Cell   // a procfs of our own that nothing is mounted in
	fs      nsenter.Cell   // the filesystem being configured
	tree    nsenter.Cell   // the mount being made
	target  nsenter.Cell   // where it goes
	cwd     nsenter.Cell   // the process's working directory
	entered nsenter.Cell   // 0: it is that
	parent  nsenter.Cell   // a directory in which something is made
	devNull nsenter.Cell   // the host's /dev/null
	empty   nsenter.Cell   // an empty read-only tmpfs
	scratch nsenter.Cell   // results that only count as success
	explain nsenter.Target // reads what the kernel says about $fs, and exits
	stat    *nsenter.Data  // for statx
	word    *nsenter.Data  // for answers
	sources []source       // what the sources program has to provide

	lowFiles *specs.POSIXRlimit // a limit of open files that would be in the way before the end

	newNS    map[specs.LinuxNamespaceType]bool
	joinNS   map[specs.LinuxNamespaceType]string
	mountNS  bool // the program does not mount on the host
	newUser  bool
	userNS   bool                   // new or joined
	users    []specs.LinuxIDMapping // its users, if they are known
	shared   bool                   // rootfsPropagation asks for peers of the host
	late     bool                   // the process is cloned after it gave up its rights
	hasLinux *specs.Linux
}

// Compile turns a config into a birth program. It has no side effects.
func Compile(in *Input) (*Birth, error) {
	c := newCompiler(in)
	c.Grow(512)
	if err := c.classifyNamespaces(); err != nil {
		return nil, err
	}
	phases := []func() error{
		c.begin,
		c.namespaces,
		c.session,
		c.joinCgroups,
		c.network,
		c.ownProcfs,
		c.mountRoot,
		c.mounts,
		c.devices,
		c.terminal,
		c.hooks,
		c.readonlyPaths,
		c.maskedPaths,
		c.openWorkingDirectory,
		c.changeRoot,
		c.hostname,
		c.sysctls,
		c.labels,
		c.tuning,
		c.enterWorkingDirectory,
		c.checkExecutable,
		c.stdio,
		c.credentials,
		func() error { c.enterAsUser(path.Clean(c.proc.Cwd)); return nil },
		c.ready,
		c.wait,
		c.execute,
		c.explanations,
	}
	for _, phase := range phases {
		if err := phase(); err != nil {
			return nil, err
		}
	}
	return c.birth, nil
}

func newCompiler(in *Input) *compiler {
	p := nsenter.New()
	c := &compiler{Program: p, in: in, birth: &Birth{Program: p, Gate: in.Gate}, proc: in.Spec.Process, hasLinux: in.Spec.Linux}
	if c.proc == nil {
		c.proc = &specs.Process{Cwd: "/"}
	}
	if c.hasLinux == nil {
		c.hasLinux = &specs.Linux{}
	}
	c.root, c.fs, c.tree, c.target = p.Cell("root"), p.Cell("fs"), p.Cell("mount"), p.Cell("target")
	c.parent, c.cwd, c.entered = p.Cell("parent"), p.Cell("cwd"), p.Cell("entered")
	c.procfs, c.devNull, c.empty, c.scratch = p.Cell("procfs"), p.Cell("null"), p.Cell("empty"), p.Cell("scratch")
	c.explain = p.Target()
	c.stat, c.word = nsenter.Buffer(256), nsenter.Buffer(8)
	return c
}

func (c *compiler) warn(format string, args ...any) {
	c.birth.Warnings = append(c.birth.Warnings, fmt.Sprintf(format, args...))
}

// begin puts what the process inherited from the launcher in order.
func (c *compiler) begin() error {
	c.Label("preparing the first process")
	c.MapReport(fileReport)
	c.Call(unix.SYS_CLOSE, nsenter.File(fileReport))
	c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NAME), c.String(nsenter.ImageName))
	c.Call(unix.SYS_UMASK, nsenter.Int(0))
	if c.proc.OOMScoreAdj != nil {
		c.Label("setting process.oomScoreAdj")
		c.writeFile("/proc/self/oom_score_adj", fmt.Sprint(*c.proc.OOMScoreAdj))
	}
	if err := c.raiseLimits(); err != nil {
		return err
	}
	c.replaceStreams()
	c.stdioOutside()
	c.timeNamespace()
	c.Label("closing the process to tracing")
	c.hide()
	return nil
}

func (c *compiler) hide() { hide(c.Program) }

// writeFile writes to a file by a path that the image has no hand in.
func (c *compiler) writeFile(path, text string) {
	fd := c.scratch
	c.Call(unix.SYS_OPENAT, nsenter.Int(unix.AT_FDCWD), c.String(path), nsenter.Int(unix.O_WRONLY|unix.O_CLOEXEC), nsenter.Int(0)).Into(fd)
	c.Call(unix.SYS_WRITE, nsenter.Value(fd), c.String(text), nsenter.Int(len(text)))
	c.close(fd)
}

func (c *compiler) close(cell nsenter.Cell) { c.Call(unix.SYS_CLOSE, nsenter.Value(cell)) }

// sync sends a tag and waits for the answer; a launcher that is gone or will
// not go on closes its end, which fails the step. Descriptors go with the tag.
func (c *compiler) sync(tag byte, fds ...nsenter.Cell) {
	if len(fds) == 0 {
		c.Call(unix.SYS_WRITE, nsenter.File(fileSync), c.String(string(rune(tag))), nsenter.Int(1))
	} else {
		c.sendFds(tag, fds)
	}
	c.awaitAnswer()
}

func (c *compiler) awaitAnswer() {
	n := c.scratch
	c.Call(unix.SYS_READ, nsenter.File(fileSync), nsenter.Address(c.word.At(0)), nsenter.Int(1)).Into(n).RepeatOn(unix.EINTR, 1000)
	c.Expect(nsenter.Value(n), ^uint64(0), 1, unix.ECANCELED)
}

// openTree clones the mount at path. A clone is attached only after it was
// given a propagation: see [compiler.setAttributes].
func (c *compiler) openTree(dir nsenter.Arg, path string, flags int, into nsenter.Cell) nsenter.Call {
	flags |= unix.OPEN_TREE_CLOEXEC
	if path == "" {
		flags |= unix.AT_EMPTY_PATH
	}
	return c.Call(unix.SYS_OPEN_TREE, dir, c.String(path), nsenter.Int(flags)).Into(into)
}

// attach moves the detached mount to the directory or file that target is.
func (c *compiler) attach(mount, target nsenter.Cell) {
	c.Call(unix.SYS_MOVE_MOUNT, nsenter.Value(mount), c.String(""), nsenter.Value(target), c.String(""),
		nsenter.Int(unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH))
}

// mountAttr is struct mount_attr of mount_setattr(2).
type mountAttr struct{ set, clear, propagation uint64 }

func (c *compiler) setAttributes(mount nsenter.Cell, flags int, a mountAttr) {
	if a == (mountAttr{}) {
		return
	}
	c.Call(unix.SYS_MOUNT_SETATTR, nsenter.Value(mount), c.String(""), nsenter.Int(unix.AT_EMPTY_PATH|flags),
		nsenter.Words(a.set, a.clear, a.propagation, 0), nsenter.Int(32))
}

const howSize = 24 // of struct open_how

// resolve opens a path of the container without leaving its root. A rename or
// mount somewhere on the machine makes openat2 ask for another try.
func (c *compiler) resolve(path string, flags, resolve uint64, into nsenter.Cell) nsenter.Call {
	return c.Call(unix.SYS_OPENAT2, nsenter.Value(c.root), c.String(relative(path)),
		nsenter.Words(flags|unix.O_CLOEXEC, 0, unix.RESOLVE_IN_ROOT|unix.RESOLVE_NO_MAGICLINKS|resolve),
		nsenter.Int(howSize)).Into(into).RepeatOn(unix.EAGAIN, 128)
}

// relative is a path of the container, relative to its root.
func relative(path string) string {
	if path = strings.TrimLeft(path, "/"); path == "" {
		return "."
	}
	return path
}

// ensure resolves a path, after making its missing directories and, if file is
// set, an empty file at its end. The result is in $target. Where the path may not be
// searched the program goes on at denied, if that is given.
func (c *compiler) ensure(path string, file bool, resolve uint64, denied ...nsenter.Target) error {
	parts, err := components(path)
	if err != nil {
		return err
	}
	flags := uint64(unix.O_PATH | unix.O_DIRECTORY)
	if file {
		flags = unix.O_PATH
	}
	missing, have := c.Target(), c.Target()
	look := c.resolve(path, flags, resolve, c.target).JumpOn(unix.ENOENT, missing)
	for _, t := range denied {
		look.JumpOn(unix.EACCES, t)
	}
	c.Goto(have)
	c.Place(missing)
	for i, name := range parts {
		parent := c.root
		if i > 0 {
			parent = c.parent
			c.resolve(strings.Join(parts[:i], "/"), unix.O_PATH|unix.O_DIRECTORY, resolve, parent)
		}
		if last := i == len(parts)-1; last && file {
			c.Call(unix.SYS_MKNODAT, nsenter.Value(parent), c.String(name), nsenter.Int(unix.S_IFREG|0o644), nsenter.Int(0)).Ignore(unix.EEXIST)
		} else {
			c.Call(unix.SYS_MKDIRAT, nsenter.Value(parent), c.String(name), nsenter.Int(0o755)).Ignore(unix.EEXIST)
		}
		if i > 0 {
			c.close(parent)
		}
	}
	c.resolve(path, flags, resolve, c.target)
	c.Place(have)
	return nil
}

var errDotDot = errors.New("must not contain a parent directory (..)")

// components splits a path of the container; "." and empty parts are dropped.
// ".." is refused, because its meaning would depend on symlinks in the image.
func components(path string) ([]string, error) {
	var parts []string
	for part := range strings.SplitSeq(path, "/") {
		switch part {
		case "", ".":
		case "..":
			return nil, fmt.Errorf("path %s: %w", path, errDotDot)
		default:
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// Offsets in struct statx, for loads of eight bytes.
const (
	statxGidMode = 24 // gid, then the mode in bits 32 to 47
	statxMode    = 28
	statxRdev    = 128 // major, then minor
	modeShift    = 32
	statxSize    = 256
)

// statx looks at what a descriptor or a name in a directory is.
func (c *compiler) statx(dir nsenter.Cell, name string) {
	c.Call(unix.SYS_STATX, nsenter.Value(dir), c.String(name),
		nsenter.Int(unix.AT_EMPTY_PATH|unix.AT_SYMLINK_NOFOLLOW), nsenter.Int(unix.STATX_BASIC_STATS), nsenter.Address(c.stat.At(0)))
}

// jumpIfDir goes to t if the last statx saw a directory.
func (c *compiler) jumpIfDir(t nsenter.Target) {
	c.JumpIf(nsenter.Load(c.stat.At(statxGidMode)), unix.S_IFMT<<modeShift, unix.S_IFDIR<<modeShift, t)
}

// explanations is where a failed mount ends: with the kernel's own words in the
// report (fsopen(2): messages are read from the context's descriptor).
func (c *compiler) explanations() error {
	c.Label("reading what the kernel says")
	c.Place(c.explain)
	c.Call(unix.SYS_READ, nsenter.Value(c.fs), nsenter.Address(nsenter.ReportMessage()), nsenter.Int(nsenter.MaxMessage-1)).Ignore(nsenter.AnyErrno)
	c.Call(unix.SYS_EXIT_GROUP, nsenter.Int(1))
	return nil
}
