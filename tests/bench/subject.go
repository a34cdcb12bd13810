package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/rung-oci/rung/tests/bundle"
	"golang.org/x/sys/unix"
)

// operations are the measured commands, in the order of the table.
var operations = [...]string{"run", "create", "start", "exec", "state", "ps", "update", "pause", "resume", "kill",
	"delete"}

// A subject is a runtime that is measured: its two bundles, and its samples.
type subject struct {
	name    string
	runtime bundle.Runtime
	dir     string
	cgroup  string // cgroupsPath

	cost     map[string]*cost // by operation
	pss      samples          // of a created container's init, bytes
	charge   samples          // memory that its cgroup is charged for, bytes
	smallest int64            // memory limit that starts /bin/true; 0 is none
}

// cost is what an operation took, seconds.
type cost struct{ wall, cpu samples }

func newSubject(name string, runtime bundle.Runtime) (*subject, error) {
	s := &subject{
		name:    name,
		runtime: runtime,
		dir:     filepath.Join(bundle.Scratch(), name),
		cgroup:  filepath.Join(bundle.CgroupParent(), name),
	}
	s.forget()
	if err := bundle.Make(s.bundle("true"), s.spec("true")); err != nil {
		return nil, err
	}
	return s, bundle.Make(s.bundle("sleep"), s.spec("sleep", "1000"))
}

func (s *subject) bundle(name string) string { return filepath.Join(s.dir, name) }

func (s *subject) spec(args ...string) *specs.Spec {
	return bundle.Spec(bundle.Args(args...), func(spec *specs.Spec) { spec.Linux.CgroupsPath = s.cgroup })
}

// forget drops the samples.
func (s *subject) forget() {
	s.cost = map[string]*cost{}
	for _, operation := range operations {
		s.cost[operation] = &cost{}
	}
	s.pss, s.charge = nil, nil
}

func (s *subject) wall(operation string) samples { return s.cost[operation].wall }

// round measures each operation once.
func (s *subject) round() error {
	const id = "c"
	pidFile := filepath.Join(s.dir, "pid")
	if err := s.measure("run", "--bundle", s.bundle("true"), id); err != nil {
		return err
	}
	if err := s.measure("create", "--bundle", s.bundle("sleep"), "--pid-file", pidFile, id); err != nil {
		return err
	}
	text, err := os.ReadFile(pidFile)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return fmt.Errorf("%s: pid file: %w", s.name, err)
	}
	if err := s.sampleMemory(pid); err != nil {
		return err
	}
	if err := s.measure("start", id); err != nil {
		return err
	}
	if err := s.measure("exec", id, "true"); err != nil {
		return err
	}
	if err := s.measure("state", id); err != nil {
		return err
	}
	if err := s.measure("ps", "--format", "json", id); err != nil {
		return err
	}
	if err := s.measure("update", "--memory", "200000000", "--cpu-share", "512", id); err != nil {
		return err
	}
	if err := s.measure("pause", id); err != nil {
		return err
	}
	if err := s.measure("resume", id); err != nil {
		return err
	}
	if err := s.measure("kill", id, "KILL"); err != nil {
		return err
	}
	// The init is this process's child since the command that made it ended.
	if _, err := unix.Wait4(pid, nil, 0, nil); err != nil {
		return fmt.Errorf("%s: waiting for the container's init: %w", s.name, err)
	}
	return s.measure("delete", id)
}

// measure runs one of the runtime's commands and takes a sample of it.
func (s *subject) measure(operation string, args ...string) error {
	wall, cpu, err := s.call(append([]string{operation}, args...)...)
	if err != nil {
		return err
	}
	c := s.cost[operation]
	c.wall = append(c.wall, wall.Seconds())
	c.cpu = append(c.cpu, cpu.Seconds())
	return nil
}

// call runs the runtime and returns what that took.
func (s *subject) call(args ...string) (wall, cpu time.Duration, err error) {
	cmd := s.runtime.Command(filepath.Join(s.dir, "state"), args...)
	message, err := os.Create(filepath.Join(s.dir, "stderr"))
	if err != nil {
		return 0, 0, err
	}
	defer message.Close()
	status, wall, cpu, err := execute(cmd.Path, cmd.Args, message)
	if err != nil {
		return 0, 0, err
	}
	if status != 0 {
		text, _ := os.ReadFile(message.Name())
		return 0, 0, fmt.Errorf("%v: exit status %d: %s", cmd.Args, status, bytes.TrimSpace(text))
	}
	return wall, cpu, nil
}
