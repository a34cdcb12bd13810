package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/agent"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/descriptors"
	"github.com/rung-oci/rung/libcontainer/executable"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/foreground"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/notify"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/libcontainer/userprocess"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// CreateOptions are what the command line says of a new container.
type CreateOptions struct {
	ID            string
	Bundle        string // absolute path
	Config        string // path of config.json if it is not in the bundle
	ConsoleSocket string
	PidfdSocket   string
	PidFile       string
	NoPivot       bool
	NoNewKeyring  bool
	PreserveFds   int
	Detach        bool // run: do not wait for the process
	Keep          bool // run: do not delete the container
	NoSubreaper   bool // run: do not adopt what the container's processes leave
}

// creation is a container being created.
type creation struct {
	*container
	r         *Runtime
	o         CreateOptions
	spec      *specs.Spec
	config    []byte // the text of spec
	filter    *seccomp.Filter
	mounts    []birth.Mount // of spec
	host      *birth.Host
	streams   [3]store.Stream // what the standard streams are
	manager   cgroups.Manager
	birth     *birth.Birth
	files     map[string]int  // the descriptors of the birth program
	first     *launch.Process // the container's
	way       way             // into the cgroup
	master    int             // of the terminal
	timing    *nsenter.Timing // nil: the program is not timed
	endDetour func()          // see Runtime.detour; nil: it is on none
	notify    *notify.Proxy   // nil: nobody is to be told that the container is ready

	foreground *foreground.Process     // nil: nobody stands for the process
	interrupt  *interrupt.Interruption // of all this, nil: never
}

// Create creates a container whose process waits for Start.
func (r *Runtime) Create(o CreateOptions) error {
	o.Detach = true
	c, err := r.create(o, birth.GateSocket, nil)
	if err != nil {
		return err
	}
	defer c.release()
	if err := c.answer(); err != nil {
		return c.abort(err)
	}
	return nil
}

func (r *Runtime) newCreation(o CreateOptions, s *specs.Spec, f *foreground.Process) *creation {
	c := &creation{r: r, o: o, spec: s, master: -1, files: map[string]int{}, foreground: f}
	if f != nil {
		c.interrupt = &f.Interrupt
	}
	c.first = r.newProcess("the first process", nil, c.files)
	c.first.Watch = []launch.Watch{c.interrupt}
	return c
}

