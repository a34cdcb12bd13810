package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/executable"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/foreground"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/libcontainer/userprocess"
	"github.com/rung-oci/rung/nsenter"
	"github.com/rung-oci/rung/spec"
)

// ExecOptions are what the command line says of a further process.
type ExecOptions struct {
	ID string
	// ProcessFile is a file with the process, instead of changes of the container's own.
	ProcessFile string

	userprocess.Changes // of the container's own

	ConsoleSocket string
	PidfdSocket   string
	PidFile       string
	PreserveFds   int
	Cgroup        []string // see [cgroups.Manager.Sub]
	IgnorePaused  bool     // wait until a paused container is resumed
	Detach        bool
}

// execution is a process being executed in a container.
type execution struct {
	*container
	r          *Runtime
	o          ExecOptions
	init       int // pidfd of the container's first process
	paused     bool
	join       joining
	in         birth.ExecInput
	way        way                // into the cgroup where the process goes
	foreground foreground.Process // unless detached
	files      map[string]int
	master     int             // of the terminal
	timing     *nsenter.Timing // nil: the program is not timed
	entrant    *launch.Process // the process, once it is launched
}

// Exec executes a further process in a container. In the foreground it waits for
// the process, whose status it returns (128 and the signal that ended it).
func (r *Runtime) Exec(o ExecOptions) (int, error) {
	r.at("looking at the container")
	c, err := r.open(o.ID, false)
	if err != nil {
		return 0, err
	}
	defer c.close()
	e := &execution{
		container: c, r: r, o: o, foreground: foreground.Process{Log: r.Log},
		init: -1, master: -1, files: map[string]int{}, entrant: &launch.Process{},
	}
	defer func() {
		e.release()
		e.foreground.CloseStreams()
		e.entrant.Close()
		closeAll(e.master)
	}()
	if err := e.prepare(); err != nil {
		return 0, err
	}
	if err := e.launch(); err != nil {
		return 0, e.ended(failure.Start(err))
	}
	err = r.publish(e.entrant, o.PidfdSocket, o.PidFile)
	if err == nil && !o.Detach {
		err = e.foreground.Attach(e.entrant.Pid, e.entrant.Pidfd.Int(), e.master)
	}
	if err != nil {
		e.entrant.Kill()
	}
	if err != nil || o.Detach {
		return 0, err
	}
	r.at("waiting for the process to end")
	e.release() // meanwhile
	return e.foreground.Follow(), nil
}

// prepare finds out all that the program depends on.
func (e *execution) prepare() error {
	if err := e.openInit(); err != nil {
		return err
	}
	kept, err := e.dir.Exec()
	if err != nil {
		return err
	}
	if err := e.settle(kept.Config); err != nil {
		return err
	}
	if err := terminal.Check(e.in.Spec.Process.Terminal, e.o.Detach, e.o.ConsoleSocket); err != nil {
		return err
	}
	if e.in.PreserveFds, err = preserveFds(e.o.PreserveFds, 0); err != nil {
		return err
	}
	if e.join, err = e.joining(e.init); err != nil {
		return e.ended(err)
	}
	if err := e.findCgroups(); err != nil {
		return e.ended(err)
	}
	return e.gather(kept)
}

// openInit makes sure that the container can take a further process.
func (e *execution) openInit() (err error) {
	if e.record.Phase == store.PhaseCreating {
		if status, err := e.status(); err != nil || status == Creating {
			return errors.Join(err, errors.New("cannot exec in a container that is being created"))
		}
	}
	e.init, err = e.record.Init.OpenRunning()
	if errors.Is(err, process.ErrGone) {
		return errStopped
	}
	if err != nil {
		return err
	}
	m := e.cgroup()
	defer m.Close()
	e.paused, err = m.Frozen()
	if err == nil && e.paused && !e.o.IgnorePaused {
		return ErrPaused
	}
	return err
}

// ErrPaused is why exec fails, unless IgnorePaused says otherwise.
var ErrPaused = errors.New("cannot exec in a paused container")

var errStopped = errors.New("cannot exec in a stopped container")

