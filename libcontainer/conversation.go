package libcontainer

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/copyup"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/launch"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/netdevice"
	"github.com/rung-oci/rung/libcontainer/terminal"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// answers says what create does for the birth program when it asks for it: see
// [birth.Messages]. At the others, TagReady and TagGate, it stops to listen.
func (c *creation) answers() map[byte]func([]kernel.Fd) error {
	answers := map[byte]func([]kernel.Fd) error{
		birth.TagMaps:     func([]kernel.Fd) error { return c.writeMaps() },
		birth.TagNetwork:  func([]kernel.Fd) error { return c.moveNetDevices() },
		birth.TagSources:  func([]kernel.Fd) error { return c.runSources() },
		birth.TagProcfs:   func([]kernel.Fd) error { return c.beginProcfs() },
		birth.TagCopyUp:   c.copyUp,
		birth.TagTerminal: c.takeTerminal,
		birth.TagDevices:  func([]kernel.Fd) error { return c.setDevices() },
		birth.TagHooks:    func([]kernel.Fd) error { return c.createHooks() },
		birth.TagSeen:     func([]kernel.Fd) error { c.first.Distrust(); return nil },
	}
	for tag, answer := range answers {
		answers[tag] = func(fds []kernel.Fd) error {
			err := answer(fds)
			if err == nil {
				c.r.at(following)
			}
			return err
		}
	}
	return answers
}

const following = "following the birth program"

// converse does what the program asks for until it sends the tag, which is left unanswered.
func (c *creation) converse(until byte) error {
	c.r.at(following)
	return c.explained(c.first.Converse(until))
}

// answer lets the program go on.
func (c *creation) answer() error { return c.explained(c.first.Answer()) }

// explained is an error of the program's with what is known about it.
func (c *creation) explained(err error) error {
	if end := (*launch.EndError)(nil); errors.As(err, &end) && end.Status.Signaled() {
		if why := c.killedForMemory(end.Step, "the first process"); why != nil {
			return why
		}
	}
	return failure.OfStep(err)
}

// killedForMemory is the error if the cgroup says that the kernel killed in it.
func (c *creation) killedForMemory(label, who string) error {
	m, err := c.manager.Memory()
	if err != nil || m.OOMKills == 0 {
		return nil
	}
	if !m.Memory.Limited() {
		return fmt.Errorf("%s: %s was killed for memory: no limit of its own, but a parent cgroup's, or the "+
			"machine has no more", label, who)
	}
	return fmt.Errorf("%s: %s was killed for memory: linux.resources.memory.limit is %d bytes, and "+
		"it needed more", label, who, m.Memory.Limit)
}

// shortOfMemory is the error if the cgroup says that its limit kept the kernel from giving memory
// for a call, without a kill.
func (c *creation) shortOfMemory(err error) error {
	m, e := c.manager.Memory()
	if e != nil || m.Memory.Failcnt == 0 || !m.Memory.Limited() {
		return nil
	}
	return fmt.Errorf("%w: linux.resources.memory.limit is %d bytes, and the first process needs more",
		err, m.Memory.Limit)
}

// writeMaps writes the maps of the new user namespace, user_namespaces(7).
func (c *creation) writeMaps() error {
	c.r.at("writing the user namespace's maps")
	if err := userns.Users().Write(c.first.Pid, c.spec.Linux.UIDMappings); err != nil {
		return failure.OfMaps(fmt.Errorf("linux.uidMappings: %w", err))
	}
	err := userns.Groups().Write(c.first.Pid, c.spec.Linux.GIDMappings)
	return failure.OfMaps(kernel.Failed("linux.gidMappings", err))
}

// moveNetDevices moves linux.netDevices to the network namespace of the first process.
func (c *creation) moveNetDevices() error {
	c.r.at("moving network devices")
	fd, err := namespaces.OpenNetwork(c.first.Pid)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return netdevice.Move(c.spec.Linux.NetDevices, fd)
}

// runSources runs the program that provides what a user namespace may not open.
func (c *creation) runSources() error {
	c.r.at("opening bind sources and devices")
	files := map[string]int{birth.FileSync: c.first.Socket(), birth.FileInit: c.first.Pidfd.Int()}
	next := c.birth.Sources[0]
	c.birth.Sources = c.birth.Sources[1:]
	return failure.OfStep(c.r.newProcess("the process that opens them", next, files).Run())
}

// beginProcfs runs the program that begins a procfs in the pid namespace by path.
func (c *creation) beginProcfs() error {
	c.r.at("beginning a procfs in the pid namespace")
	p := c.r.newProcess("the process that begins a procfs", c.birth.Procfs, map[string]int{})
	for name, fd := range c.files {
		if strings.HasPrefix(name, birth.FileNamespace) {
			p.Files[name] = fd
		}
	}
	c.way.lend(p)
	p.Watch = c.first.Watch
	p.Serve = map[byte]func([]kernel.Fd) error{birth.TagContext: func(fds []kernel.Fd) error {
		return kernel.Send(c.first.Socket(), []byte{birth.TagContext}, fds[0].Int())
	}}
	return failure.OfStep(p.Run())
}

// copyUp copies a directory of the container to a tmpfs that will cover it.
func (c *creation) copyUp(fds []kernel.Fd) error {
	c.r.at("copying up to a tmpfs")
	from, to := fds[0].Int(), fds[1].Int()
	charge, err := c.chargeFile()
	if err != nil {
		return err
	}
	if charge < 0 || c.r.Self == "" {
		return userns.AsRoot(c.first.Pid, func() error { return copyup.Copy(from, to) })
	}
	err = copyup.Run(c.r.Self, c.first.Pid, from, to, charge)
	if err == copyup.ErrKilled {
		err = cmp.Or(c.killedForMemory("copying up to a tmpfs", "the process that copies"), err)
	}
	return err
}

// chargeFile is a file by which a process is charged to the cgroup, or -1.
func (c *creation) chargeFile() (int, error) {
	if fd := c.way.charge(); fd >= 0 || !c.way.entry.Dir.Ok() {
		return fd, nil
	}
	entry, err := c.manager.Move(unix.EAGAIN, 0) // a process that exists cannot be born there
	if err != nil {
		return -1, err
	}
	c.way.entry.Close()
	c.way.entry = entry
	return c.way.charge(), nil
}

// takeTerminal sets up the terminal's master and gives it to whom it is for.
func (c *creation) takeTerminal(fds []kernel.Fd) (err error) {
	c.r.at("taking the terminal")
	c.master, err = terminal.Take(&fds[0], c.spec.Process.ConsoleSize, c.o.ConsoleSocket)
	return err
}
