// Package manager chooses the implementation of [cgroups.Manager] that a machine needs.
// No other package names one.
package manager

import (
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/v1"
)

// New returns the Manager for the cgroup of a new container with the id, named by
// linux.cgroupsPath. It makes nothing.
//
// An absolute path starts at the root of what is mounted, a relative one at the caller's
// own cgroup, and an empty one means the relative path id.
func New(cgroupsPath, id string) (cgroups.Manager, error) {
	h, err := cgroups.Find()
	if err != nil {
		return nil, err
	}
	return v1.New(h, cgroupsPath, id)
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
	return v1.Restore(record)
}

// Features says what New can do, on any machine.
func Features() features.Cgroup {
	return features.Cgroup{
		V1: new(true), V2: new(false), Systemd: new(false), SystemdUser: new(false), Rdma: new(true),
	}
}