// ended is the error if the container has ended meanwhile, or is about to: what
// failed then did so because of that. Its own words, "no such file" mostly, would be
// taken for the command's.
func (e *execution) ended(err error) error {
	if errors.As(err, new(*interrupt.Error)) {
		return err
	}
	if state, stateErr := e.record.Init.State(); stateErr == nil && state != process.Running {
		e.r.Log.Debugf("the container has ended: %v", err)
		return errStopped
	}
	return err
}

// findCgroups opens what the process joins its cgroups with.
func (e *execution) findCgroups() (err error) {
	e.way = way{manager: e.cgroup(), first: e.join.pid}
	evenFrozen := true // which openInit has looked at
	if len(e.o.Cgroup) > 0 {
		if e.way.manager, err = e.way.manager.Sub(e.o.Cgroup); err != nil {
			return optionError("Cgroup", err)
		}
		evenFrozen = e.o.IgnorePaused
		e.way.first = 0 // there and nowhere else
	}
	if e.paused {
		e.way.entry, err = e.way.manager.Move(cgroups.ErrFrozen, e.way.first)
	} else {
		e.way.entry, err = e.way.manager.Entry(evenFrozen)
	}
	return err
}

// settle settles the process to be. config is what was kept of the container's.
func (e *execution) settle(config []byte) error {
	s, _, err := spec.Load(config)
	if err != nil {
		return fmt.Errorf("reading what was kept for exec: %w", err)
	}
	s.Process = cmp.Or(s.Process, &specs.Process{Cwd: "/"})
	e.in.Spec, e.in.Strict = s, e.r.Strict
	if e.o.ProcessFile == "" {
		return e.o.Apply(s.Process)
	}
	p, data, unknown, err := userprocess.Load(e.o.ProcessFile)
	if err != nil {
		return err
	}
	if err := e.r.judge(e.o.ProcessFile, data, unknown); err != nil {
		return err
	}
	if err := spec.ValidateProcess(p); err != nil {
		return fmt.Errorf("%s: %w", e.o.ProcessFile, err)
	}
	userprocess.Inherit(p, s.Process)
	s.Process = p
	return nil
}

// gather collects what the program depends on besides the process.
func (e *execution) gather(kept *store.Exec) error {
	p := e.in.Spec.Process
	facts, err := host.LookFor(e.o.ID, e.in.Spec)
	if err != nil {
		return err
	}
	streams := foreground.NoStreams
	if !e.o.Detach && !p.Terminal {
		if streams, err = e.foreground.ReplaceStreams(e.files); err != nil {
			return err
		}
	}
	host.Streams(facts, streams)
	facts.Lacks.Groups = facts.Lacks.Groups || e.join.noGroups
	facts.CgroupFiles, facts.CgroupMove = e.way.names()
	e.in.Spec.Annotations = e.record.Annotations
	e.in.Host, e.in.Filter, e.in.NoNewKeyring = facts, kept.Filter, kept.NoNewKeyring
	e.in.Namespaces = e.join.namespaces &^ e.record.HostNamespaces // the first process may have made itself one
	e.in.Users = e.join.users
	if e.in.Namespaces&unix.CLONE_NEWNS == 0 {
		e.in.Chroot = e.record.Rootfs
	}
	if err := e.environment(); err != nil {
		return err
	}
	e.in.Candidates = executable.Candidates(p.Args[0], userprocess.Getenv(p.Env, "PATH"), p.Cwd)
	return nil
}

// environment is that of the process, with HOME.
func (e *execution) environment() error {
	p := e.in.Spec.Process
	e.in.Env = userprocess.LastOfEach(p.Env)
	if userprocess.Getenv(p.Env, "HOME") != "" {
		return nil
	}
	root, err := e.openRoot()
	if err != nil {
		return e.ended(err)
	}
	defer unix.Close(root)
	e.in.Env = userprocess.LastOfEach(append(e.in.Env, "HOME="+userprocess.Home(root, p.User.UID)))
	return nil
}

