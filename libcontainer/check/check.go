// Package check looks at a machine and says what of it containers can use, and
// what to do about the rest. It changes nothing: what has to be tried is tried in
// a process that has namespaces of its own and ends at once.
package check

import (
	"io/fs"
	"slices"
	"strings"

	"github.com/rung-oci/rung/nsenter"
)

// A Status says what a finding means.
type Status string

const (
	OK   Status = "ok"
	No   Status = "no"   // is not there, and containers run without
	Fail Status = "fail" // is not there, and containers need it
)

// A Finding is one thing that was looked at.
type Finding struct {
	Subject string `json:"subject"` // of findings that belong together: "namespaces"
	Name    string `json:"name"`    // "user"
	Status  Status `json:"status"`
	Found   string `json:"found"`            // what there is, in a few words
	Advice  string `json:"advice,omitempty"` // what to do, and what it is good for; "" if Status is OK
}

func ok(name, found string) Finding { return Finding{Name: name, Status: OK, Found: found} }

func no(name, found, advice string) Finding {
	return Finding{Name: name, Status: No, Found: found, Advice: advice}
}

func fail(name, found, advice string) Finding {
	return Finding{Name: name, Status: Fail, Found: found, Advice: advice}
}

// tried is ok if a program that [attempt] began comes to its end, or what missing makes of why not.
func (m *Machine) tried(p *nsenter.Program, name, found string, missing func(name, found, advice string) Finding,
	advice string) Finding {
	if err := m.Try(p); err != nil {
		return missing(name, err.Error(), advice)
	}
	return ok(name, found)
}

// Check looks at everything.
func (m *Machine) Check() []Finding {
	var all []Finding
	for _, s := range [...]struct {
		name  string
		check func() []Finding
	}{
		{"kernel", m.kernel},
		{"caller", m.capabilities},
		{"namespaces", m.namespaces},
		{"cgroups", m.cgroups},
		{"mounts", m.mounts},
		{"images", m.images},
		{"state", m.state},
		{"processes", m.pidfds},
		{"seccomp", m.seccomp},
		{"security modules", m.securityModules},
		{"keyrings", m.keyrings},
		{"rootless", m.rootless},
		{"checkpoint", m.criu},
	} {
		for _, f := range s.check() {
			f.Subject = s.name
			all = append(all, f)
		}
	}
	return all
}

// CanRun reports whether containers can be run: nothing that they need is missing.
func CanRun(findings []Finding) bool {
	return !slices.ContainsFunc(findings, func(f Finding) bool { return f.Status == Fail })
}

// read is a file of the machine without the spaces around its text, and whether
// it could be read.
func (m *Machine) read(path string) (string, bool) {
	text, err := fs.ReadFile(m.Root, strings.TrimPrefix(path, "/"))
	return strings.TrimSpace(string(text)), err == nil
}

func (m *Machine) exists(path string) bool {
	_, err := fs.Stat(m.Root, strings.TrimPrefix(path, "/"))
	return err == nil
}
