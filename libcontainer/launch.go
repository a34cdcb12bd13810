package libcontainer

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/failure"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/libcontainer/timeline"
	"github.com/rung-oci/rung/nsenter"
)

// openFiles opens what the program uses of this process.
func (c *creation) openFiles() (err error) {
	c.r.at("opening the descriptors of the first process")
	if c.first.Report, err = c.reportFile(); err != nil {
		return err
	}
	if c.birth.Gate == birth.GateSocket {
		if c.files[birth.FileGate], err = c.gateSocket(); err != nil {
			return err
		}
	}
	if err := timeline.OpenTimes(c.timing, c.files); err != nil {
		return err
	}
	if err := namespaces.Open(c.spec, c.files); err != nil {
		return err
	}
	return c.openCgroups()
}

func (c *creation) openCgroups() error {
	entry, err := c.manager.Entry(false)
	c.way = way{manager: c.manager, entry: entry}
	c.way.lend(c.first)
	return err
}

// reportFile makes the report page in the state directory, where start finds
// it. Behind the page stand the notes of the steps that start will run, and of the two
// that get and judge the launcher's last answer.
func (c *creation) reportFile() (kernel.Fd, error) {
	fd, err := unix.Openat(c.dir.Fd(), store.ReportName, unix.O_CREAT|unix.O_EXCL|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	file := kernel.Own(fd)
	if err != nil {
		return file, fmt.Errorf("creating the report page: %w", err)
	}
	page := append(make([]byte, nsenter.ReportSize), c.birth.Program.Notes(max(c.birth.Ready-2, 0))...)
	if _, err := unix.Pwrite(fd, page, 0); err != nil {
		return file, fmt.Errorf("writing the report page: %w", err)
	}
	return file, nil
}

// gateSocket listens where start will connect.
func (c *creation) gateSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("socket for start: %w", err)
	}
	// a socket's path may have 107 bytes: unix(7)
	err = unix.Bind(fd, &unix.SockaddrUnix{Name: c.dir.ProcPath(store.StartName)})
	if err == nil {
		err = unix.Listen(fd, 1)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("socket for start: %w", err)
	}
	return fd, nil
}

// launch starts the program.
func (c *creation) launch() error {
	p := c.first
	p.Program, p.Flags, p.Serve, p.Found = c.birth.Program, c.birth.Flags, c.answers(), c.found
	if c.birth.JoinsPids {
		c.endDetour = c.r.detour(p, c.manager)
	}
	c.r.at("making the image")
	switch err := p.Prepare(); {
	case errors.Is(err, nsenter.ErrTooLarge):
		path, size := longestList(c.spec)
		return fmt.Errorf("%s: %d elements: %w", path, size, err)
	case err != nil:
		return failure.OfImage(err)
	}
	c.r.at("launching the first process")
	if err := p.Start(); err != nil {
		if errors.Is(err, unix.E2BIG) || errors.Is(err, unix.ENOMEM) { // that the image is charged is no OOM
			err = cmp.Or(c.shortOfMemory(err), err)
		}
		return failure.OfLaunch(err, c.birth.Flags)
	}
	for stream := range 3 {
		name := birth.StreamFile(stream)
		if fd, ok := c.files[name]; ok {
			unix.Close(fd)
			delete(c.files, name)
		}
	}
	if p.Program.Clones() && !c.birth.JoinsPids { // the first process is still to come
		return nil
	}
	return c.identify()
}

// found is told of the process that the program has cloned.
func (c *creation) found() error {
	if c.birth.JoinsPids {
		c.endDetour()
		c.endDetour = nil
	}
	if err := schedule(c.first.Pid, c.birth.Scheduler); err != nil {
		return err
	}
	return c.identify()
}

// schedule sets the scheduling that a process has not inherited, if there is one.
func schedule(pid int, s *unix.SchedAttr) error {
	if s == nil {
		return nil
	}
	if err := unix.SchedSetAttr(pid, s, 0); err != nil {
		return fmt.Errorf("process.scheduler: sched_setattr: %w", err)
	}
	return nil
}

// identify records the first process, which can be killed from now on. Its
// program runs meanwhile.
func (c *creation) identify() (err error) {
	if c.record.Init, err = process.Of(c.first.Pid); err != nil {
		return err
	}
	c.record.ImageDev, c.record.ImageIno = c.first.ImageDev, c.first.ImageIno
	return c.dir.WriteRecord(c.record)
}

// longestList names the property whose elements are the most: each takes steps.
func longestList(s *specs.Spec) (path string, most int) {
	path, most = "mounts", len(s.Mounts)
	if l := s.Linux; l != nil {
		for _, list := range [...]struct {
			path string
			size int
		}{
			{"linux.maskedPaths", len(l.MaskedPaths)}, {"linux.readonlyPaths", len(l.ReadonlyPaths)},
			{"linux.devices", len(l.Devices)}, {"linux.sysctl", len(l.Sysctl)},
		} {
			if list.size > most {
				path, most = list.path, list.size
			}
		}
	}
	return path, most
}

// maxElements is how many a list may have of which each element becomes steps: the program
// of more would be too large anyway, but only be found so after it took a gigabyte. A mount
// namespace has room for 100,000 mounts (sysctl fs.mount-max), also the caller's.
const maxElements = 1 << 14

// checkSizes refuses lists that have no end.
func checkSizes(s *specs.Spec) error {
	if path, size := longestList(s); size > maxElements {
		return fmt.Errorf("%s: %d elements, more than the %d that there is room for", path, size, maxElements)
	}
	return nil
}
