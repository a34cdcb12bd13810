package check

func (m *Machine) keyrings() []Finding {
	const name = "session keyrings"
	p := attempt(name)
	p.JoinSessionKeyring("") // of the process that tries it
	if err := m.Try(p); err != nil {
		return []Finding{no(name, err.Error(),
			"containers share the caller's keyring: use a kernel with CONFIG_KEYS, and no seccomp filter that "+
				"forbids keyctl(2)")}
	}
	return []Finding{ok(name, "each container gets its own")}
}
