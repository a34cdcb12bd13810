package libcontainer

// Processes returns the container's processes as the caller's pid namespace sees
// them, sorted: those in its cgroup and in the cgroups below it.
func (r *Runtime) Processes(id string) ([]int, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	m := c.cgroup()
	defer m.Close()
	return c.members(m)
}