// create brings a container to the point where it is recorded as created and
// its process waits for the last answer. After an error nothing is left.
func (r *Runtime) create(o CreateOptions, gate birth.Gate, f *foreground.Process) (*creation, error) {
	if err := store.CheckID(o.ID); err != nil {
		return nil, err
	}
	s, config, err := r.loadBundle(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	if err := terminal.Check(s.Process != nil && s.Process.Terminal, o.Detach, o.ConsoleSocket); err != nil {
		return nil, err
	}
	c := r.newCreation(o, s, f)
	in, err := c.look(gate)
	if err != nil {
		return nil, err
	}
	if err := c.compile(in); err != nil {
		return nil, err
	}
	if c.filter.Listens() {
		c.first.Agent = agent.New(s.Linux.Seccomp, c.filter, specs.State{Version: s.Version, ID: o.ID,
			Status: specs.StateCreating, Bundle: o.Bundle, Annotations: s.Annotations})
		if err := c.first.Agent.Check(); err != nil {
			return nil, err
		}
	}
	if err := descriptors.CheckRoom(c.mostDescriptors()); err != nil {
		return nil, err
	}
	if err := c.interrupt.Err(nil); err != nil {
		return nil, err
	}
	if err := c.enter(config); err != nil {
		return nil, err
	}
	if err := c.bear(); err != nil {
		return nil, c.abort(err)
	}
	return c, nil
}

// look finds out all that the birth depends on; nothing outside of this process changes.
func (c *creation) look(gate birth.Gate) (in *birth.Input, err error) {
	c.r.at("looking at the host")
	if err := checkSizes(c.spec); err != nil {
		return nil, err
	}
	if c.manager, err = c.r.newCgroup(c.spec, c.o.ID); err != nil {
		return nil, err
	}
	if c.mounts, err = birth.Mounts(c.spec, c.o.Bundle); err != nil {
		return nil, err
	}
	if c.host, err = host.Look(c.o.ID, c.o.Bundle, c.spec); err != nil {
		return nil, err
	}
	if c.o.NoPivot {
		if c.host.Mounts, err = host.Mounts(); err != nil {
			return nil, err
		}
	}
	if err := c.lookAtCgroup(); err != nil {
		return nil, err
	}
	host.FollowDangling(c.host.Rootfs, c.mounts)
	streams := foreground.NoStreams
	if c.foreground != nil && (c.spec.Process == nil || !c.spec.Process.Terminal) {
		if streams, err = c.foreground.ReplaceStreams(c.files); err != nil {
			return nil, err
		}
	}
	c.streams = host.Streams(c.host, streams)
	in = &birth.Input{
		Spec: c.spec, Mounts: c.mounts, Host: c.host, Gate: gate, NoPivot: c.o.NoPivot, Strict: c.r.Strict,
		NoNewKeyring: c.o.NoNewKeyring,
	}
	if err := c.preserve(in); err != nil {
		return nil, err
	}
	return in, c.offerNotify(in)
}

// compile makes the birth program of what look has found.
func (c *creation) compile(in *birth.Input) (err error) {
	c.r.at("compiling the birth program")
	if err := c.findProgram(in); err != nil {
		return err
	}
	if err := c.compileFilter(in); err != nil {
		return err
	}
	if c.birth, err = birth.Compile(in); err != nil {
		return err
	}
	c.r.warn(c.birth.Warnings)
	ownTime := namespaces.Has(c.spec, specs.TimeNamespace)
	if c.timing = c.r.Timeline.Time(c.birth.Program, ownTime, in.AllowsClock()); c.timing != nil {
		c.birth.Ready = c.timing.Moved(c.birth.Ready)
	}
	if c.r.Rewrite != nil {
		return c.r.Rewrite(c.birth)
	}
	return nil
}

// compileFilter compiles linux.seccomp.
func (c *creation) compileFilter(in *birth.Input) (err error) {
	if c.spec.Linux == nil || c.spec.Linux.Seccomp == nil {
		return nil
	}
	if c.filter, err = seccomp.Compile(c.spec.Linux.Seccomp); err != nil {
		return err
	}
	in.Filter = c.filter
	if len(c.filter.Dropped) > 0 {
		c.r.Log.Debugf("linux.seccomp: system calls unknown to rung, ignored: %v", c.filter.Dropped)
	}
	if len(c.filter.Shadowed) > 0 {
		c.r.Log.Warnf("linux.seccomp: rules have no effect, because one without conditions decides otherwise: %s",
			strings.Join(c.filter.Shadowed, ", "))
	}
	return nil
}

// findProgram finds out what will be executed, with which environment, and says
// now why it cannot be.
func (c *creation) findProgram(in *birth.Input) error {
	p := c.spec.Process
	if p == nil {
		return nil
	}
	root, err := unix.Open(c.host.Rootfs, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("root.path: %s: %w", c.host.Rootfs, err)
	}
	defer unix.Close(root)
	in.Env = userprocess.LastOfEach(append(slices.Clip(p.Env), in.Env...))
	if userprocess.Getenv(in.Env, "HOME") == "" {
		in.Env = userprocess.LastOfEach(append(in.Env, "HOME="+userprocess.Home(root, p.User.UID)))
	}
	f := &executable.Finder{Root: root, Path: userprocess.Getenv(in.Env, "PATH"), Cwd: p.Cwd, Override: true}
	for _, m := range c.mounts {
		f.Mounts = append(f.Mounts, m.Target)
	}
	resolved, err := f.Find(p.Args[0])
	if err == nil {
		err = f.Inspect(resolved)
	}
	switch {
	case err == nil:
		in.Candidates = []string{resolved}
	case errors.Is(err, executable.ErrBehindMount):
		in.Behind = true
		in.Candidates = executable.Candidates(p.Args[0], f.Path, p.Cwd)
	default:
		return failure.Start(err)
	}
	return nil
}

// mostDescriptors are more than the creation and its undoing open at once.
func (c *creation) mostDescriptors() int {
	perCgroup := 2
	if h := c.spec.Hooks; h != nil && len(h.StartContainer) > 0 { // which join the cgroup by themselves
		perCgroup++
	}
	return 20 + perCgroup*len(c.host.CgroupFiles)
}

// preserve counts the descriptors that the process gets: those of LISTEN_FDS
// (sd_listen_fds(3)), then --preserve-fds.
func (c *creation) preserve(in *birth.Input) (err error) {
	listen := descriptors.Listening()
	if in.PreserveFds, err = preserveFds(c.o.PreserveFds, listen); err != nil {
		return err
	}
	if listen > 0 {
		in.Env = append(in.Env, "LISTEN_FDS="+strconv.Itoa(listen), "LISTEN_PID=1")
	}
	return nil
}

// preserveFds is [descriptors.Preserve] for an option.
func preserveFds(n, listening int) (int, error) {
	if n < 0 {
		return 0, optionError("PreserveFds", fmt.Errorf("%d is not a number of descriptors", n))
	}
	return descriptors.Preserve(n, listening)
}

// offerNotify puts the socket into the container.
func (c *creation) offerNotify(in *birth.Input) error {
	if notify.Manager() == "" {
		return nil
	}
	m, err := birth.NewMount("", notify.Mount(filepath.Join(c.r.Store.Root(), c.o.ID)), "")
	if err != nil {
		return err
	}
	in.Mounts = append(in.Mounts, m)
	in.Env = append(in.Env, notify.Env())
	return nil
}

// enter makes the container's directory, with a record that lets delete clean
// up whatever follows.
func (c *creation) enter(config []byte) error {
	c.r.at("creating the state directory")
	dir, err := c.r.Store.Create(c.o.ID)
	if err != nil {
		return failure.OfStore(err, c.r.Store.Root())
	}
	// what is in a container's cgroup ends with the container; before there is a
	// record of it, nothing does
	if pids, err := c.manager.Occupants(); err != nil || len(pids) > 0 {
		if err == nil {
			err = fmt.Errorf("linux.cgroupsPath: container's cgroup is not empty: %d process(es) found", len(pids))
		}
		c.manager.Close()
		return errors.Join(err, dir.Remove(), dir.Close())
	}
	c.container = &container{dir: dir, interrupt: c.interrupt, record: &store.Record{
		Program: c.r.Version, ID: c.o.ID, OCIVersion: c.spec.Version, Bundle: c.o.Bundle, Rootfs: c.host.Rootfs,
		Created: time.Now().UTC(), UID: uint32(os.Geteuid()), Annotations: c.spec.Annotations,
		Phase: store.PhaseCreating, PrivatePids: c.hasOwnPids(), Cgroup: c.manager.Record(),
		Terminal: c.spec.Process != nil && c.spec.Process.Terminal, Streams: c.streams,
		HostNamespaces: birth.HostNamespaces(c.spec),
	}}
	c.r.at("recording the intent")
	c.config = config
	if err := c.dir.WriteRecord(c.record); err != nil {
		return c.abort(err)
	}
	return nil
}

// hasOwnPids reports whether all processes end with the first one: a pid namespace that
// is joined lives on without it.
func (c *creation) hasOwnPids() bool { return namespaces.Made(c.spec, specs.PIDNamespace) }

// bear makes the cgroup and the process, and follows the program up to its end.
func (c *creation) bear() error {
	for _, step := range []func() error{
		c.listenNotify,
		c.createCgroup,
		c.openFiles,
		c.launch,
		c.saveConfig, // the program runs meanwhile
		func() error { return c.converse(birth.TagReady) },
		func() error { return c.first.Agent.Send(c.first.Pid) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	c.manager.Settle()
	return c.commit()
}

// listenNotify makes the socket in the state directory.
func (c *creation) listenNotify() (err error) {
	if notify.Manager() == "" {
		return nil
	}
	c.r.at("making the notify socket")
	c.notify, err = notify.ListenIn(c.dir)
	return err
}

func (c *creation) saveConfig() error {
	c.r.at("saving the configuration")
	return errors.Join(c.dir.WriteFile(store.ConfigName, c.config), c.dir.WriteExec(&store.Exec{
		Config: spec.ForExec(c.config), Filter: c.filter, NoNewKeyring: c.o.NoNewKeyring,
	}))
}

// commit records the container as created.
func (c *creation) commit() error {
	c.r.at("recording the container as created")
	c.record.Phase = store.PhaseCreated
	c.record.Created = time.Now().UTC()
	if err := c.dir.WriteRecord(c.record); err != nil {
		return err
	}
	return c.r.publish(c.first, c.o.PidfdSocket, c.o.PidFile)
}

// release gives back what this process has of the container.
func (c *creation) release() {
	c.r.Timeline.ReadTimes(c.timing, c.files, c.record.Init.Pid)
	closeFiles(c.files)
	c.way.entry.Close()
	c.first.Close()
	if c.endDetour != nil {
		c.endDetour()
	}
	closeAll(c.master)
	c.master = -1
	if c.notify != nil {
		c.notify.Close()
		c.notify = nil
	}
	c.manager.Close()
	if c.dir.Fd() >= 0 {
		c.dir.Close()
	}
}

// abort undoes a creation that failed, and returns its error.
func (c *creation) abort(err error) error {
	c.r.at("undoing what was done")
	c.first.Kill()
	var config *specs.Spec
	if c.record.Init.Pid > 0 { // from step 2 of the lifecycle on poststop hooks follow: runtime.md
		config = c.spec
	}
	if undo := c.r.destroy(c.container, config); undo != nil {
		c.r.Log.Warnf("container %s: undoing its creation: %v", c.o.ID, undo)
	}
	if c.o.PidFile != "" {
		c.removePidFile()
	}
	c.release()
	return err
}

// removePidFile removes the pid file if it is the one of this creation.
func (c *creation) removePidFile() {
	if text, err := os.ReadFile(c.o.PidFile); err == nil && c.record.Init.Pid > 0 &&
		string(text) == strconv.Itoa(c.record.Init.Pid) {
		os.Remove(c.o.PidFile)
	}
}
