package cri

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// A pod is a sandbox that an attempt has started.
type pod struct {
	*attempt
	id     string
	config *cri.PodSandboxConfig
}

// cleanupLimit bounds the removal of one pod.
const cleanupLimit = 20 * time.Second

// podConfig is a pod in the host's network and otherwise its own namespaces.
func (a *attempt) podConfig() *cri.PodSandboxConfig {
	a.pods++
	name := fmt.Sprintf("%s-%d", a.name, a.pods)
	return &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Uid: name, Namespace: "default"},
		LogDirectory: filepath.Join(podLogs, name),
		Labels:       map[string]string{"attempt": a.name},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: cgroupParent() + "/" + name,
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE,
					Pid: cri.NamespaceMode_CONTAINER},
			},
		},
	}
}

// pod starts a pod; the changes are made to its configuration before.
func (a *attempt) pod(changes ...func(*cri.PodSandboxConfig)) *pod {
	p, err := a.tryPod(changes...)
	a.must(err)
	return p
}

func (a *attempt) tryPod(changes ...func(*cri.PodSandboxConfig)) (*pod, error) {
	config := a.podConfig()
	for _, change := range changes {
		change(config)
	}
	if err := os.MkdirAll(config.LogDirectory, 0o755); err != nil {
		return nil, err
	}
	// Whether it starts or not, its cgroup is to go: the kubelet removes those that it named.
	a.Cleanup(func() { a.must(removeEmptyCgroups(config.Linux.CgroupParent)) })
	res, err := a.runtime.RunPodSandbox(a.ctx, &cri.RunPodSandboxRequest{Config: config, RuntimeHandler: a.handler})
	if err != nil {
		return nil, err
	}
	p := &pod{a, res.PodSandboxId, config}
	a.Cleanup(p.remove)
	return p, nil
}

// ownNetwork gives a pod a network namespace with an address on the bridge.
func ownNetwork(c *cri.PodSandboxConfig) {
	c.Linux.SecurityContext.NamespaceOptions.Network = cri.NamespaceMode_POD
}

// remove stops and removes the pod, and requires that nothing of it is left.
// It has a deadline of its own, so that a flow that took too long is removed, too.
func (p *pod) remove() {
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	containers, err := p.runtime.ListContainers(ctx, &cri.ListContainersRequest{
		Filter: &cri.ContainerFilter{PodSandboxId: p.id},
	})
	p.must(err)
	if _, err := p.runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.id}); err != nil {
		p.Errorf("StopPodSandbox: %w", err)
	}
	if _, err := p.runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.id}); err != nil {
		p.Errorf("RemovePodSandbox: %w", err)
	}
	p.leavesNothing(p.id)
	for _, c := range containers.GetContainers() {
		p.leavesNothing(c.Id)
	}
}

