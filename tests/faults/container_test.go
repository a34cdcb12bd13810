package faults

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

const logName = "rung.log"

// A container is a bundle to be made a container, once or more.
type container struct {
	config    *config
	id        string
	dir       string // holds all the rest
	bundle    string
	root      string
	log       string
	pidFile   string
	cgroup    string
	mountinfo string // of this process, as it has to stay
	commands  []*command
	listener  *net.UnixListener // for the terminal and the pidfd
}

var containers atomic.Int64

// newContainer makes the bundle of a container of its own.
func newContainer(config *config, changes ...bundle.Change) (*container, error) {
	id := "c" + strconv.FormatInt(containers.Add(1), 10)
	dir := filepath.Join(bundle.Scratch(), id)
	c := &container{
		config: config, id: id, dir: dir, bundle: filepath.Join(dir, "bundle"), root: filepath.Join(dir, "root"),
		log: filepath.Join(dir, logName), pidFile: filepath.Join(dir,
			"pid"), cgroup: filepath.Join(bundle.CgroupParent(), id),
	}
	if err := makeRootfs(filepath.Join(c.bundle, "rootfs"), config.uid); err != nil {
		return nil, err
	}
	inCgroup := func(s *specs.Spec) { s.Linux.CgroupsPath = bundle.CgroupsPath(c.cgroup) }
	if err := bundle.WriteConfig(c.bundle, bundle.Spec(slices.Concat(config.changes, []bundle.Change{inCgroup},
		changes)...)); err != nil {
		return nil, err
	}
	mountinfo, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	c.mountinfo = string(mountinfo)
	if config.sockets {
		// nobody takes what comes, and that keeps it open
		c.listener, err = net.ListenUnix("unix", &net.UnixAddr{Name: c.socket(), Net: "unix"})
	}
	return c, err
}

func (c *container) socket() string { return filepath.Join(c.dir, "sock") }

// remove removes the bundle of a container that is gone.
func (c *container) remove() error {
	for _, k := range c.commands {
		k.output.Close()
		k.control.Close()
	}
	if c.listener != nil {
		c.listener.Close()
	}
	return os.RemoveAll(c.dir)
}

// create begins to create the container; run to run it.
func (c *container) create(f fault) (*command, error) { return c.make(f, "create") }

func (c *container) make(f fault, args ...string) (*command, error) {
	args = append(args, "--bundle", c.bundle, "--preserve-fds", "1", "--pid-file", c.pidFile)
	if c.config.sockets {
		args = append(args, "--console-socket", c.socket(), "--pidfd-socket", c.socket())
	}
	return c.call(f, append(append(args, c.config.flags...), c.id)...)
}

// do calls rung without a fault; it has to succeed.
func (c *container) do(args ...string) error {
	k, err := c.call(fault{}, append(args, c.id)...)
	if err != nil {
		return err
	}
	return k.wait(0)
}

// gone requires that nothing is left, and removes the bundle.
func (c *container) gone() error {
	var errs []error
	for _, k := range c.commands {
		if _, err := k.drain(); err != nil {
			errs = append(errs, err)
		}
	}
	errs = append(errs, c.stateless())
	mounts, err := bundle.CgroupMounts()
	errs = append(errs, err)
	for _, mount := range mounts {
		if _, err := os.Lstat(filepath.Join(mount, c.cgroup)); err == nil {
			errs = append(errs, fmt.Errorf("a cgroup is left: %s", filepath.Join(mount, c.cgroup)))
		}
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if errs = append(errs, err); string(text) != c.mountinfo {
		errs = append(errs, fmt.Errorf("the mounts changed: from\n%s\nto\n%s", c.mountinfo, text))
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return c.remove()
}

// stateless requires that no state is left.
func (c *container) stateless() error {
	entries, err := os.ReadDir(c.root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		return fmt.Errorf("state is left: %s", filepath.Join(c.root, e.Name()))
	}
	return nil
}

// noPidFile requires that a failed creation has left no pid file.
func (c *container) noPidFile() error {
	if _, err := os.Lstat(c.pidFile); err == nil {
		return errors.New("the pid file is left")
	}
	return nil
}

// logged requires an error in the log that names the step.
func (c *container) logged(step int) error {
	text, err := os.ReadFile(c.log)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(text) {
		var entry struct{ Level, Step, Msg string }
		if err := json.Unmarshal(line, &entry); err != nil {
			return fmt.Errorf("the log: %w: %s", err, line)
		}
		if entry.Level == "error" && entry.Step == strconv.Itoa(step) {
			return nil
		}
	}
	return fmt.Errorf("the log has no error with step %d: %s", step, text)
}

// killProcesses kills what rung has started: its children, and the container's
// first process.
func (c *container) killProcesses(k *command) {
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", k.process.Pid))
	pids, _ := os.ReadFile(c.pidFile)
	for _, file := range tasks {
		children, _ := os.ReadFile(file)
		pids = append(append(pids, ' '), children...)
	}
	for _, field := range strings.Fields(string(pids)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
			unix.Kill(pid, unix.SIGKILL)
		}
	}
}

func kill(pid int) error {
	if pid <= 0 {
		return errors.New("the pid of the process is not known")
	}
	return unix.Kill(pid, unix.SIGKILL)
}
