package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// joinCgroups moves the process into its cgroups: "0" is the writer, and a
// process that moves itself needs no lock over all of the machine's threads.
func (c *compiler) joinCgroups() error {
	for _, name := range c.in.Host.CgroupFiles {
		c.about("linux.cgroupsPath", "joining the cgroup of "+name)
		file := nsenter.File(FileCgroup + name)
		c.Write(file, "0")
		c.Close(file)
	}
	if c.newNS[specs.CgroupNamespace] {
		c.about("linux.namespaces", "making the cgroup namespace")
		c.Unshare(unix.CLONE_NEWCGROUP)
	}
	return nil
}
