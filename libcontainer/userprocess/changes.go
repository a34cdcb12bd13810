package userprocess

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// Changes make another process of the container's own.
type Changes struct {
	Args           []string
	Cwd            string   // "": as it is
	Env            []string // NAME=value
	Terminal       bool
	UID, GID       *uint32 // nil: as it is
	AdditionalGids []uint32
	Capabilities   []string
	NoNewPrivs     *bool // nil: as it is
	SelinuxLabel   string
	AppArmor       string
}

// Apply makes the process of the container the one that is asked for.
func (c *Changes) Apply(p *specs.Process) error {
	if len(c.Args) == 0 {
		return errors.New("process args cannot be empty")
	}
	p.Args, p.Terminal = c.Args, c.Terminal
	p.Cwd = cmp.Or(c.Cwd, p.Cwd)
	for _, setting := range c.Env {
		name, _, ok := strings.Cut(setting, "=")
		if !ok || name == "" { // not quoted whole: it may be a secret
			return fmt.Errorf("invalid environment variable: %q has no NAME=", name)
		}
		p.Env = slices.DeleteFunc(p.Env, func(old string) bool { return strings.HasPrefix(old, name+"=") })
		p.Env = append(p.Env, setting)
	}
	p.User.UID = *cmp.Or(c.UID, &p.User.UID)
	p.User.GID = *cmp.Or(c.GID, &p.User.GID)
	p.User.AdditionalGids = append(p.User.AdditionalGids, c.AdditionalGids...)
	if len(c.Capabilities) > 0 {
		p.Capabilities = cmp.Or(p.Capabilities, &specs.LinuxCapabilities{})
		// not inheritable (CVE-2022-29162), and so ambient only if that is there already
		for _, set := range [...]*[]string{&p.Capabilities.Bounding, &p.Capabilities.Permitted,
			&p.Capabilities.Effective} {
			*set = append(*set, c.Capabilities...)
		}
		for _, name := range c.Capabilities {
			if slices.Contains(p.Capabilities.Inheritable, name) {
				p.Capabilities.Ambient = append(p.Capabilities.Ambient, name)
			}
		}
	}
	p.NoNewPrivileges = *cmp.Or(c.NoNewPrivs, &p.NoNewPrivileges)
	p.SelinuxLabel = cmp.Or(c.SelinuxLabel, p.SelinuxLabel)
	p.ApparmorProfile = cmp.Or(c.AppArmor, p.ApparmorProfile)
	return spec.ValidateProcess(p)
}

// Confined reports whether the process gets other capabilities or labels than those of
// the container's own.
func (c *Changes) Confined() bool {
	return len(c.Capabilities) > 0 || c.AppArmor != "" || c.SelinuxLabel != ""
}
