package systemd

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rung-oci/rung/cgroups/limits"
	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

func text(list []property) string {
	var b strings.Builder
	for _, p := range list {
		fmt.Fprintf(&b, "%s=%v ", p.name, p.value)
	}
	return strings.TrimSuffix(b.String(), " ")
}

func TestKnown(t *testing.T) {
	list := []property{{"MemoryMax", bus.Uint64(1)}, {"AllowedCPUs", bus.Bytes(nil)}, {"MemoryZSwapMax", bus.Uint64(1)}}
	for version, want := range map[string]int{
		"239": 1, "v239": 1, "244 (244.1-1)": 2, "252.39-1~deb12u1": 2, "262~rc1": 3, "nonsense": 3,
	} {
		if got := known(list, version); len(got) != want {
			t.Errorf("%s: %s", version, text(got))
		}
	}
}

func TestAnnotated(t *testing.T) {
	list, err := annotated(map[string]string{
		"org.systemd.property.CollectMode":    "'inactive-or-failed'",
		"org.systemd.property.TimeoutStopSec": "123",
		"org.systemd.property.RuntimeMaxUSec": "uint64 2000000",
		"org.systemd.property.After":          "['crio.service', 'a.service']",
		"other":                               "x",
	}, nil)
	want := []property{
		{"After", bus.Array{Of: "s", Values: []bus.Value{bus.String("crio.service"), bus.String("a.service")}}},
		{"CollectMode", bus.String("inactive-or-failed")},
		{"RuntimeMaxUSec", bus.Uint64(2000000)},
		{"TimeoutStopUSec", bus.Uint64(123000000)},
	}
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("got %v, %v", list, err)
	}
}

func TestAnnotatedRefuses(t *testing.T) {
	for _, tt := range []struct{ key, value, want string }{
		{"Slice", "'a.slice'", "--allow org.systemd.property.Slice allows it"},
		{"FailureAction", "'reboot'", "not allowed"},
		{"ExecStopPost", "[('/bin/sh', ['sh'], false)]", "not allowed"},
		{"Fo", "1", "no name of a property"},
		{"", "1", "no name of a property"},
		{"Collect.Mode", "'x'", "no name of a property"},
		{"CollectMode", "inactive", "no value of GVariant's text format"},
		{"CollectMode", "", "a value is missing"},
		{"TimeoutStopSec", "'1'", "no number of seconds"},
		{"TimeoutStopSec", "-1", "no length of time"},
	} {
		_, err := annotated(map[string]string{AnnotationPrefix + tt.key: tt.value}, nil)
		if err == nil || !strings.Contains(err.Error(), tt.want) ||
			!strings.HasPrefix(err.Error(), "annotations[org.systemd.property."+tt.key+"]: ") {
			t.Errorf("%s: %v, want %q", tt.key, err, tt.want)
		}
	}
	if _, err := annotated(map[string]string{"org.systemd.property.Slice": "'a.slice'"},
		[]string{"org.systemd.property.Slice"}); err != nil {
		t.Error(err)
	}
}

// An annotation does not stand above a limit of the config, which systemd would lose when it reads its units
// anew, but above what every unit has.
func TestAnnotationsAndLimits(t *testing.T) {
	given, err := annotated(map[string]string{
		AnnotationPrefix + "TasksMax": "uint64 1000", AnnotationPrefix + "MemoryHigh": "uint64 5000",
		AnnotationPrefix + "DefaultDependencies": "true",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	m := &Manager{unit: "c.scope", idle: &idler{}, given: given}
	got := map[string]bus.Value{}
	for _, p := range m.properties([]limits.Write{{File: "pids.max", Value: "7"}}) {
		if got[p.name] != nil {
			t.Errorf("%s is there twice", p.name)
		}
		got[p.name] = p.value
	}
	want := map[string]bus.Value{
		"TasksMax": bus.Uint64(7), "MemoryHigh": bus.Uint64(5000), "DefaultDependencies": bus.Bool(true),
	}
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s is %v, want %v", name, got[name], value)
		}
	}
}
