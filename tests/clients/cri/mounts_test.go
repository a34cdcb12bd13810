package cri

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func mountFlows() []flow {
	return []flow{
		{name: "mount-writable", run: mountWritable},
		{name: "mount-readonly", run: mountReadonly},
		{name: "mount-recursive-readonly", run: mountRecursiveReadonly},
		{name: "mount-file", run: mountFile},
		{name: "mount-through-symlink", run: mountThroughSymlink},
		{name: "mount-source-missing", run: mountSourceMissing},
		{name: "mount-over-dev-shm", run: mountOverShm},
		{name: "mount-propagation-private", run: mountPrivate},
		{name: "mount-propagation-host-to-container", run: mountHostToContainer},
		{name: "mount-propagation-bidirectional", run: mountBidirectional},
		{name: "mount-image", run: mountImage},
		{name: "device", run: device},
		{name: "device-readonly", run: deviceReadonly},
		{name: "device-cdi", run: deviceCDI},
	}
}

// volume makes a directory with a file in it, on a mount that is shared.
func (a *attempt) volume() string {
	dir := filepath.Join(volumesDir, a.name)
	a.must(os.Mkdir(dir, 0o755))
	a.must(os.WriteFile(filepath.Join(dir, "file"), []byte("of the host\n"), 0o644))
	return dir
}

// tmpfsBelow mounts a tmpfs with a file in a directory of the volume.
func (a *attempt) tmpfsBelow(dir string) {
	point := filepath.Join(dir, "below")
	a.must(os.MkdirAll(point, 0o755))
	a.must(unix.Mount("tmpfs", point, "tmpfs", 0, "mode=755"))
	a.Cleanup(func() { a.must(unix.Unmount(point, 0)) })
	a.must(os.WriteFile(filepath.Join(point, "deep"), []byte("deep\n"), 0o644))
}

func mountWritable(a *attempt) {
	dir := a.volume()
	a.tmpfsBelow(dir)
	out := a.output(shell("cat /mnt/file /mnt/below/deep; echo written >/mnt/new"),
		mounted(&cri.Mount{HostPath: dir, ContainerPath: "/mnt"}))
	a.equal("read", out, "of the host\ndeep")
	data, err := os.ReadFile(filepath.Join(dir, "new"))
	a.must(err)
	a.equal("written", string(data), "written")
}

func mountReadonly(a *attempt) {
	dir := a.volume()
	a.tmpfsBelow(dir)
	out := a.output(shell("cat /mnt/file; touch /mnt/new 2>&1; touch /mnt/below/new && echo below"),
		mounted(&cri.Mount{HostPath: dir, ContainerPath: "/mnt", Readonly: true}))
	a.equal("output", out, "of the host\ntouch: /mnt/new: Read-only file system\nbelow")
}

func mountRecursiveReadonly(a *attempt) {
	dir := a.volume()
	a.tmpfsBelow(dir)
	out := a.output(shell("cat /mnt/below/deep; touch /mnt/new 2>&1; touch /mnt/below/new 2>&1 || exit 0"),
		mounted(&cri.Mount{HostPath: dir, ContainerPath: "/mnt", Readonly: true, RecursiveReadOnly: true}))
	a.equal("output", out, "deep\ntouch: /mnt/new: Read-only file system\ntouch: /mnt/below/new: Read-only file system")
}

func mountFile(a *attempt) {
	file := filepath.Join(a.volume(), "file")
	out := a.output(shell("cat /etc/passwd /not/there/yet; echo more >>/not/there/yet"),
		mounted(&cri.Mount{HostPath: file, ContainerPath: "/etc/passwd", Readonly: true}),
		mounted(&cri.Mount{HostPath: file, ContainerPath: "/not/there/yet"}))
	a.equal("read", out, "of the host\nof the host")
	data, err := os.ReadFile(file)
	a.must(err)
	a.equal("written", string(data), "of the host\nmore")
}

func mountThroughSymlink(a *attempt) {
	dir := a.volume()
	link := filepath.Join(volumesDir, a.name+"-link")
	a.must(os.Symlink(dir, link))
	out := a.output(shell("cat /mnt/file /mnt/new/file"),
		mounted(&cri.Mount{HostPath: link, ContainerPath: "/link"}), // of the image: /link is /mnt
		mounted(&cri.Mount{HostPath: dir, ContainerPath: "/link/new"}))
	a.equal("read", out, "of the host\nof the host")
}

// mountSourceMissing: containerd makes a directory, as docker does.
func mountSourceMissing(a *attempt) {
	dir := filepath.Join(volumesDir, a.name, "missing")
	a.output(shell("touch /mnt/file"), mounted(&cri.Mount{HostPath: dir, ContainerPath: "/mnt"}))
	if !exists(filepath.Join(dir, "file")) {
		a.Errorf("nothing was written to %s", dir)
	}
}

