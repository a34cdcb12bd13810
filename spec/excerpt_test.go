package spec

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func TestForExec(t *testing.T) {
	for _, tt := range []struct{ config, want string }{
		{`{}`, `{}`},
		{`{"process": null, "linux":null}`, `{"process":null}`},
		{` { "hostname":"a{", "process" : {"args":["a", "\"}"] } , "linux":{}}`,
			`{"process":{"args":["a", "\"}"] },"linux":{}}`},
		{`{"linux":{"seccomp":{"defaultAction":"x","listenerPath":"/a"},` +
			`"personality":{"domain":"LINUX32"},"sysctl":{},` +
			`"memoryPolicy":{"mode":"MPOL_BIND"}},"root":{}}`,
			`{"linux":{"seccomp":{"listenerPath":"/a"},"personality":{"domain":"LINUX32"},` +
				`"memoryPolicy":{"mode":"MPOL_BIND"}}}`},
	} {
		if got := string(ForExec([]byte(tt.config))); got != tt.want {
			t.Errorf("of %s: %s, want %s", tt.config, got, tt.want)
		}
	}
}

func TestForExecOfDefault(t *testing.T) {
	want := Default()
	want.Linux.Personality = &specs.LinuxPersonality{Domain: specs.PerLinux32}
	text, err := json.MarshalIndent(want, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	got, unknown, err := Load(ForExec(text))
	if err != nil || len(unknown) > 0 {
		t.Fatal(err, unknown)
	}
	if !reflect.DeepEqual(got.Process, want.Process) ||
		!reflect.DeepEqual(got.Linux, &specs.Linux{Personality: want.Linux.Personality}) || got.Root != nil {
		t.Errorf("got %+v", got)
	}
}
