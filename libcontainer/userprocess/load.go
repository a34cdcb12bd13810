// Package userprocess settles what a container executes: the process object of exec, the
// environment, and HOME.
package userprocess

import (
	"cmp"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// Load reads a process object from a file, which data is the text of. unknown are the
// properties that rung does not know.
func Load(file string) (p *specs.Process, data []byte, unknown []spec.Unknown, err error) {
	if data, err = os.ReadFile(file); err != nil {
		return nil, nil, nil, err
	}
	if p, unknown, err = spec.LoadProcess(data); err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", file, err)
	}
	return p, data, unknown, nil
}

// Inherit gives a process what it leaves out of the restrictions of the container's own.
func Inherit(p, own *specs.Process) {
	p.ApparmorProfile = cmp.Or(p.ApparmorProfile, own.ApparmorProfile)
	p.SelinuxLabel = cmp.Or(p.SelinuxLabel, own.SelinuxLabel)
	if len(p.Rlimits) == 0 {
		p.Rlimits = own.Rlimits
	}
	p.Capabilities = cmp.Or(p.Capabilities, own.Capabilities)
	p.OOMScoreAdj = cmp.Or(p.OOMScoreAdj, own.OOMScoreAdj)
	p.Scheduler = cmp.Or(p.Scheduler, own.Scheduler)
	p.IOPriority = cmp.Or(p.IOPriority, own.IOPriority)
	p.User.Umask = cmp.Or(p.User.Umask, own.User.Umask)
	p.ExecCPUAffinity = cmp.Or(p.ExecCPUAffinity, own.ExecCPUAffinity)
}
