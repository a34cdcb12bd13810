package libcontainer

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/spec"
)

// loadBundle reads and judges a bundle's config.json.
func (r *Runtime) loadBundle(bundle, config string) (*specs.Spec, []byte, error) {
	if config == "" {
		config = filepath.Join(bundle, "config.json")
	}
	r.at("loading " + filepath.Base(config))
	data, err := readConfig(config)
	if err != nil {
		return nil, nil, failure.OfBundle(err)
	}
	s, unknown, err := spec.Load(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	if err := r.judge(config, unknown); err != nil {
		return nil, nil, err
	}
	if err := spec.Validate(s); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	if spec.NewerMinor(s.Version) {
		r.Log.Warnf("%s: ociVersion %s is newer than what rung knows (%s)", config, s.Version, specs.Version)
	}
	return s, data, unsupported(s)
}

// judge warns of properties in a file that rung does not know, or refuses them.
func (r *Runtime) judge(file string, unknown []spec.Unknown) error {
	for _, u := range unknown {
		if r.Strict {
			return &UnknownPropertyError{file, u}
		}
		r.Log.Warnf("%s: %s", file, u)
	}
	return nil
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
