package cri

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const (
	socket     = "/run/containerd/containerd.sock"
	podLogs    = "/run/pods"            // the log directories of pods
	cdiDir     = "/run/cdi"             // CDI specifications
	seccompDir = "/run/seccomp"         // seccomp profiles
	runcRoot   = "/run/containerd/runc" // where the shim keeps the runtime's state, a directory for each namespace
)

// A node is a running containerd with its CRI services.
type node struct {
	runtimes map[string]string // path of each runtime handler
	runtime  cri.RuntimeServiceClient
	image    cri.ImageServiceClient
	daemon   *exec.Cmd
	log      *os.File
}

// config is containerd's configuration: version 3 is understood by all of 2.x.
const config = `version = 3
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = '` + pauseImage + `'
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  stats_collect_period = '1s'
  cdi_spec_dirs = ['` + cdiDir + `']
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ['/usr/lib/cni']
  conf_dir = '/etc/cni/net.d'
[plugins.'io.containerd.nri.v1.nri']
  disable = true
`

// handlerConfig configures one runtime handler; its %s are the name, the name and the path.
const handlerConfig = `
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.%s]
  runtime_type = 'io.containerd.runc.v2'
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.%s.options]
  BinaryName = '%s'
`

// bridge connects pods with each other, and with nothing else.
const bridge = `{
  "cniVersion": "0.4.0", "name": "rung-cri", "plugins": [
    {"type": "bridge", "bridge": "rung0", "isGateway": true,
     "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.88.0.0/16"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]
}`

// startNode makes the images and starts containerd with them.
func startNode(t *testing.T) *node {
	rung, err := rungPath()
	if err != nil {
		t.Fatal(err)
	}
	n := &node{runtimes: map[string]string{"rung": rung}}
	text := config + fmt.Sprintf(handlerConfig, "rung", "rung", rung)
	for _, name := range controls {
		if path, err := exec.LookPath(name); err == nil {
			n.runtimes[name] = path
			text += fmt.Sprintf(handlerConfig, name, name, path)
		}
	}
	for _, dir := range []string{"/run/containerd", "/etc/cni/net.d", podLogs, cdiDir, seccompDir} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, content := range map[string]string{"/run/containerd.toml": text,
		"/etc/cni/net.d/10-rung.conflist": bridge} {
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if n.log, err = os.Create("/run/containerd.log"); err != nil {
		t.Fatal(err)
	}
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.stop(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("the end of containerd's warnings:\n%s", n.logTail(40))
		}
	})
	const archive = "/run/images.tar"
	if err := writeImages(archive); err != nil {
		t.Fatalf("making images: %v", err)
	}
	for _, namespace := range []string{"k8s.io", "default"} {
		if _, err := n.ctr("-n", namespace, "images", "import", "--local", archive); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// start starts containerd and waits until its CRI plugin and network are ready.
func (n *node) start() error {
	n.daemon = exec.Command(program("containerd"), "--config", "/run/containerd.toml")
	n.daemon.Env = append(os.Environ(), "PATH="+filepath.Dir(program("containerd"))+":"+os.Getenv("PATH"))
	n.daemon.Stdout, n.daemon.Stderr = n.log, n.log
	if err := n.daemon.Start(); err != nil {
		return err
	}
	if n.runtime == nil {
		conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(16<<20))) // as the kubelet has it
		if err != nil {
			return err
		}
		n.runtime, n.image = cri.NewRuntimeServiceClient(conn), cri.NewImageServiceClient(conn)
	}
	return n.waitReady()
}

func (n *node) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		status, err := n.runtime.Status(ctx, &cri.StatusRequest{}, grpc.WaitForReady(true))
		if err == nil {
			err = unmetCondition(status)
		}
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("containerd is not ready: %w\n%s", err, n.logTail(20))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func unmetCondition(status *cri.StatusResponse) error {
	for _, c := range status.Status.Conditions {
		if (c.Type == cri.RuntimeReady || c.Type == cri.NetworkReady) && !c.Status {
			return fmt.Errorf("%s: %s: %s", c.Type, c.Reason, c.Message)
		}
	}
	return nil
}

// stop ends containerd; the shims and their containers live on.
func (n *node) stop(signal syscall.Signal) {
	n.daemon.Process.Signal(signal)
	n.daemon.Wait()
}

// ctr runs ctr and returns its standard output. The error has what ctr said,
// and is an exec.ExitError that has its exit code.
func (n *node) ctr(args ...string) (stdout string, err error) {
	out, err := exec.Command(program("ctr"), args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		var said []string
		for line := range strings.Lines(string(exit.Stderr)) {
			if !strings.Contains(line, "DEPRECATION") { // of cgroup v1, each time
				said = append(said, strings.TrimSpace(line))
			}
		}
		err = fmt.Errorf("ctr %s: %w: %s", strings.Join(args, " "), err, strings.Join(said, "; "))
	}
	return string(out), err
}

// logTail returns the last lines of containerd's log that are more than information.
func (n *node) logTail(lines int) string {
	data, err := os.ReadFile(n.log.Name())
	if err != nil {
		return err.Error()
	}
	var warnings []string
	for line := range strings.Lines(string(data)) {
		if !strings.Contains(line, " level=info ") {
			warnings = append(warnings, line)
		}
	}
	return strings.Join(warnings[max(0, len(warnings)-lines):], "")
}

// cgroupFile reads a file of a container's cgroup in one of the v1 hierarchies.
func cgroupFile(controller, path, file string) (string, error) {
	data, err := os.ReadFile(filepath.Join("/sys/fs/cgroup", controller, path, file))
	return strings.TrimSpace(string(data)), err
}
