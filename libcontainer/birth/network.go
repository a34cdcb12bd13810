package birth

import (
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// network brings up the loopback device and has linux.netDevices moved in.
func (c *compiler) network() error {
	if c.newNS[specs.NetworkNamespace] {
		c.Label("bringing up the loopback device")
		socket := c.scratch
		ifreq := make([]byte, 40) // struct ifreq: name, then the flags
		copy(ifreq, "lo")
		ifreq[16] = unix.IFF_UP
		c.Call(unix.SYS_SOCKET, nsenter.Int(unix.AF_INET), nsenter.Int(unix.SOCK_DGRAM|unix.SOCK_CLOEXEC), nsenter.Int(0)).Into(socket)
		c.Call(unix.SYS_IOCTL, nsenter.Value(socket), nsenter.Int(unix.SIOCSIFFLAGS), nsenter.Bytes(ifreq))
		c.close(socket)
	}
	if len(c.hasLinux.NetDevices) > 0 {
		c.Label("waiting for linux.netDevices to be moved")
		c.sync(TagNetwork)
	}
	return nil
}
