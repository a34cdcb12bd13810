package birth

import (
	"fmt"
	"math/bits"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/capabilities"
)

func (c *compiler) dropBounding(keep uint64) {
	c.about("process.capabilities.bounding", "dropping capabilities from the bounding set")
	for bit := range c.in.Host.LastCap + 1 {
		if keep&(1<<bit) == 0 {
			c.Prctl(unix.PR_CAPBSET_DROP, int(bit))
		}
	}
}

func (c *compiler) capset(s capSets) {
	c.about("process.capabilities", "setting the capabilities")
	keep := c.forFilter()
	c.Capset(s.effective|keep, s.permitted|keep, s.inheritable)
	// which has kept those of the caller's ambient ones that are inheritable
	c.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
}

type capSets struct{ bounding, effective, permitted, inheritable, ambient uint64 }

// capabilitySets are the sets as bit masks. Unknown capabilities and those that
// the runtime itself has not got are left out with a warning, as the
// specification asks.
func (c *compiler) capabilitySets() (capSets, error) {
	var s capSets
	if c.proc.Capabilities == nil {
		return s, nil
	}
	available := c.in.Host.Bounding
	if c.userNS { // where the process is made with all of them
		available = 1<<(c.in.Host.LastCap+1) - 1
	}
	var missing uint64
	for _, set := range []struct {
		name  string
		list  []string
		mask  *uint64
		limit uint64
	}{
		{"bounding", c.proc.Capabilities.Bounding, &s.bounding, available},
		{"permitted", c.proc.Capabilities.Permitted, &s.permitted, available},
		{"effective", c.proc.Capabilities.Effective, &s.effective, ^uint64(0)},
		{"inheritable", c.proc.Capabilities.Inheritable, &s.inheritable, available},
		{"ambient", c.proc.Capabilities.Ambient, &s.ambient, ^uint64(0)},
	} {
		mask, unknown := capabilities.Set(set.list)
		if len(unknown) > 0 {
			c.warn("process.capabilities.%s: unknown capabilities left out: %s", set.name, strings.Join(unknown, ", "))
		}
		missing |= mask &^ set.limit
		*set.mask = mask & set.limit
	}
	if missing != 0 {
		c.warn("process.capabilities: not available to rung here, left out: %s",
			strings.Join(capabilities.Members(missing), ", "))
	}
	if s.effective&^s.permitted&available != 0 {
		return s, fmt.Errorf("process.capabilities.effective: not in the permitted set: %s",
			strings.Join(capabilities.Members(s.effective&^s.permitted&available), ", "))
	}
	s.effective &= s.permitted
	s.ambient &= available
	if without := s.ambient &^ (s.permitted & s.inheritable); without != 0 { // every one in each step of podman build
		c.warn("process.capabilities.ambient: %d left out, not permitted and inheritable", bits.OnesCount64(without))
		s.ambient &^= without
	}
	return s, nil
}
