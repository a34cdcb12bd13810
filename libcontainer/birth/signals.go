package birth

import (
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/nsenter"
)

// signals undoes what the process inherited.
func (c *compiler) signals() {
	c.Label("resetting the signals")
	for _, sig := range c.in.Host.IgnoredSignals {
		c.Call(unix.SYS_RT_SIGACTION, nsenter.Int(sig), nsenter.Bytes(make([]byte, 32)), nsenter.Int(0), nsenter.Int(8))
	}
	unblockSignals(c.Program)
}

func unblockSignals(p *nsenter.Program) {
	p.Call(unix.SYS_RT_SIGPROCMASK, nsenter.Int(unix.SIG_SETMASK), nsenter.Words(0), nsenter.Int(0), nsenter.Int(8))
}
