// Package namespaces is about the namespaces of containers: those that a configuration
// names, and those that processes are in, namespaces(7).
package namespaces

import (
	"cmp"
	"fmt"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/birth"
	"github.com/rung-oci/rung/spec"
)

// Open opens the namespaces to be joined, which it adds to the descriptors of a birth
// program, and makes sure that each is of the type that the config says.
func Open(s *specs.Spec, files map[string]int) error {
	if s.Linux == nil {
		return nil
	}
	for i, ns := range s.Linux.Namespaces {
		if ns.Path == "" {
			continue
		}
		fd, err := unix.Open(ns.Path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0) // a FIFO must not be waited for
		if err != nil {
			return fmt.Errorf("linux.namespaces[%d].path: %s: %w", i, ns.Path, err)
		}
		files[birth.FileNamespace+string(ns.Type)] = fd
		flag, err := unix.IoctlRetInt(fd, unix.NS_GET_NSTYPE)
		if err != nil {
			return fmt.Errorf("linux.namespaces[%d].path: %s is not a namespace", i, ns.Path)
		}
		if its := spec.NamespaceByFlag(uint64(flag)); its.Type != ns.Type {
			return fmt.Errorf("linux.namespaces[%d].path: %s is a %s namespace, not a %s namespace",
				i, ns.Path, cmp.Or(its.Type, "unknown"), ns.Type)
		}
		if err := checkHostParameters(s, ns, fd); err != nil {
			return err
		}
		if ns.Type == specs.MountNamespace && isOwn(fd, ns.Type) {
			return fmt.Errorf("linux.namespaces[%d].path: %s is rung's own mount namespace, "+
				"where a change of the root would be everybody's", i, ns.Path)
		}
	}
	return nil
}

// checkHostParameters refuses to change parameters of a namespace that is joined
// by path and is this process's own: those are the host's.
func checkHostParameters(s *specs.Spec, ns specs.LinuxNamespace, fd int) error {
	switch ns.Type {
	case specs.NetworkNamespace, specs.IPCNamespace, specs.UTSNamespace, specs.UserNamespace: // the others have none
	default:
		return nil
	}
	if !isOwn(fd, ns.Type) {
		return nil
	}
	if ns.Type == specs.UTSNamespace {
		var host unix.Utsname
		if err := unix.Uname(&host); err != nil {
			return fmt.Errorf("uname: %w", err)
		}
		for _, n := range [...]struct{ property, name, own string }{
			{"hostname", s.Hostname, unix.ByteSliceToString(host.Nodename[:])},
			{"domainname", s.Domainname, unix.ByteSliceToString(host.Domainname[:])},
		} {
			if n.name != "" && n.name != n.own {
				return fmt.Errorf("%s: the %s namespace %s is the host's", n.property, ns.Type, ns.Path)
			}
		}
	}
	for key := range s.Linux.Sysctl {
		if path, err := spec.SysctlPath(key); err == nil && spec.SysctlNamespace(path) == ns.Type {
			return fmt.Errorf("linux.sysctl[%s]: the %s namespace %s is the host's", key, ns.Type, ns.Path)
		}
	}
	return nil
}

// isOwn reports whether a namespace is this process's.
func isOwn(fd int, t specs.LinuxNamespaceType) bool {
	var its, own unix.Stat_t
	path := "/proc/self/ns/" + spec.NamespaceByType(t).File
	return unix.Fstat(fd, &its) == nil && unix.Stat(path, &own) == nil && its.Ino == own.Ino
}

// OpenNetwork opens the network namespace of a process.
func OpenNetwork(pid int) (int, error) {
	fd, err := unix.Open(fmt.Sprintf("/proc/%d/ns/net", pid), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	return fd, kernel.Failed("network namespace of the first process", err)
}
