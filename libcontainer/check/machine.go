package check

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/userns"
	"github.com/rung-oci/rung/nsenter"
)

// Machine is what there is to look at.
type Machine struct {
	Root     fs.FS  // the machine's files, from its root directory on
	Release  string // of the kernel: "6.18.0-1-amd64"
	UID      int    // effective, of the caller
	UserNS   bool   // that is not root of the host though it is 0
	StateDir string // where containers' state is or will be; absolute

	Bounding    uint64 // the caller's capabilities, see package capabilities
	LastCap     uint
	CRIU        string              // path of its program; "" if it is found by its name
	Hierarchies cgroups.Hierarchies // that are mounted

	// Try runs a program that [attempt] began in a process of its own.
	Try func(*nsenter.Program) error
	// Memfd tells why an image cannot be executed from memory.
	Memfd func() error
	// IDMap tells why the filesystem of a directory cannot be mounted with ids
	// mapped.
	IDMap func(dir string) error
	// Landlock is the version of Landlock's interface.
	Landlock func() (int, error)
	// Writable tells why the caller may not make files in a directory.
	Writable func(dir string) error
	// Noexec tells whether files on a directory's mount may not be executed.
	Noexec func(dir string) bool
	// Command runs a program of the machine and returns what it prints.
	Command func(name string, args ...string) (string, error)
	// FileCaps tells whether a file gives capabilities to who executes it.
	FileCaps func(path string) bool
}

// Here is the machine that this process runs on.
func Here(stateDir string) (*Machine, error) {
	var uts unix.Utsname
	if err := unix.Uname(&uts); err != nil {
		return nil, fmt.Errorf("uname: %w", err)
	}
	m := &Machine{
		Root: os.DirFS("/"), Release: unix.ByteSliceToString(uts.Release[:]), UID: os.Geteuid(), StateDir: stateDir,
		UserNS: os.Geteuid() == 0 && !userns.IsHostRoot(),
		IDMap:  tryIDMap, Landlock: landlock, Command: command,
		Writable: func(dir string) error {
			return unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK|unix.X_OK, unix.AT_EACCESS)
		},
		Noexec: func(dir string) bool {
			var st unix.Statfs_t
			return unix.Statfs(dir, &st) == nil && st.Flags&unix.ST_NOEXEC != 0
		},
		FileCaps: func(path string) bool {
			n, err := unix.Getxattr(path, "security.capability", nil)
			return err == nil && n > 0
		},
	}
	m.Memfd = func() error { return trial(attempt("executing memory")).Run() }
	m.Try = func(p *nsenter.Program) error { return trial(p, launch.ImageDirs(m.stateDir())...).Run() }
	own, err := process.ReadOwn()
	if err != nil {
		return nil, err
	}
	m.Bounding = own.Bounding
	if m.LastCap, err = capabilities.Last(); err != nil {
		return nil, err
	}
	m.Hierarchies, err = cgroups.Find()
	return m, err
}

// stateDir is the state directory, or the nearest above it that there is.
func (m *Machine) stateDir() string {
	dir := m.StateDir
	for dir != "/" && !m.exists(dir) {
		dir = path.Dir(dir)
	}
	return dir
}

// attempt begins a program that tries something.
func attempt(what string) *nsenter.Program {
	p := nsenter.New()
	p.Label(what)
	p.MapReport(birth.FileReport)
	return p
}

// trial is the process of an attempt.
func trial(p *nsenter.Program, dirs ...string) *launch.Process {
	return &launch.Process{Name: "the process that tried it", Program: p, ImageDirs: dirs}
}

// landlock asks for the version of the interface: landlock_create_ruleset(2).
func landlock() (int, error) {
	const createRulesetVersion = 1
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, createRulesetVersion)
	if errno != 0 {
		return 0, errno
	}
	return int(version), nil
}

// command runs a program, which has a few seconds for it.
func command(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	text := strings.TrimSpace(string(out))
	if ctx.Err() != nil {
		err = errors.New("no answer after ten seconds")
	}
	return text, err
}
