package birth

import (
	"cmp"
	"fmt"

	"golang.org/x/sys/unix"
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
	c.sets = sets
	c.noNewPrivileges()
	c.filter(beforeRights)
	c.dropBounding(sets.bounding)
	c.identity()
	c.capset(sets)
	for bit := range c.in.Host.LastCap + 1 {
		if sets.ambient&(1<<bit) != 0 {
			c.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, int(bit), 0, 0)
		}
	}
	c.hide()
	c.umask()
	return nil
}

// identity takes on the user and the groups; the capabilities are kept for now.
func (c *compiler) identity() {
	user := c.proc.User
	c.about("process.user", fmt.Sprintf("becoming user %d, group %d", user.UID, user.GID))
	c.Prctl(unix.PR_SET_KEEPCAPS, 1)
	switch denied := c.in.Host.Lacks.Groups; {
	case denied && len(user.AdditionalGids) > 0:
		c.warn("process.user.additionalGids: not set: the user namespace denies setgroups(2), which it does " +
			"with no groups but the user's own; newgidmap and a range of /etc/subgid allow it")
	case denied, c.keepsGroups():
	default:
		set := c.Setgroups(user.AdditionalGids)
		if c.userNS && len(user.AdditionalGids) == 0 {
			set.Ignore(unix.EPERM) // denied by /proc/PID/setgroups: user_namespaces(7)
		}
	}
	c.Setresgid(user.GID, user.GID, user.GID)
	c.Setresuid(user.UID, user.UID, user.UID)
}

// dropGroups gives up the caller's groups, which mean something on the host.
func (c *compiler) dropGroups() {
	if !c.keepsGroups() && !c.in.Host.Lacks.Groups {
		c.Label("giving up the caller's groups")
		c.DropGroups().Ignore(unix.EPERM)
	}
}

// keepsGroups reports whether the caller's groups are to be the container's as well: an
// annotation of crun, of any value, that podman sends for --group-add keep-groups.
func (c *compiler) keepsGroups() bool {
	_, keeps := c.in.Spec.Annotations["run.oci.keep_original_groups"]
	return keeps
}

func (c *compiler) umask() {
	c.about("process.user.umask", "setting the umask")
	c.Umask(*cmp.Or(c.proc.User.Umask, new(uint32(0o22))))
}
