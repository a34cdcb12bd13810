package libcontainer

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// Runtime carries out the commands on containers.
type Runtime struct {
	Store    store.Store
	Log      *logs.Logger
	Version  string   // of rung, for the records
	ImageDir string   // where images are made if not in memory
	Strict   bool     // refuse in config.json what is unknown, ambiguous, or cannot be applied
	NoCgroup bool     // containers are created without a cgroup; those that exist keep what they have
	Rootless *bool    // containers may do without a cgroup; nil: if the user is not root of the machine
	Allow    []string // what is refused without: annotations of properties of units that can do harm
	CRIU     string   // CRIU's executable, looked for in $PATH if empty or a bare name

	// SystemdCgroup: the cgroups of new containers are units of systemd.
	SystemdCgroup bool

	// Self is a program whose main function calls copyup.Main, mostly this one; without it what
	// is copied to a tmpfs is charged to the caller.
	Self string

	// Rewrite, if not nil, may change a compiled birth program: to measure it, or
	// to make steps of it fail.
	Rewrite func(*birth.Birth) error
	// At, if not nil, is called before each action of the launcher's own.
	At func(action string)
	// Timeline, if not nil, is told where the time goes.
	Timeline *timeline.Recorder
}

// newProcess is a process that is to run a program with these descriptors.
func (r *Runtime) newProcess(name string, p *nsenter.Program, files map[string]int) *launch.Process {
	return &launch.Process{Name: name, Program: p, Files: files, ImageDir: r.ImageDir,
		ImageDirs: launch.ImageDirs(r.Store.Root())}
}

// publish tells who asked for it of a process.
func (r *Runtime) publish(p *launch.Process, pidfdSocket, pidFile string) error {
	if pidfdSocket != "" {
		r.at("sending the pidfd")
		if err := terminal.SendPidfd(pidfdSocket, p.Pidfd.Int()); err != nil {
			return err
		}
	}
	if pidFile != "" {
		r.at("writing the pid file")
		return process.WritePidFile(pidFile, p.Pid)
	}
	return nil
}

func (r *Runtime) at(action string) {
	r.Log.Debugf("%s", action)
	if r.At != nil {
		r.At(action)
	}
	r.Timeline.Action(action)
}

// An OptionError is the failure of what an option asks for. It names the option by its
// field; under which name the user knows it, a flag mostly, is the caller's business.
type OptionError struct {
	Option string // the field of the options: "ImagePath"
	Value  string // its value, where it is that one which fails
	Err    error
}

func (e *OptionError) Error() string {
	if e.Value != "" {
		return e.Option + " " + e.Value + ": " + e.Err.Error()
	}
	return e.Option + ": " + e.Err.Error()
}

func (e *OptionError) Unwrap() error { return e.Err }

// optionError is an error about an option, or nil.
func optionError(option string, err error) error {
	if err == nil {
		return nil
	}
	return &OptionError{Option: option, Err: err}
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
