package libcontainer

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// process settles the process to be.
func (e *execution) process(kept *kept) error {
	config, _, err := spec.Load(kept.config)
	if err != nil {
		return fmt.Errorf("reading what was kept for exec: %w", err)
	}
	if config.Process == nil {
		config.Process = &specs.Process{Cwd: "/"}
	}
	if e.o.ProcessFile != "" {
		config.Process, err = e.r.loadProcess(e.o.ProcessFile, config.Process)
	} else {
		err = e.o.change(config.Process)
	}
	e.in.Spec = config
	return err
}

// loadProcess reads a process object. What it leaves out of these it has from the
// container's own process.
func (r *Runtime) loadProcess(file string, own *specs.Process) (*specs.Process, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p, unknown, err := spec.LoadProcess(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, u := range unknown {
		if r.Strict {
			return nil, fmt.Errorf("%s: %s (--strict)", file, u)
		}
		r.Log.Warnf("%s: %s", file, u)
	}
	if err := spec.ValidateProcess(p); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	inheritProcess(p, own)
	return p, nil
}

func inheritProcess(p, own *specs.Process) {
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
	if p.User.Umask == nil {
		p.User.Umask = own.User.Umask
	}
	if p.ExecCPUAffinity == nil {
		p.ExecCPUAffinity = own.ExecCPUAffinity
	}
}

// change makes the process of the container the one that the options ask for.
func (o *ExecOptions) change(p *specs.Process) error {
	if len(o.Args) == 0 {
		return errors.New("process args cannot be empty")
	}
	p.Args, p.Terminal = o.Args, o.Terminal
	if o.Cwd != "" {
		p.Cwd = o.Cwd
	}
	for _, setting := range o.Env {
		name, _, ok := strings.Cut(setting, "=")
		if !ok || name == "" { // not quoted whole: it may be a secret
			return fmt.Errorf("invalid environment variable: %q has no NAME=", name)
		}
		p.Env = slices.DeleteFunc(p.Env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		p.Env = append(p.Env, setting)
	}
	if o.UID != nil {
		p.User.UID = *o.UID
	}
	if o.GID != nil {
		p.User.GID = *o.GID
	}
	p.User.AdditionalGids = append(p.User.AdditionalGids, o.AdditionalGids...)
	if len(o.Capabilities) > 0 {
		if p.Capabilities == nil {
			p.Capabilities = &specs.LinuxCapabilities{}
		}
		// not inheritable (CVE-2022-29162), and so not ambient
		for _, set := range [...]*[]string{&p.Capabilities.Bounding, &p.Capabilities.Permitted, &p.Capabilities.Effective} {
			*set = append(*set, o.Capabilities...)
		}
	}
	if o.NoNewPrivs != nil {
		p.NoNewPrivileges = *o.NoNewPrivs
	}
	if o.SelinuxLabel != "" {
		p.SelinuxLabel = o.SelinuxLabel
	}
	if o.AppArmor != "" {
		p.ApparmorProfile = o.AppArmor
	}
	return spec.ValidateProcess(p)
}

// asCreated tells that the process has the capabilities and labels of the
// container's own.
func (o *ExecOptions) asCreated() bool {
	return o.ProcessFile == "" && len(o.Capabilities) == 0 && o.AppArmor == "" && o.SelinuxLabel == ""
}
