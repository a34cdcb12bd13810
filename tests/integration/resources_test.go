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
