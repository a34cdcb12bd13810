package birth

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

func (c *compiler) loadFilter() {
	f := c.in.Filter
	if f == nil {
		return
	}
	c.Label("loading the seccomp filter")
	code := &nsenter.Data{Bytes: f.Bytes()}
	prog := &nsenter.Data{Bytes: make([]byte, 16), Pointers: []nsenter.Pointer{{Offset: 8, To: code.At(0)}}}
	binary.NativeEndian.PutUint16(prog.Bytes, uint16(len(f.Instructions)))
	c.Call(unix.SYS_SECCOMP, nsenter.Int(unix.SECCOMP_SET_MODE_FILTER), nsenter.Int(f.Flags), nsenter.Address(prog.At(0)))
}

func (c *compiler) noNewPrivileges() {
	if c.proc.NoNewPrivileges {
		c.Label("setting process.noNewPrivileges")
		c.Call(unix.SYS_PRCTL, nsenter.Int(unix.PR_SET_NO_NEW_PRIVS), nsenter.Int(1), nsenter.Int(0), nsenter.Int(0), nsenter.Int(0))
	}
}

// forFilter is the capability that loading a filter needs when there is no
// no_new_privs (seccomp(2)); execve takes it away again.
func (c *compiler) forFilter() uint64 {
	if c.in.Filter == nil || c.proc.NoNewPrivileges {
		return 0
	}
	return 1 << unix.CAP_SYS_ADMIN
}
