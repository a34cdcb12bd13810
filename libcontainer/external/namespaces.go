package external

import "github.com/opencontainers/runtime-spec/specs-go"

// NamespaceKey is the key of a namespace that is joined by path. CRIU dumps neither of
// these two, and gets them back as descriptors.
func NamespaceKey(t specs.LinuxNamespaceType) string {
	switch t {
	case specs.NetworkNamespace:
		return "extRootNetNS"
	case specs.PIDNamespace:
		return "extRootPidNS"
	}
	return ""
}
