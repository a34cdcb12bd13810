// Package userprocess settles what a container executes: the process object of exec, the
// environment, and HOME.
package userprocess

import (
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
	if p.ApparmorProfile == "" {
		p.ApparmorProfile = own.ApparmorProfile
	}
	if p.SelinuxLabel == "" {
		p.SelinuxLabel = own.SelinuxLabel
	}
	if len(p.Rlimits) == 0 {
		p.Rlimits = own.Rlimits
	}
	if p.Capabilities == nil {
		p.Capabilities = own.Capabilities
	}
	if p.OOMScoreAdj == nil {
		p.OOMScoreAdj = own.OOMScoreAdj
	}
	if p.Scheduler == nil {
		p.Scheduler = own.Scheduler
	}
	if p.IOPriority == nil {
		p.IOPriority = own.IOPriority
	}
	if p.User.Umask == nil {
		p.User.Umask = own.User.Umask
	}
	if p.ExecCPUAffinity == nil {
		p.ExecCPUAffinity = own.ExecCPUAffinity
	}
}