// openRoot opens the root directory of the container's first process.
func (e *execution) openRoot() (int, error) {
	path := "/proc/" + strconv.Itoa(e.join.pid) + "/root"
	root, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("the container's root: %s: %w", path, err)
	}
	return root, nil
}

// launch runs the program up to its execve.
func (e *execution) launch() error {
	e.r.at("compiling the program")
	program, err := birth.CompileExec(&e.in)
	if err != nil {
		return err
	}
	e.timing = e.r.Timeline.Time(program.Program, e.in.Namespaces&unix.CLONE_NEWTIME != 0, e.in.AllowsClock())
	if err := timeline.OpenTimes(e.timing, e.files); err != nil {
		return err
	}
	tell := e.r.Log.Warnf
	if e.o.ProcessFile == "" && !e.o.Confined() {
		tell = e.r.Log.Debugf // create has told
	}
	for _, w := range program.Warnings {
		tell("%s", w)
	}
	if e.r.Rewrite != nil {
		if err := e.r.Rewrite(&birth.Birth{Program: program.Program}); err != nil {
			return err
		}
	}
	if len(e.in.Candidates) == 0 {
		return e.notFound(errors.New("executing nothing"))
	}
	e.r.at("launching the process")
	p := e.r.entrant(program.Program, e.init, e.files, &e.foreground.Interrupt)
	e.way.lend(p)
	if p.Agent = e.newAgent(e.in.Spec, e.in.Filter, specs.StateRunning); p.Agent != nil {
		p.Found = func() error { return nil } // when it says that it is ready
	}
	if err := p.Agent.Check(); err != nil {
		return err
	}
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagReady: e.ready, birth.TagTerminal: e.takeTerminal}
	defer e.r.detour(p, e.way.manager)()
	e.entrant = p
	if program.Scheduler != nil {
		p.Found = func() error { return schedule(p.Pid, program.Scheduler) }
	}
	if err := p.Start(); err != nil {
		return err
	}
	if !e.o.Detach && !e.o.IgnorePaused { // which may wait for long, and then can be ended
		// while the program runs; if rung is ended before, the program ends
		if err := e.foreground.Catch(); err != nil {
			p.Kill()
			return err
		}
	}
	err = enter(p, e.init)
	if failed, ok := errors.AsType[*failure.Step](err); ok && failed.Name == "execve" && !errors.Is(err, errInitEnded) {
		return e.notFound(err)
	}
	if err == nil {
		e.r.Timeline.Executed()
	}
	return err
}

// notFound says why the execve failed, in the words that clients know, if that
// can be seen from here.
func (e *execution) notFound(err error) error {
	root, rootErr := e.openRoot()
	if rootErr != nil {
		return err
	}
	defer unix.Close(root)
	p := e.in.Spec.Process
	f := &executable.Finder{Root: root, Path: userprocess.Getenv(p.Env, "PATH"), Cwd: p.Cwd,
		Override: p.User.UID == 0 || e.in.Namespaces&unix.CLONE_NEWUSER != 0,
		UID:      p.User.UID, GIDs: append(p.User.AdditionalGids, p.User.GID)}
	resolved, why := f.Find(p.Args[0])
	if why == nil {
		why = f.Inspect(resolved)
	}
	return cmp.Or(why, err)
}

// ready gets ready to stand for the process.
func (e *execution) ready([]kernel.Fd) error {
	if err := readyForAgent(e.entrant); err != nil {
		return err
	}
	if !e.o.Detach && e.o.IgnorePaused {
		return e.foreground.Catch()
	}
	return nil
}

func (e *execution) takeTerminal(fds []kernel.Fd) (err error) {
	e.r.at("taking the terminal")
	e.master, err = terminal.Take(&fds[0], e.in.Spec.Process.ConsoleSize, e.o.ConsoleSocket)
	return err
}

// release gives back what the program needed.
func (e *execution) release() {
	e.r.Timeline.ReadTimes(e.timing, e.files, e.entrant.Pid)
	closeFiles(e.files)
	e.way.entry.Close()
	closeAll(e.init)
	e.init = -1
}
