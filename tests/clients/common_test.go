package clients

import (
	"fmt"
	"slices"
	"strings"
)

// quick runs a command in a new container without network, which is gone
// afterwards. The flags are podman's and docker's.
func (a *attempt) quick(flags []string, command ...string) result {
	return a.do(slices.Concat([]string{"run", "--rm", "--network", "none"}, flags, []string{image}, command)...)
}

// sh runs a shell script like quick.
func (a *attempt) sh(script string, flags ...string) result {
	return a.quick(flags, "sh", "-c", script)
}

// detached starts a container that waits to be ended, and returns its name.
func (a *attempt) detached(flags ...string) string {
	return a.detachedQuiet("trap 'exit 0' TERM; sleep 1000 & wait", flags...)
}

// detachedSh starts a container with a script that prints "ready", and waits
// for that.
func (a *attempt) detachedSh(script string, flags ...string) string {
	name := a.detachedQuiet(script, flags...)
	a.waitLog(name, "ready")
	return name
}

// detachedQuiet starts a container with a script.
func (a *attempt) detachedQuiet(script string, flags ...string) string {
	name := a.name()
	if i := slices.Index(flags, "--name"); i >= 0 {
		name = flags[i+1]
	} else {
		flags = append([]string{"--name", name}, flags...)
	}
	if !slices.ContainsFunc(flags, func(f string) bool { return strings.HasPrefix(f, "--net") || f == "--pod" }) {
		flags = append([]string{"--network", "none"}, flags...)
	}
	a.do(slices.Concat([]string{"run", "--detach"}, flags, []string{image, "sh", "-c", script})...).ok()
	return name
}

// inspect returns a part of what is known of a container, as a Go template
// says it.
func (a *attempt) inspect(name, template string) string {
	return a.do("container", "inspect", "--format", template, name).ok().text()
}

// waitInspect waits until a part of what is known of a container is as wanted.
// Podman fails to tell it at times, while the container ends.
func (a *attempt) waitInspect(name, template, want string) {
	a.eventually(want, func() bool {
		return a.do("container", "inspect", "--format", template, name).text() == want
	})
}

// waitStatus waits until a container has a status.
func (a *attempt) waitStatus(name, status string) {
	a.waitInspect(name, "{{.State.Status}}", status)
}

// waitLog waits until a container has printed something.
func (a *attempt) waitLog(name, text string) {
	a.eventually(fmt.Sprintf("%q in the log of %s", text, name), func() bool {
		r := a.do("logs", name)
		return strings.Contains(r.stdout+r.stderr, text)
	})
}
