package libcontainer

import "github.com/rung-oci/rung/libcontainer/birth"

// Plan compiles the birth program of a bundle, and does nothing with it.
func (r *Runtime) Plan(o CreateOptions) (*birth.Birth, error) {
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
	return c.birth, nil
}
