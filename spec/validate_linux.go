package spec

import (
	"maps"
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// linuxObject judges the linux object of a config.
func linuxObject(l *specs.Linux, s *specs.Spec) (ps Problems) {
	ps = append(ps, namespaces(l.Namespaces)...)
	ps = append(ps, userMappings(l)...)
	ps = append(ps, timeOffsets(l)...)
	ps = append(ps, netDevices(l)...)
	ps = append(ps, sysctls(l, s)...)
	ps = append(ps, noNUL("cgroupsPath", l.CgroupsPath)...)
	if strings.Contains(l.CgroupsPath, "\n") {
		ps.add("cgroupsPath", "contains a newline, which the kernel has in no cgroup's name")
	}
	ps = append(ps, each("devices", l.Devices, device)...)
	ps = append(ps, optional("resources", l.Resources, resources)...)
	ps = append(ps, optional("seccomp", l.Seccomp, seccomp)...)
	if l.RootfsPropagation != "" {
		ps = append(ps, known("rootfsPropagation", l.RootfsPropagation, propagations[:])...)
	}
	ps = append(ps, absolutes("maskedPaths", l.MaskedPaths)...)
	ps = append(ps, absolutes("readonlyPaths", l.ReadonlyPaths)...)
	ps = append(ps, noNUL("mountLabel", l.MountLabel)...)
	ps = append(ps, optional("intelRdt", l.IntelRdt, intelRdt)...)
	ps = append(ps, optional("memoryPolicy", l.MemoryPolicy, memoryPolicy)...)
	ps = append(ps, optional("personality", l.Personality, personality)...)
	return ps
}

// propagations are the four values of the specification and their recursive
// forms, which runc introduced and clients use.
var propagations = [...]string{
	"private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable",
}

func namespaces(list []specs.LinuxNamespace) (ps Problems) {
	for i, n := range list {
		at := len(ps)
		ps = append(ps, known("type", n.Type, namespaceNames())...)
		ps = append(ps, once("type", list, i, func(n specs.LinuxNamespace) string { return string(n.Type) })...)
		if n.Path != "" {
			ps = append(ps, absolute("path", n.Path)...)
		}
		ps[at:].at("namespaces", i)
	}
	return ps
}

// userMappings judges the mappings of the user namespace. A new one needs both; one
// that is joined has them already, though they may be repeated.
func userMappings(l *specs.Linux) (ps Problems) {
	user := namespaceOf(l, specs.UserNamespace)
	for _, m := range [...]struct {
		path     string
		mappings []specs.LinuxIDMapping
		other    []specs.LinuxIDMapping
	}{
		{"uidMappings", l.UIDMappings, l.GIDMappings},
		{"gidMappings", l.GIDMappings, l.UIDMappings},
	} {
		switch {
		case user == nil && len(m.mappings) > 0:
			ps.add(m.path, "needs a user namespace in linux.namespaces")
		case user != nil && len(m.mappings) == 0 && (user.Path == "" || len(m.other) > 0):
			ps.add(m.path, "is empty or missing, but the user namespace needs it")
		}
		ps = append(ps, mappings(m.path, m.mappings)...)
	}
	return ps
}

func timeOffsets(l *specs.Linux) (ps Problems) {
	if len(l.TimeOffsets) == 0 {
		return nil
	}
	// The kernel takes offsets only as long as no process is in the namespace.
	if ns := namespaceOf(l, specs.TimeNamespace); ns == nil || ns.Path != "" {
		ps.add("timeOffsets", "needs a new time namespace in linux.namespaces")
	}
	var keys Problems
	for clock, offset := range l.TimeOffsets {
		if clock != "monotonic" && clock != "boottime" {
			keys = append(keys, Problems{{"", "is not a clock of a time namespace"}}.of("timeOffsets", clock)...)
		}
		keys = append(keys, within("nanosecs", &offset.Nanosecs, 0, 999_999_999).of("timeOffsets", clock)...)
	}
	return append(ps, keys.sorted()...)
}

// netDevices judges the network devices to be moved. A new name may be a template
// with one %d, which the kernel replaces by a free number.
func netDevices(l *specs.Linux) (ps Problems) {
	if len(l.NetDevices) == 0 {
		return nil
	}
	if namespaceOf(l, specs.NetworkNamespace) == nil {
		ps.add("netDevices", "needs a network namespace in linux.namespaces")
	}
	owner := make(map[string]string, len(l.NetDevices)) // by name in the container
	for _, host := range slices.Sorted(maps.Keys(l.NetDevices)) {
		found := interfaceName("", host)
		name := l.NetDevices[host].Name
		if name == "" {
			name = host
		} else {
			found = append(found, newInterfaceName("name", name)...)
		}
		if other, ok := owner[name]; !ok {
			owner[name] = host
		} else if !strings.Contains(name, "%d") {
			found.add("name", "%q is already the name of %s", name, other)
		}
		ps = append(ps, found.of("netDevices", host)...)
	}
	return ps
}

func newInterfaceName(path, name string) (ps Problems) {
	before, after, hasTemplate := strings.Cut(name, "%d")
	if strings.Contains(before, "%") || strings.Contains(after, "%") {
		ps.add(path, "%q may contain a percent sign only as a single %%d", name)
	} else if hasTemplate && before+after == "" {
		return nil // a number is a legal name
	}
	return append(ps, interfaceName(path, name)...)
}

// sysctls judges the kernel parameters: only those of a namespace that the container
// has of its own or joins can be set without changing the host.
func sysctls(l *specs.Linux, s *specs.Spec) (ps Problems) {
	for name, value := range l.Sysctl {
		ps = append(ps, sysctl(l, s, name, value).of("sysctl", name)...)
	}
	return ps.sorted()
}

func sysctl(l *specs.Linux, s *specs.Spec, name, value string) (ps Problems) {
	path, err := SysctlPath(name)
	if err != nil {
		ps.add("", "%v", err)
		return ps
	}
	switch ns := SysctlNamespace(path); {
	case ns == "":
		ps.add("", "is not in a namespace and would change the host")
	case namespaceOf(l, ns) == nil:
		ps.add("", "needs a %s namespace in linux.namespaces", ns)
	case path == "kernel/hostname" && s.Hostname != "" && s.Hostname != value:
		ps.add("", "contradicts hostname, %q", s.Hostname)
	case path == "kernel/domainname" && s.Domainname != "" && s.Domainname != value:
		ps.add("", "contradicts domainname, %q", s.Domainname)
	}
	return append(ps, noNUL("", value)...)
}

// The highest device numbers, see MINORBITS in the kernel's include/linux/kdev_t.h.
const (
	maxMajor = 1<<12 - 1
	maxMinor = 1<<20 - 1
)

func device(d *specs.LinuxDevice) (ps Problems) {
	switch d.Type {
	case "c", "u", "b":
		ps = append(ps, within("major", &d.Major, 0, maxMajor)...)
		ps = append(ps, within("minor", &d.Minor, 0, maxMinor)...)
	case "p":
	case "":
		ps.add("type", "is empty or missing")
	default:
		ps.add("type", "%q is none of c, b, u and p", d.Type)
	}
	ps = append(ps, absolute("path", d.Path)...)
	// Clients have always put st_mode here, with the bits of the file type.
	if d.FileMode != nil && *d.FileMode > 0o177777 {
		ps.add("fileMode", "%#o has other bits than those of a mode", uint32(*d.FileMode))
	}
	ps = append(ps, id("uid", d.UID)...)
	ps = append(ps, id("gid", d.GID)...)
	return ps
}

func intelRdt(rdt *specs.LinuxIntelRdt) (ps Problems) {
	// It names a directory of resctrl; / alone is the default class.
	if id := rdt.ClosID; id == "." || id == ".." || id != "/" && strings.ContainsAny(id, "/\n\x00") {
		ps.add("closID", "%q is not the name of a class of service", id)
	}
	ps = append(ps, oneLine("l3CacheSchema", rdt.L3CacheSchema)...)
	ps = append(ps, oneLine("memBwSchema", rdt.MemBwSchema)...)
	if rdt.MemBwSchema != "" && !strings.HasPrefix(rdt.MemBwSchema, "MB:") {
		ps.add("memBwSchema", "%q does not start with MB:", rdt.MemBwSchema)
	}
	return append(ps, each("schemata", rdt.Schemata, func(line *string) Problems { return oneLine("", *line) })...)
}

func oneLine(path, s string) (ps Problems) {
	if strings.ContainsAny(s, "\n\x00") {
		ps.add(path, "contains a newline or NUL byte")
	}
	return ps
}

var memoryPolicyModes = [...]specs.MemoryPolicyModeType{
	specs.MpolDefault, specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave,
	specs.MpolPreferred, specs.MpolPreferredMany, specs.MpolLocal,
}

var memoryPolicyFlags = [...]specs.MemoryPolicyFlagType{
	specs.MpolFNumaBalancing, specs.MpolFRelativeNodes, specs.MpolFStaticNodes,
}

// memoryPolicy judges a NUMA policy as set_mempolicy(2) does.
func memoryPolicy(m *specs.LinuxMemoryPolicy) (ps Problems) {
	ps = append(ps, known("mode", m.Mode, memoryPolicyModes[:])...)
	ps = append(ps, knowns("flags", m.Flags, memoryPolicyFlags[:])...)
	nodes, err := ParseList(m.Nodes)
	if err != nil {
		ps.add("nodes", "%v", err)
		return ps
	}
	switch m.Mode {
	case specs.MpolDefault, specs.MpolLocal:
		if len(nodes) > 0 {
			ps.add("nodes", "must be empty for %s", m.Mode)
		}
	case specs.MpolBind, specs.MpolInterleave, specs.MpolWeightedInterleave, specs.MpolPreferredMany:
		if len(nodes) == 0 {
			ps.add("nodes", "must not be empty for %s", m.Mode)
		}
	}
	static, relative := false, false
	for i, flag := range m.Flags {
		static = static || flag == specs.MpolFStaticNodes
		relative = relative || flag == specs.MpolFRelativeNodes
		if flag == specs.MpolFNumaBalancing && m.Mode != specs.MpolBind && m.Mode != specs.MpolPreferredMany {
			ps.add(element("flags", i), "%s is only for %s and %s", flag, specs.MpolBind, specs.MpolPreferredMany)
		}
	}
	if static && relative {
		ps.add("flags", "%s and %s exclude each other", specs.MpolFStaticNodes, specs.MpolFRelativeNodes)
	}
	return ps
}

func personality(p *specs.LinuxPersonality) (ps Problems) {
	if p.Domain != specs.PerLinux && p.Domain != specs.PerLinux32 {
		ps.add("domain", "%q is neither %s nor %s", p.Domain, specs.PerLinux, specs.PerLinux32)
	}
	for i, flag := range p.Flags {
		ps.add(element("flags", i), "%q: no flags are defined", flag)
	}
	return ps
}
