package birth

import (
	"path"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// openWorkingDirectory opens process.cwd, made if it is missing as long as that
// can be done: before the root is read-only.
func (c *compiler) openWorkingDirectory() error {
	c.about("process.cwd", "opening the working directory "+c.proc.Cwd)
	denied := c.Target() // see enterAsUser
	c.ensureDirectory(path.Clean(c.proc.Cwd), 0, c.cwd, denied)
	c.Place(denied)
	return nil
}

// enterWorkingDirectory enters it by descriptor, after the root has changed.
func (c *compiler) enterWorkingDirectory() error {
	c.about("process.cwd", "entering the working directory "+c.proc.Cwd)
	denied := c.Target()
	c.JumpIf(nsenter.Value(c.cwd), ^uint64(0), ^uint64(0), denied)
	c.tryToEnter()
	c.close(c.cwd)
	c.Place(denied)
	return nil
}

// tryToEnter makes $cwd the working directory, unless that is denied.
func (c *compiler) tryToEnter() {
	c.Fchdir(nsenter.Value(c.cwd)).Into(c.entered).Ignore(unix.EACCES, unix.EPERM)
}

// enterAsUser enters the working directory with the process's own rights, if the
// container's root was denied it: a directory may be there for the user's group
// alone, and a file server may trust no root.
func (c *compiler) enterAsUser(path string) {
	c.about("process.cwd", "entering the working directory "+c.proc.Cwd)
	done := c.Target()
	c.JumpIf(nsenter.Value(c.entered), ^uint64(0), 0, done)
	c.resolve(path, unix.O_PATH|unix.O_DIRECTORY, 0, c.cwd)
	c.Fchdir(nsenter.Value(c.cwd))
	c.close(c.cwd)
	c.Place(done)
}

// existingWorkingDirectory enters process.cwd, by a path that cannot lead through
// a descriptor out of the container (CVE-2024-21626).
func (c *compiler) existingWorkingDirectory() error {
	c.about("process.cwd", "entering the working directory "+c.proc.Cwd)
	denied := c.Target() // see enterAsUser
	c.resolve(c.proc.Cwd, unix.O_PATH|unix.O_DIRECTORY, 0, c.cwd).JumpOn(unix.EACCES, denied)
	c.tryToEnter()
	c.Place(denied)
	return nil
}
