package integration

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestDevices(t *testing.T) {
	t.Parallel()
	mode, sticky, uid, gid := os.FileMode(0o640), os.FileMode(0o61640), uint32(3), uint32(4)
	got := printed(t, `cd /dev
		stat -c '/dev/%n %F %t:%T %a %u:%g' null zero full random urandom tty char sub/block fifo unbuffered
		for l in fd stdin stdout stderr ptmx; do readlink /dev/$l; done; stat -c %a:%F /dev/pts/ptmx`,
		func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/char", Type: "c", Major: 1, Minor: 5, FileMode: &mode, UID: &uid, GID: &gid},
				{Path: "/dev/sub/block", Type: "b", Major: 7, Minor: 300, FileMode: &sticky, GID: &gid},
				{Path: "/dev/fifo", Type: "p", UID: &uid},
				{Path: "/dev/unbuffered", Type: "u", Major: 300, Minor: 1, GID: &gid},
			}
		})
	want := `/dev/null character special file 1:3 666 0:0
/dev/zero character special file 1:5 666 0:0
/dev/full character special file 1:7 666 0:0
/dev/random character special file 1:8 666 0:0
/dev/urandom character special file 1:9 666 0:0
/dev/tty character special file 5:0 666 0:0
/dev/char character special file 1:5 640 3:4
/dev/sub/block block special file 7:12c 1640 0:4
/dev/fifo fifo 0:0 666 3:0
/dev/unbuffered character special file 12c:1 666 0:4
/proc/self/fd
/proc/self/fd/0
/proc/self/fd/1
/proc/self/fd/2
pts/ptmx
666:character special file`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestExistingDevice(t *testing.T) {
	t.Parallel()
	device := func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/opt/device", Type: "c", Major: 1, Minor: 5}}
	}
	same := bundle.New(t, device, bundle.Shell("head -c 3 /opt/device | wc -c"))
	write(t, same.Path("opt/other"), "")
	host(t, "mknod", same.Path("opt/device"), "c", "1", "5")
	same.Run().OK().Prints("3")
	for name, make := range map[string]func(c *bundle.Container){
		"number": func(c *bundle.Container) { host(t, "mknod", c.Path("opt/device"), "c", "1", "3") },
		"type":   func(c *bundle.Container) { host(t, "mknod", c.Path("opt/device"), "b", "1", "5") },
		"file":   func(c *bundle.Container) { write(t, c.Path("opt/device"), "") },
		"link": func(c *bundle.Container) {
			if err := os.Symlink("/dev/zero", c.Path("opt/device")); err != nil {
				t.Fatal(err)
			}
		},
	} {
		c := bundle.New(t, device)
		write(t, c.Path("opt/other"), "")
		make(c)
		r := c.Create()
		if r.Code != 1 || !strings.Contains(r.Stderr, "/opt/device") {
			t.Errorf("%s: exit status %d, %s", name, r.Code, r.Stderr)
		}
	}
}

// Of what no rule is about a node can be made, and nothing more.
func TestDevicesWithoutRules(t *testing.T) {
	t.Parallel()
	for name, resources := range map[string]*specs.LinuxResources{
		"no resources": nil, "no devices": {}, "no denial of all": {
			Devices: []specs.LinuxDeviceCgroup{{Allow: true, Type: "c", Major: ptr(int64(1)), Minor: ptr(int64(5))}},
		},
	} {
		caps := []string{"CAP_MKNOD"}
		got := printed(t, "mknod /fuse c 10 229; (: </fuse) 2>&1; head -c 1 /dev/zero | wc -c", func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps}
			s.Linux.Resources = resources
		})
		if !strings.Contains(got, "/fuse: Operation not permitted\n") || !strings.HasSuffix(got, "\n1") {
			t.Errorf("%s: got %s", name, got)
		}
	}
}

// The rules are about the container. A filesystem is mounted from a device that it may not
// use, and has nodes and a terminal that rules forbid to make.
func TestDeviceRulesDoNotBindTheRuntime(t *testing.T) {
	t.Parallel()
	image := filepath.Join(t.TempDir(), "image")
	write(t, image, "")
	if os.Truncate(image, 8<<20) != nil || exec.Command("mkfs.ext4", "-q", image).Run() != nil {
		t.Skip("needs mkfs.ext4")
	}
	loop, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Skipf("needs a loop device: %v", err)
	}
	device := strings.TrimSpace(string(loop))
	t.Cleanup(func() { host(t, "losetup", "-d", device) })
	caps := []string{"CAP_MKNOD", "CAP_DAC_OVERRIDE"}
	c := bundle.New(t, bundle.Mount(specs.Mount{Destination: "/disk", Type: "ext4", Source: device}),
		bundle.Shell("ls /disk; mknod /n c 1 3 2>/dev/null && echo made; stat -c %t:%T /dev/full; (: </dev/ptmx) "+
			"2>&1; true"),
		func(s *specs.Spec) {
			s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps}
			s.Process.Terminal = true
			five, two := int64(5), int64(2)
			s.Linux.Resources.Devices = append(s.Linux.Resources.Devices, specs.LinuxDeviceCgroup{Access: "m"},
				specs.LinuxDeviceCgroup{Type: "c", Major: &five, Minor: &two})
		})
	want := "lost+found\n1:7\nsh: can't open /dev/ptmx: Operation not permitted"
	got := strings.ReplaceAll(c.Run().OK().Stdout, "sh: line 0:", "sh:") // newer ones of busybox
	if strings.TrimSpace(got) != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
