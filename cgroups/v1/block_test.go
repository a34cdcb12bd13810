package v1

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// bfqDisk attaches a file to a loop device that bfq schedules, until the test ends, and
// returns its directory in sysfs.
func bfqDisk(t *testing.T) string {
	t.Helper()
	device, err := attachLoop(filepath.Join(t.TempDir(), "disk"), 8<<20)
	if err != nil {
		t.Skip("needs a loop device: ", err)
	}
	sysfs := filepath.Join("/sys/block", filepath.Base(device.Name()))
	scheduler := filepath.Join(sysfs, "queue/scheduler")
	_, before, _ := strings.Cut(string(mustRead(t, scheduler)), "[")
	before, _, _ = strings.Cut(before, "]")
	t.Cleanup(func() {
		if err := errors.Join(os.WriteFile(scheduler, []byte(before), 0), device.Close()); err != nil {
			t.Error(err)
		}
	})
	if err := os.WriteFile(scheduler, []byte("bfq"), 0); err != nil {
		t.Skip("needs the I/O scheduler bfq: ", err)
	}
	return sysfs
}

// attachLoop makes a file and a loop device of it, which is detached when it is closed.
func attachLoop(name string, size int64) (*os.File, error) {
	file, err := os.Create(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if err := file.Truncate(size); err != nil {
		return nil, err
	}
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer control.Close()
	config := unix.LoopConfig{Fd: uint32(file.Fd()), Info: unix.LoopInfo64{Flags: unix.LO_FLAGS_AUTOCLEAR}}
	for {
		n, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return nil, err
		}
		device, err := os.OpenFile(fmt.Sprintf("/dev/loop%d", n), os.O_RDWR, 0)
		if err != nil {
			return nil, err
		}
		if err = unix.IoctlLoopConfigure(int(device.Fd()), &config); err == nil {
			return device, nil
		}
		device.Close()
		if !errors.Is(err, unix.EBUSY) { // else somebody was faster
			return nil, err
		}
	}
}

// numbers returns those of the device that has this directory in sysfs.
func numbers(t *testing.T, sysfs string) (major, minor int64) {
	t.Helper()
	if _, err := fmt.Sscanf(string(mustRead(t, filepath.Join(sysfs, "dev"))), "%d:%d", &major, &minor); err != nil {
		t.Fatal(err)
	}
	return major, minor
}

func TestThrottle(t *testing.T) {
	m := container(t)
	needs(t, m, "blkio")
	disks, err := filepath.Glob("/sys/block/*/dev")
	if err != nil || len(disks) == 0 {
		t.Skip("needs a block device")
	}
	d := specs.LinuxThrottleDevice{Rate: 1 << 20}
	d.Major, d.Minor = numbers(t, filepath.Dir(disks[0]))
	number := fmt.Sprintf("%d:%d", d.Major, d.Minor)
	set(t, m,
		&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{d}}})
	holds(t, m, "blkio", "blkio.throttle.write_bps_device", number+" 1048576")
	d.Rate = 0
	set(t, m,
		&specs.LinuxResources{BlockIO: &specs.LinuxBlockIO{ThrottleWriteBpsDevice: []specs.LinuxThrottleDevice{d}}})
	holds(t, m, "blkio", "blkio.throttle.write_bps_device", "")
}
