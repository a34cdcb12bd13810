package launch

import (
	"fmt"
	"maps"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/agent"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/nsenter"
)

// A Process is a program and the process that runs it: to be launched, on its way, or
// ended. It is used once, by one goroutine. What it has open is given back by [Process.Close].
type Process struct {
	Program *nsenter.Program
	Name    string // of the process, in errors: "the first process"

	// Files are the program's descriptors by their names, which are lent. It has its
	// report page and its end of the conversation besides; in the place of the
	// latter it gets [birth.FileSync] if that is among them.
	Files  map[string]int
	Report kernel.Fd // a file for the report page; none: one that nobody else has to find
	Flags  uint64    // CLONE_NEW* of the namespaces to be born in
	Cgroup kernel.Fd // the directory of the cgroup v2 to be born in, lent; none: the launcher's
	// Move, if not nil, is told why the process cannot be born in Cgroup, and changes that and the
	// Files to what it is to be tried with next.
	Move func(refusal error) error

	ImageDir  string   // where the image is made; "": in memory
	ImageDirs []string // where it is made if memory may not be executed

	// Serve has what is done when the program sends a tag. The descriptors that came with
	// it are as many as birth.Messages says; those that are left are closed afterwards.
	Serve map[byte]func(fds []kernel.Fd) error
	Watch []Watch // what else ends the wait for the program
	// Detour, if not nil, takes the launched process out of its cgroup where that is too full to
	// clone in. What it returns brings the child there.
	Detour func(pid int) (back func(child int) error, err error)
	// Agent, if not nil, is sent the listener of the filter that the program loads: by whoever serves
	// TagReady, if the program sends it, and else when it waits for that.
	Agent *agent.Handover
	// Found, if not nil, is called when the process is found that the program has cloned: with
	// the next tag, before anything is done for it.
	Found func() error

	// Pid and Pidfd are the launched process's, and then those of the process that it
	// cloned to go on in its place. Pid is 0 before, and when it was waited for. Whoever
	// waits for it instead sets Pid to 0.
	Pid   int
	Pidfd kernel.Fd

	ImageDev, ImageIno uint64 // of the image's file, once it is prepared

	files  map[string]int        // all that the program has
	image  *nsenter.Image        // until it is executed
	socket kernel.Fd             // this end of the conversation
	other  kernel.Fd             // the program's, until it has it
	found  bool                  // Pid is of the process that goes on
	seen   bool                  // by others, once it has cloned: see Distrust
	back   func(child int) error // from the detour, if the process is on one
}

// A Watch is something whose coming ends the wait: an *interrupt.Interruption, the end of a
// process.
type Watch interface {
	Fd() int               // can be read once it has come; -1 if it never does, or not yet
	Err(cause error) error // says that it has come, and so that something has failed, cause or nil
}

// ImageDirs are where an image may lie if it cannot be in memory.
func ImageDirs(stateDir string) []string { return []string{stateDir, "/dev/shm", "/var/tmp", "/tmp"} }

// Connect makes the conversation. It returns the program's end, for programs that depend on
// its number; Prepare calls it for the others.
func (p *Process) Connect() (int, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socketpair for %s: %w", p.Name, err)
	}
	p.socket, p.other = kernel.Own(pair[0]), kernel.Own(pair[1])
	return pair[1], nil
}

// Prepare makes the image. Nothing runs yet. Start calls it if nobody has.
func (p *Process) Prepare() (err error) {
	if !p.Report.Ok() {
		if p.Report, err = newReport(); err != nil {
			return fmt.Errorf("report page of %s: %w", p.Name, err)
		}
	}
	p.files = map[string]int{birth.FileReport: p.Report.Int()}
	maps.Copy(p.files, p.Files)
	if _, given := p.files[birth.FileSync]; !given {
		if !p.other.Ok() {
			if _, err := p.Connect(); err != nil {
				return err
			}
		}
		p.files[birth.FileSync] = p.other.Int()
	}
	memory, err := nsenter.Assemble(p.Program, p.files)
	if err != nil {
		return err
	}
	if p.image, err = nsenter.NewImage(p.Program, memory, p.ImageDir, p.ImageDirs...); err != nil {
		return err
	}
	p.ImageDev, p.ImageIno = p.image.Dev, p.image.Ino
	return nil
}

// Start launches the process. Its end of the conversation is closed here, so that what is
// left of it is the process's.
func (p *Process) Start() error {
	for {
		child, err := p.launch()
		switch {
		case err == nil:
			p.other.Close()
			p.Pid, p.Pidfd = child.Pid, kernel.Own(child.Pidfd)
			p.found = !p.Program.Clones()
			return nil
		case !p.Cgroup.Ok() || p.Move == nil:
			return err
		}
		if err := p.Move(err); err != nil {
			return err
		}
	}
}

// launch makes an attempt. The image knows the descriptors: for another there is another.
func (p *Process) launch() (*nsenter.Child, error) {
	if p.image == nil {
		if err := p.Prepare(); err != nil {
			return nil, err
		}
	}
	defer p.closeImage()
	return nsenter.Launch(p.image, nsenter.Options{Flags: p.Flags, Cgroup: p.Cgroup, Files: p.files})
}

// Run starts the process of a program that ends, and waits for that.
func (p *Process) Run() error {
	defer p.Close()
	if err := p.Start(); err != nil {
		return err
	}
	if p.Serve != nil {
		if err := p.Converse(End); err != nil {
			p.Kill()
			return err
		}
	}
	status := p.Wait()
	if failed := p.Failure(); failed != nil || status == 0 {
		return failed
	}
	return p.ended(status)
}

// Close gives back what this process has open. The other, which may wait for an answer
// that never comes now, is not waited for: see [Process.Kill].
func (p *Process) Close() {
	p.closeImage()
	p.Agent.Close()
	for _, fd := range [...]*kernel.Fd{&p.socket, &p.other, &p.Report, &p.Pidfd} {
		fd.Close()
	}
}

func (p *Process) closeImage() {
	if p.image != nil {
		p.image.Close()
		p.image = nil
	}
}

// newReport makes a report page that nobody else has to find.
func newReport() (kernel.Fd, error) {
	fd, err := unix.MemfdCreate("report", unix.MFD_CLOEXEC)
	report := kernel.Own(fd)
	if err == nil {
		err = unix.Ftruncate(fd, nsenter.ReportSize)
	}
	if err != nil {
		report.Close()
	}
	return report, err
}
