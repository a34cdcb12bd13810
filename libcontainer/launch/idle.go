package launch

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/nsenter"
)

// An Idle is a process that does nothing, of a program of two steps. It ends when the end of a
// pipe is closed that only this process has, whatever ends that.
type Idle struct {
	pid   int
	pidfd kernel.Fd
	pipe  kernel.Fd
}

const fileIdle = "the starter's life"

func idleProgram() *nsenter.Program {
	p := nsenter.New()
	p.Label("idling")
	p.Read(nsenter.File(fileIdle), nsenter.Buffer(1).At(0), 1)
	p.ExitGroup(0)
	return p
}

// StartIdle starts one. Its image is made as that of a Process.
func StartIdle(imageDir string, imageDirs ...string) (*Idle, error) {
	var pipe [2]int
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return nil, err
	}
	i := &Idle{pipe: kernel.Own(pipe[1])}
	files := map[string]int{fileIdle: pipe[0]}
	defer unix.Close(pipe[0])
	if err := i.start(files, imageDir, imageDirs); err != nil {
		i.pipe.Close()
		return nil, err
	}
	return i, nil
}

func (i *Idle) start(files map[string]int, imageDir string, imageDirs []string) error {
	program := idleProgram()
	memory, err := nsenter.Assemble(program, files)
	if err != nil {
		return err
	}
	image, err := nsenter.NewImage(program, memory, imageDir, imageDirs...)
	if err != nil {
		return err
	}
	defer image.Close()
	child, err := nsenter.Launch(image, nsenter.Options{Files: files})
	if err == nil {
		i.pid, i.pidfd = child.Pid, kernel.Own(child.Pidfd)
	}
	return err
}

// Pid is the process's.
func (i *Idle) Pid() int { return i.pid }

// End ends the process, and reaps it.
func (i *Idle) End() {
	i.pipe.Close()
	_ = kernel.Signal(i.pidfd.Int(), unix.SIGKILL) // frozen, it reads nothing
	_, _ = kernel.Wait(i.pid)
	i.pidfd.Close()
}
