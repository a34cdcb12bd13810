package v2

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// unified plans linux.resources.unified, last, so that it decides where both are given: each
// key is a file, and each line of its value is written as it is.
func (p *plan) unified(files map[string]string) error {
	for _, file := range slices.Sorted(maps.Keys(files)) {
		property := fmt.Sprintf("unified[%q]", file)
		if err := checkUnified(file); err != nil {
			return fmt.Errorf("linux.resources.%s: %w", property, err)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(files[file], "\n"), "\n") {
			p.Set(property, file, line)
		}
	}
	return nil
}

// ofCgroup are the files of cgroups themselves that set a limit. By the others processes are
// moved, stopped or ended, or the container's cgroup is made another's.
var ofCgroup = []string{"cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"}

func checkUnified(file string) error {
	controller, name, _ := strings.Cut(file, ".")
	switch {
	case controller == "" || name == "" || strings.ContainsAny(file, "/\x00"):
		return fmt.Errorf("not the name of a file, CONTROLLER.NAME")
	case controller == "cgroup" && !slices.Contains(ofCgroup, file):
		return fmt.Errorf("sets no limit; of the files of no controller these do: %s", strings.Join(ofCgroup, ", "))
	}
	return nil
}
