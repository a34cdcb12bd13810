package integration

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/tests/bundle"
)

func TestPIDNamespace(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("echo $$; ls -d /proc/[0-9]*; echo ready; exec sleep 1000"))
	created := start(t, c)
	stdout, _ := created.Output()
	if lines := strings.Fields(stdout); lines[0] != "1" {
		t.Errorf("from inside the process is number %s, want 1", lines[0])
	}
	if strings.Contains(stdout, fmt.Sprintf("/proc/%d\n", os.Getpid())) {
		t.Errorf("the container sees the host's process %d:\n%s", os.Getpid(), stdout)
	}
	pid := c.State().Pid
	status := read(t, fmt.Sprintf("/proc/%d/status", pid))
	if want := fmt.Sprintf("NSpid:\t%d\t1\n", pid); !strings.Contains(status, want) {
		t.Errorf("from outside: no %q in\n%s", want, status)
	}
	// what the first process leaves behind ends with it
	child := host(t, "nsenter", "--pid", "--target", strconv.Itoa(pid), "sh", "-c",
		"sleep 1000 >/dev/null 2>&1 & readlink /proc/self/ns/pid")
	if own := host(t, "readlink", "/proc/self/ns/pid"); child == own {
		t.Error("the pid namespace is the host's")
	}
	c.Kill("KILL").OK()
	c.WaitStatus(specs.StateStopped)
	c.Delete().OK()
	c.LeavesNothing()
}

func TestUTSNamespace(t *testing.T) {
	t.Parallel()
	before := host(t, "uname", "-n") + " " + read(t, "/proc/sys/kernel/domainname")
	got := printed(t, "hostname; cat /proc/sys/kernel/domainname; hostname changed 2>/dev/null; hostname",
		func(s *specs.Spec) {
			s.Hostname, s.Domainname = "inside", "example.org"
		})
	if got != "inside\nexample.org\ninside" {
		t.Errorf("inside: %q", got)
	}
	if after := host(t, "uname", "-n") + " " + read(t, "/proc/sys/kernel/domainname"); after != before {
		t.Errorf("outside: %q before, %q after", before, after)
	}
}

func TestIPCNamespace(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	id := strings.TrimPrefix(host(t, "ipcmk", "--shmem", "4096"), "Shared memory id: ")
	t.Cleanup(func() { host(t, "ipcrm", "--shmem-id", id) })
	inNewOne := printed(t, "cat /proc/sysvipc/shm")
	if n := len(strings.Split(inNewOne, "\n")); n != 1 {
		t.Errorf("a new namespace has segments: %s", inNewOne)
	}
	shared := printed(t, "cat /proc/sysvipc/shm", bundle.WithoutNamespace(specs.IPCNamespace))
	found := false
	for _, line := range strings.Split(shared, "\n") {
		if f := strings.Fields(line); len(f) > 1 && f[1] == id {
			found = true
		}
	}
	if !found {
		t.Errorf("the host's namespace lacks segment %s: %s", id, shared)
	}
}

func TestMountNamespace(t *testing.T) {
	t.Parallel()
	c := running(t, "mount -t tmpfs inside-"+t.Name()+" /mnt && "+idle, capabilities("CAP_SYS_ADMIN"))
	inside := read(t, fmt.Sprintf("/proc/%d/mountinfo", c.State().Pid))
	if !strings.Contains(inside, " - tmpfs inside-"+t.Name()) {
		t.Errorf("from inside, the mount is missing:\n%s", inside)
	}
	for _, line := range strings.Split(inside, "\n") {
		if f := strings.Fields(line); f[4] == "/" && !strings.HasSuffix(f[3], "/rootfs") {
			t.Errorf("the container's root: %s", line)
		}
	}
	if outside := read(t, "/proc/self/mountinfo"); strings.Contains(outside, "inside-"+t.Name()) {
		t.Error("the mount leaked to the host")
	}
}

func TestNetworkNamespace(t *testing.T) {
	t.Parallel()
	got := printed(t,
		"ls /sys/class/net; cat /proc/net/dev | tail -n +3 | cut -d: -f1; ip -o link show dev lo; ping -c 1 -w 5 "+
			"127.0.0.1 >/dev/null && echo answered",
		capabilities("CAP_NET_RAW"))
	lines := strings.Split(got, "\n")
	if len(lines) != 4 || lines[0] != "lo" || strings.TrimSpace(lines[1]) != "lo" {
		t.Fatalf("not lo alone: %s", got)
	}
	if !strings.Contains(lines[2], "LOOPBACK,UP,LOWER_UP") {
		t.Errorf("lo is not up: %s", lines[2])
	}
	if lines[3] != "answered" {
		t.Errorf("127.0.0.1 does not answer: %s", lines[3])
	}
}

