package birth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func (c *compiler) timeNamespace() {
	if !c.newNS[specs.TimeNamespace] {
		return
	}
	c.about("linux.namespaces", "making the time namespace")
	c.Unshare(unix.CLONE_NEWTIME)
	var clocks []string
	for clock := range c.hasLinux.TimeOffsets {
		clocks = append(clocks, clock)
	}
	if len(clocks) == 0 {
		return
	}
	slices.Sort(clocks)
	var text strings.Builder
	for _, clock := range clocks {
		o := c.hasLinux.TimeOffsets[clock]
		fmt.Fprintf(&text, "%s %d %d\n", clock, o.Secs, o.Nanosecs)
	}
	c.about("linux.timeOffsets", "setting linux.timeOffsets")
	c.writeFile("/proc/self/timens_offsets", text.String())
}
