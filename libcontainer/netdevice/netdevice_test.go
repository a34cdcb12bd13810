package netdevice

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// enterNamespace puts the test's goroutine, with a thread of its own that ends
// with it, into a new network namespace.
func enterNamespace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("making a network namespace needs root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("unshare: %v", err)
	}
}

// newNamespace makes another network namespace, which lives as long as its
// descriptor.
func newNamespace(t *testing.T) (fd int) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		if err == nil {
			fd, err = unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func connect(t *testing.T, dial func() (*conn, error)) *conn {
	t.Helper()
	c, err := dial()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}

// A pair is the test's namespace and one to move to.
type pair struct {
	t          *testing.T
	from, to   *conn
	netns      int
	peerNumber int
}

func newPair(t *testing.T) *pair {
	t.Helper()
	enterNamespace(t)
	netns := newNamespace(t)
	return &pair{
		t: t, netns: netns,
		from: connect(t, dial),
		to:   connect(t, func() (*conn, error) { return dialIn(netns) }),
	}
}

// veth makes a device and its peer, which is up.
func (p *pair) veth(c *conn, name string) link {
	p.t.Helper()
	p.peerNumber++
	peer := "peer" + string(rune('0'+p.peerNumber))
	peerInfo := request(ifinfomsg(0, 0, 0)).string(unix.IFLA_IFNAME, peer)
	const infoKind, infoData, vethPeer = 1, 2, 1 // IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER
	info := request{}.string(infoKind, "veth").attribute(infoData, request{}.attribute(vethPeer, peerInfo))
	r := newRequest(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL|unix.NLM_F_ACK, ifinfomsg(0, 0, 0)).
		string(unix.IFLA_IFNAME, name).
		attribute(unix.IFLA_LINKINFO, info)
	err := c.change(r)
	if errors.Is(err, unix.EOPNOTSUPP) {
		p.t.Skipf("this kernel has no veth devices: %v", err)
	}
	if err != nil {
		p.t.Fatalf("making %s: %v", name, err)
	}
	l, err := c.linkByName(peer)
	if err != nil {
		p.t.Fatal(err)
	}
	p.must(c, upRequest(l.index))
	l, err = c.linkByName(name)
	if err != nil {
		p.t.Fatal(err)
	}
	return l
}

func (p *pair) must(c *conn, r request) {
	p.t.Helper()
	if err := c.change(r); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) move(devices map[string]specs.LinuxNetDevice) {
	p.t.Helper()
	if err := Move(devices, p.netns); err != nil {
		p.t.Fatal(err)
	}
}

// names are those of the test's devices in the namespace moved to.
func (p *pair) names() (names []string) {
	p.t.Helper()
	links, err := p.to.links()
	if err != nil {
		p.t.Fatal(err)
	}
	for _, l := range links {
		// Some kernels give every namespace devices of their own, such as tunl0.
		if strings.HasPrefix(l.name, "eth") || strings.HasPrefix(l.name, "net") {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return names
}

func TestMoveKeepsAttributes(t *testing.T) {
	p := newPair(t)
	l := p.veth(p.from, "src7")
	mac := []byte{2, 0, 0, 0, 0, 7}
	p.must(p.from, newRequest(unix.RTM_SETLINK, unix.NLM_F_ACK, ifinfomsg(l.index, 0, 0)).
		uint32(unix.IFLA_MTU, 1400).attribute(unix.IFLA_ADDRESS, mac))
	p.must(p.from, upRequest(l.index))

	p.move(map[string]specs.LinuxNetDevice{"src7": {Name: "dst7"}})
	if _, err := p.from.linkByName("src7"); !errors.Is(err, unix.ENODEV) {
		t.Errorf("src7 is still there: %v", err)
	}
	var body []byte
	err := p.to.exchange(newRequest(unix.RTM_GETLINK, unix.NLM_F_ACK, ifinfomsg(0, 0, 0)).string(unix.IFLA_IFNAME,
		"dst7"), func(m message) error {
		body = slices.Clone(m.body)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if body[8]&unix.IFF_UP == 0 {
		t.Error("the device is down")
	}
	for kind, value := range attributes(body[unix.SizeofIfInfomsg:]) {
		switch {
		case kind == unix.IFLA_MTU && !slices.Equal(value, request{}.uint32(0, 1400)[4:]):
			t.Errorf("MTU %x", value)
		case kind == unix.IFLA_ADDRESS && !slices.Equal(value, mac):
			t.Errorf("address %x", value)
		}
	}
}

func TestMoveKeepsAddresses(t *testing.T) {
	p := newPair(t)
	l := p.veth(p.from, "src7")
	p.must(p.from, upRequest(l.index))
	const nodad, noRoute = unix.IFA_F_NODAD, unix.IFA_F_NOPREFIXROUTE
	forever := []byte{255, 255, 255, 255}
	minute := request{}.uint32(0, 60)[4:]
	cacheInfo := func(preferred, valid []byte) attribute {
		return attribute{unix.IFA_CACHEINFO, slices.Concat(preferred, valid, make([]byte, 8))}
	}
	inet6 := func(last byte) []byte { return []byte{0xfd, 15: last} }
	for _, a := range []address{
		{family: unix.AF_INET, prefix: 24, local: []byte{10, 0, 0, 9}, peer: []byte{10, 0, 0, 9}, label: "src7:a",
			other: []attribute{{unix.IFA_BROADCAST, []byte{10, 0, 0, 255}},
				{unix.IFA_RT_PRIORITY, request{}.uint32(0, 77)[4:]}}},
		{family: unix.AF_INET, prefix: 24, local: []byte{10, 0, 0, 1}, peer: []byte{10, 0, 0, 1}}, // secondary
		{family: unix.AF_INET, prefix: 32, local: []byte{10, 1, 0, 1}, peer: []byte{10, 1, 0, 2}, flags: noRoute},
		{family: unix.AF_INET, prefix: 24, local: []byte{10, 2, 0, 1}, peer: []byte{10, 2, 0, 1},
			other: []attribute{cacheInfo(minute, minute)}},
		{family: unix.AF_INET, prefix: 16, local: []byte{169, 254, 0, 1}, peer: []byte{169, 254, 0, 1},
			scope: unix.RT_SCOPE_LINK},
		{family: unix.AF_INET6, prefix: 64, peer: inet6(3), flags: nodad},
		{family: unix.AF_INET6, prefix: 64, peer: inet6(1), flags: nodad | noRoute},
		{family: unix.AF_INET6, prefix: 64, peer: inet6(2), flags: nodad,
			other: []attribute{cacheInfo(make([]byte, 4), forever)}},
		{family: unix.AF_INET6, prefix: 64, peer: inet6(4), flags: nodad,
			other: []attribute{cacheInfo(minute, minute)}},
	} {
		if err := p.from.change(a.request(l.index, "", "")); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
	}
	before := describe(t, p.from, "src7")
	if len(before) != 6 {
		t.Fatalf("%d addresses to move: %q", len(before), before)
	}
	p.move(map[string]specs.LinuxNetDevice{"src7": {Name: "dst7"}})
	after := describe(t, p.to, "dst7")
	for i := range before {
		before[i] = strings.ReplaceAll(before[i], "src7", "dst7")
	}
	if !slices.Equal(before, after) {
		t.Errorf("before\n%s\nafter\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	for _, want := range []string{"10.0.0.9/24 dst7:a", "10.0.0.1/24 dst7 ", "10.1.0.1/32", "fd00::3/64", "fd00::1/64",
		"fd00::2/64"} {
		if !slices.ContainsFunc(after, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("no %q in %q", want, after)
		}
	}
	// What is listed but does not move must not be there.
	l, err := p.to.linkByName("dst7")
	if err != nil {
		t.Fatal(err)
	}
	all, err := list(p.to, newRequest(unix.RTM_GETADDR, unix.NLM_F_DUMP, make([]byte, unix.SizeofIfAddrmsg)),
		parseAddress)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if s := a.String(); a.index == l.index && (strings.HasPrefix(s, "10.2.") || strings.HasPrefix(s, "169.254.") ||
			strings.HasPrefix(s, "fd00::4")) {
			t.Errorf("%s moved", s)
		}
	}
}

// describe returns the addresses of a device that move, with everything that
// is to be kept.
func describe(t *testing.T, c *conn, name string) (lines []string) {
	t.Helper()
	l, err := c.linkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.addresses(l.index)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		line := fmt.Sprintf("%s %s peer %x flags %#x", a, a.label, a.peer, a.flags&^unix.IFA_F_TENTATIVE)
		for _, o := range a.other {
			if o.kind == unix.IFA_CACHEINFO {
				o.value = o.value[:8] // without the times of its making
			}
			line += fmt.Sprintf(" %d=%x", o.kind, o.value)
		}
		lines = append(lines, line)
	}
	return lines
}

func TestMoveNames(t *testing.T) {
	for _, tt := range []struct {
		name     string
		there    []string // in the namespace moved to
		devices  map[string]specs.LinuxNetDevice
		want     []string
		errorHas string
	}{
		{name: "the same name", devices: map[string]specs.LinuxNetDevice{"eth7": {}}, want: []string{"eth7"}},
		{name: "another name", devices: map[string]specs.LinuxNetDevice{"eth7": {Name: "net7"}},
			want: []string{"net7"}},
		{name: "a swap", devices: map[string]specs.LinuxNetDevice{"eth7": {Name: "eth8"}, "eth8": {Name: "eth7"}},
			want: []string{"eth7", "eth8"}},
		{name: "the old name is there", there: []string{"eth7"},
			devices: map[string]specs.LinuxNetDevice{"eth7": {Name: "net7"}}, want: []string{"eth7", "net7"}},
		{name: "the new name is there", there: []string{"eth7"}, devices: map[string]specs.LinuxNetDevice{"eth7": {}},
			want:     []string{"eth7"},
			errorHas: "linux.netDevices.eth7: the container has a device eth7 already: file exists"},
		{name: "template", there: []string{"eth0"}, devices: map[string]specs.LinuxNetDevice{"net7": {Name: "eth%d"},
			"net8": {Name: "eth%d"}}, want: []string{"eth0", "eth1", "eth2"}},
		{name: "no such device", devices: map[string]specs.LinuxNetDevice{"eth9": {}},
			errorHas: "linux.netDevices.eth9: no such device"},
		{name: "the loopback device", devices: map[string]specs.LinuxNetDevice{"lo": {Name: "net7"}},
			errorHas: "linux.netDevices.lo: moving to the container as net7: invalid argument"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPair(t)
			for _, name := range tt.there {
				p.veth(p.to, name)
			}
			for name := range tt.devices {
				if name != "lo" && name != "eth9" {
					p.veth(p.from, name)
				}
			}
			err := Move(tt.devices, p.netns)
			if tt.errorHas == "" && err != nil || tt.errorHas != "" && (err == nil || !strings.HasPrefix(err.Error(),
				tt.errorHas)) {
				t.Errorf("error %v, want %q", err, tt.errorHas)
			}
			if names := p.names(); !slices.Equal(names, tt.want) {
				t.Errorf("devices %q, want %q", names, tt.want)
			}
		})
	}
}

// TestMoveToItself must not touch the device.
func TestMoveToItself(t *testing.T) {
	p := newPair(t)
	p.veth(p.from, "eth7")
	own, err := unix.Open("/proc/thread-self/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(own)
	if err := Move(map[string]specs.LinuxNetDevice{"eth7": {Name: "net7"}}, own); err == nil {
		t.Error("moved")
	}
	if _, err := p.from.linkByName("eth7"); err != nil {
		t.Error(err)
	}
}

func TestMoveToNoNamespace(t *testing.T) {
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	err = Move(map[string]specs.LinuxNetDevice{"eth7": {}}, fd)
	if err == nil || !strings.HasPrefix(err.Error(), "linux.netDevices: entering the container's network namespace: ") {
		t.Errorf("error %v", err)
	}
	if err := Move(nil, fd); err != nil {
		t.Errorf("nothing to move: %v", err)
	}
}

// TestThreadsStay checks that no thread of the process is left in the
// container's namespace.
func TestThreadsStay(t *testing.T) {
	p := newPair(t)
	var netns unix.Stat_t
	if err := unix.Fstat(p.netns, &netns); err != nil {
		t.Fatal(err)
	}
	for range 20 {
		c, err := dialIn(p.netns)
		if err != nil {
			t.Fatal(err)
		}
		c.close()
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		var st unix.Stat_t
		err := unix.Stat("/proc/self/task/"+task.Name()+"/ns/net", &st)
		if err == nil && st.Ino == netns.Ino {
			t.Errorf("thread %s is in the container's namespace", task.Name())
		}
	}
}

func TestUp(t *testing.T) {
	p := newPair(t)
	if err := Up("lo", p.netns); err != nil {
		t.Fatal(err)
	}
	err := p.to.exchange(newRequest(unix.RTM_GETLINK, unix.NLM_F_ACK, ifinfomsg(0, 0, 0)).string(unix.IFLA_IFNAME,
		"lo"), func(m message) error {
		if m.body[8]&unix.IFF_UP == 0 {
			t.Error("the device is down")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Up("none", p.netns); !errors.Is(err, unix.ENODEV) {
		t.Errorf("a device that is not there: %v", err)
	}
}
