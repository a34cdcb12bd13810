package spec

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

func TestUnknown(t *testing.T) {
	for _, test := range []struct {
		document string
		want     []Unknown
	}{
		{`{"ociVersion":"1.0.0"}`, nil},
		{`{"process":{"noNewPriviledges":true}}`, []Unknown{{"process.noNewPriviledges", "noNewPrivileges"}}},
		{`{"process":{"nonewprivileges":true}}`, []Unknown{{"process.nonewprivileges", "noNewPrivileges"}}},
		{`{"process":{"uid":{"a":1}}}`, []Unknown{{"process.uid", ""}}},
		{`{"Root":1,"x y":2,"mount":[{"a":[[]]}]}`, []Unknown{{"Root", "root"}, {`["x y"]`, ""}, {"mount", "mounts"}}},
		{`{"":1}`, []Unknown{{`[""]`, ""}}},
		{`{"mounts":[{},{"type":"x","opts":[]},{"option":[]}]}`,
			[]Unknown{{"mounts[1].opts", ""}, {"mounts[2].option", "options"}}},
		{`{"linux":{"resources":{"rdma":{"a.b":{"hcaHandle":1},"c_0":{"hcaObjects":1,"x":2}}}}}`,
			[]Unknown{{`linux.resources.rdma["a.b"].hcaHandle`, "hcaHandles"}, {"linux.resources.rdma.c_0.x", ""}}},
		{`{"a":{"b":1},"c":[{"d":1}],"linux":{"e":1}}`, []Unknown{{"a", ""}, {"c", ""}, {"linux.e", ""}}},
		{`{"windows":{"nothing":"is known of this"}}`, nil},
		{`{"linux":{"intelRdt":{"enableCMT":true}}}`, []Unknown{{"linux.intelRdt.enableCMT", ""}}},
		{`{"n\u006f":1}`, []Unknown{{"no", ""}}},
	} {
		_, have, err := Load([]byte(test.document))
		if err != nil || !slices.Equal(have, test.want) {
			t.Errorf("%s: %v, %v, want %v", test.document, have, err, test.want)
		}
	}
	if s := (Unknown{"a.b", "c"}).String(); s != "a.b: unknown property, did you mean c?" {
		t.Error(s)
	}
	if s := (Unknown{"a.b", ""}).String(); s != "a.b: unknown property" {
		t.Error(s)
	}
}

func TestMismatch(t *testing.T) {
	for _, test := range []struct {
		document string
		want     Problems
	}{
		{`[]`, Problems{{"", "want an object, have an array"}}},
		{`{"process":{"user":{"uid":"0"}}}`, Problems{{"process.user.uid", "want an integer, have a string"}}},
		{`{"process":{"user":{"uid":-1}}}`, Problems{{"process.user.uid", "-1 is not an integer of type uint32"}}},
		{`{"process":{"user":{"uid":1.5}}}`, Problems{{"process.user.uid", "1.5 is not an integer of type uint32"}}},
		{`{"linux":{"devices":[{},{"fileMode":4294967296}]}}`,
			Problems{{"linux.devices[1].fileMode", "4294967296 is not an integer of type uint32"}}},
		{`{"mounts":{},"hooks":[],"hostname":false,"process":{"terminal":1,"args":["a",{}]}}`, Problems{
			{"mounts", "want an array, have an object"},
			{"hooks", "want an object, have an array"},
			{"hostname", "want a string, have a boolean"},
			{"process.terminal", "want a boolean, have a number"},
			{"process.args[1]", "want a string, have an object"},
		}},
		{`{"annotations":{"a.b":1}}`, Problems{{`annotations["a.b"]`, "want a string, have a number"}}},
		{`{"x":1,"root":1,"y":2}`, Problems{{"root", "want an object, have a number"}}},
	} {
		_, _, err := Load([]byte(test.document))
		if have, _ := err.(Problems); !slices.Equal(have, test.want) {
			t.Errorf("%s: error %v, want %v", test.document, err, test.want)
		}
	}
}

