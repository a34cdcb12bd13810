package clients

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// startContainerd starts a containerd; its client is ctr.
func startContainerd(runtime subject, dir string) (*engine, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	e := &engine{
		client:  "ctr",
		runtime: runtime,
		dir:     dir,
		log:     filepath.Join(dir, "containerd.log"),
	}
	e.base = []string{"ctr", "--address", e.socket(), "--namespace", "flows"}
	config := filepath.Join(dir, "config.toml")
	err := os.WriteFile(config, fmt.Appendf(nil, `
version = 2
root = %q
state = %q
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
address = %q
`, dir+"/root", dir+"/state", e.socket()), 0o644)
	if err != nil {
		return nil, err
	}
	path, err := runcInPath(runtime, dir)
	if err != nil {
		return nil, err
	}
	e.stop, err = startDaemon(e.log, []string{path}, func() error {
		return e.run("version")
	}, "containerd", "--config", config)
	if err != nil {
		return nil, err
	}
	e.remove = e.removeContainerd
	return e, e.run("image", "import", "--no-unpack=false", imageArchive())
}

// runcInPath returns the setting of PATH with which the runtime is found as
// “runc”: the shim, unless it is told otherwise, looks for that.
func runcInPath(runtime subject, dir string) (string, error) {
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return "", err
	}
	return "PATH=" + bin + ":" + os.Getenv("PATH"), os.Symlink(runtime.path, filepath.Join(bin, "runc"))
}

// socket is where this engine's containerd listens.
func (e *engine) socket() string { return filepath.Join(e.dir, "containerd.sock") }

// removeContainerd removes the containers of names with their tasks.
func (e *engine) removeContainerd(names []string) error {
	for _, name := range names {
		if err := e.run("container", "info", name); err != nil {
			continue // there is none
		}
		if err := e.run("task", "delete", "--force", name); err != nil && !strings.Contains(err.Error(), "not found") {
			return err
		}
		if err := e.run("container", "delete", name); err != nil {
			return err
		}
	}
	return nil
}

// ctr runs a command in a new container with ctr and removes it.
func (a *attempt) ctr(flags []string, command ...string) result {
	return a.do(a.ctrRun(append([]string{"--rm"}, flags...), a.name(), command...)...)
}

// ctrRun is the call of “ctr run”.
func (a *attempt) ctrRun(flags []string, name string, command ...string) []string {
	return slices.Concat([]string{"run", "--runc-binary", a.engine.runtime.path}, flags, []string{image, name}, command)
}

// task starts a container that waits to be killed, and returns its name.
func (a *attempt) task(flags ...string) string {
	return a.taskSh("trap 'exit 0' TERM; sleep 1000 & wait", flags...)
}

func (a *attempt) taskSh(script string, flags ...string) string {
	name := a.name()
	a.do(a.ctrRun(append([]string{"--detach", "--null-io"}, flags...), name, "sh", "-c", script)...).ok()
	return name
}

// taskPid returns the process id of a task.
func (a *attempt) taskPid(name string) string {
	fields := strings.Fields(a.do("task", "list").ok().line(name + " "))
	return fields[1]
}

// taskCgroup reads a file of a task's cgroup v1.
func (a *attempt) taskCgroup(name, controller, file string) string {
	return a.host("cat", "/sys/fs/cgroup/"+controller+"/flows/"+name+"/"+file)
}

// waitTask waits until a task has a status.
func (a *attempt) waitTask(name, status string) {
	a.eventually(name+" "+status, func() bool {
		return strings.HasSuffix(strings.TrimSpace(a.do("task", "list").ok().line(name+" ")), status)
	})
}
