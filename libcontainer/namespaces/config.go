package namespaces

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Made reports whether a container has a namespace of a type that was made for it.
func Made(s *specs.Spec, kind specs.LinuxNamespaceType) bool {
	return s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces, func(n specs.LinuxNamespace) bool {
		return n.Type == kind && n.Path == ""
	})
}

// Joined are the namespaces of a config that have a path.
func Joined(s *specs.Spec) []specs.LinuxNamespace {
	if s.Linux == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(s.Linux.Namespaces),
		func(n specs.LinuxNamespace) bool { return n.Path == "" })
}

// Has reports whether a configuration names a namespace of a type.
func Has(s *specs.Spec, t specs.LinuxNamespaceType) bool {
	return s.Linux != nil && slices.ContainsFunc(s.Linux.Namespaces,
		func(n specs.LinuxNamespace) bool { return n.Type == t })
}