func TestCgroupNamespace(t *testing.T) {
	t.Parallel()
	isolated := printed(t, "cat /proc/self/cgroup", bundle.Namespace(specs.CgroupNamespace, ""))
	for _, line := range strings.Split(isolated, "\n") {
		if f := strings.SplitN(line, ":", 3); f[2] != "/" {
			t.Errorf("in a new namespace: %s", line)
		}
	}
	c := bundle.New(t, bundle.Args("cat", "/proc/self/cgroup"))
	shared := c.Run().OK().Stdout
	for _, controller := range []string{"cpu", "memory", "pids", "freezer", "name=systemd"} {
		if !strings.Contains(shared, ":"+controller+":"+c.Cgroup+"\n") {
			t.Errorf("in the host's namespace: %s is not in %s:\n%s", controller, c.Cgroup, shared)
		}
	}
}

func TestTimeNamespace(t *testing.T) {
	t.Parallel()
	const days = 100 * 24 * 3600
	before := uptime(t, read(t, "/proc/uptime"))
	got := uptime(t, printed(t, "cat /proc/uptime", bundle.Namespace(specs.TimeNamespace, ""), func(s *specs.Spec) {
		s.Linux.TimeOffsets = map[string]specs.LinuxTimeOffset{"boottime": {Secs: days},
			"monotonic": {Secs: 7, Nanosecs: 5}}
	}))
	after := uptime(t, read(t, "/proc/uptime"))
	if got < before+days-1 || got > after+days+1 {
		t.Errorf("uptime %v inside, %v to %v outside; the offset is %d", got, before, after, days)
	}
}

func uptime(t *testing.T, text string) float64 {
	t.Helper()
	seconds, err := strconv.ParseFloat(strings.Fields(text)[0], 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}

func TestUserNamespace(t *testing.T) {
	t.Parallel()
	ranges := []specs.LinuxIDMapping{
		{ContainerID: 0, HostID: 100000, Size: 1000},
		{ContainerID: 1000, HostID: 300000, Size: 1},
		{ContainerID: 2000, HostID: 200000, Size: 5000},
	}
	c := bundle.New(t, userNamespace(0), func(s *specs.Spec) {
		s.Linux.UIDMappings, s.Linux.GIDMappings = ranges, ranges
		s.Process.User = specs.User{UID: 1000, GID: 2001, AdditionalGids: []uint32{5}}
	}, bundle.Shell("id -u; id -g; id -G; touch /tmp/made; cat /proc/self/uid_map /proc/self/gid_map; echo ready; "+
		"exec sleep 1000"))
	created := start(t, c)
	stdout, _ := created.Output()
	lines := strings.Split(stdout, "\n")
	if lines[0] != "1000" || lines[1] != "2001" || lines[2] != "2001 5" {
		t.Errorf("ids inside: %q", lines[:3])
	}
	for i := range 6 {
		m := ranges[i%3]
		if got, want := strings.Fields(lines[3+i]), []string{fmt.Sprint(m.ContainerID), fmt.Sprint(m.HostID),
			fmt.Sprint(m.Size)}; strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("map line %d: %v, want %v", i, got, want)
		}
	}
	status := read(t, fmt.Sprintf("/proc/%d/status", c.State().Pid))
	for _, want := range []string{"Uid:\t300000\t300000\t300000\t300000\n", "Gid:\t200001\t200001\t200001\t200001\n",
		"Groups:\t100005 \n"} {
		if !strings.Contains(status, want) {
			t.Errorf("outside: no %q in\n%s", want, status)
		}
	}
	var st syscall.Stat_t
	if err := syscall.Stat(c.Path("tmp/made"), &st); err != nil || st.Uid != 300000 || st.Gid != 200001 {
		t.Errorf("a file made inside: uid %d, gid %d, %v", st.Uid, st.Gid, err)
	}
}

