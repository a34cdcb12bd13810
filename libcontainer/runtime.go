package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/interrupt"
	"github.com/rung-oci/rung/libcontainer/logs"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/spec"
)

// Runtime carries out the commands on containers.
type Runtime struct {
	Store    store.Store
	Log      *logs.Logger
	Version  string // of rung, for the records
	ImageDir string // where images are made if not in memory
	Strict   bool   // refuse unknown properties in config.json
	NoCgroup bool   // containers are created without a cgroup; those that exist keep what they have
	CRIU     string // CRIU's executable, looked for in $PATH if empty or a bare name

	// Rewrite, if not nil, may change a compiled birth program: to measure it, or
	// to make steps of it fail.
	Rewrite func(*birth.Birth) error
	// At, if not nil, is called before each action of the launcher's own.
	At func(action string)
	// Timeline, if not nil, is told where the time goes.
	Timeline *timeline.Recorder
}

func (r *Runtime) at(action string) {
	r.Log.Debugf("%s", action)
	if r.At != nil {
		r.At(action)
	}
	if r.Timeline != nil {
		r.Timeline.Action(action)
	}
}

// lockTimeout is how long a command waits for another one on the same container.
const lockTimeout = 30 * time.Second

// container is an existing container: its directory and what is recorded.
type container struct {
	dir       *store.Dir
	record    *store.Record
	interrupt *interrupt.Interruption // of hooks, nil: never
}

// open finds a container; lock says that its state is to be changed.
func (r *Runtime) open(id string, lock bool) (*container, error) {
	dir, err := r.Store.Open(id)
	if err != nil {
		return nil, advise(err, storeHint(err, r.Store.Root()))
	}
	if lock {
		dir.Waiting = func(holder string) { r.Log.Warnf("container %s is locked: waiting for %s", id, holder) }
		if err := dir.Lock(lockTimeout); err != nil {
			dir.Close()
			return nil, err
		}
	}
	record, err := dir.Record()
	if err != nil {
		dir.Close()
		return nil, err
	}
	return &container{dir: dir, record: record}, nil
}

func (c *container) close() { c.dir.Close() }

// config is the configuration as it was at create, with the limits as update has
// changed them.
func (c *container) config() (*specs.Spec, error) {
	data, err := c.dir.ReadFile(store.ConfigName)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	s, _, err := spec.Load(data)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	return s, c.updated(s)
}

// inspect finds out from the kernel, soon after the container was opened, what its
// status depends on, all but whether it is frozen.
func (c *container) inspect() (store.Facts, error) {
	record, facts, err := c.dir.Inspect(c.record)
	if err == nil {
		c.record = record
	}
	return facts, err
}

// status derives the container's status.
func (c *container) status() (store.Status, error) {
	facts, err := c.inspect()
	if err != nil {
		return "", err
	}
	if facts.Init == process.Running {
		m := c.cgroup()
		defer m.Close()
		if facts.Frozen, err = m.Frozen(); err != nil {
			return "", err
		}
	}
	return facts.Status(), nil
}

// State is what `state` and `list` show of a container.
type State struct {
	specs.State
	Rootfs  string
	Created time.Time
	UID     uint32
}

func (c *container) state() (*State, error) {
	status, err := c.status()
	if err != nil {
		return nil, err
	}
	r := c.record
	s := &State{Rootfs: r.Rootfs, Created: r.Created, UID: r.UID}
	s.State = specs.State{Version: r.OCIVersion, ID: r.ID, Status: specs.ContainerState(status), Bundle: r.Bundle, Annotations: r.Annotations}
	if status != store.Stopped {
		s.Pid = r.Init.Pid
	}
	return s, nil
}

// State reports on a container.
func (r *Runtime) State(id string) (*State, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.state()
}

// List reports on all containers, sorted by id. One that disappears meanwhile is
// left out; one that cannot be read is logged.
func (r *Runtime) List() ([]*State, error) {
	ids, err := r.Store.List()
	if err != nil {
		return nil, advise(err, storeHint(err, r.Store.Root()))
	}
	var list []*State
	for _, id := range ids {
		s, err := r.State(id)
		switch {
		case err == nil:
			list = append(list, s)
		case !errors.Is(err, store.ErrNotExist):
			r.Log.Warnf("container %s: %v", id, err)
		}
	}
	return list, nil
}

// loadBundle reads and judges a bundle's config.json.
func (r *Runtime) loadBundle(bundle, config string) (*specs.Spec, []byte, error) {
	if config == "" {
		config = filepath.Join(bundle, "config.json")
	}
	r.at("loading " + filepath.Base(config))
	data, err := readConfig(config)
	if err != nil {
		return nil, nil, advise(err, bundleHint(err))
	}
	s, unknown, err := spec.Load(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	for _, u := range unknown {
		if r.Strict {
			return nil, nil, fmt.Errorf("%s: %s (--strict)", config, u)
		}
		r.Log.Warnf("%s: %s", config, u)
	}
	if err := spec.Validate(s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	if spec.NewerMinor(s.Version) {
		r.Log.Warnf("%s: ociVersion %s is newer than what rung knows (%s)", config, s.Version, specs.Version)
	}
	return s, data, unsupported(s)
}

// readConfig reads a regular file. The opening of another, or its end, may have
// to be waited for.
func readConfig(path string) ([]byte, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	return readRegular(fd, path, math.MaxInt64)
}

// readRegular reads an open file if it is regular and not larger than most.
func readRegular(fd int, path string, most int64) ([]byte, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(fd, &stat); err != nil {
		return nil, fmt.Errorf("%s: fstat: %w", path, err)
	}
	if kind := stat.Mode & unix.S_IFMT; kind != unix.S_IFREG {
		return nil, fmt.Errorf("%s: %w", path, &kernel.NotRegularError{Kind: kind})
	}
	if stat.Size > most {
		return nil, fmt.Errorf("%s: has %d bytes, more than %d", path, stat.Size, most)
	}
	data, err := kernel.ReadAll(fd, int(stat.Size))
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	return data, nil
}

// unsupported refuses by name what rung does not do yet.
func unsupported(s *specs.Spec) error {
	switch l := s.Linux; {
	case l == nil:
	case l.IntelRdt != nil:
		return errors.New("linux.intelRdt is not supported yet")
	case l.Seccomp != nil && l.Seccomp.ListenerPath != "":
		return errors.New("linux.seccomp.listenerPath is not supported yet")
	}
	if s.VM != nil {
		return errors.New("vm: virtual machines are not supported")
	}
	return nil
}

func closeAll(fds ...int) {
	for _, fd := range fds {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}
