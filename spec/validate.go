package spec

import (
	"slices"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Validate judges a config.json as far as that is possible without asking the
// kernel: by the specification and by the fixed limits of the Linux ABI. The
// error is of type [Problems] and lists all problems.
//
// It leaves open what others decide: the filesystem judges its mount options,
// and names of capabilities and system calls are judged by the packages that know
// them. A missing process is not a problem before start.
func Validate(s *specs.Spec) error {
	var ps Problems
	switch major, _, ok := parseVersion(s.Version); {
	case !ok:
		ps.add("ociVersion", "%q is not a SemVer version", s.Version)
	case major != specs.VersionMajor:
		ps.add("ociVersion", "%s is not compatible with version %s of the specification", s.Version, specs.Version)
	}
	if s.Root == nil {
		ps.add("root", "missing")
	} else {
		ps = append(ps, required("path", s.Root.Path).in("root")...)
	}
	ps = append(ps, optional("process", s.Process, process)...)
	linux := s.Linux
	if linux == nil {
		linux = &specs.Linux{}
	}
	hasUserNamespace := namespaceOf(linux, specs.UserNamespace) != nil
	for i := range s.Mounts {
		ps = append(ps, mount(&s.Mounts[i], hasUserNamespace).at("mounts", i)...)
	}
	ps = append(ps, names(s, linux)...)
	ps = append(ps, annotations(s.Annotations).in("annotations")...)
	ps = append(ps, optional("hooks", s.Hooks, hooks)...)
	ps = append(ps, linuxObject(linux, s).in("linux")...)
	return ps.err()
}

// ValidateProcess judges a process object, as given to exec, in the way of
// [Validate]. Paths are relative to the object.
func ValidateProcess(p *specs.Process) error { return process(p).err() }

// ValidateResources judges a linux.resources object, as given to update, in the
// way of [Validate]. Paths are relative to the object.
func ValidateResources(r *specs.LinuxResources) error { return resources(r).err() }

// names judges the host and domain name, which belong to the UTS namespace: without
// one, they would be set for the whole machine.
func names(s *specs.Spec, linux *specs.Linux) (ps Problems) {
	for _, n := range [...]struct{ path, value string }{
		{"hostname", s.Hostname}, {"domainname", s.Domainname},
	} {
		if n.value == "" {
			continue
		}
		if namespaceOf(linux, specs.UTSNamespace) == nil {
			ps.add(n.path, "needs a UTS namespace in linux.namespaces")
		}
		if len(n.value) > 64 { // __NEW_UTS_LEN
			ps.add(n.path, "longer than 64 bytes")
		}
		ps = append(ps, noNUL(n.path, n.value)...)
	}
	return ps
}

func annotations(m map[string]string) (ps Problems) {
	if _, ok := m[""]; ok {
		ps.add("", "a key is empty")
	}
	return ps
}

func mount(m *specs.Mount, hasUserNamespace bool) (ps Problems) {
	ps = append(ps, required("destination", m.Destination)...)
	ps = append(ps, noNUL("source", m.Source)...)
	ps = append(ps, noNUL("type", m.Type)...)
	ps = append(ps, noNULs("options", m.Options)...)
	if (len(m.UIDMappings) == 0) != (len(m.GIDMappings) == 0) {
		ps.add("", "has only one of uidMappings and gidMappings")
	}
	ps = append(ps, mappings("uidMappings", m.UIDMappings)...)
	ps = append(ps, mappings("gidMappings", m.GIDMappings)...)
	if len(m.UIDMappings)+len(m.GIDMappings) == 0 && !hasUserNamespace {
		for i, option := range m.Options {
			if option == "idmap" || option == "ridmap" {
				ps.add(element("options", i), "%s needs uidMappings and gidMappings, or a user namespace", option)
			}
		}
	}
	return ps
}

func hooks(h *specs.Hooks) (ps Problems) {
	for _, list := range [...]struct {
		name  string
		hooks []specs.Hook
	}{
		//lint:ignore SA1019 deprecated, but it must be judged
		{"prestart", h.Prestart},
		{"createRuntime", h.CreateRuntime},
		{"createContainer", h.CreateContainer},
		{"startContainer", h.StartContainer},
		{"poststart", h.Poststart},
		{"poststop", h.Poststop},
	} {
		ps = append(ps, each(list.name, list.hooks, hook)...)
	}
	return ps
}

func hook(h *specs.Hook) (ps Problems) {
	ps = append(ps, absolute("path", h.Path)...)
	ps = append(ps, noNULs("args", h.Args)...)
	ps = append(ps, noNULs("env", h.Env)...)
	if h.Timeout != nil && *h.Timeout <= 0 {
		ps.add("timeout", "%d is not greater than zero", *h.Timeout)
	}
	return ps
}

// namespaceOf returns the first namespace of a type that the container is to
// have, its own or one that it joins, or nil if it stays in the runtime's.
func namespaceOf(l *specs.Linux, t specs.LinuxNamespaceType) *specs.LinuxNamespace {
	if i := slices.IndexFunc(l.Namespaces, func(n specs.LinuxNamespace) bool { return n.Type == t }); i >= 0 {
		return &l.Namespaces[i]
	}
	return nil
}

// mappings judges the ID mappings of a user namespace or of a mount as the kernel's
// map_write does (kernel/user_namespace.c).
func mappings(path string, ms []specs.LinuxIDMapping) (ps Problems) {
	const maxExtents = 340 // UID_GID_MAP_MAX_EXTENTS
	if len(ms) > maxExtents {
		ps.add(path, "has %d entries, more than %d", len(ms), maxExtents)
		return ps // comparing every pair would take long
	}
	for i, m := range ms {
		switch {
		case m.Size == 0:
			ps.add(element(path, i)+".size", "is 0")
		case uint64(m.ContainerID)+uint64(m.Size) > noID:
			ps.add(element(path, i), "the range ends behind the last ID in the container")
		case uint64(m.HostID)+uint64(m.Size) > noID:
			ps.add(element(path, i), "the range ends behind the last ID on the host")
		}
		for j, other := range ms[:i] {
			if overlap(m.ContainerID, m.Size, other.ContainerID, other.Size) {
				ps.add(element(path, i), "overlaps with entry %d in the container", j)
			}
			if overlap(m.HostID, m.Size, other.HostID, other.Size) {
				ps.add(element(path, i), "overlaps with entry %d on the host", j)
			}
		}
	}
	return ps
}

// noID is (uid_t)-1, which names no user or group.
const noID = 1<<32 - 1

func overlap(a, sizeA, b, sizeB uint32) bool {
	return uint64(a) < uint64(b)+uint64(sizeB) && uint64(b) < uint64(a)+uint64(sizeA)
}

// noNUL judges a string that ends at the first NUL for the kernel.
func noNUL(path, s string) (ps Problems) {
	if strings.IndexByte(s, 0) >= 0 {
		ps.add(path, "contains a NUL byte")
	}
	return ps
}

func noNULs(path string, list []string) Problems {
	return each(path, list, func(s *string) Problems { return noNUL("", *s) })
}

// required judges a string that must not be empty.
func required(path, s string) (ps Problems) {
	if s == "" {
		ps.add(path, "is empty or missing")
	}
	return append(ps, noNUL(path, s)...)
}

// absolute judges an absolute path of the file system.
func absolute(path, s string) (ps Problems) {
	if s == "" {
		ps.add(path, "is empty or missing")
	} else if s[0] != '/' {
		ps.add(path, "%q is not an absolute path", s)
	}
	return append(ps, noNUL(path, s)...)
}

func absolutes(path string, list []string) Problems {
	return each(path, list, func(s *string) Problems { return absolute("", *s) })
}

// known judges a string, one of a fixed set.
func known[T ~string](path string, s T, set []T) (ps Problems) {
	switch {
	case slices.Contains(set, s):
	case s == "":
		ps.add(path, "is empty or missing")
	default:
		ps.add(path, "%q is unknown", s)
	}
	return ps
}

func knowns[T ~string](path string, list, set []T) Problems {
	return each(path, list, func(s *T) Problems { return known("", *s, set) })
}

// optional judges an object that may be missing.
func optional[T any](property string, p *T, judge func(*T) Problems) Problems {
	if p == nil {
		return nil
	}
	return judge(p).in(property)
}

// each judges the elements of an array.
func each[T any](property string, list []T, judge func(*T) Problems) (ps Problems) {
	for i := range list {
		ps = append(ps, judge(&list[i]).at(property, i)...)
	}
	return ps
}

// once judges the element at an index: no earlier one has its key.
func once[T any](path string, list []T, index int, key func(T) string) (ps Problems) {
	k := key(list[index])
	if slices.ContainsFunc(list[:index], func(e T) bool { return key(e) == k }) {
		ps.add(path, "%s is given twice", k)
	}
	return ps
}

// id judges the ID of a user or a group, which may be missing.
func id(path string, n *uint32) (ps Problems) {
	if n != nil && *n == noID {
		ps.add(path, "%d is not an ID", *n)
	}
	return ps
}

// within judges a number, which may be missing: it has to be between two others.
func within[T anyInteger](path string, n *T, low, high T) (ps Problems) {
	if n != nil && (*n < low || high < *n) {
		ps.add(path, "%d is not in the range %d to %d", *n, low, high)
	}
	return ps
}

// interfaceName judges the name of a network interface as the kernel's
// dev_valid_name does (net/core/dev.c).
func interfaceName(path, name string) (ps Problems) {
	switch {
	case name == "":
		ps.add(path, "is empty or missing")
	case len(name) >= unix.IFNAMSIZ:
		ps.add(path, "%q is longer than %d bytes", name, unix.IFNAMSIZ-1)
	case name == "." || name == "..":
		ps.add(path, "%q is not the name of a network interface", name)
	default:
		for _, c := range []byte(name) {
			if strings.IndexByte("/: \t\n\v\f\r\x00\xa0", c) >= 0 {
				ps.add(path, "%q is not the name of a network interface", name)
				break
			}
		}
	}
	return ps
}
