package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
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
	config = cmp.Or(config, filepath.Join(bundle, "config.json"))
	r.at("loading " + filepath.Base(config))
	data, err := kernel.ReadRegular(unix.AT_FDCWD, config, 0, math.MaxInt64)
	if err != nil {
		return nil, nil, failure.OfBundle(err)
	}
	s, unknown, err := spec.Load(data)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", config, err)
	}
	if err := r.judge(config, data, unknown); err != nil {
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

// judge warns of properties in a file that rung does not know, or refuses them and what may
// mean different things to different readers.
func (r *Runtime) judge(file string, data []byte, unknown []spec.Unknown) error {
	if r.Strict {
		if err := spec.CheckUnambiguous(data); err != nil {
			return fmt.Errorf("%s: %w (--strict)", file, err)
		}
	}
	for _, u := range unknown {
		if r.Strict {
			return &UnknownPropertyError{file, u}
		}
		r.Log.Warnf("%s: %s", file, u)
	}
	return nil
}

// An UnknownPropertyError is the failure, where the runtime is strict, of a file that has
// a property which rung does not know.
type UnknownPropertyError struct {
	File     string
	Property spec.Unknown
}

func (e *UnknownPropertyError) Error() string { return e.File + ": " + e.Property.String() }

// unsupported refuses by name what rung does not do yet.
func unsupported(s *specs.Spec) error {
	switch l := s.Linux; {
	case l == nil:
	case l.IntelRdt != nil:
		return errors.New("linux.intelRdt is not supported yet")
	}
	if s.VM != nil {
		return errors.New("vm: virtual machines are not supported")
	}
	return nil
}
