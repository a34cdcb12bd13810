package libcontainer

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/agent"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/libcontainer/hooks"
	"github.com/rung-oci/rung/libcontainer/host"
	"github.com/rung-oci/rung/libcontainer/interrupt"
)

// hookState is what a hook reads from its standard input.
func (c *container) hookState(status specs.ContainerState) specs.State {
	r := c.record
	return specs.State{Version: r.OCIVersion, ID: r.ID, Status: status, Pid: r.Init.Pid, Bundle: r.Bundle,
		Annotations: r.Annotations}
}

// runHooks runs hooks of a kind. config is the container's configuration.
// namespaces are started by a program that joins those of init, a pidfd.
func (r *Runtime) runHooks(c *container, kind hooks.Kind, list []specs.Hook, state specs.State, config *specs.Spec,
	init int) error {
	if len(list) == 0 {
		return nil
	}
	r.at("running the " + string(kind) + " hooks")
	text, err := json.Marshal(state)
	if err != nil {
		return fmt.Errorf("state for the %s hooks: %w", kind, err)
	}
	runner := &hooks.Runner{
		Dir: c.record.Bundle, Env: hookEnvironment(kind, config), Container: -1, Interrupt: -1,
		Log:  func(k hooks.Kind, hook, line string) { r.Log.Infof("%s hook %s: %s", k, hook, line) },
		Warn: func(err error) { r.Log.Warnf("%v", err) },
	}
	if kind != hooks.Poststart && kind != hooks.Poststop { // that process may be over by then
		runner.Container, runner.Interrupt = init, c.interrupt.Fd()
	}
	if kind == hooks.CreateContainer || kind == hooks.StartContainer {
		j, err := c.joining(init)
		if err != nil {
			return err
		}
		join := &hookJoining{joining: j, interrupt: c.interrupt}
		join.in = birth.HookInput{
			Input:      birth.Input{Spec: config, Host: &birth.Host{}},
			Namespaces: j.namespaces, Confined: kind == hooks.StartContainer,
		}
		if join.in.Confined {
			if err := join.confine(c); err != nil {
				return err
			}
			defer join.way.entry.Close()
			join.agent = func() *agent.Handover { return c.newAgent(config, join.in.Filter, state.Status) }
		}
		join.in.Host.Rootfs = c.record.Rootfs
		runner.Start = func(h specs.Hook, stdin, output int) (int, error) { return join.start(r, h, stdin, output) }
	}
	err = runner.Run(kind, list, text)
	if runner.Interrupt >= 0 {
		err = c.interrupt.Err(err)
	}
	return err
}

// hookEnvironment is that of hooks whose configuration has none, as with runc. Programs
// of the host that work in the container's root filesystem, the createContainer hooks,
// get nothing of the image's (LD_PRELOAD: CVE-2025-23266), nor of the caller's.
func hookEnvironment(kind hooks.Kind, config *specs.Spec) []string {
	switch {
	case kind == hooks.StartContainer && config.Process != nil:
		return config.Process.Env
	case kind == hooks.StartContainer || kind == hooks.CreateContainer:
		return nil
	}
	return os.Environ()
}

// createHooks runs the hooks of create, in the order of the specification.
func (c *creation) createHooks() error {
	h := c.spec.Hooks
	for _, k := range []struct {
		kind  hooks.Kind
		hooks []specs.Hook
	}{
		//lint:ignore SA1019 prestart hooks are deprecated, not gone
		{hooks.Prestart, h.Prestart},
		{hooks.CreateRuntime, h.CreateRuntime},
		{hooks.CreateContainer, h.CreateContainer},
	} {
		state := c.hookState(specs.StateCreated) // from step 2 of the lifecycle on: runtime.md
		if err := c.r.runHooks(c.container, k.kind, k.hooks, state, c.spec, c.first.Pidfd.Int()); err != nil {
			return err
		}
	}
	return nil
}

// hookJoining starts hooks in the namespaces of a container.
type hookJoining struct {
	joining
	in        birth.HookInput
	way       way                     // into the container's cgroup
	interrupt *interrupt.Interruption // nil: never
	agent     func() *agent.Handover  // of a hook's filter, nil: it has none
}

// confine finds out what the container's restrictions depend on.
func (j *hookJoining) confine(c *container) (err error) {
	if j.in.Host, err = host.LookFor(c.record.ID, j.in.Spec); err != nil {
		return err
	}
	j.in.Host.Lacks.Groups = j.in.Host.Lacks.Groups || j.noGroups
	if p := j.in.Spec.Process; p.ApparmorProfile != "" && host.HasAppArmor() ||
		p.SelinuxLabel != "" && host.HasSELinux() {
		return errors.New("hooks.startContainer: not supported yet under an AppArmor profile or a SELinux label")
	}
	kept, err := c.dir.Exec()
	if err != nil {
		return err
	}
	j.in.Filter = kept.Filter
	j.way = way{manager: c.cgroup(), first: j.pid}
	defer j.way.manager.Close()
	j.in.Host.CgroupFiles, j.in.Host.CgroupMove = j.way.names()
	j.way.entry, err = j.way.manager.Entry(false)
	return err
}

// start starts a hook in the container's namespaces, as the leader of a process
// group and a child of this process, and returns when it was executed.
func (j *hookJoining) start(r *Runtime, h specs.Hook, stdin, output int) (int, error) {
	in := j.in
	in.Hook = h
	p, err := birth.CompileHook(&in)
	if err != nil {
		return 0, err
	}
	files := map[string]int{birth.FileStdin: stdin, birth.FileOutput: output}
	e := r.entrant(p, j.init, files, j.interrupt)
	j.way.lend(e)
	defer e.Close()
	if j.way.manager != nil {
		defer r.detour(e, j.way.manager)()
	}
	if j.agent != nil {
		if e.Agent = j.agent(); e.Agent != nil {
			e.Found = func() error { return nil }
			ready := func([]kernel.Fd) error { return readyForAgent(e) }
			e.Serve = map[byte]func([]kernel.Fd) error{birth.TagReady: ready}
		}
	}
	if err := e.Start(); err != nil {
		return 0, err
	}
	err = enter(e, j.init)
	return e.Pid, err
}
