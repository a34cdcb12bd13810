package birth

import (
	"cmp"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// HostID is an id of the container, 0 if nil, as the host sees it; the host's
// root where it is not mapped, which the container sees as nobody.
func HostID(mappings []specs.LinuxIDMapping, id *uint32) uint32 {
	outside, _ := mapped(mappings, *cmp.Or(id, new(uint32)))
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
		if c.open { // which joining namespaces may have changed
			c.Prctl(unix.PR_SET_DUMPABLE, 1)
		}
		c.sync(TagMaps)
	}
	if c.userNS {
		c.about("linux.namespaces", "becoming a user that the user namespace maps: 0, or process.user")
		becomeRoot(c.Program, c.proc.User)
	}
	if c.livesTwice() {
		c.executeAgain()
	}
	if c.newUser && c.newNS[specs.IPCNamespace] {
		c.about("linux.namespaces", "making the ipc namespace")
		c.Unshare(unix.CLONE_NEWIPC)
	}
	return nil
}

// becomeRoot takes the ids 0 of a user namespace, or, where that has none, those of the
// process: files on its filesystems can only belong to ids that it knows. All
// capabilities stay, because they are lost with an id 0 alone (capabilities(7)).
func becomeRoot(p *nsenter.Program, user specs.User) {
	for _, id := range [...]struct {
		become func(real, effective, saved uint32) nsenter.Call
		own    uint32
	}{{p.Setresgid, user.GID}, {p.Setresuid, user.UID}} {
		unmapped, done := p.Target(), p.Target()
		id.become(0, 0, 0).JumpOn(unix.EINVAL, unmapped)
		p.Goto(done)
		p.Place(unmapped)
		id.become(id.own, id.own, id.own)
		p.Place(done)
	}
	hide(p) // a change of ids made it dumpable again
}
