package birth

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

// broken is an input that cannot be compiled.
type broken struct {
	name   string
	change func(in *Input)
	want   string // what the error begins with
}

func TestMountErrors(t *testing.T) {
	mount := func(m specs.Mount) func(in *Input) {
		return func(in *Input) { in.Spec.Mounts = []specs.Mount{m} }
	}
	testErrors(t, []broken{
		{"unknown namespace", func(in *Input) {
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: "disk"})
		}, `linux.namespaces[5].type: unknown namespace "disk"`},
		{"user namespace without a mount namespace", func(in *Input) {
			in.Spec.Linux = &specs.Linux{Namespaces: []specs.LinuxNamespace{{Type: specs.UserNamespace}}}
		}, "linux.namespaces: a user namespace needs a mount namespace"},
		{"masked paths of the host", func(in *Input) {
			in.Spec.Linux.Namespaces, in.Spec.Linux.ReadonlyPaths = nil, nil
		}, "linux.maskedPaths and linux.readonlyPaths need a mount namespace"},
		{"read-only paths of the host", func(in *Input) {
			in.Spec.Linux.Namespaces, in.Spec.Linux.MaskedPaths = nil, nil
		}, "linux.maskedPaths and linux.readonlyPaths need a mount namespace"},
		{"masked root", func(in *Input) { in.Spec.Linux.MaskedPaths = []string{"/./"} },
			"linux.maskedPaths: / is the root itself"},

		{"idmap", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s", Options: []string{"bind", "idmap"}}),
			"mounts[0] (/a): id-mapped mounts"},
		{"ridmap", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s",
			Options: []string{"bind", "ridmap"}}), "mounts[0] (/a): id-mapped mounts"},
		{"idmap with mappings", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s",
			Options: []string{"bind", "idmap=uids=0-100-1"}}), "mounts[0] (/a): id-mapped mounts"},
		{"ridmap with mappings", mount(specs.Mount{Destination: "/a", Type: "tmpfs",
			Options: []string{"ridmap=uids=0-100-1"}}), "mounts[0] (/a): id-mapped mounts"},
		{"an option in capitals", mount(specs.Mount{Destination: "/a", Type: "none", Source: "/s",
			Options: []string{"rbind", "Ro"}}), `mounts[0] (/a): option "Ro" is unknown: options are written in small`},
		{"two options in one", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s",
			Options: []string{"nosuid,noexec"}}), `mounts[0] (/a): option "nosuid,noexec" is unknown: each option is`},
		{"an option of nothing", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s",
			Options: []string{"mode=1", "readonly"}}), `mounts[0] (/a): option "readonly" is unknown`},
		{"an option with a value", mount(specs.Mount{Destination: "/a", Type: "rbind", Source: "/s",
			Options: []string{"ro=true"}}), `mounts[0] (/a): option "ro=true" is unknown`},
		{"an unknown option of a remount", mount(specs.Mount{Destination: "/a", Type: "bind",
			Options: []string{"remount", "bind", "RO"}}), `mounts[0] (/a): option "RO" is unknown`},
		{"an unknown option of the cgroups", mount(specs.Mount{Destination: "/sys/fs/cgroup", Type: "cgroup",
			Options: []string{"Ro"}}), `mounts[0] (/sys/fs/cgroup): option "Ro" is unknown`},
		{"mappings of a mount", mount(specs.Mount{Destination: "/a", Type: "bind", Source: "/s",
			UIDMappings: []specs.LinuxIDMapping{{Size: 1}}}), "mounts[0] (/a): id-mapped mounts"},
		{"the root", mount(specs.Mount{Destination: "/", Type: "tmpfs"}),
			"mounts[0] (/): the destination is the root itself"},
		{"the root in other words", mount(specs.Mount{Destination: "/.//.", Type: "tmpfs"}),
			"mounts[0] (/.//.): the destination is the root itself"},
		{"the root by dots", mount(specs.Mount{Destination: "/a/../..", Type: "tmpfs"}),
			"mounts[0] (/a/../..): the destination is the root itself"},
		{"no type", mount(specs.Mount{Destination: "/a", Source: "/s"}), "mounts[0] (/a): type is missing"},
		{"bind of nothing", mount(specs.Mount{Destination: "/a", Type: "bind"}), "mounts[0] (/a): source is missing"},
		{"copying up to no tmpfs", mount(specs.Mount{Destination: "/a", Type: "proc", Options: []string{"tmpcopyup"}}),
			"mounts[0] (/a): option tmpcopyup: the type is proc, not tmpfs"},
		{"copying up to an overlay of long paths", mount(specs.Mount{Destination: "/a", Type: "overlay",
			Options: []string{"tmpcopyup", "lowerdir=/" + strings.Repeat("l", 300)}}),
			"mounts[0] (/a): option tmpcopyup: the type is overlay, not tmpfs"},
		{"a later mount", func(in *Input) { in.Spec.Mounts[3].Type = "" }, "mounts[3] (/dev/shm): type is missing"},

		{"unknown propagation", func(in *Input) { in.Spec.Linux.RootfsPropagation = "loud" },
			`linux.rootfsPropagation: unknown value "loud"`},
		{"an r alone", func(in *Input) { in.Spec.Linux.RootfsPropagation = "r" },
			`linux.rootfsPropagation: unknown value "r"`},
		{"private without pivot_root", func(in *Input) {
			in.NoPivot, in.Spec.Linux.RootfsPropagation = true, "private"
		}, "linux.rootfsPropagation: private cannot be combined with --no-pivot"},
		{"rprivate without pivot_root", func(in *Input) {
			in.NoPivot, in.Spec.Linux.RootfsPropagation = true, "rprivate"
		}, "linux.rootfsPropagation: rprivate cannot be combined with --no-pivot"},
	})
}

