package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/criu"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/nsenter"
)

// CRIUOptions are what the command line says to a checkpoint and to a restore.
type CRIUOptions struct {
	ImagePath      string // absolute
	WorkPath       string // absolute; of CRIU's logs, empty: ImagePath
	TCPEstablished bool
	ExtUnixSk      bool
	ShellJob       bool
	FileLocks      bool
	AutoDedup      bool
	LazyPages      bool
	ManageCgroups  string   // soft, full, strict or ignore; empty: soft
	EmptyNS        []string // network
}

// cgroupsModes are CRIU's by the names of ManageCgroups.
var cgroupsModes = map[string]criu.Mode{
	"": criu.Soft, "soft": criu.Soft, "full": criu.Full, "strict": criu.Strict, "ignore": criu.Ignore,
}

// criuOptions turns them into CRIU's, which have the two directories open.
func (o *CRIUOptions) criuOptions() (*criu.Options, error) {
	c := &criu.Options{
		LogLevel: 4, Pid: 0, NotifyScripts: true, OrphanPtsMaster: true,
		TCPEstablished: o.TCPEstablished, ExtUnixSk: o.ExtUnixSk, ShellJob: o.ShellJob,
		FileLocks: o.FileLocks, AutoDedup: o.AutoDedup, LazyPages: o.LazyPages, ManageCgroups: true,
	}
	var known bool
	if c.CgroupsMode, known = cgroupsModes[o.ManageCgroups]; !known {
		return nil, optionError("ManageCgroups",
			fmt.Errorf("%q is none of soft, full, strict and ignore", o.ManageCgroups))
	}
	for _, ns := range o.EmptyNS {
		if ns != "network" {
			return nil, optionError("EmptyNS", fmt.Errorf("%q: only a network namespace can be left empty", ns))
		}
		c.EmptyNS |= unix.CLONE_NEWNET
	}
	var err error
	c.ImagesDir, c.WorkDir, err = o.openDirectories()
	return c, err
}

func (o *CRIUOptions) openDirectories() (images, work int, err error) {
	if images, err = openDirectory("ImagePath", o.ImagePath); err != nil {
		return -1, -1, err
	}
	path := o.WorkPath
	if path == "" {
		path = o.ImagePath
	} else if err := unix.Mkdir(path, 0o700); err != nil && err != unix.EEXIST { // containerd leaves it to runtimes
		unix.Close(images)
		return -1, -1, optionError("WorkPath", &fs.PathError{Op: "mkdir", Path: path, Err: err})
	}
	if work, err = openDirectory("WorkPath", path); err != nil {
		unix.Close(images)
		return -1, -1, err
	}
	return images, work, nil
}

// reopen opens the two directories anew, in place of the descriptors of before: in
// the mount namespace of the thread, where CRIU can mount in them.
func (o *CRIUOptions) reopen(c *criu.Options) error {
	images, work, err := o.openDirectories()
	if err != nil {
		return err
	}
	defer closeAll(images, work)
	return errors.Join(unix.Dup3(images, c.ImagesDir, unix.O_CLOEXEC), unix.Dup3(work, c.WorkDir, unix.O_CLOEXEC))
}

func openDirectory(option, path string) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, optionError(option, &fs.PathError{Op: "open", Path: path, Err: err})
	}
	return fd, nil
}

// findCRIU looks for CRIU's executable.
func (r *Runtime) findCRIU() (string, error) {
	path, err := exec.LookPath(cmp.Or(r.CRIU, "criu"))
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if errors.Is(err, exec.ErrNotFound) {
		return "", failure.Advise(fmt.Errorf("looking for CRIU: %w", err),
			"checkpoint and restore are CRIU's work: install it (Debian: criu) where PATH leads to it, or name it: "+
				"rung --criu PATH")
	}
	return path, err
}

// A criuProcess is a running CRIU that waits for requests.
type criuProcess struct {
	*launch.Process
	ended chan struct{} // closed when it is not needed any more
}

// criuSetup is what a process does before it becomes CRIU.
type criuSetup struct {
	way  way   // into the container's cgroup
	keep []int // descriptors that CRIU inherits

	// outlives: CRIU goes on whatever becomes of this process, and a terminal's
	// signals are not for it.
	outlives bool

	// apart, if not nil, is called in the mount namespace that CRIU then gets: it
	// mounts the hierarchies of the cgroups, where nobody else should see them.
	apart func() error
}

