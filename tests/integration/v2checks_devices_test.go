package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/devices/ebpf"
	"github.com/rung-oci/rung/tests/bundle"
)

// deviceRules gives a container rules of devices and the right to make nodes.
func deviceRules(t *testing.T, rules string) bundle.Change {
	t.Helper()
	var list []specs.LinuxDeviceCgroup
	if err := json.Unmarshal([]byte(rules), &list); err != nil {
		t.Fatal(err)
	}
	caps := []string{"CAP_MKNOD", "CAP_DAC_OVERRIDE"}
	return func(s *specs.Spec) {
		s.Process.Capabilities = &specs.LinuxCapabilities{Bounding: caps, Effective: caps, Permitted: caps}
		s.Linux.Resources = &specs.LinuxResources{Devices: list}
	}
}

const denyAll = `{"allow": false, "access": "rwm"}`

// needFilter skips a test where rules of devices are no programs, or this user loads none.
func needFilter(t *testing.T) {
	t.Helper()
	if !unifiedOnly() {
		t.Skip("needs cgroup v2: rules of devices are files of cgroup v1 here")
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root: others may not load programs")
	}
}

// v2-check 11: who may not load the device filter has containers that are allowed everything, and no others.
func TestV2Check11NoDeviceFilter(t *testing.T) {
	t.Parallel()
	needFilter(t)
	for rules, refused := range map[string]bool{
		`[{"allow": true}]`: false, `[` + denyAll + `, {"allow": true, "access": "rwm"}]`: false,
		`[{"allow": true, "type": "c"}, {"allow": true, "type": "b"}]`: false,
		`[` + denyAll + `]`: true, `[{"allow": true}, {"allow": false, "type": "b", "major": 8}]`: true,
	} {
		c := bundle.New(t, bundle.Shell("mknod /n c 10 229; (: </n) 2>&1; echo started"), deviceRules(t, rules))
		cmd := c.Command("run", "--bundle", c.Bundle, c.ID)
		cmd.Args = append([]string{bundle.Program(t, "nobpf")}, cmd.Args...)
		cmd.Path = cmd.Args[0]
		r := c.Wait(cmd)
		if !refused {
			if r.OK(); strings.Contains(r.Stdout, "not permitted") || !strings.Contains(r.Stdout, "started") {
				t.Errorf("%s: %q", rules, r.Stdout)
			}
			continue
		}
		r.Fails("linux.resources.devices", "device filter", "operation not permitted", "CAP_BPF", "seccomp")
		c.LeavesNothing()
	}
}

// v2-check 13: a device is added by update -r, and after 100 of them there is one program.
func TestV2Check13DevicesByUpdate(t *testing.T) {
	t.Parallel()
	c := running(t, `mknod /modem c 166 0; mknod /fuse c 10 229; echo ready; exec sleep 1000`,
		deviceRules(t, `[`+denyAll+`]`))
	// a device without a driver is opened in vain, but not because it is denied
	opens := func(node string) bool {
		r := c.Exec(nil, "sh", "-c", "(: <"+node+") 2>&1; true").OK()
		return !strings.Contains(r.Stdout, "Operation not permitted")
	}
	update := func(rules string) {
		t.Helper()
		cmd := c.Command("update", "--resources", "-", c.ID)
		cmd.Stdin = strings.NewReader(`{"devices": [` + rules + `]}`)
		c.Wait(cmd).OK()
	}
	if opens("/modem") || opens("/fuse") {
		t.Error("devices are allowed that no rule allows")
	}
	update(`{"allow": true, "type": "c", "major": 166, "minor": 0, "access": "rwm"}`)
	if !opens("/modem") || opens("/fuse") {
		t.Error("after an update the one device is not allowed, or the other is")
	}
	for i := range 100 {
		update(fmt.Sprintf(`{"allow": true, "type": "c", "major": 167, "minor": %d, "access": "r"}`, i))
	}
	if !opens("/modem") || opens("/fuse") {
		t.Error("after 100 updates the one device is not allowed, or the other is")
	}
	needFilter(t)
	if got := ourFilters(t, c); got != 1 {
		t.Errorf("%d programs after 100 updates", got)
	}
	update(`{"allow": true}`)
	if got := ourFilters(t, c); got != 0 || !opens("/fuse") {
		t.Errorf("%d programs where everything is allowed", got)
	}
	c.Delete("--force").OK()
}

// unifiedCgroup is the directory of the container's cgroup.
func unifiedCgroup(t *testing.T, c *bundle.Container) string {
	t.Helper()
	of := read(t, fmt.Sprintf("/proc/%d/cgroup", c.State().Pid))
	return filepath.Join("/sys/fs/cgroup", strings.TrimPrefix(of, "0::"))
}

// ourFilters is how many of rung's programs the container's cgroup has.
func ourFilters(t *testing.T, c *bundle.Container) (n int) {
	t.Helper()
	dir, err := os.Open(unifiedCgroup(t, c))
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	ids, err := ebpf.Attached(int(dir.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		fd, err := ebpf.OpenProgram(id)
		if err != nil {
			t.Fatal(err)
		}
		if name, err := ebpf.Name(fd); err != nil {
			t.Error(err)
		} else if name == "rung_devices" {
			n++
		}
		fd.Close()
	}
	return n
}

// v2-check 14: the kernel takes the program of each list, and does what it says.
func TestV2Check14DeviceRulesLoad(t *testing.T) {
	t.Parallel()
	var long []string
	for i := range 300 {
		long = append(long, fmt.Sprintf(`{"allow": true, "type": "c", "major": %d, "minor": %d}`, 200+i/9, i))
	}
	for _, c := range []struct{ rules, node, want string }{
		{denyAll + `, {"allow": true, "type": "c", "major": 5, "access": "m"}`, "c 5 3", "denied"},
		{denyAll + `, {"allow": true, "type": "b", "access": "m"}`, "b 7 300", "denied"},
		{`{"allow": true, "type": "a"}`, "b 7 300", "allowed"},
		{`{"allow": false, "type": "a"}`, "b 7 300", "denied"},
		{``, "b 7 300", "denied"},
		{denyAll + `,` + strings.Join(long, ","), "c 210 95", "allowed"},
		{denyAll + `,` + strings.Join(long, ","), "c 210 100", "denied"},
	} {
		got := printed(t, "mknod /n "+c.node+`
			(: </n) 2>&1 | grep -q "Operation not permitted" && echo denied || echo allowed`,
			deviceRules(t, "["+c.rules+"]"))
		if got != c.want {
			t.Errorf("%s by %s: %s, want %s", c.node, c.rules, got, c.want)
		}
	}
}