func mountOverShm(a *attempt) {
	out := a.output(shell("cat /dev/shm/file"), mounted(&cri.Mount{HostPath: a.volume(), ContainerPath: "/dev/shm"}))
	a.equal("read", out, "of the host")
}

// propagated starts a container with a volume of a propagation.
func (a *attempt) propagated(dir string, propagation cri.MountPropagation) *container {
	p := a.pod(func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.Privileged = true })
	return p.start("main", sleeper, mounted(&cri.Mount{HostPath: dir, ContainerPath: "/mnt", Propagation: propagation}),
		secure(func(s *cri.LinuxContainerSecurityContext) { s.Privileged = true }))
}

const countDeep = "ls /mnt/below 2>/dev/null | grep -c deep || true"

func mountPrivate(a *attempt) {
	dir := a.volume()
	c := a.propagated(dir, cri.MountPropagation_PROPAGATION_PRIVATE)
	a.tmpfsBelow(dir)
	a.equal("what the host mounted", c.sh(countDeep), "0")
	c.sh("mkdir /mnt/own && mount -t tmpfs none /mnt/own && touch /mnt/own/file")
	if exists(filepath.Join(dir, "own/file")) {
		a.Errorf("the host sees the container's mount")
	}
}

func mountHostToContainer(a *attempt) {
	dir := a.volume()
	c := a.propagated(dir, cri.MountPropagation_PROPAGATION_HOST_TO_CONTAINER)
	a.tmpfsBelow(dir)
	a.equal("what the host mounted", c.sh(countDeep), "1")
	c.sh("mkdir /mnt/own && mount -t tmpfs none /mnt/own && touch /mnt/own/file")
	if exists(filepath.Join(dir, "own/file")) {
		a.Errorf("the host sees the container's mount")
	}
}

func mountBidirectional(a *attempt) {
	dir := a.volume()
	c := a.propagated(dir, cri.MountPropagation_PROPAGATION_BIDIRECTIONAL)
	a.tmpfsBelow(dir)
	a.equal("what the host mounted", c.sh(countDeep), "1")
	c.sh("mkdir /mnt/own && mount -t tmpfs none /mnt/own && touch /mnt/own/file")
	if !exists(filepath.Join(dir, "own/file")) {
		a.Errorf("the host does not see the container's mount")
	}
	c.sh("umount /mnt/own")
}

func mountImage(a *attempt) {
	out := a.output(shell("ls /mnt; touch /mnt/new 2>&1 || exit 0"),
		mounted(&cri.Mount{ContainerPath: "/mnt", Image: &cri.ImageSpec{Image: pauseImage}, Readonly: true}))
	a.equal("output", out, "pause\ntouch: /mnt/new: Read-only file system")
}

func withDevice(permissions string) change {
	return func(c *cri.ContainerConfig) {
		c.Devices = append(c.Devices, &cri.Device{HostPath: "/dev/full", ContainerPath: "/dev/own",
			Permissions: permissions})
	}
}

func device(a *attempt) {
	p := a.pod()
	out := p.output("given",
		shell("stat -c '%t:%T' /dev/own; head -c 1 /dev/own | wc -c; echo x 2>&1 >/dev/own || exit 0"),
		withDevice("rwm"))
	a.contains("with the device", out, "1:7\n1\n")
	a.contains("writing to it", out, "No space left on device")
	other := p.output("not-given", shell("mknod /dev/kmem c 1 2 && cat /dev/kmem 2>&1 || exit 0"))
	a.contains("another device", other, "Operation not permitted")
}

func deviceReadonly(a *attempt) {
	c := a.pod().start("main", sleeper, withDevice("r"))
	devices, err := cgroupFile("devices", c.cgroup(), "devices.list")
	a.must(err)
	if !strings.Contains(devices, "c 1:7 r") {
		a.Errorf("devices.list: %q", devices)
	}
}

func deviceCDI(a *attempt) {
	kind := "example.org/" + strings.ReplaceAll(a.name, "-", "_")
	spec := filepath.Join(cdiDir, a.name+".json")
	a.must(os.WriteFile(spec+".tmp", []byte(`{"cdiVersion": "0.6.0", "kind": "`+kind+`", "devices": [{"name": "one",
		"containerEdits": {
		"env": ["FROM_CDI=yes"],
		"deviceNodes": [{"path": "/dev/cdi", "hostPath": "/dev/zero"}],
		"mounts": [{"hostPath": "/etc/hostname", "containerPath": "/etc/from-cdi", "options": ["ro", "bind"]}]
		}}]}`), 0o644))
	a.must(os.Rename(spec+".tmp", spec))
	a.Cleanup(func() { a.must(os.Remove(spec)) })
	out := a.output(shell("echo $FROM_CDI; head -c 3 /dev/cdi | wc -c; test -f /etc/from-cdi && echo file"),
		func(c *cri.ContainerConfig) { c.CDIDevices = []*cri.CDIDevice{{Name: kind + "=one"}} })
	a.equal("output", out, "yes\n3\nfile")
}
