package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/tests/bundle"
)

// Each property of linux.resources is the kernel's when a container is created with it, and
// when it is updated to it.
func TestLimits(t *testing.T) {
	device := scheduledLoop(t)
	for i, c := range limitCases() {
		c.resources = strings.NewReplacer("DEVICE", fmt.Sprintf(`"major":%d,"minor":%d`, device.major, device.minor),
			"MAJ:MIN", device.String()).Replace(c.resources)
		t.Run(fmt.Sprintf("%d-%s", i, c.property), func(t *testing.T) {
			t.Parallel()
			want := c.v1
			if unifiedOnly() {
				want = c.v2
			}
			want = strings.ReplaceAll(want, "MAJ:MIN", device.String())
			device.needFiles(t, want)
			r := new(specs.LinuxResources)
			if err := json.Unmarshal([]byte(c.resources), r); err != nil {
				t.Fatal(err)
			}
			created := bundle.New(t, bundle.Shell(idle), resources(func(to *specs.LinuxResources) {
				devices := to.Devices
				*to = *r
				to.Devices = devices
			}))
			result := created.Create()
			c.check(t, created, result, want)
			if result.Code == 0 {
				created.Delete("--force").OK() // the parent's realtime is enough for one
			}
			updated := bundle.New(t, bundle.Shell(idle))
			updated.Create().OK()
			cmd := updated.Command("update", "--resources", "-", updated.ID)
			cmd.Stdin = strings.NewReader(c.resources)
			c.check(t, updated, updated.Wait(cmd), want)
		})
	}
}

// check looks at what a command has done to a container.
func (l limitCase) check(t *testing.T, c *bundle.Container, r bundle.Result, want string) {
	t.Helper()
	if why, refused := strings.CutPrefix(want, "refused: "); refused {
		r.Fails("linux.resources."+l.property, why)
		return
	}
	if strings.Contains(want, "io.bfq.") && r.Code != 0 {
		r.Fails("linux.resources."+l.property, "/io.weight: no such file",
			"this kernel's io controller does not have it")
		t.Skip("needs a kernel with weights of I/O; what it says without has been looked at")
	}
	r.OK()
	if warned := strings.Contains(r.Stderr, "linux.resources."+l.property); warned != (want == "warns") {
		t.Errorf("%s: warns: %v: %q", r, warned, r.Stderr)
	}
	if want == "warns" || want == "" {
		return
	}
	for line := range strings.SplitSeq(want, "\n") {
		file, value, _ := strings.Cut(line, "=")
		path := cgroupFile(t, c, file)
		if _, err := os.Stat(path); err != nil && value == "max" && unifiedOnly() {
			continue // what needs no controller gets none
		}
		got := read(t, path)
		if !slices.Contains(strings.Split(got, "\n"), value) {
			t.Errorf("%s: %s is %q, want %q", r, file, got, value)
		}
	}
}

// needFiles skips a test if the kernel, or who gave the cgroup, lacks a controller or a
// scheduler.
func (d blockDevice) needFiles(t *testing.T, want string) {
	t.Helper()
	if !strings.Contains(want, "=") {
		return
	}
	for line := range strings.SplitSeq(want, "\n") {
		file, _, _ := strings.Cut(line, "=")
		controller, _, _ := strings.Cut(file, ".")
		switch {
		case controller == "cgroup":
			continue
		case unifiedOnly():
			own := strings.TrimPrefix(read(t, "/proc/self/cgroup"), "0::")
			has := read(t, filepath.Join(unifiedMount, own, "cgroup.controllers"))
			if !slices.Contains(strings.Fields(has), controller) {
				t.Skipf("needs the %s controller, the cgroup has %s", controller, has)
			}
		default:
			_, err := os.Stat(filepath.Join(hierarchy(t, controller), file))
			if strings.HasPrefix(file, "cpu.rt_") && err != nil {
				t.Skip("needs a kernel that limits realtime processes: ", err)
			}
		}
		if strings.Contains(file, ".bfq.") && !d.bfq {
			t.Skip("needs the I/O scheduler bfq")
		}
	}
}

