package birth

import (
	"cmp"
	"fmt"
	"path"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/nsenter"
)

// Input is all that a birth program depends on: what the config asks for, what
// the command line adds, and facts about the host. Compile reads nothing else.
type Input struct {
	Spec   *specs.Spec
	Mounts []Mount // those of Spec, see [Mounts], and what the runtime adds
	Host   *Host
	Filter *seccomp.Filter // linux.seccomp compiled, nil: none

	Env          []string // process.env with what the runtime adds
	Candidates   []string // what execve is tried with, in order, paths in the container
	Behind       bool     // the candidates could not be judged from the rootfs alone
	NoPivot      bool
	NoNewKeyring bool
	Strict       bool // what the machine cannot do is refused, where it could be left out
	PreserveFds  int  // descriptors from 3 on that the process gets
	Gate         Gate // what the process waits for before it executes
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
	// Sources are programs to be run with the caller's credentials, one each time when the
	// birth program asks for it: see [TagSources].
	Sources []*nsenter.Program
	Gate    Gate
	// LateDevices tells that the rules of devices are set when the program asks for it, see
	// [TagDevices], and not before it is launched.
	LateDevices bool
	// Ready is the first step that is executed by `start`.
	Ready int
	// Warnings say what the specification allows to be left out, and was.
	Warnings []string

	// JoinsPids: the process comes into a pid namespace that is there already, and as late as
	// possible. The launched one does all that takes rights, and ends.
	JoinsPids bool
	// Procfs, if not nil, is a program to be run when the birth program asks for it: see
	// [TagProcfs].
	Procfs *nsenter.Program
	// Scheduler, if not nil, is for the launcher to set for the process that the program
	// has cloned, before it answers TagReady: a child does not inherit it.
	Scheduler *unix.SchedAttr
}

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
	tree    nsenter.Cell   // of every mount that is made here: see newMount
	target  nsenter.Cell   // and the directory or file that it covers
	cwd     nsenter.Cell   // the process's working directory
	entered nsenter.Cell   // 0: it is that
	parent  nsenter.Cell   // a directory in which something is made
	empty   nsenter.Cell   // an empty read-only tmpfs
	scratch nsenter.Cell   // results that only count as success
	explain nsenter.Target // reads what the kernel says about $fs, and exits
	stat    nsenter.Stat   // for statx and fstatfs
	word    *nsenter.Data  // for answers

	mounts     []mount // in.Mounts, with the cells that they are made with
	devices    []device
	restricted []mount // mounts that become read-only at the end

	lowFiles *specs.POSIXRlimit // a limit of open files that would be in the way before the end

	newNS    map[specs.LinuxNamespaceType]bool
	joinNS   map[specs.LinuxNamespaceType]string
	mountNS  bool // the program does not mount on the host
	newUser  bool
	userNS   bool                   // new or joined
	users    []specs.LinuxIDMapping // its users, if they are known
	shared   bool                   // rootfsPropagation asks for peers of the host
	late     bool                   // the process is cloned after it gave up its rights
	socket   nsenter.Arg            // to the launcher
	open     bool                   // the process has to be dumpable
	again    nsenter.Target         // where it goes on when it executes the image once more, if it does
	place    filterPlace            // where the filter is loaded
	loaded   int                    // the step that loads it
	executes int                    // behind the last step that is made without a failure
	sets     capSets                // of the process
	hasLinux *specs.Linux
}

// Compile turns a config into a birth program. It has no side effects.
func Compile(in *Input) (*Birth, error) {
	c, err := withFilter(in, func(c *compiler) error {
		c.Grow(512)
		if err := c.classifyNamespaces(); err != nil {
			return err
		}
		c.open = in.Host.Lacks.Tracing && (c.userNS || !c.late)
		for _, phase := range []func() error{
			c.checkMapped,
			c.decideMounts,
			c.begin,
			c.namespaces,
			c.session,
			c.joinCgroups,
			c.network,
			c.ownProcfs,
			c.mountRoot,
			c.makeMounts,
			c.makeDevices,
			c.terminal,
			c.devicesRules,
			c.hooks,
			c.readonlyPaths,
			c.maskedPaths,
			c.openWorkingDirectory,
			c.restrict,
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
			c.forgetHost,
			func() error { c.filter(beforeClone); return nil },
			c.joinPids,
			c.ready,
			c.wait,
			c.execute,
			c.explanations,
		} {
			if err := phase(); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return c.birth, nil
}

func newCompiler(in *Input) *compiler {
	p := nsenter.New()
	c := &compiler{
		Program: p, in: in, birth: &Birth{Program: p, Gate: in.Gate},
		proc: cmp.Or(in.Spec.Process, &specs.Process{Cwd: "/"}), hasLinux: cmp.Or(in.Spec.Linux, &specs.Linux{}),
		socket: nsenter.File(FileSync),
	}
	c.root, c.fs, c.tree, c.target = p.Cell("root"), p.Cell("fs"), p.Cell("mount"), p.Cell("target")
	c.parent, c.cwd, c.entered = p.Cell("parent"), p.Cell("cwd"), p.Cell("entered")
	c.procfs, c.empty, c.scratch = p.Cell("procfs"), p.Cell("empty"), p.Cell("scratch")
	c.explain = p.Target()
	c.stat, c.word = nsenter.NewStat(), nsenter.Buffer(8)
	return c
}

func (c *compiler) warn(format string, args ...any) {
	c.birth.Warnings = append(c.birth.Warnings, fmt.Sprintf(format, args...))
}

// begin puts what the process inherited from the launcher in order.
func (c *compiler) begin() error {
	c.Label("preparing the first process")
	c.MapReport(FileReport)
	c.beginAgain()
	c.SetName(nsenter.ImageName)
	c.Umask(0)
	c.oomScoreAdj()
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

func (c *compiler) close(cell nsenter.Cell) { c.Close(nsenter.Value(cell)) }