func TestLoadParts(t *testing.T) {
	p, unknown, err := LoadProcess([]byte(`{"cwd":"/","args":["a"],"user":{"uid":1,"uidd":2}}`))
	if want := (&specs.Process{Cwd: "/", Args: []string{"a"}, User: specs.User{UID: 1}}); err != nil ||
		!reflect.DeepEqual(p, want) {
		t.Errorf("%+v, %v, want %+v", p, err, want)
	}
	if want := []Unknown{{"user.uidd", "uid"}}; !slices.Equal(unknown, want) {
		t.Errorf("%v, want %v", unknown, want)
	}
	if _, _, err := LoadProcess([]byte(`{"args":5}`)); err == nil ||
		err.Error() != "args: want an array, have a number" {
		t.Error(err)
	}

	r, unknown, err := LoadResources([]byte(`{"pids":{"limit":5},"cpus":"0"}`))
	if want := (&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(5))}}); err != nil ||
		!reflect.DeepEqual(r, want) {
		t.Errorf("%+v, %v, want %+v", r, err, want)
	}
	if want := []Unknown{{"cpus", "cpu"}}; !slices.Equal(unknown, want) {
		t.Errorf("%v, want %v", unknown, want)
	}
	var syntax *SyntaxError
	if _, _, err := LoadResources([]byte(`{"pids":{"limit":5}`)); !errors.As(err, &syntax) {
		t.Error(err)
	}
}

func FuzzValidate(f *testing.F) {
	for _, document := range documents(f) {
		f.Add(document)
	}
	f.Add(string(podmanConfig(f)))
	f.Fuzz(func(t *testing.T, document string) {
		s, _, err := Load([]byte(document))
		if err != nil {
			return
		}
		err = Validate(s)
		if ps, ok := err.(Problems); err != nil && (!ok || len(ps) == 0) {
			t.Fatalf("%T %[1]v", err)
		}
		for _, m := range s.Mounts {
			o := ParseMountOptions(m.Options)
			if (o.Attr.Set&o.Attr.Clear|o.RecAttr.Set&o.RecAttr.Clear)&^unix.MOUNT_ATTR__ATIME != 0 {
				t.Fatalf("%q: %+v", m.Options, o)
			}
		}
	})
}

// podmanConfig returns a config of the size that podman writes: the default one
// with annotations, more mounts, and a seccomp profile of 400 system calls.
func podmanConfig(t testing.TB) []byte {
	s := Default()
	s.Annotations = map[string]string{}
	for i := range 12 {
		s.Annotations[fmt.Sprintf("org.opencontainers.image.key%d", i)] = strings.Repeat("value", 5)
	}
	for i := range 8 {
		s.Mounts = append(s.Mounts, specs.Mount{
			Destination: fmt.Sprintf("/run/secrets/number%d", i),
			Type:        "bind",
			Source:      fmt.Sprintf("/var/lib/containers/storage/overlay-containers/0123456789abcdef/userdata/%d", i),
			Options:     []string{"bind", "rprivate", "nosuid", "nodev"},
		})
	}
	profile := &specs.LinuxSeccomp{
		DefaultAction:   specs.ActErrno,
		DefaultErrnoRet: new(uint(38)),
		Architectures:   []specs.Arch{specs.ArchX86_64, specs.ArchX86, specs.ArchX32},
	}
	allowed := specs.LinuxSyscall{Action: specs.ActAllow}
	for i := range 370 {
		allowed.Names = append(allowed.Names, fmt.Sprintf("system_call_%d", i))
	}
	profile.Syscalls = append(profile.Syscalls, allowed)
	for i := range 30 {
		profile.Syscalls = append(profile.Syscalls, specs.LinuxSyscall{
			Names:    []string{fmt.Sprintf("other_call_%d", i)},
			Action:   specs.ActErrno,
			ErrnoRet: new(uint(1)),
			Args:     []specs.LinuxSeccompArg{{Index: 1, Value: 1 << 40, Op: specs.OpMaskedEqual}},
		})
	}
	s.Linux.Seccomp = profile
	return mustMarshal(t, s)
}

func BenchmarkLoad(b *testing.B) {
	indented, err := json.MarshalIndent(Default(), "", "\t")
	if err != nil {
		b.Fatal(err)
	}
	for _, config := range []struct {
		name string
		data []byte
	}{{"default", indented}, {"podman", podmanConfig(b)}} {
		b.Run(config.name+"/rung", func(b *testing.B) {
			b.SetBytes(int64(len(config.data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := Load(config.data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(config.name+"/encoding_json", func(b *testing.B) {
			b.SetBytes(int64(len(config.data)))
			b.ReportAllocs()
			for b.Loop() {
				if err := json.Unmarshal(config.data, new(specs.Spec)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkValidate(b *testing.B) {
	s, _, err := Load(podmanConfig(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := Validate(s); err != nil {
			b.Fatal(err)
		}
	}
}
