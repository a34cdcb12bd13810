package spec

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestDefault(t *testing.T) {
	for name, s := range map[string]*specs.Spec{"default": Default(), "rootless": Rootless(1000, 1001)} {
		if err := Validate(s); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, m := range s.Mounts {
			if o := ParseMountOptions(m.Options); m.Type == "sysfs" && len(o.Data) > 0 {
				t.Errorf("%s: %s: unknown mount options %q", name, m.Destination, o.Data)
			}
		}
		data, err := json.MarshalIndent(s, "", "\t")
		if err != nil {
			t.Fatal(err)
		}
		read, unknown, err := Load(data)
		if err != nil || len(unknown) > 0 || !reflect.DeepEqual(read, s) {
			t.Errorf("%s: read back as %+v, %v, %v", name, read, unknown, err)
		}
	}
}

func TestRootless(t *testing.T) {
	s := Rootless(1000, 1001)
	if s.Linux.Resources != nil {
		t.Error("resources are limited")
	}
	if namespaceOf(s.Linux, specs.UserNamespace) == nil || namespaceOf(s.Linux, specs.NetworkNamespace) != nil {
		t.Errorf("namespaces: %v", s.Linux.Namespaces)
	}
	want := func(id uint32) []specs.LinuxIDMapping { return []specs.LinuxIDMapping{{HostID: id, Size: 1}} }
	if !reflect.DeepEqual(s.Linux.UIDMappings, want(1000)) || !reflect.DeepEqual(s.Linux.GIDMappings, want(1001)) {
		t.Errorf("mappings: %v, %v", s.Linux.UIDMappings, s.Linux.GIDMappings)
	}
	for _, m := range s.Mounts {
		if m.Type == "sysfs" {
			t.Errorf("%s is a new sysfs", m.Destination)
		}
		for _, o := range m.Options {
			if strings.HasPrefix(o, "gid=") || strings.HasPrefix(o, "uid=") {
				t.Errorf("%s has the option %s", m.Destination, o)
			}
		}
	}
	if !reflect.DeepEqual(Default(), Default()) || Default().Linux.Resources == nil {
		t.Error("Rootless changed what Default returns")
	}
}
