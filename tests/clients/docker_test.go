package clients

import (
	"fmt"
	"hash/fnv"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// startDocker starts a dockerd with a containerd of its own. The runtime is its
// default one.
func startDocker(runtime subject, dir string) (*engine, error) {
	containerd, err := startContainerd(runtime, filepath.Join(dir, "containerd"))
	if err != nil {
		return nil, err
	}
	bridge, err := makeBridge(runtime.name)
	if err != nil {
		return nil, err
	}
	path, err := runcInPath(runtime, dir)
	if err != nil {
		return nil, err
	}
	socket := "unix://" + filepath.Join(dir, "docker.sock")
	e := &engine{
		client:  "docker",
		runtime: runtime,
		dir:     dir,
		base:    []string{"docker", "--host", socket},
		env:     []string{"DOCKER_CONFIG=" + filepath.Join(dir, "config"), "DOCKER_BUILDKIT=0"}, // Debian has no buildx
		log:     filepath.Join(dir, "dockerd.log"),
	}
	stop, err := startDaemon(e.log, []string{path},
		func() error { return e.run("version") },
		"dockerd", "--host", socket, "--containerd", containerd.socket(),
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir,
			"exec"), "--pidfile", filepath.Join(dir, "pid"),
		"--add-runtime", "subject="+runtime.path, "--default-runtime", "subject", "--init-path", "/usr/bin/tini-static",
		// Two daemons would take each other's firewall rules away.
		"--storage-driver", "overlay2", "--bridge", bridge, "--iptables=false")
	if err != nil {
		containerd.stop()
		return nil, err
	}
	e.stop = func() {
		stop()
		containerd.stop()
	}
	e.remove = e.removeDocker
	return e, e.run("load", "--quiet", "--input", imageArchive())
}

// removeDocker removes containers that exist: the others are an error to docker.
func (e *engine) removeDocker(names []string) error {
	out, err := e.output("ps", "--all", "--format", "{{.Names}}")
	if err != nil {
		return err
	}
	existing := strings.Fields(out)
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !slices.Contains(existing, n) })
	if len(names) == 0 {
		return nil
	}
	return e.run(append([]string{"rm", "--force", "--volumes"}, names...)...)
}

// makeBridge makes a bridge for a daemon, with a network of its own.
func makeBridge(runtime string) (name string, err error) {
	hash := fnv.New32()
	hash.Write([]byte(runtime))
	name = fmt.Sprintf("br%x", hash.Sum32())
	for _, args := range [][]string{
		{"link", "add", name, "type", "bridge"},
		{"address", "add", fmt.Sprintf("10.99.%d.1/24", hash.Sum32()%256), "dev", name},
		{"link", "set", name, "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("ip %v: %w: %s", args, err, out)
		}
	}
	return name, nil
}