func TestPropertyErrors(t *testing.T) {
	testErrors(t, []broken{
		{"unknown device type", func(in *Input) {
			in.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "/dev/x", Type: "z"}}
		}, `linux.devices (/dev/x): unknown device type "z"`},
		{"device without a name", func(in *Input) {
			in.Spec.Linux.Devices = []specs.LinuxDevice{{Path: "/", Type: "c"}}
		}, "linux.devices (/): the path has no name"},
		{"sysctl", func(in *Input) { in.Spec.Linux.Sysctl = map[string]string{"kernel/../x": "1"} },
			"linux.sysctl[kernel/../x]: "},
		{"memory policy", func(in *Input) { in.Spec.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: "MPOL_NONE"} },
			`linux.memoryPolicy: mode: unknown mode "MPOL_NONE"`},
		{"flag of a memory policy", func(in *Input) {
			in.Spec.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{
				Mode: specs.MpolBind, Nodes: "0", Flags: []specs.MemoryPolicyFlagType{"MPOL_F_NONE"},
			}
		}, `linux.memoryPolicy: flags[0]: unknown flag "MPOL_F_NONE"`},
		{"nodes", func(in *Input) {
			in.Spec.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "1-"}
		}, "linux.memoryPolicy: nodes: "},
		{"too many nodes", func(in *Input) {
			in.Spec.Linux.MemoryPolicy = &specs.LinuxMemoryPolicy{Mode: specs.MpolBind, Nodes: "0-1024"}
		}, "linux.memoryPolicy: nodes: 1024 is more than the kernel can have"},

		{"no AppArmor, strictly", func(in *Input) { in.Strict, in.Spec.Process.ApparmorProfile = true, "p" },
			"process.apparmorProfile: this kernel has no AppArmor (--strict)"},
		{"no SELinux, strictly", func(in *Input) { in.Strict, in.Spec.Process.SelinuxLabel = true, "l" },
			"process.selinuxLabel: this kernel has no SELinux (--strict)"},
		{"no SELinux for mounts, strictly", func(in *Input) { in.Strict, in.Spec.Linux.MountLabel = true, "l" },
			"linux.mountLabel: this kernel has no SELinux (--strict)"},
		{"limit", func(in *Input) { in.Spec.Process.Rlimits[0].Type = "RLIMIT_FUN" },
			`process.rlimits[0].type: unknown limit "RLIMIT_FUN"`},
		{"scheduler", func(in *Input) { in.Spec.Process.Scheduler = &specs.Scheduler{Policy: "SCHED_NONE"} },
			`process.scheduler: unknown policy "SCHED_NONE"`},
		{"flag of the scheduler", func(in *Input) {
			in.Spec.Process.Scheduler = &specs.Scheduler{
				Policy: specs.SchedFIFO, Flags: []specs.LinuxSchedulerFlag{"SCHED_FLAG_NONE"},
			}
		}, `process.scheduler: unknown flag "SCHED_FLAG_NONE"`},
		{"I/O priority", func(in *Input) {
			in.Spec.Process.IOPriority = &specs.LinuxIOPriority{Class: "IOPRIO_CLASS_NONE"}
		}, `process.ioPriority.class: unknown class "IOPRIO_CLASS_NONE"`},
		{"effective without permitted", func(in *Input) {
			in.Spec.Process.Capabilities.Effective = append(in.Spec.Process.Capabilities.Effective, "CAP_SYS_ADMIN")
		}, "process.capabilities.effective: not in the permitted set: CAP_SYS_ADMIN"},
	})
}

