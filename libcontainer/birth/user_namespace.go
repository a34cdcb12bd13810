package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// HostID is an id of the container, 0 if nil, as the host sees it; the host's
// root where it is not mapped, which the container sees as nobody.
func HostID(mappings []specs.LinuxIDMapping, id *uint32) uint32 {
	inside := uint32(0)
	if id != nil {
		inside = *id
	}
	outside, _ := mapped(mappings, inside)
	return outside
}

// mapped is an id of the container as the host sees it, if it is mapped.
func mapped(mappings []specs.LinuxIDMapping, id uint32) (uint32, bool) {
	for _, m := range mappings {
		if id >= m.ContainerID && id-m.ContainerID < m.Size {
			return m.HostID + id - m.ContainerID, true
		}
	}
	return 0, false
}

// becomeRoot waits for the maps of a new user namespace and takes its ids 0.
func (c *compiler) becomeRoot() error {
	if c.newUser {
		c.about("linux.uidMappings", "waiting for linux.uidMappings and linux.gidMappings to be written")
		c.sync(TagMaps)
	}
	if c.userNS {
		c.about("linux.namespaces", "becoming root of the user namespace")
		becomeRoot(c.Program)
	}
	if c.newUser && c.newNS[specs.IPCNamespace] {
		c.about("linux.namespaces", "making the ipc namespace")
		c.Unshare(unix.CLONE_NEWIPC)
	}
	return nil
}

// becomeRoot takes the ids 0 of a user namespace that was joined.
func becomeRoot(p *nsenter.Program) {
	p.Setresgid(0, 0, 0)
	p.Setresuid(0, 0, 0)
	hide(p) // a change of ids made it dumpable again
}
