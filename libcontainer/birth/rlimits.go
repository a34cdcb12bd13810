package birth

import (
	"fmt"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// roomForStart is the least limit of open files with which a created container
// can take start's connection, beside what else it has open.
const roomForStart = 64

// raiseLimits raises hard limits before the process is in a user namespace, where
// it has no right to: the kernel wants CAP_SYS_RESOURCE of the initial one. No
// soft limit is lowered, which could be in the way of what is to come; limits
// does that. Those that are to be higher are raised as well: what their maker's
// are is what all of a new user namespace may use (user_namespaces(7)).
func (c *compiler) raiseLimits() error {
	if !c.userNS {
		return nil
	}
	for i, r := range c.proc.Rlimits {
		resource, err := RlimitResource(r.Type)
		if err != nil {
			return fmt.Errorf("process.rlimits[%d].type: %w", i, err)
		}
		if own := c.in.Host.Limits[resource]; r.Hard > own.Hard {
			r.Soft = max(r.Soft, own.Soft)
			if err := c.limit(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// limits sets process.rlimits; a soft limit of open files that the Go runtime
// raised goes back to what the caller had. A limit too low to be started with is
// set after start, see limitFiles; lowering takes no privilege.
func (c *compiler) limits() error {
	list := c.proc.Rlimits
	if !slices.ContainsFunc(list, func(r specs.POSIXRlimit) bool { return r.Type == "RLIMIT_NOFILE" }) {
		n := c.in.Host.Nofile
		list = append(slices.Clip(list), specs.POSIXRlimit{Type: "RLIMIT_NOFILE", Soft: n.Soft, Hard: n.Hard})
	}
	for i, r := range list {
		if c.delayed(r) {
			continue
		}
		room := min(roomForStart, c.in.Host.Nofile.Hard) // what takes no privilege either
		if r.Type == "RLIMIT_NOFILE" && r.Soft < room {
			low := r
			c.lowFiles = &low
			r.Soft, r.Hard = room, max(r.Hard, room)
		}
		if err := c.limit(r); err != nil {
			return fmt.Errorf("process.rlimits[%d].type: %w", i, err)
		}
	}
	return nil
}

func (c *compiler) limit(r specs.POSIXRlimit) error {
	resource, err := RlimitResource(r.Type)
	if err != nil {
		return err
	}
	c.about("process.rlimits", "setting the limit "+r.Type)
	c.Prlimit(resource, unix.Rlimit{Cur: r.Soft, Max: r.Hard})
	return nil
}

// limitFiles sets the limit of open files that was too low until now.
func (c *compiler) limitFiles() error {
	if c.lowFiles == nil {
		return nil
	}
	return c.limit(*c.lowFiles)
}

func RlimitResource(name string) (int, error) {
	for i, n := range [...]string{
		"CPU", "FSIZE", "DATA", "STACK", "CORE", "RSS", "NPROC", "NOFILE",
		"MEMLOCK", "AS", "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME",
	} { // include/uapi/asm-generic/resource.h
		if name == "RLIMIT_"+n {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown limit %q", name)
}
