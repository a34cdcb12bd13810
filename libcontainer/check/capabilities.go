package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rung-oci/rung/libcontainer/capabilities"
)

func (m *Machine) capabilities() []Finding {
	user := ok("user", "root")
	if who := fmt.Sprintf("uid %d", m.UID); m.UID != 0 || m.UserNS {
		if m.UserNS {
			who += " of a user namespace"
		}
		user = fail("user", who, "run rung as root: rootless containers are not supported yet")
	}
	all := uint64(1)<<(m.LastCap+1) - 1
	missing := all &^ m.Bounding
	if missing == 0 {
		return []Finding{user, ok("capabilities", fmt.Sprintf("all %d", m.LastCap+1))}
	}
	names := capabilities.Members(missing)
	found := "without " + strings.Join(names, " ")
	for _, need := range needs {
		if slices.Contains(names, need.capability) {
			return []Finding{user, fail("capabilities", found, need.what+" needs "+need.capability+
				": run rung outside of the container that took it away, or make that privileged")}
		}
	}
	advice := "containers cannot be given these, their configs only get a warning; a container around rung, or its " +
		"service's CapabilityBoundingSet, has to allow them"
	if slices.Contains(names, "CAP_SYS_RESOURCE") {
		advice += "; without CAP_SYS_RESOURCE no process.rlimits above the caller's and no oomScoreAdj below it"
	}
	return []Finding{user, no("capabilities", found, advice)}
}

// needs are the capabilities without which a container as rung spec describes it does
// not start, and for what.
var needs = [...]struct{ capability, what string }{
	{"CAP_SYS_ADMIN", "making namespaces and mounts"},
	{"CAP_MKNOD", "making the devices of every container"},
	{"CAP_NET_ADMIN", "bringing up the loopback device"},
	{"CAP_SETPCAP", "dropping capabilities"},
	{"CAP_SETUID", "becoming the container's user"},
	{"CAP_SETGID", "becoming the container's group"},
}
