package cmd

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/opencontainers/runtime-spec/specs-go/features"

	"github.com/rung-oci/rung/libcontainer/capabilities"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/spec"
)

func TestFeatures(t *testing.T) {
	got := rung(t, "", "features")
	if got.code != 0 {
		t.Fatal(got.err)
	}
	var f features.Features
	d := json.NewDecoder(strings.NewReader(got.stdout))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		t.Fatal(err)
	}
	if f.OCIVersionMax != specs.Version || f.Annotations[spec.VersionAnnotation] != "1.2.3" ||
		f.Annotations[spec.CommitAnnotation] != "abc" {
		t.Errorf("versions: %s, %v", f.OCIVersionMax, f.Annotations)
	}
	if unsafe := []string{"org.criu.config"}; !slices.Equal(f.PotentiallyUnsafeConfigAnnotations, unsafe) {
		t.Errorf("potentiallyUnsafeConfigAnnotations: %q, want %q", f.PotentiallyUnsafeConfigAnnotations, unsafe)
	}
	options := spec.MountOptionNames()
	if !*f.Linux.MountExtensions.IDMap.Enabled {
		options = slices.DeleteFunc(options, func(name string) bool { return name == "idmap" || name == "ridmap" })
	}
	sc := f.Linux.Seccomp
	for name, lists := range map[string][2][]string{
		"mountOptions":           {f.MountOptions, options},
		"capabilities":           {f.Linux.Capabilities, capabilities.Names()},
		"seccomp.actions":        {sc.Actions, seccomp.Actions()},
		"seccomp.operators":      {sc.Operators, seccomp.Operators()},
		"seccomp.knownFlags":     {sc.KnownFlags, seccomp.KnownFlags()},
		"seccomp.supportedFlags": {sc.SupportedFlags, seccomp.SupportedFlags()},
	} {
		if !slices.Equal(lists[0], lists[1]) || len(lists[0]) == 0 {
			t.Errorf("%s: got %v, want %v", name, lists[0], lists[1])
		}
	}
}
