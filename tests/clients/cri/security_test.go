package cri

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"

	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

func securityFlows() []flow {
	return []flow{
		{name: "security-user", run: securityUser},
		{name: "security-user-name", run: securityUserName},
		{name: "security-supplemental-groups", run: securitySupplementalGroups},
		{name: "security-unknown-user", run: securityUnknownUser},
		{name: "security-capabilities-default", run: securityCapabilitiesDefault},
		{name: "security-capabilities-added-and-dropped", run: securityCapabilities},
		{name: "security-capabilities-all-dropped", run: securityCapabilitiesDropped},
		{name: "security-privileged", run: securityPrivileged},
		{name: "security-no-new-privileges", run: securityNoNewPrivileges},
		{name: "security-readonly-root", run: securityReadonlyRoot},
		{name: "security-masked-paths", run: securityMaskedPaths},
		{name: "security-seccomp-default", run: securitySeccompDefault},
		{name: "security-seccomp-unconfined", run: securitySeccompUnconfined},
		{name: "security-seccomp-profile", run: securitySeccompProfile},
		{name: "security-host-namespaces-kept", run: securityNamespaces},
	}
}

// hostNamespace is what /proc/self/ns has outside of containers.
func hostNamespace(a *attempt, name string) string {
	link, err := os.Readlink("/proc/self/ns/" + name)
	a.must(err)
	return link
}

// statusOf returns the value of a line of this process's /proc/self/status.
func statusOf(a *attempt, key string) string {
	data, err := os.ReadFile("/proc/self/status")
	a.must(err)
	m := regexp.MustCompile(`(?m)^` + key + `:\s*(.*)$`).FindSubmatch(data)
	if m == nil {
		a.Fatalf("no %s in /proc/self/status", key)
	}
	return string(m[1])
}

// allCapabilities are those that a privileged container has: the bounding set of the tests.
func allCapabilities(a *attempt) string { return statusOf(a, "CapBnd") }

func securityUser(a *attempt) {
	out := a.output(shell("id -u; id -g; id -G; touch /tmp/mine && stat -c %u:%g /tmp/mine; cat /etc/unreadable "+
		"2>/dev/null || echo refused"),
		secure(func(s *cri.LinuxContainerSecurityContext) {
			s.RunAsUser, s.RunAsGroup = &cri.Int64Value{Value: 1234}, &cri.Int64Value{Value: 4321}
		}))
	a.equal("ids", out, "1234\n4321\n4321\n1234:4321\nrefused")
}

func securityUserName(a *attempt) {
	out := a.output(shell("id -un; id -g; id -G; echo $HOME"), secure(func(s *cri.LinuxContainerSecurityContext) {
		s.RunAsUsername = "app"
	}))
	a.equal("ids", out, "app\n1000\n1000 2000\n/home")
}

func securitySupplementalGroups(a *attempt) {
	groups := func(policy cri.SupplementalGroupsPolicy) change {
		return secure(func(s *cri.LinuxContainerSecurityContext) {
			s.RunAsUser, s.SupplementalGroups, s.SupplementalGroupsPolicy = &cri.Int64Value{Value: 1000}, []int64{3000,
				3001}, policy
		})
	}
	p := a.pod()
	merged := p.output("merge", shell("id -G"), groups(cri.SupplementalGroupsPolicy_Merge))
	a.equal("merged with the image's", merged, "1000 2000 3000 3001")
	strict := p.output("strict", shell("id -G"), groups(cri.SupplementalGroupsPolicy_Strict))
	a.equal("strict", strict, "1000 3000 3001")
}

func securityUnknownUser(a *attempt) {
	_, err := a.pod().tryCreate("main", sleeper, secure(func(s *cri.LinuxContainerSecurityContext) {
		s.RunAsUsername = "nobody-knows"
	}))
	if err == nil {
		a.Errorf("a user that the image does not have is accepted")
	}
}

const printCapabilities = "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | cut -f2 | tr '\\n' ' '"

func securityCapabilitiesDefault(a *attempt) {
	const set = "00000000a80425fb" // the 14 that containerd and docker give
	a.equal("as root", a.output(shell(printCapabilities)), "0000000000000000 "+set+" "+set+" "+set+" 0000000000000000")
}

func securityCapabilities(a *attempt) {
	const set = "00000000a80031fa" // bit 12 more than the default, and bits 0, 10 and 18 fewer
	out := a.output(shell(printCapabilities), secure(func(s *cri.LinuxContainerSecurityContext) {
		s.Capabilities = &cri.Capability{AddCapabilities: []string{"NET_ADMIN"},
			DropCapabilities: []string{"CHOWN", "NET_BIND_SERVICE", "SYS_CHROOT"}}
	}))
	a.equal("capabilities", out, "0000000000000000 "+set+" "+set+" "+set+" 0000000000000000")
}

