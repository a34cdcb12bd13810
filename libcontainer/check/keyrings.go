package check

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

func (m *Machine) keyrings() []Finding {
	const name = "session keyrings"
	p := attempt(name)
	p.Call(unix.SYS_KEYCTL, nsenter.Int(unix.KEYCTL_JOIN_SESSION_KEYRING), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0)) // of the process that tries it
	if err := m.Try(p); err != nil {
		return []Finding{no(name, err.Error(), "containers share the caller's keyring: use a kernel with CONFIG_KEYS, and no seccomp filter that forbids keyctl(2)")}
	}
	return []Finding{ok(name, "each container gets its own")}
}
