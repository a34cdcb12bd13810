package v1

import (
	"slices"
	"strings"
	"testing"
)

func TestSub(t *testing.T) {
	m := Restore([]byte("cpu,cpuacct\t/cg/cpu/c\nmemory\t/cg/memory/c\nname=systemd\t/cg/systemd/c\n" +
		"unified\t/cg/unified/c\n"))
	for _, tt := range []struct {
		places string // separated by spaces
		want   string // the paths below /cg, or part of the error
	}{
		{"", "cpu/c memory/c systemd/c unified/c"},
		{"/", "cpu/c memory/c systemd/c unified/c"},
		{"a/b", "cpu/c/a/b memory/c/a/b systemd/c/a/b unified/c/a/b"},
		{"/a/", "cpu/c/a memory/c/a systemd/c/a unified/c/a"},
		{"memory:a", "cpu/c memory/c/a systemd/c unified/c"},
		{"memory:a cpu:b", "cpu/c/b memory/c/a systemd/c unified/c"},
		{"memory,cpuacct:a name=systemd:/", "cpu/c/a memory/c/a systemd/c unified/c"},
		{"cpu:a cpuacct:a", "cpu/c/a memory/c systemd/c unified/c"},
		{"cpu:a cpuacct:b", "another path already"},
		{"a b", "names no controller"},
		{"memory:a b", "names no controller"},
		{"blkio:a", `unknown controller "blkio"`},
		{"mem:a", `unknown controller "mem"`},
		{":a", `unknown controller ""`},
		{"..", "not a sub cgroup path"},
		{"memory:a/../../b", "not a sub cgroup path"},
	} {
		sub, err := m.Sub(strings.Fields(tt.places))
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.places, err, tt.want)
			}
			continue
		}
		var got []string
		for _, g := range sub.(*Manager).groups {
			got = append(got, strings.TrimPrefix(g.Path, "/cg/"))
		}
		if want := strings.Fields(tt.want); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", tt.places, got, want)
		}
	}
	if m.groups[0].Path != "/cg/cpu/c" {
		t.Error("the container's own was changed")
	}
}
