package check

import (
	"fmt"
	"strings"

	"github.com/rung-oci/rung/libcontainer/capabilities"
)

func (m *Machine) capabilities() []Finding {
	user := ok("user", "root")
	if m.UID != 0 {
		user = fail("user", fmt.Sprintf("uid %d", m.UID), "run rung as root: rootless containers are not supported yet")
	}
	all := uint64(1)<<(m.LastCap+1) - 1
	missing := all &^ m.Bounding
	if missing == 0 {
		return []Finding{user, ok("capabilities", fmt.Sprintf("all %d", m.LastCap+1))}
	}
	names := capabilities.Members(missing)
	advice := "containers cannot be given these, their configs only get a warning; a container around rung, or its service's CapabilityBoundingSet, has to allow them"
	for _, n := range names {
		switch n {
		case "CAP_SYS_ADMIN":
			return []Finding{user, fail("capabilities", "without "+strings.Join(names, " "), "namespaces and mounts need CAP_SYS_ADMIN: run rung outside of the container that took it away, or make that privileged")}
		case "CAP_SYS_RESOURCE":
			advice += "; without CAP_SYS_RESOURCE no process.rlimits above the caller's and no oomScoreAdj below it"
		}
	}
	return []Finding{user, no("capabilities", "without "+strings.Join(names, " "), advice)}
}
