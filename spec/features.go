package spec

import (
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"
)

// An Implementation is what this package cannot know about the runtime.
type Implementation struct {
	Version string // of the runtime
	Commit  string // it was built from, or ""

	// Capabilities are the names that the runtime knows, as in CAP_CHOWN.
	Capabilities []string

	// Cgroup says how containers can be limited.
	Cgroup features.Cgroup

	// Seccomp lists the actions, operators and flags. The rest is set by Features.
	Seccomp features.Seccomp

	// UnsafeAnnotations are annotations of a config, or prefixes of some if they
	// end with a dot, that change what the runtime does.
	UnsafeAnnotations []string
}

// The annotations of the features document.
const (
	VersionAnnotation = "com.github.rung-oci.rung.version"
	CommitAnnotation  = "com.github.rung-oci.rung.commit"
)

// Features returns the document that the command features prints (features.md).
// It is about the runtime and not about the machine.
func Features(impl Implementation) *features.Features {
	annotations := map[string]string{VersionAnnotation: impl.Version}
	if impl.Commit != "" {
		annotations[CommitAnnotation] = impl.Commit
	}
	seccomp := impl.Seccomp
	seccomp.Enabled, seccomp.Archs = new(true), stringsOf(seccompArchs[:])
	return &features.Features{
		OCIVersionMin: "1.0.0",
		OCIVersionMax: specs.Version,
		Hooks: []string{
			"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop",
		},
		MountOptions: supportedMountOptions(),
		Linux: &features.Linux{
			Namespaces:   stringsOf(namespaceNames()),
			Capabilities: impl.Capabilities,
			Cgroup:       &impl.Cgroup,
			Seccomp:      &seccomp,
			Apparmor:     &features.Apparmor{Enabled: new(true)},
			Selinux:      &features.Selinux{Enabled: new(true)},
			IntelRdt: &features.IntelRdt{
				Enabled:    new(false),
				Schemata:   new(false),
				Monitoring: new(false),
			},
			MemoryPolicy: &features.MemoryPolicy{
				Modes: stringsOf(memoryPolicyModes[:]),
				Flags: stringsOf(memoryPolicyFlags[:]),
			},
			MountExtensions: &features.MountExtensions{IDMap: &features.IDMap{Enabled: new(idMappedMounts)}},
			NetDevices:      &features.NetDevices{Enabled: new(true)},
		},
		Annotations:                        annotations,
		PotentiallyUnsafeConfigAnnotations: impl.UnsafeAnnotations,
	}
}

// idMappedMounts says whether the runtime can map the owners of files in a mount.
const idMappedMounts = false

func supportedMountOptions() []string {
	return slices.DeleteFunc(MountOptionNames(), func(name string) bool {
		return !idMappedMounts && (name == "idmap" || name == "ridmap")
	})
}

func stringsOf[T ~string](list []T) []string {
	return collect(list, func(s T) string { return string(s) })
}

// collect returns what is to be had of each element.
func collect[T, S any](list []T, of func(T) S) []S {
	all := make([]S, len(list))
	for i, e := range list {
		all[i] = of(e)
	}
	return all
}
