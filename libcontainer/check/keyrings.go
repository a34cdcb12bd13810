package check

func (m *Machine) keyrings() []Finding {
	const name = "session keyrings"
	p := attempt(name)
	p.JoinSessionKeyring("") // of the process that tries it
	return []Finding{m.tried(p, name, "each container gets its own", no,
		"containers share the caller's keyring: use a kernel with CONFIG_KEYS, and no seccomp filter that forbids "+
			"keyctl(2)")}
}
