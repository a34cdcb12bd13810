package main

import (
	"fmt"
	"slices"
	"strings"
)

// A form is a way that rung is called on machines of today. Its name is what package
// bundle gets to know of it.
type form struct {
	name    string
	systemd bool   // it is pid 1
	user    string // where an ordinary user gets cgroups from (see inside/as-user); root if empty
	flags   string // rung's global flags
}

func forms() []form {
	return []form{
		{name: "v2"},
		{name: "systemd", systemd: true, flags: "--systemd-cgroup"},
		{name: "rootless-systemd", systemd: true, user: "systemd", flags: "--systemd-cgroup"},
		{name: "rootless-subtree", user: "subtree"},
		{name: "rootless-nothing", user: "nothing"},
	}
}

func formNames() []string {
	var names []string
	for _, f := range forms() {
		names = append(names, f.name)
	}
	return names
}

func formOf(name string) (form, error) {
	i := slices.IndexFunc(forms(), func(f form) bool { return f.name == name })
	if i < 0 {
		return form{}, fmt.Errorf("no form %q; there are: %s", name, strings.Join(formNames(), ", "))
	}
	return forms()[i], nil
}

// command is a shell script that runs args in a directory of the guest, with more
// environment, as the form's user.
func (f form) command(dir string, env, args []string) string {
	var b strings.Builder
	b.WriteString("export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb\n")
	for _, setting := range append(env, "RUNG_TEST_FORM="+f.name, "RUNG_FLAGS="+f.flags) {
		fmt.Fprintf(&b, "export %s\n", quote(setting))
	}
	fmt.Fprintf(&b, "cd %s || exit\n", quote(dir))
	if f.user != "" {
		args = append([]string{"/run/guest/inside/as-user", f.user}, args...)
	}
	for _, arg := range args {
		b.WriteString(quote(arg) + " ")
	}
	b.WriteString("\n")
	return b.String()
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
