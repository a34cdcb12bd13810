// Package hooks runs the hooks of runtime-spec, config.md "POSIX-platform
// Hooks".
package hooks

import (
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A Kind is one of the six moments at which hooks run, named as in the
// configuration.
type Kind string

const (
	Prestart        Kind = "prestart"
	CreateRuntime   Kind = "createRuntime"
	CreateContainer Kind = "createContainer"
	StartContainer  Kind = "startContainer"
	Poststart       Kind = "poststart"
	Poststop        Kind = "poststop"
)

// A Runner runs hooks.
type Runner struct {
	// Start starts a hook. If nil, hooks run in the namespaces of this process.
	Start StartFunc
	// Dir is their working directory then.
	Dir string
	// Env is the environment of a hook that has none; an empty one is one.
	Env []string
	// Log, unless nil, is called for each line that a hook writes.
	Log func(kind Kind, hook, line string)
	// Container, unless -1, is a pidfd of the container's first process: when that
	// ends, so does the hook, and fails.
	Container int
	// Interrupt, unless -1, is a descriptor that ends the hook, which fails, when
	// there is something to be read from it.
	Interrupt int
	// Warn, unless nil, is called for a failure that does not stop the rest.
	Warn func(error)
}

// Run runs hooks of a kind one after the other, each with the container's
// state, a JSON object, on its standard input. The first failure ends it and
// is returned, an *Error; but poststop hooks all run, and their failures are
// warnings.
func (r *Runner) Run(kind Kind, hooks []specs.Hook, state []byte) error {
	for i, h := range hooks {
		err := r.runOne(kind, i, h, state)
		if err == nil {
			continue
		}
		if kind != Poststop {
			return err
		}
		if r.Warn != nil {
			r.Warn(err)
		}
	}
	return nil
}

func (r *Runner) runOne(kind Kind, index int, h specs.Hook, state []byte) error {
	var timeout time.Duration
	if h.Timeout != nil {
		timeout = time.Duration(*h.Timeout) * time.Second
	}
	out := output{log: func(line string) {
		if r.Log != nil {
			r.Log(kind, h.Path, line)
		}
	}}
	if h.Env == nil {
		h.Env = r.Env
	}
	err := check(h, timeout)
	if err == nil {
		start := r.Start
		if start == nil {
			start = func(h specs.Hook, stdin, output int) (int, error) { return InHost(h, r.Dir, stdin, output) }
		}
		err = run(start, h, state, timeout, [...]int{r.Container, r.Interrupt}, &out)
	}
	if err == nil {
		return nil
	}
	return &Error{Kind: kind, Index: index, Path: h.Path, Output: out.last(), Err: err}
}

func check(h specs.Hook, timeout time.Duration) error {
	if !path.IsAbs(h.Path) {
		return errors.New("the path is not absolute")
	}
	if h.Timeout != nil && timeout <= 0 {
		return fmt.Errorf("the timeout, %d s, is not above zero", *h.Timeout)
	}
	return nil
}

// An Error is the failure of one hook.
type Error struct {
	Kind   Kind
	Index  int    // in the configuration's list, from 0
	Path   string // of the hook
	Output string // the last lines that it wrote
	Err    error
}

func (e *Error) Error() string {
	s := fmt.Sprintf("error running %s hook #%d: %s: %v", e.Kind, e.Index, e.Path, e.Err) // runc's words
	if e.Output != "" {
		s += ": " + e.Output
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
