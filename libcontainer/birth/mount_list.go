package birth

import (
	"cmp"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/spec"
)

// MountKind tells mounts apart by how they are made.
type MountKind int

const (
	FilesystemMount MountKind = iota
	BindMount                 // a clone of what the host has at a path
	CgroupMount               // the container's cgroups, in the way that the host shows its own
	Remount                   // nothing new: what is mounted there gets other attributes
)

// Mount is a mount of the configuration (config.md, Mounts), decided: whoever has to
// know what it will be reads it here. Its embedded options say the flags to set and to
// clear, the propagation and the filesystem's own options; where the type says that it
// is a bind mount, Bind and Rbind do so, too.
type Mount struct {
	Kind        MountKind
	Property    string // of config.json that it comes from: "mounts[3]"; "" if it is the runtime's own
	Destination string // as the configuration has it
	Target      string // the destination as an absolute, clean path
	Source      string // BindMount: an absolute path; FilesystemMount: what the filesystem takes for one
	Type        string // FilesystemMount and Remount: of the filesystem
	spec.MountOptions

	// NoSymlinks: the target must not be led anywhere. If an image could choose where
	// its procfs is, what is masked there would be masked somewhere else (CVE-2023-27561).
	NoSymlinks bool
}

// Mounts decides the mounts of a configuration, in their order. bundle is the absolute
// path that sources are relative to. It looks nothing up.
func Mounts(s *specs.Spec, bundle string) ([]Mount, error) {
	list := make([]Mount, 0, len(s.Mounts)+1) // the runtime may have one of its own
	for i := range s.Mounts {
		m, err := NewMount("mounts["+strconv.Itoa(i)+"]", &s.Mounts[i], bundle)
		if err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// NewMount decides one mount, which property is about. Errors say where it comes from.
func NewMount(property string, from *specs.Mount, bundle string) (Mount, error) {
	m := Mount{
		Property: property, Destination: from.Destination, Source: from.Source, Type: from.Type,
		// without "..", as if the image had no symlinks: so it means the same in every image
		Target:       path.Clean("/" + from.Destination),
		MountOptions: spec.ParseMountOptions(from.Options),
		NoSymlinks:   from.Type == "proc" || from.Type == "sysfs",
	}
	m.Rbind = m.Rbind || m.Type == "rbind"
	m.Bind = m.Bind || m.Rbind || m.Type == "bind"
	switch {
	case m.Remount:
		m.Kind = Remount
	case m.Bind:
		m.Kind = BindMount
		if m.Source != "" && !filepath.IsAbs(m.Source) {
			m.Source = filepath.Join(bundle, m.Source)
		}
	case m.Type == "cgroup":
		m.Kind = CgroupMount
	}
	if err := m.check(from); err != nil {
		return Mount{}, m.wrap(err)
	}
	return m, nil
}

func (m *Mount) wrap(err error) error {
	return fmt.Errorf("%s (%s): %w", cmp.Or(m.Property, "rung's own mount"), m.Destination, err)
}

// check refuses what cannot be mounted.
func (m *Mount) check(from *specs.Mount) error {
	switch {
	case m.IDMap || m.RecIDMap || len(from.UIDMappings) > 0 || len(from.GIDMappings) > 0:
		return fmt.Errorf("id-mapped mounts (idmap, uidMappings, gidMappings) are not supported yet")
	case m.Target == "/":
		return fmt.Errorf("the destination is the root itself")
	case m.Kind != BindMount && m.NoFollow != 0:
		return fmt.Errorf("options copy-symlink, src-nofollow and dest-nofollow are for bind mounts")
	case m.Kind == BindMount && m.Source == "":
		return fmt.Errorf("source is missing")
	case m.Kind == FilesystemMount && m.Type == "":
		return fmt.Errorf("type is missing, and the options have neither bind nor rbind")
	case m.Kind == FilesystemMount && m.TmpCopyUp && m.Type != "tmpfs":
		return fmt.Errorf("option tmpcopyup: the type is %s, not tmpfs", m.Type)
	}
	if err := m.checkData(); err != nil {
		return err
	}
	return m.checkLengths()
}

// onBind reports whether a path lies on a bind mount, and so is the host's: the last mount
// that covers it decides. A remount counts, if it calls itself one of a bind mount.
func onBind(mounts []Mount, p string) bool {
	for _, m := range slices.Backward(mounts) {
		if (m.Kind != Remount || m.Bind) && kernel.Below(p, m.Target) {
			return m.Bind
		}
	}
	return false
}

// commas joins options as mount(2) takes them.
func commas(options []string) string { return strings.Join(options, ",") }