// The root of a user namespace rules over the other namespaces, and over
// nothing of the host.
func TestUserNamespaceOwnsTheOthers(t *testing.T) {
	t.Parallel()
	got := printed(t, `
		hostname changed && hostname
		mount -t tmpfs none /mnt && echo mounted
		ip link set lo down && echo lo
		mknod /tmp/null c 1 3 2>/dev/null || echo no device
		echo 1 2>/dev/null >/proc/sys/kernel/panic || echo no sysctl
		sysctl -w -q net.ipv4.ip_forward=1 2>/dev/null; cat /proc/sys/net/ipv4/ip_forward`,
		userNamespace(100000), capabilities("CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_MKNOD"), func(s *specs.Spec) {
			s.Linux.ReadonlyPaths = nil
		})
	if want := "changed\nmounted\nlo\nno device\nno sysctl\n1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A bind source that the container's root could not reach itself: rung opens it
// with its caller's rights.
func TestUserNamespaceBindsFromAClosedDirectory(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	closed := filepath.Join(dir, "closed")
	write(t, filepath.Join(closed, "open", "file"), "content\n")
	write(t, filepath.Join(closed, "open", "sub", "file"), "below\n")
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	got := printed(t, "cat /mnt/file /mnt/sub/file /tmp/file; grep -c ' /mnt ' /proc/self/mountinfo",
		userNamespace(100000),
		bundle.Mount(specs.Mount{Destination: "/mnt", Source: filepath.Join(closed, "open"),
			Options: []string{"rbind", "ro"}}),
		bundle.Mount(specs.Mount{Destination: "/tmp/file", Source: filepath.Join(closed, "open/file"),
			Options: []string{"bind"}}))
	if got != "content\nbelow\ncontent\n1" {
		t.Errorf("got %q", got)
	}
}

// Devices in a user namespace: the kernel lets nobody make them there, so that
// others bind the host's, with its owner and mode.
func TestUserNamespaceDevices(t *testing.T) {
	t.Parallel()
	mode, uid, gid := os.FileMode(0o640), uint32(7), uint32(8)
	got := printed(t,
		"stat -c '%n %t:%T %a %u:%g' /dev/null /dev/zero /dev/mem2 /dev/loop77 /dev/fifo; head -c 3 /dev/zero | wc "+
			"-c; echo x >/dev/null && echo written",
		userNamespace(100000), func(s *specs.Spec) {
			s.Linux.Devices = []specs.LinuxDevice{
				{Path: "/dev/mem2", Type: "c", Major: 1, Minor: 5, FileMode: &mode, UID: &uid, GID: &gid},
				{Path: "/dev/loop77", Type: "b", Major: 7, Minor: 77, FileMode: &mode, UID: &gid, GID: &uid},
				{Path: "/dev/fifo", Type: "p", FileMode: &mode, UID: &uid, GID: &gid},
			}
		})
	want := "/dev/null 1:3 666 0:0\n/dev/zero 1:5 666 0:0\n/dev/mem2 1:5 640 7:8\n/dev/loop77 7:4d 640 " +
		"8:7\n/dev/fifo 0:0 640 7:8\n3\nwritten"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestNetDevices(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	name := fmt.Sprintf("rg%d", os.Getpid()%1000000)
	out, err := exec.Command("busybox", "ip", "link", "add", name+"a", "type", "veth", "peer", "name",
		name+"b").CombinedOutput()
	if err != nil {
		t.Skipf("the kernel makes no veth devices here: %v: %s", err, out)
	}
	t.Cleanup(func() { exec.Command("busybox", "ip", "link", "delete", name+"b").Run() })
	host(t, "busybox", "ip", "address", "add", "10.99.1.2/24", "dev", name+"a")
	c := running(t, "ip -o link show dev eth7; ip -o -4 address show dev eth7; "+idle, func(s *specs.Spec) {
		s.Linux.NetDevices = map[string]specs.LinuxNetDevice{name + "a": {Name: "eth7"}}
	})
	got := host(t, "nsenter", "--net", "--target", strconv.Itoa(c.State().Pid), "busybox", "ip", "-o", "address",
		"show", "dev", "eth7")
	if !strings.Contains(got, "10.99.1.2/24") {
		t.Errorf("the address is lost: %s", got)
	}
	link := host(t, "nsenter", "--net", "--target", strconv.Itoa(c.State().Pid), "busybox", "ip", "-o", "link", "show",
		"dev", "eth7")
	if !strings.Contains(link, ",UP") && !strings.Contains(link, "<UP") {
		t.Errorf("the device is not up: %s", link)
	}
	if out, err := exec.Command("busybox", "ip", "link", "show", "dev", name+"a").CombinedOutput(); err == nil {
		t.Errorf("the device is still the host's: %s", out)
	}
	missing := bundle.New(t, func(s *specs.Spec) {
		s.Linux.NetDevices = map[string]specs.LinuxNetDevice{"missing0": {}}
	})
	missing.Create().Fails("missing0")
}

// A container without any namespace, but of its own root.
func TestNoNamespaces(t *testing.T) {
	t.Parallel()
	c := bundle.New(t, bundle.Shell("readlink /proc/self/ns/pid; readlink /proc/self/ns/net; "+idle),
		func(s *specs.Spec) {
			s.Linux.Namespaces = []specs.LinuxNamespace{{Type: specs.MountNamespace}}
			s.Hostname = ""
		})
	created := start(t, c)
	want := host(t, "readlink", "/proc/self/ns/pid") + "\n" + host(t, "readlink", "/proc/self/ns/net")
	if stdout, _ := created.Output(); stdout != want+"\nready\n" {
		t.Errorf("in %q, want %q", stdout, want)
	}
	pid := c.State().Pid
	c.Kill("KILL", "--all").OK()
	c.WaitStatus(specs.StateStopped)
	deadline := time.Now().Add(10 * time.Second)
	for !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) && time.Now().Before(deadline) {
		time.Sleep(5 * time.Millisecond)
	}
	c.Delete().OK()
}

// capabilities gives the process more capabilities, in all sets but the ambient.
func capabilities(names ...string) bundle.Change {
	return func(s *specs.Spec) {
		c := s.Process.Capabilities
		all := append(c.Bounding[:len(c.Bounding):len(c.Bounding)], names...)
		c.Bounding, c.Effective, c.Permitted = all, all, all
	}
}