// startCRIU starts a CRIU.
func (r *Runtime) startCRIU(setup *criuSetup) (*criuProcess, error) {
	path, err := r.findCRIU()
	if err != nil {
		return nil, err
	}
	r.at("starting criu")
	c := &criuProcess{r.newProcess("criu", nil, map[string]int{}), make(chan struct{})}
	setup.way.lend(c.Process)
	for _, fd := range setup.keep {
		c.Files[birth.KeptFile(fd)] = fd
	}
	socket, err := c.Connect()
	if err == nil {
		c.Program = setup.program(path, socket)
		err = c.launch(setup.apart)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// launch starts CRIU from a thread that lives as long: with it CRIU ends, unless it
// is to outlive this process. It is a thread of its own for the mount namespace that
// it may have.
func (c *criuProcess) launch(apart func() error) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // for ever: the thread is not used again
		var err error
		if apart != nil {
			if err = separateMounts(); err == nil {
				err = apart()
			}
		}
		if err == nil {
			err = c.Start()
		}
		started <- err
		if err == nil {
			<-c.ended
		}
	}()
	return <-started
}

// separateMounts gives this thread a mount namespace of its own. What the host
// mounts is mounted there too, but not the other way.
func separateMounts() error {
	err := unix.Unshare(unix.CLONE_NEWNS)
	if err == nil {
		err = unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "")
	}
	return kernel.Failed("separating criu's mounts from the host's", err)
}

// program makes the process CRIU, whose end of the conversation is the socket.
func (s *criuSetup) program(path string, socket int) *nsenter.Program {
	in := &birth.CRIUInput{Path: path, Env: os.Environ(), Socket: socket, Kept: s.keep, Outlives: s.outlives}
	in.CgroupFiles, in.CgroupMove = s.way.names()
	return birth.CompileCRIU(in)
}

// ask has CRIU do something, and ends it. An error of the request says what
// CRIU's log says.
func (c *criuProcess) ask(request *criu.Request, notify criu.NotifyFunc) (*criu.Response, error) {
	defer c.Close()
	response, err := criu.Do(c.Socket(), c.Pidfd.Int(), request, notify)
	c.HangUp() // it ends then
	status := c.Wait()
	close(c.ended)
	if errors.Is(err, criu.ErrEnded) {
		if failed := c.Failure(); failed != nil {
			return nil, failed
		}
		if status.Signaled() {
			err = fmt.Errorf("%w: killed by %s", err, unix.SignalName(status.Signal()))
		} else {
			err = fmt.Errorf("%w: exit status %d", err, status.ExitStatus())
		}
	}
	if err == nil && response.Success && response.Type == request.Type {
		return response, nil
	}
	return nil, criu.Failure(request, response, err)
}

// checkFeatures asks what CRIU can do on this kernel, and refuses what it cannot.
func (r *Runtime) checkFeatures(preDump, lazyPages bool) error {
	if !preDump && !lazyPages {
		return nil
	}
	c, err := r.startCRIU(&criuSetup{})
	if err != nil {
		return err
	}
	wanted := &criu.Features{MemTrack: preDump, LazyPages: lazyPages}
	response, err := c.ask(&criu.Request{Type: criu.FeatureCheck, Features: wanted}, nil)
	switch {
	case err != nil:
		return err
	case preDump && !response.Features.MemTrack:
		return optionError("PreDump",
			errors.New("this kernel does not track which memory changes (CONFIG_MEM_SOFT_DIRTY)"))
	case lazyPages && !response.Features.LazyPages:
		return optionError("LazyPages",
			errors.New("this kernel does not let criu bring memory later (CONFIG_USERFAULTFD)"))
	}
	return nil
}

// checkMountNS refuses a container that shares the host's mounts: CRIU restores
// one in a mount namespace of its own.
func checkMountNS(s *specs.Spec) error {
	if !namespaces.Has(s, specs.MountNamespace) {
		return errors.New("linux.namespaces: a container without a mount namespace cannot be checkpointed or restored")
	}
	return nil
}