// A blockDevice is one to set limits for.
type blockDevice struct {
	name         string // in /dev
	major, minor uint32
	bfq          bool // it is scheduled by bfq, which knows weights
}

func (d blockDevice) String() string { return fmt.Sprintf("%d:%d", d.major, d.minor) }

// scheduledLoop attaches a file to a loop device, that bfq schedules if the kernel has bfq,
// until the test ends.
func scheduledLoop(t *testing.T) (d blockDevice) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(image, make([]byte, 32<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Skip("needs a loop device: ", err)
	}
	path := strings.TrimSpace(string(out))
	t.Cleanup(func() {
		if out, err := exec.Command("losetup", "-d", path).CombinedOutput(); err != nil {
			t.Errorf("losetup -d: %v: %s", err, out)
		}
	})
	d.name = filepath.Base(path)
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		t.Fatal(err)
	}
	d.major, d.minor = unix.Major(st.Rdev), unix.Minor(st.Rdev)
	scheduler := filepath.Join("/sys/block", d.name, "queue/scheduler")
	before, _, _ := strings.Cut(read(t, scheduler)[strings.IndexByte(read(t, scheduler), '[')+1:], "]")
	if d.bfq = os.WriteFile(scheduler, []byte("bfq"), 0) == nil; d.bfq {
		t.Cleanup(func() { os.WriteFile(scheduler, []byte(before), 0) })
	}
	return d
}

// A container reads from a disk as fast as it may: 6 MiB at 2 MiB a second, which would take
// no time.
func TestThrottledIO(t *testing.T) {
	device := scheduledLoop(t)
	device.needFiles(t, named("blkio.throttle.read_bps_device=", "io.max="))
	major, minor := int64(device.major), int64(device.minor)
	c := bundle.New(t, bundle.Shell("head -c 6291456 /dev/disk | wc -c"), func(s *specs.Spec) {
		s.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/disk", Type: "b", Major: major, Minor: minor}}
		r := s.Linux.Resources
		r.Devices = append(r.Devices,
			specs.LinuxDeviceCgroup{Allow: true, Type: "b", Major: &major, Minor: &minor, Access: "r"})
		limit := specs.LinuxThrottleDevice{Rate: 2 << 20}
		limit.Major, limit.Minor = major, minor
		r.BlockIO = &specs.LinuxBlockIO{ThrottleReadBpsDevice: []specs.LinuxThrottleDevice{limit}}
	})
	begin := time.Now()
	c.Run().OK().Prints("6291456")
	if took := time.Since(begin); took < 2*time.Second || took > 20*time.Second {
		t.Errorf("6 MiB took %v, want 3 s", took)
	}
}

// A limit below what is in use is refused if it is
// to be checked (v2-check 7), also on cgroup v2, whose kernel takes every limit.
func TestUpdateBelowUsage(t *testing.T) {
	t.Parallel()
	c := running(t, "head -c 20000000 /dev/zero >/dev/shm/file; "+idle, resources(func(r *specs.LinuxResources) {
		r.Memory = &specs.LinuxMemory{Limit: ptr(int64(64 << 20)), Swap: ptr(int64(64 << 20))}
	}))
	file := cgroupFile(t, c, named("memory.limit_in_bytes", "memory.max"))
	cmd := c.Command("update", "--resources", "-", c.ID)
	cmd.Stdin = strings.NewReader(`{"memory":{"limit":5242880,"checkBeforeUpdate":true}}`)
	c.Wait(cmd).Fails("linux.resources.memory.limit: unable to set memory limit to 5242880", "is in use")
	if got := read(t, file); got != "67108864" {
		t.Errorf("%s is %s", file, got)
	}
	c.Exec(nil, "true").OK()
}
