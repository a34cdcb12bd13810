package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// network brings up the loopback device and has linux.netDevices moved in.
func (c *compiler) network() error {
	if c.newNS[specs.NetworkNamespace] {
		c.about("linux.namespaces", "bringing up the loopback device")
		socket := c.scratch
		c.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0).Into(socket)
		c.SetInterfaceFlags(nsenter.Value(socket), "lo", unix.IFF_UP)
		c.close(socket)
	}
	if len(c.hasLinux.NetDevices) > 0 {
		c.about("linux.netDevices", "waiting for linux.netDevices to be moved")
		c.sync(TagNetwork)
	}
	return nil
}
