package libcontainer

import "github.com/rung-oci/rung/libcontainer/birth"

// A Plan is what would make a container.
type Plan struct {
	*birth.Birth
	DeviceFilter string // the program for the kernel, if the rules of devices take one
}

// Plan compiles the programs of a bundle, and does nothing with them.
func (r *Runtime) Plan(o CreateOptions) (*Plan, error) {
	s, _, err := r.loadBundle(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	c := &creation{r: r, o: o, spec: s}
	in, err := c.look(birth.GateSocket)
	if err != nil {
		return nil, err
	}
	if err := c.compile(in); err != nil {
		return nil, err
	}
	filter, err := c.manager.DeviceFilter(deviceRules(c.spec))
	return &Plan{c.birth, filter}, err
}
