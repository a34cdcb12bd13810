package birth

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// timeNamespace makes it where the caller may, and else, see timeWithin, in the user namespace.
func (c *compiler) timeNamespace() {
	if c.newNS[specs.TimeNamespace] && !c.timeWithin() {
		c.makeTimeNamespace()
	}
}

func (c *compiler) timeWithin() bool {
	return c.newUser && c.newNS[specs.TimeNamespace] && c.in.Host.Lacks.Admin
}

func (c *compiler) makeTimeNamespace() {
	c.about("linux.namespaces", "making the time namespace")
	c.Unshare(unix.CLONE_NEWTIME)
	if len(c.hasLinux.TimeOffsets) == 0 {
		return
	}
	var text strings.Builder
	for _, clock := range slices.Sorted(maps.Keys(c.hasLinux.TimeOffsets)) {
		o := c.hasLinux.TimeOffsets[clock]
		fmt.Fprintf(&text, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
	}
	c.about("linux.timeOffsets", "setting linux.timeOffsets")
	c.writeFile("/proc/self/timens_offsets", text.String())
}
