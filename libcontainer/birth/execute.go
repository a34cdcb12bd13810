package birth

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// checkExecutable looks for what execve will be called with, where mounts hide
// it from the launcher's own look at the rootfs.
func (c *compiler) checkExecutable() error {
	if !c.in.Behind || len(c.in.Candidates) == 0 {
		return nil
	}
	found, unseen := c.Target(), c.Target()
	name := c.proc.Args[0]
	if strings.Contains(name, "/") {
		c.about("process.args", fmt.Sprintf("exec: %q: stat %s", name, name))
		c.Kind(KindNoExecutable)
	} else {
		c.about("process.args", fmt.Sprintf("exec: %q: executable file not found in $PATH", name))
		c.Kind(KindNotInPath)
	}
	c.JumpUnless(nsenter.Value(c.entered), ^uint64(0), 0, unseen) // relative paths would lead elsewhere
	file := c.Cell("executable")                                  // -1 as long as none was opened
	for i, candidate := range c.in.Candidates {
		call := c.Openat(nsenter.CWD, candidate, unix.O_PATH|unix.O_CLOEXEC, 0).Into(file)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
			c.JumpUnless(nsenter.Value(file), ^uint64(0), ^uint64(0), found)
		}
	}
	c.Place(found)
	c.close(file)
	c.Place(unseen)
	return nil
}

// execute loads the filter and becomes the user's process.
func (c *compiler) execute() error {
	c.filter(beforeExecve)
	defer func() { c.executes = len(c.Steps) }()
	if len(c.in.Candidates) == 0 {
		c.about("process", "executing nothing: the config has no process")
		c.Expect(nsenter.Int(0), 0, 1, unix.ENOEXEC)
		return nil
	}
	argv, env := c.Strings(c.proc.Args), c.Strings(c.in.Env)
	for i, candidate := range c.in.Candidates {
		c.about("process.args", "executing "+candidate)
		call := c.Execve(candidate, argv, env)
		if i < len(c.in.Candidates)-1 {
			call.Ignore(unix.ENOENT, unix.ENOTDIR, unix.EACCES)
		}
	}
	return nil
}
