package birth

import (
	"golang.org/x/sys/unix"
)

func (c *compiler) loadFilter() {
	f := c.in.Filter
	if f == nil {
		return
	}
	c.about("linux.seccomp", "loading the seccomp filter")
	c.SeccompSetFilter(uint64(f.Flags), f.Bytes())
}

func (c *compiler) noNewPrivileges() {
	if c.proc.NoNewPrivileges {
		c.about("process.noNewPrivileges", "setting process.noNewPrivileges")
		c.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
}

// forFilter is the capability that loading a filter needs when there is no
// no_new_privs (seccomp(2)); execve takes it away again.
func (c *compiler) forFilter() uint64 {
	if c.in.Filter == nil || c.proc.NoNewPrivileges {
		return 0
	}
	return 1 << unix.CAP_SYS_ADMIN
}