// leavesNothing requires that the runtime keeps no state and no cgroup of a container.
func (p *pod) leavesNothing(id string) {
	if state := filepath.Join(runcRoot, "k8s.io", id); exists(state) {
		p.Errorf("left behind: state %s", state)
	}
	for _, mount := range cgroupMounts() {
		if dir := filepath.Join(mount, p.config.Linux.CgroupParent, id); exists(dir) {
			p.Errorf("left behind: cgroup %s", dir)
		}
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// removeEmptyCgroups removes a pod's cgroup, which has to be empty by now.
func removeEmptyCgroups(path string) error {
	for _, mount := range cgroupMounts() {
		if err := os.Remove(filepath.Join(mount, path)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

func (p *pod) status() *cri.PodSandboxStatus {
	res, err := p.runtime.PodSandboxStatus(p.ctx, &cri.PodSandboxStatusRequest{PodSandboxId: p.id})
	p.must(err)
	return res.Status
}

func (p *pod) stop() {
	_, err := p.runtime.StopPodSandbox(p.ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.id})
	p.must(err)
}

// A container is one that an attempt has created in a pod.
type container struct {
	*pod
	id     string
	config *cri.ContainerConfig
}

// A change is made to a container's configuration before it is created.
type change func(*cri.ContainerConfig)

// shell makes a container run a script, with sh -c.
func shell(script string) change {
	return func(c *cri.ContainerConfig) { c.Command = []string{"/bin/sh", "-c", script} }
}

// sleeper is a container that waits, and ends at once on SIGTERM.
func sleeper(c *cri.ContainerConfig) {
	c.Command = []string{"/bin/sh", "-c", "trap exit TERM; sleep 1000 & wait"}
}

// secure changes the security context.
func secure(f func(*cri.LinuxContainerSecurityContext)) change {
	return func(c *cri.ContainerConfig) { f(c.Linux.SecurityContext) }
}

// limit changes the resources.
func limit(f func(*cri.LinuxContainerResources)) change {
	return func(c *cri.ContainerConfig) { f(c.Linux.Resources) }
}

// mounted adds a mount.
func mounted(m *cri.Mount) change {
	return func(c *cri.ContainerConfig) { c.Mounts = append(c.Mounts, m) }
}

func (p *pod) containerConfig(name string) *cri.ContainerConfig {
	pid := p.config.Linux.SecurityContext.NamespaceOptions.Pid
	return &cri.ContainerConfig{
		Metadata: &cri.ContainerMetadata{Name: name},
		Image:    &cri.ImageSpec{Image: busyboxImage},
		LogPath:  name + ".log",
		Linux: &cri.LinuxContainerConfig{
			Resources: &cri.LinuxContainerResources{},
			SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Network: p.config.Linux.SecurityContext.NamespaceOptions.Network,
					Pid: pid},
			},
		},
	}
}

func (p *pod) tryCreate(name string, changes ...change) (*container, error) {
	config := p.containerConfig(name)
	for _, change := range changes {
		change(config)
	}
	res, err := p.runtime.CreateContainer(p.ctx, &cri.CreateContainerRequest{
		PodSandboxId: p.id, Config: config, SandboxConfig: p.config,
	})
	if err != nil {
		return nil, err
	}
	return &container{p, res.ContainerId, config}, nil
}

func (p *pod) create(name string, changes ...change) *container {
	c, err := p.tryCreate(name, changes...)
	p.must(err)
	return c
}

func (c *container) tryStart() error {
	_, err := c.runtime.StartContainer(c.ctx, &cri.StartContainerRequest{ContainerId: c.id})
	return err
}

// start creates and starts a container.
func (p *pod) start(name string, changes ...change) *container {
	c := p.create(name, changes...)
	p.must(c.tryStart())
	return c
}

// output runs a container to its end, which has to be a success, and returns its standard output.
func (p *pod) output(name string, changes ...change) string {
	c := p.start(name, changes...)
	status := c.wait()
	if status.ExitCode != 0 {
		p.Fatalf("container %s: exit code %d, %s: %s: %s", name, status.ExitCode, status.Reason, status.Message,
			c.log("stderr"))
	}
	return c.log("stdout")
}

// output runs a container in a pod of its own.
func (a *attempt) output(changes ...change) string { return a.pod().output("main", changes...) }

func (c *container) status() *cri.ContainerStatus {
	res, err := c.runtime.ContainerStatus(c.ctx, &cri.ContainerStatusRequest{ContainerId: c.id})
	c.must(err)
	return res.Status
}

// wait waits until the container has ended, and returns its last status.
func (c *container) wait() *cri.ContainerStatus {
	var status *cri.ContainerStatus
	c.eventually("container "+c.config.Metadata.Name+" ends", func() bool {
		status = c.status()
		return status.State == cri.ContainerState_CONTAINER_EXITED
	})
	return status
}

func (c *container) stop(timeout int64) {
	_, err := c.runtime.StopContainer(c.ctx, &cri.StopContainerRequest{ContainerId: c.id, Timeout: timeout})
	c.must(err)
}

func (c *container) logPath() string {
	return filepath.Join(c.pod.config.LogDirectory, c.config.LogPath)
}

// log returns what the container wrote to a stream, from its log in CRI's
// format: time, stream, F or P for a full or partial line, and the text.
func (c *container) log(stream string) string {
	data, err := os.ReadFile(c.logPath())
	c.must(err)
	var text strings.Builder
	for line := range strings.Lines(string(data)) {
		fields := strings.SplitN(strings.TrimSuffix(line, "\n"), " ", 4)
		if len(fields) != 4 || fields[1] != stream {
			continue
		}
		text.WriteString(fields[3])
		if fields[2] == "F" {
			text.WriteByte('\n')
		}
	}
	return text.String()
}

// execute runs a command in the container.
func (c *container) execute(command ...string) (*cri.ExecSyncResponse, error) {
	return c.runtime.ExecSync(c.ctx, &cri.ExecSyncRequest{ContainerId: c.id, Cmd: command, Timeout: 10})
}

// sh runs a script in the container, which has to succeed, and returns its output.
func (c *container) sh(script string) string {
	res, err := c.execute("/bin/sh", "-c", script)
	c.must(err)
	if res.ExitCode != 0 {
		c.Fatalf("%s: exit code %d: %s", script, res.ExitCode, res.Stderr)
	}
	return string(res.Stdout)
}

// cgroup is the path of the container's cgroup.
func (c *container) cgroup() string { return c.pod.config.Linux.CgroupParent + "/" + c.id }
