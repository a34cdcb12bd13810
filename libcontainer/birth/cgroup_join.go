package birth

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// joinCgroups moves the process into its cgroups.
func (c *compiler) joinCgroups() error {
	joinCgroups(c.Program, c.in.Host.CgroupFiles, c.in.Host.CgroupMove, func(name string) {
		c.about("linux.cgroupsPath", "joining the cgroup of "+name)
	})
	if c.newNS[specs.CgroupNamespace] {
		c.about("linux.namespaces", "making the cgroup namespace")
		c.Unshare(unix.CLONE_NEWCGROUP)
	}
	return nil
}

// NoFile is the number of a descriptor that there is not.
const NoFile = -1

// joinCgroups moves the process into cgroups: "0" is the writer, and on cgroup v1 a
// process that moves itself needs no lock over all of the machine's threads. What it could not be
// born in is joined if the launcher has opened the file.
func joinCgroups(p *nsenter.Program, files []string, move string, about func(name string)) {
	for _, name := range files {
		about(name)
		file := nsenter.File(FileCgroup + name)
		p.Write(file, "0")
		p.Close(file)
	}
	if move != "" {
		about(move)
		file, born := nsenter.File(FileCgroup+move), p.Target()
		p.JumpIf(file, ^uint64(0), ^uint64(0), born) // NoFile
		p.Write(file, "0")
		p.Close(file)
		p.Place(born)
	}
}

// devicesRules has the launcher set the rules of devices, which are about the container
// and would be in the way of what is done for it: a filesystem on a block device is
// mounted that the process may not open, and nodes and the terminal are made though
// rules take from the default devices. It is before the hooks, which may allow more.
// The process is in its cgroup long since, where its cgroup namespace begins.
func (c *compiler) devicesRules() error {
	onDevice := slices.ContainsFunc(c.in.Mounts, func(m Mount) bool {
		return m.Kind == FilesystemMount && strings.Contains(m.Source, "/")
	})
	if r := c.hasLinux.Resources; !onDevice && (r == nil || !slices.ContainsFunc(r.Devices, isNarrowDenial)) {
		return nil
	}
	c.birth.LateDevices = true
	c.about("linux.resources.devices", "waiting for the rules of devices")
	c.sync(TagDevices)
	return nil
}

// isNarrowDenial reports whether a rule denies something, but not everything.
func isNarrowDenial(r specs.LinuxDeviceCgroup) bool {
	return !r.Allow && (r.Type == "b" || r.Type == "c" || r.Major != nil || r.Minor != nil || len(r.Access)%3 != 0)
}
