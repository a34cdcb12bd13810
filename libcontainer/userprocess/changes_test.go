package userprocess

import (
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/spec"
)

func TestApply(t *testing.T) {
	base := func() *specs.Process {
		p := spec.Default().Process
		p.Env = []string{"PATH=/bin", "A=1", "B=2", "A=3"}
		p.User.AdditionalGids = []uint32{4}
		return p
	}
	for _, tt := range []struct {
		name string
		o    Changes
		want func(p *specs.Process)
	}{
		{"nothing", Changes{}, func(*specs.Process) {}},
		{"no terminal, though the container has one", Changes{Cwd: "/tmp"}, func(p *specs.Process) { p.Cwd = "/tmp" }},
		{"terminal", Changes{Terminal: true}, func(p *specs.Process) { p.Terminal = true }},
		{"environment", Changes{Env: []string{"A=4", "C=,=", "C=5"}},
			func(p *specs.Process) { p.Env = []string{"PATH=/bin", "B=2", "A=4", "C=5"} }},
		{"user", Changes{UID: new(uint32(7)), AdditionalGids: []uint32{8}}, func(p *specs.Process) {
			p.User.UID, p.User.AdditionalGids = 7, []uint32{4, 8}
		}},
		{"group", Changes{UID: new(uint32(0)), GID: new(uint32(9))}, func(p *specs.Process) { p.User.GID = 9 }},
		{"capability", Changes{Capabilities: []string{"CAP_NET_RAW"}}, func(p *specs.Process) {
			c := p.Capabilities
			c.Bounding, c.Permitted, c.Effective = append(c.Bounding, "CAP_NET_RAW"), append(c.Permitted,
				"CAP_NET_RAW"), append(c.Effective, "CAP_NET_RAW")
		}},
		{"privileges", Changes{NoNewPrivs: new(false), AppArmor: "a", SelinuxLabel: "s"}, func(p *specs.Process) {
			p.NoNewPrivileges, p.ApparmorProfile, p.SelinuxLabel = false, "a", "s"
		}},
	} {
		want := base()
		want.Args, want.Terminal = []string{"x"}, false
		tt.want(want)
		got := base()
		tt.o.Args = []string{"x"}
		if err := tt.o.Apply(got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v; want %+v", tt.name, got, err, want)
		}
	}
	for _, tt := range []struct {
		o    Changes
		want string
	}{
		{Changes{}, "process args cannot be empty"},
		{Changes{Args: []string{"x"}, Env: []string{"NAME"}}, `"NAME" has no NAME=`},
		{Changes{Args: []string{"x"}, Env: []string{"=secret"}}, `"" has no NAME=`},
		{Changes{Args: []string{"x"}, Cwd: "relative"}, "cwd"},
		{Changes{Args: []string{"a\x00b"}}, "NUL"},
	} {
		if err := tt.o.Apply(base()); err == nil || !strings.Contains(err.Error(), tt.want) ||
			strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: %v, want %s", tt.o, err, tt.want)
		}
	}
}

// What a process file leaves out of the restrictions is the container's.
func TestInherit(t *testing.T) {
	restricted := func() *specs.Process {
		umask := uint32(0o27)
		return &specs.Process{
			Args: []string{"own"}, Cwd: "/", NoNewPrivileges: true, ApparmorProfile: "profile", SelinuxLabel: "label",
			Rlimits: []specs.POSIXRlimit{{Type: "RLIMIT_CORE"}}, Capabilities: &specs.LinuxCapabilities{},
			OOMScoreAdj: new(7),
			User:        specs.User{UID: 1, Umask: &umask}, Env: []string{"A=1"},
			Scheduler:  &specs.Scheduler{Policy: specs.SchedBatch},
			IOPriority: &specs.LinuxIOPriority{Class: specs.IOPRIO_CLASS_IDLE},
		}
	}
	own := restricted()
	own.ExecCPUAffinity = &specs.CPUAffinity{Initial: "1"}
	p := &specs.Process{Args: []string{"x"}, Cwd: "/"}
	Inherit(p, own)
	if p.ApparmorProfile != own.ApparmorProfile || p.SelinuxLabel != own.SelinuxLabel ||
		!reflect.DeepEqual(p.Rlimits, own.Rlimits) ||
		p.Capabilities != own.Capabilities || p.OOMScoreAdj != own.OOMScoreAdj || p.User.Umask != own.User.Umask ||
		p.ExecCPUAffinity != own.ExecCPUAffinity || p.Scheduler != own.Scheduler ||
		p.IOPriority != own.IOPriority {
		t.Errorf("%+v", p)
	}
	if p.User.UID != 0 || p.NoNewPrivileges != false || p.Env != nil {
		t.Errorf("more than that: %+v", p)
	}
	given := restricted()
	given.ExecCPUAffinity = &specs.CPUAffinity{Final: "0"}
	given.ApparmorProfile, given.SelinuxLabel = "other", "other"
	want := *given
	Inherit(given, own)
	if !reflect.DeepEqual(*given, want) {
		t.Errorf("what was given became %+v", given)
	}
}
