package check

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// rootless tells what a user other than root will find.
func (m *Machine) rootless() []Finding {
	list := []Finding{m.idMapper("newuidmap"), m.idMapper("newgidmap"), m.subordinateIDs("/etc/subuid"),
		m.subordinateIDs("/etc/subgid")}
	for _, s := range [...]struct{ name, off, on string }{
		{"user.max_user_namespaces", "0", "10000"},
		{"kernel.unprivileged_userns_clone", "0", "1"},             // Debian, Arch
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "0"}, // Ubuntu
	} {
		value, is := m.read("/proc/sys/" + strings.ReplaceAll(s.name, ".", "/"))
		switch {
		case !is: // this kernel has no such switch
		case value == s.off:
			list = append(list, no(s.name, value, "users cannot make user namespaces: sysctl -w "+s.name+"="+s.on))
		default:
			list = append(list, ok(s.name, value))
		}
	}
	return list
}

// idMapper is one of the programs that write the maps of a user's namespace.
func (m *Machine) idMapper(name string) Finding {
	for _, dir := range [...]string{"/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"} {
		path := dir + "/" + name
		st, err := fs.Stat(m.Root, path[1:])
		if err != nil {
			continue
		}
		if st.Mode()&fs.ModeSetuid == 0 && !m.FileCaps(path) {
			return no(name, path+" has no rights", "chmod u+s "+path)
		}
		return ok(name, path)
	}
	return no(name, "not installed",
		"without it a user has one id only: install it (Debian: uidmap, Fedora: shadow-utils)")
}

// subordinateIDs looks into subuid(5) or subgid(5), whose lines are name or uid,
// first id and count.
func (m *Machine) subordinateIDs(path string) Finding {
	text, _ := m.read(path)
	user, id := m.userName(), strconv.Itoa(m.UID)
	var names []string
	for line := range strings.Lines(text) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 {
			continue
		}
		names = append(names, f[0])
		if m.UID != 0 && (f[0] == user || f[0] == id) {
			return ok(path, f[2]+" ids from "+f[1])
		}
	}
	switch {
	case m.UID == 0 && len(names) > 0:
		return ok(path, fmt.Sprintf("ranges for %s", strings.Join(names, ", ")))
	case m.UID == 0:
		return no(path, "no ranges",
			"give a user one: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER")
	}
	return no(path, "no range for "+user, "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "+user)
}

// userName is the caller's name, or number if it has none: passwd(5).
func (m *Machine) userName() string {
	id := strconv.Itoa(m.UID)
	text, _ := m.read("/etc/passwd")
	for line := range strings.Lines(text) {
		if f := strings.Split(line, ":"); len(f) >= 3 && f[2] == id {
			return f[0]
		}
	}
	return id
}