func securityCapabilitiesDropped(a *attempt) {
	out := a.output(shell(printCapabilities+"; chown 1:1 /tmp 2>/dev/null || echo refused"),
		secure(func(s *cri.LinuxContainerSecurityContext) {
			s.Capabilities = &cri.Capability{DropCapabilities: []string{"ALL"}}
		}))
	a.equal("capabilities", out, strings.Repeat("0000000000000000 ", 5)+"refused")
}

func securityPrivileged(a *attempt) {
	p := a.pod(func(c *cri.PodSandboxConfig) { c.Linux.SecurityContext.Privileged = true })
	c := p.start("main", sleeper, secure(func(s *cri.LinuxContainerSecurityContext) { s.Privileged = true }))
	a.contains("capabilities", c.sh("grep CapEff /proc/self/status"), allCapabilities(a))
	c.sh("mount -t tmpfs none /mnt && touch /mnt/file")
	a.contains("/sys", c.sh("grep ' /sys ' /proc/self/mountinfo"), "rw")
	for _, device := range []string{"/dev/loop-control", "/dev/fuse", "/dev/vda"} {
		if exists(device) {
			c.sh("test -e " + device)
		}
	}
}

func securityNoNewPrivileges(a *attempt) {
	set := func(on bool) change {
		return secure(func(s *cri.LinuxContainerSecurityContext) { s.NoNewPrivs = on })
	}
	p := a.pod()
	c := p.start("on", sleeper, set(true))
	a.equal("on", c.sh("grep NoNewPrivs /proc/1/status /proc/self/status | grep -c 1$"), "2")
	a.equal("off", p.output("off", shell("grep NoNewPrivs /proc/self/status"), set(false)), "NoNewPrivs:\t0")
}

func securityReadonlyRoot(a *attempt) {
	out := a.output(shell("touch /file 2>&1; touch /dev/shm/file && echo shm"),
		secure(func(s *cri.LinuxContainerSecurityContext) {
			s.ReadonlyRootfs = true
		}))
	a.equal("output", out, "touch: /file: Read-only file system\nshm")
}

func securityMaskedPaths(a *attempt) {
	const script = "wc -c </etc/passwd; ls /home/dir 2>&1 | wc -l; echo x 2>/dev/null >/etc/group || echo readonly; " +
		"cat /proc/sys/kernel/ostype"
	out := a.output(shell(script), secure(func(s *cri.LinuxContainerSecurityContext) {
		s.MaskedPaths, s.ReadonlyPaths = []string{"/etc/passwd", "/root", "/not/there"}, []string{"/etc/group",
			"/nor/there"}
	}))
	a.equal("output", out, "0\n1\nreadonly\nLinux")
}

func profile(kind cri.SecurityProfile_ProfileType, file string) change {
	return secure(func(s *cri.LinuxContainerSecurityContext) {
		s.Seccomp = &cri.SecurityProfile{ProfileType: kind, LocalhostRef: file}
	})
}

const printSeccomp = "grep ^Seccomp: /proc/self/status"

func securitySeccompDefault(a *attempt) {
	p := a.pod()
	c := p.start("main", sleeper, profile(cri.SecurityProfile_RuntimeDefault, ""))
	a.equal("seccomp of an exec", c.sh(printSeccomp), "Seccomp:\t2")
	a.equal("seccomp", c.sh("grep ^Seccomp: /proc/1/status"), "Seccomp:\t2")
	a.equal("unshare", c.sh("unshare -U true 2>/dev/null || echo refused"), "refused")
}

func securitySeccompUnconfined(a *attempt) {
	a.equal("seccomp", a.output(shell(printSeccomp), profile(cri.SecurityProfile_Unconfined, "")), "Seccomp:\t0")
}

func securitySeccompProfile(a *attempt) {
	file := filepath.Join(seccompDir, a.name+".json")
	a.must(os.WriteFile(file, []byte(`{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
		{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]}`), 0o644))
	c := a.pod().start("main", sleeper, profile(cri.SecurityProfile_Localhost, file))
	a.contains("mkdir", c.sh("mkdir /tmp/dir 2>&1 || true"), "No space left on device")
	_, err := a.pod().tryCreate("missing", sleeper, profile(cri.SecurityProfile_Localhost, file+".missing"))
	if err == nil {
		a.Errorf("a profile that is not there is accepted")
	}
}

func securityNamespaces(a *attempt) {
	out := a.pod(ownNetwork).output("main",
		shell("for n in cgroup ipc mnt net pid uts user; do readlink /proc/self/ns/$n; done"))
	for _, name := range []string{"ipc", "mnt", "net", "pid", "uts"} {
		if strings.Contains(out, hostNamespace(a, name)) {
			a.Errorf("the container is in the host's %s namespace", name)
		}
	}
	a.contains("namespaces", out, hostNamespace(a, "user"))
}
