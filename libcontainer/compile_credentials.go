package libcontainer

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/nsenter"
)

// credentials sets limits, ids and capabilities, in the order that each needs
// the rights that a later one takes away.
func (c *compiler) credentials() error {
	if err := c.limits(); err != nil {
		return err
	}
	sets, err := c.capabilitySets()
	if err != nil {
		return err
	}
	c.dropBounding(sets.bounding)
	c.identity()
	c.capset(sets)
	for bit := range c.in.Host.LastCap + 1 {
		if sets.ambient&(1<<bit) != 0 {
			c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAP_AMBIENT), nsenter.Int(unix.PR_CAP_AMBIENT_RAISE), nsenter.Int(bit), nsenter.Int(0), nsenter.Int(0))
		}
	}
	c.hide()
	c.umask()
	c.noNewPrivileges()
	return nil
}

// restrict puts root of the container under the restrictions of the container's
// process: no capability but those of its bounding set, and its filter.
func (c *compiler) restrict() error {
	sets, err := c.capabilitySets()
	if err != nil {
		return err
	}
	c.dropBounding(sets.bounding)
	c.capset(capSets{effective: sets.bounding, permitted: sets.bounding})
	c.noNewPrivileges()
	c.loadFilter()
	return nil
}

func (c *compiler) dropBounding(keep uint64) {
	c.Label("dropping capabilities from the bounding set")
	for bit := range c.in.Host.LastCap + 1 {
		if keep&(1<<bit) == 0 {
			c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAPBSET_DROP), nsenter.Int(bit))
		}
	}
}

func (c *compiler) capset(s capSets) {
	c.Label("setting the capabilities")
	keep := c.forFilter()
	c.Call(unix.SYS_CAPSET, nsenter.Bytes(capHeader()), nsenter.Bytes(capData(s.effective|keep, s.permitted|keep, s.inheritable)))
	// which has kept those of the caller's ambient ones that are inheritable
	c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_CAP_AMBIENT), nsenter.Int(unix.PR_CAP_AMBIENT_CLEAR_ALL), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
}

func (c *compiler) noNewPrivileges() {
	if c.proc.NoNewPrivileges {
		c.Label("setting process.noNewPrivileges")
		c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
}

// identity takes on the user and the groups; the capabilities are kept for now.
func (c *compiler) identity() {
	user := c.proc.User
	c.Label(fmt.Sprintf("becoming user %d, group %d", user.UID, user.GID))
	c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_KEEPCAPS), nsenter.Int(1))
	groups := make([]byte, 0, 4*len(user.AdditionalGids))
	for _, gid := range user.AdditionalGids {
		groups = binary.NativeEndian.AppendUint32(groups, gid)
	}
	set := c.Call(unix.SYS_SETGROUPS, nsenter.Int(len(user.AdditionalGids)), nsenter.Bytes(groups))
	if c.userNS && len(user.AdditionalGids) == 0 {
		set.Ignore(unix.EPERM) // denied by /proc/PID/setgroups: user_namespaces(7)
	}
	c.Call(unix.SYS_SETRESGID, nsenter.Int(user.GID), nsenter.Int(user.GID), nsenter.Int(user.GID))
	c.Call(unix.SYS_SETRESUID, nsenter.Int(user.UID), nsenter.Int(user.UID), nsenter.Int(user.UID))
}

func (c *compiler) umask() {
	mask := uint32(0o22)
	if c.proc.User.Umask != nil {
		mask = *c.proc.User.Umask
	}
	c.Label("setting the umask")
	c.Call(unix.SYS_UMASK, nsenter.Int(mask))
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
		if missing := mask &^ set.limit; missing != 0 {
			c.warn("process.capabilities.%s: not available to rung here, left out: %s", set.name, strings.Join(capabilities.Members(missing), ", "))
		}
		*set.mask = mask & set.limit
	}
	if s.effective&^s.permitted&available != 0 {
		return s, fmt.Errorf("process.capabilities.effective: not in the permitted set: %s", strings.Join(capabilities.Members(s.effective&^s.permitted&available), ", "))
	}
	s.effective &= s.permitted
	if s.ambient &^= ^available; s.ambient&^(s.permitted&s.inheritable) != 0 {
		c.warn("process.capabilities.ambient: left out, because not both permitted and inheritable: %s",
			strings.Join(capabilities.Members(s.ambient&^(s.permitted&s.inheritable)), ", "))
		s.ambient &= s.permitted & s.inheritable
	}
	return s, nil
}

// forFilter is the capability that loading a filter needs when there is no
// no_new_privs (seccomp(2)); execve takes it away again.
func (c *compiler) forFilter() uint64 {
	if c.in.Filter == nil || c.proc.NoNewPrivileges {
		return 0
	}
	return 1 << unix.CAP_SYS_ADMIN
}

func capHeader() []byte {
	b := make([]byte, 8)
	binary.NativeEndian.PutUint32(b, unix.LINUX_CAPABILITY_VERSION_3)
	return b
}

// capData is two struct __user_cap_data_struct, the lower halves first.
func capData(effective, permitted, inheritable uint64) []byte {
	b := make([]byte, 0, 24)
	for shift := 0; shift <= 32; shift += 32 {
		for _, set := range [...]uint64{effective, permitted, inheritable} {
			b = binary.NativeEndian.AppendUint32(b, uint32(set>>shift))
		}
	}
	return b
}
