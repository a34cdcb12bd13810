package host

import (
	"bytes"
	"strconv"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/process"
	"github.com/rung-oci/rung/libcontainer/signals"
	"github.com/rung-oci/rung/libcontainer/userns"
)

// Inherited looks what the process would inherit of this one: ignored signals, the
// capabilities that there are to give, and what it may not do.
func Inherited(h *birth.Host, s *specs.Spec) error {
	own, err := process.ReadOwn()
	if err != nil {
		return err
	}
	for s := range signals.Max {
		if own.Ignored>>s&1 != 0 {
			h.IgnoredSignals = append(h.IgnoredSignals, s+1)
		}
	}
	h.Bounding = own.Bounding
	has := func(capability int) bool { return own.Effective>>capability&1 != 0 }
	h.Lacks = birth.Lacks{Admin: !has(unix.CAP_SYS_ADMIN), Tracing: !has(unix.CAP_SYS_PTRACE)}
	initial := userns.Initial()
	h.Lacks.Nodes = !initial || !has(unix.CAP_MKNOD)
	h.Lacks.Groups = !initial && userns.DeniesGroups("self") || !has(unix.CAP_SETGID) && mapsOwnGroup(s)
	h.Lacks.Resources = !initial || !has(unix.CAP_SYS_RESOURCE)
	h.LastCap, err = capabilities.Last()
	return err
}

// mapsOwnGroup reports whether the container's user namespace will have this process's group
// alone, so that a user may write its map: see [userns.Map.Write].
func mapsOwnGroup(s *specs.Spec) bool {
	return s.Linux != nil && namespaces.Made(s, specs.UserNamespace) && userns.Groups().IsOwn(s.Linux.GIDMappings)
}

// readOOMScoreAdj looks what the process would have, if it may not have less.
func readOOMScoreAdj(h *birth.Host, p *specs.Process) error {
	if p == nil || p.OOMScoreAdj == nil || !h.Lacks.Resources {
		return nil
	}
	text, err := kernel.ReadFile(unix.AT_FDCWD, "/proc/self/oom_score_adj", 16)
	if err != nil {
		return err
	}
	own, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	h.OOMScoreAdj = &own
	return err
}
