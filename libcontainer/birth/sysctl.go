package birth

import (
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/spec"
)

// sysctls writes linux.sysctl through the procfs that nothing can be mounted in.
func (c *compiler) sysctls() error {
	for _, key := range slices.Sorted(maps.Keys(c.hasLinux.Sysctl)) {
		path, err := spec.SysctlPath(key)
		if err != nil {
			return fmt.Errorf("linux.sysctl[%s]: %w", key, err)
		}
		value := c.hasLinux.Sysctl[key]
		c.about("linux.sysctl["+key+"]", fmt.Sprintf("setting the sysctl %s to %.100q", key, value))
		c.writeProcfs("sys/"+path, value, unix.RESOLVE_NO_SYMLINKS)
	}
	return nil
}
