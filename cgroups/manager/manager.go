// Package manager chooses the implementation of [cgroups.Manager] that a machine needs.
// No other package names one.
package manager

import (
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/systemd"
	"github.com/rung-oci/rung/cgroups/v1"
	"github.com/rung-oci/rung/cgroups/v2"
)

// Options say which cgroup a new container is to have.
type Options struct {
	Path string // linux.cgroupsPath
	ID   string // of the container
	// Systemd has systemd make the cgroup: Path is "SLICE:PREFIX:NAME" then.
	Systemd bool
	// Annotations are the container's: org.systemd.property.NAME is one of the unit. Those that
	// could do harm outside of the container have to be in Allow.
	Annotations map[string]string
	Allow       []string
	// Idle starts a process that keeps the unit until one of the container's is in it.
	Idle func() (cgroups.Idler, error)
	// Owner is the uid of the host to whom a cgroup of v2 is delegated; nil: to nobody.
	Owner *uint32
}

// New returns the Manager for the cgroup of a new container. It makes nothing.
//
// An absolute path starts at the root of what is mounted, a relative one at the
// caller's own cgroup, and an empty one means the relative path id.
func New(o Options) (cgroups.Manager, error) {
	h, err := cgroups.Find()
	if err != nil {
		return nil, err
	}
	if o.Systemd {
		return systemd.New(h, systemd.Options{
			Path: o.Path, ID: o.ID, Annotations: o.Annotations, Allow: o.Allow, Owner: o.Owner, Idle: o.Idle,
		})
	}
	if h.Pure() {
		return v2.New(h, o.Path, o.ID, o.Owner)
	}
	return v1.New(h, o.Path, o.ID)
}

// Restore returns the Manager of a cgroup that was created before, from its Record. It
// touches nothing.
//
// Each line of a record is a word, a tab and a path. Those of package v1 begin with
// the name of a hierarchy, which is never "v2" or "systemd": those words are for the
// records of others.
func Restore(record []byte) cgroups.Manager {
	if len(record) == 0 {
		return none{}
	}
	if m, ok := systemd.Restore(record); ok {
		return m
	}
	if m, ok := v2.Restore(record); ok {
		return m
	}
	return v1.Restore(record)
}

// Features says what New can do, on any machine.
func Features() features.Cgroup {
	return features.Cgroup{
		V1: new(true), V2: new(true), Systemd: new(true), SystemdUser: new(true), Rdma: new(true),
	}
}
