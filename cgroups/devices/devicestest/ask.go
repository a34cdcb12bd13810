package devicestest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/devices"
)

// askedDir names the environment's variable with the directory of the nodes, for the child.
const askedDir = "RUNG_DEVICES_ASKED"

// Ask asks the kernel whether it allows the accesses to a process of the cgroup, a directory: by opening nodes,
// by making them. It needs root and devices that have no driver, see [Harmless].
//
// The process is the test's executable, which has to have a test "TestAsked" that calls Asked.
func Ask(t testing.TB, cgroup string, accesses []devices.Device) (allowed []bool) {
	t.Helper()
	dir := nodes(t, accesses)
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestAsked$")
	cmd.Env = append(os.Environ(), askedDir+"="+dir)
	cmd.Stderr = os.Stderr
	answers, answer, err := os.Pipe()
	check(t, err)
	defer answers.Close()
	cmd.ExtraFiles = []*os.File{answer}
	questions, err := cmd.StdinPipe()
	check(t, err)
	check(t, cmd.Start())
	defer func() {
		questions.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the process in the cgroup: %v", err)
		}
	}()
	answer.Close()
	check(t, os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(strconv.Itoa(cmd.Process.Pid)), 0))
	var lines strings.Builder
	for _, d := range accesses {
		fmt.Fprintln(&lines, name(d), uint8(d.Access))
	}
	_, err = io.WriteString(questions, lines.String())
	check(t, err)
	check(t, questions.Close())
	text, err := io.ReadAll(answers)
	check(t, err)
	for i, line := range strings.Fields(string(text)) {
		if line != "true" && line != "false" {
			t.Fatalf("%s: %s", accesses[i], line)
		}
		allowed = append(allowed, line == "true")
	}
	if len(allowed) != len(accesses) {
		t.Fatalf("%d answers to %d questions", len(allowed), len(accesses))
	}
	return allowed
}

// nodes makes the nodes that are to be opened, where nodes can be.
func nodes(t testing.TB, accesses []devices.Device) (dir string) {
	t.Helper()
	dir = t.TempDir()
	check(t, unix.Mount("nodes", dir, "tmpfs", 0, ""))
	t.Cleanup(func() { check(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	for _, d := range accesses {
		if err := mknod(filepath.Join(dir, name(d)), d); err != nil && err != unix.EEXIST {
			t.Fatal(err)
		}
	}
	return dir
}

func name(d devices.Device) string { return fmt.Sprintf("%c-%d-%d", d.Kind, d.Major, d.Minor) }

func mknod(path string, d devices.Device) error {
	mode := uint32(unix.S_IFCHR | 0o777)
	if d.Kind == 'b' {
		mode = unix.S_IFBLK | 0o777
	}
	return unix.Mknod(path, mode, int(unix.Mkdev(uint32(d.Major), uint32(d.Minor))))
}

// Asked is the process in the cgroup. In a run of all tests it does nothing.
func Asked() {
	dir := os.Getenv(askedDir)
	if dir == "" {
		return
	}
	answer := os.NewFile(3, "answer")
	defer answer.Close()
	for questions := bufio.NewScanner(os.Stdin); questions.Scan(); {
		var kind rune
		var d devices.Device
		if _, err := fmt.Sscanf(questions.Text(), "%c-%d-%d %d", &kind, &d.Major, &d.Minor, &d.Access); err != nil {
			fmt.Fprintln(answer, strings.ReplaceAll(err.Error(), " ", "_"))
			return
		}
		d.Kind = byte(kind)
		fmt.Fprintln(answer, ask(dir, d))
	}
}

// ask makes an access and returns "true", "false" or what went wrong.
func ask(dir string, d devices.Device) string {
	path := filepath.Join(dir, name(d))
	var err error
	switch d.Access {
	case devices.Mknod:
		if err = mknod(path+"-made", d); err == nil {
			err = unix.Unlink(path + "-made")
		}
	case 0:
		err = unix.Access(path, unix.X_OK)
	default:
		how := map[devices.Access]int{devices.Read: unix.O_RDONLY, devices.Write: unix.O_WRONLY,
			devices.Read | devices.Write: unix.O_RDWR}[d.Access]
		var fd int
		if fd, err = unix.Open(path, how|unix.O_CLOEXEC|unix.O_NOCTTY|unix.O_NONBLOCK, 0); err == nil {
			unix.Close(fd)
		}
	}
	switch {
	// there is no such device, but it was allowed
	case err == nil, errors.Is(err, unix.ENXIO), errors.Is(err, unix.ENODEV):
		return "true"
	case errors.Is(err, unix.EPERM):
		return "false"
	}
	return strings.ReplaceAll(err.Error(), " ", "_")
}

// Harmless gives the major numbers of rules and accesses new values, of which there are no devices here, and
// leaves out what no node can have.
func Harmless(t testing.TB, rules []specs.LinuxDeviceCgroup, accesses []devices.Device) []devices.Device {
	t.Helper()
	drivers, err := os.ReadFile("/proc/devices")
	check(t, err)
	var unused []int64
	for major := int64(200); len(unused) < 5; major++ {
		if !slices.Contains(strings.Fields(string(drivers)), strconv.FormatInt(major, 10)) {
			unused = append(unused, major)
		}
	}
	replaced := func(major *int64) {
		if i := slices.Index([]int64{1, 5, 10, 136, 8}, *major); i >= 0 {
			*major = unused[i]
		}
	}
	for i := range rules {
		if rules[i].Major != nil {
			replaced(rules[i].Major)
		}
	}
	var harmless []devices.Device
	for _, d := range accesses {
		if replaced(&d.Major); d.Major < 1<<12 && d.Minor < 1<<20 {
			harmless = append(harmless, d)
		}
	}
	return harmless
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
