package libcontainer

import "github.com/rung-oci/rung/libcontainer/birth"

// Plan compiles the birth program of a bundle, and does nothing with it.
func (r *Runtime) Plan(o CreateOptions) (*birth.Birth, error) {
	s, _, err := r.loadBundle(o.Bundle, o.Config)
	if err != nil {
		return nil, err
	}
	c := &creation{r: r, o: o, spec: s}
	if err := c.compile(birth.GateSocket); err != nil {
		return nil, err
	}
	return c.birth, nil
}