// TestCompileErrors makes sure that what cannot be done is refused by the name
// of the property.
func testErrors(t *testing.T, cases []broken) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			in := defaultInput()
			c.change(in)
			birth, err := decideAndCompile(in)
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if birth != nil {
				t.Error("there is a program nevertheless")
			}
		})
	}
}

// TestCompileWarnings is about what the specification allows to be left out.
func TestCompileWarnings(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(in *Input)
		want   []string
	}{
		{"nothing", func(*Input) {}, nil},
		{"unknown capabilities", func(in *Input) {
			in.Spec.Process.Capabilities.Bounding = []string{"CAP_X", "CAP_KILL", "CAP_Y"}
		}, []string{"process.capabilities.bounding: unknown capabilities left out: CAP_X, CAP_Y"}},
		{"capabilities that rung has not got", func(in *Input) {
			in.Host.Bounding &^= 1 << 5
			*in.Spec.Process.Capabilities = specs.LinuxCapabilities{Bounding: []string{"CAP_KILL", "CAP_CHOWN"}}
		}, []string{"process.capabilities: not available to rung here, left out: CAP_KILL"}},
		{"the same in a user namespace", func(in *Input) {
			in.Host.Bounding &^= 1 << 5
			in.Spec.Linux.Namespaces = append(in.Spec.Linux.Namespaces, specs.LinuxNamespace{Type: specs.UserNamespace})
		}, nil},
		{"ambient without inheritable", func(in *Input) { in.Spec.Process.Capabilities.Ambient = []string{"CAP_KILL"} },
			[]string{"process.capabilities.ambient: 1 left out, not permitted and inheritable"}},
		{"no AppArmor", func(in *Input) { in.Spec.Process.ApparmorProfile = "p" },
			[]string{`process.apparmorProfile: this kernel has no AppArmor; "p" is not applied`}},
		{"no SELinux", func(in *Input) { in.Spec.Process.SelinuxLabel, in.Spec.Linux.MountLabel = "l", "m" }, []string{
			`process.selinuxLabel: this kernel has no SELinux; "l" is not applied`,
			`linux.mountLabel: this kernel has no SELinux; "m" is not applied`,
		}},
		{"options of a bind mount", func(in *Input) {
			in.Spec.Mounts = []specs.Mount{
				{Destination: "/a", Type: "bind", Source: "/s", Options: []string{"bind", "mode=1", "newinstance"}},
			}
		}, []string{"mounts[0] (/a): a bind mount has no options of a filesystem: mode=1,newinstance ignored"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := defaultInput()
			in.Spec.Process.Terminal = false
			c.change(in)
			in.Mounts, _ = Mounts(in.Spec, "/bundle")
			birth := compiled(t, in)
			if !slices.Equal(birth.Warnings, c.want) {
				t.Errorf("%q, want %q", birth.Warnings, c.want)
			}
			judgeBirth(t, in, birth)
		})
	}
}

// TestDotDotDestination: clients send such destinations, because a pod's
// mountPath may have them, and other runtimes take them.
func TestDotDotDestination(t *testing.T) {
	plan := func(destination string) string {
		s := spec.Default()
		s.Mounts = []specs.Mount{{Destination: destination, Type: "tmpfs", Source: "tmpfs"}}
		in := inputFor(s)
		var text strings.Builder
		program := compiled(t, in).Program
		for i := range program.Steps {
			fmt.Fprintln(&text, program.StepString(i))
		}
		return text.String()
	}
	want := plan("/b")
	for _, d := range []string{"/a/../b", "/../b", "/a/../../../b/.", "x/../b"} {
		if got := plan(d); got != want {
			t.Errorf("%s is not mounted on /b", d)
		}
	}
	if got := plan("/a..b/..c"); !strings.Contains(got, "a..b/..c") {
		t.Error("two dots in a name are not the parent directory")
	}
}
