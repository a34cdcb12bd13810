package check

func (m *Machine) state() []Finding {
	dir := m.stateDir()
	found := m.StateDir
	if dir != m.StateDir {
		found += " (to be made in " + dir + ")"
	}
	if err := m.Writable(dir); err != nil {
		return []Finding{fail("directory", found+": "+err.Error(), "name one that may be written to: --root DIR")}
	}
	if m.Noexec(dir) {
		found += ", noexec: no place for images"
	}
	return []Finding{ok("directory", found)}
}
