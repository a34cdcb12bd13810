package systemd

import (
	"errors"
	"fmt"
	"strings"

	escape "github.com/coreos/go-systemd/v22/unit"
)

// A unit is what systemd calls the cgroup of a container: a scope below a slice.
type unit struct {
	slice, name string
}

// longestName of a unit: UNIT_NAME_MAX of systemd's src/basic/unit-def.h, without the NUL.
const longestName = 255

// parseUnit reads linux.cgroupsPath, "SLICE:PREFIX:NAME", as runc does: the scope
// PREFIX-NAME.scope in the slice. An empty SLICE is the default one, an empty PREFIX leaves
// the dash away, as crun does. An empty path is the scope rung-ID.scope.
//
// What a name of a unit may not have, as the ID "a+b" does, is escaped as systemd-escape(1) does.
func parseUnit(cgroupsPath, id, defaultSlice string) (unit, error) {
	parts := []string{"", "rung", id}
	if cgroupsPath != "" {
		parts = strings.Split(cgroupsPath, ":")
	}
	u, err := newUnit(parts, defaultSlice)
	if err != nil {
		return unit{}, fmt.Errorf("linux.cgroupsPath: %q: %w", cgroupsPath, err)
	}
	return u, nil
}

func newUnit(parts []string, defaultSlice string) (u unit, err error) {
	if len(parts) != 3 {
		return u, errors.New("the systemd driver needs SLICE:PREFIX:NAME, such as system.slice:rung:c1 " +
			"(a path of directories is for --cgroup-manager cgroupfs)")
	}
	slice, prefix, name := parts[0], parts[1], parts[2]
	if name == "" {
		return u, errors.New("the NAME of SLICE:PREFIX:NAME is empty")
	}
	if strings.HasSuffix(name, ".slice") {
		return u, fmt.Errorf("%q is a slice: systemd lets no process be in one, a container is a scope", name)
	}
	if slice == "" {
		slice = defaultSlice
	}
	if _, err := slicePath(slice); err != nil {
		return u, err
	}
	if prefix != "" {
		name = prefix + "-" + name
	}
	u = unit{slice, escapeName(name) + ".scope"}
	if len(u.name) > longestName {
		return u, fmt.Errorf("the unit %s has %d characters, %d are possible", u.name, len(u.name), longestName)
	}
	return u, nil
}

// inName reports whether a name of a unit may have the character: VALID_CHARS of systemd's
// src/basic/unit-name.c.
func inName(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(":-_.\\", c) >= 0
}

func escapeName(name string) string {
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; inName(c) {
			b.WriteByte(c)
		} else {
			b.WriteString(escape.UnitNameEscape(name[i : i+1]))
		}
	}
	return b.String()
}

// path is the cgroup's, from that of the service manager on.
func (u unit) path() string {
	slice, _ := slicePath(u.slice)
	return slice + "/" + u.name
}

// slicePath is where the cgroup of a slice is: that of "a-b.slice" is /a.slice/a-b.slice, and
// "-.slice" is the root of all. See systemd.slice(5).
func slicePath(slice string) (string, error) {
	name, ok := strings.CutSuffix(slice, ".slice")
	if !ok {
		return "", fmt.Errorf("%q is no slice: its name ends in .slice", slice)
	}
	if name == "-" {
		return "", nil
	}
	var path, above strings.Builder
	for i, part := range strings.Split(name, "-") {
		if part == "" {
			return "", fmt.Errorf("%q is no slice: nothing stands before or behind a dash", slice)
		}
		for j := range len(part) {
			if !inName(part[j]) {
				return "", fmt.Errorf("%q is no slice: %q cannot be in its name", slice, part[j])
			}
		}
		if i > 0 {
			above.WriteByte('-')
		}
		above.WriteString(part)
		path.WriteString("/" + above.String() + ".slice")
	}
	if len(slice) > longestName {
		return "", fmt.Errorf("%q is no slice: it has %d characters, %d are possible", slice, len(slice), longestName)
	}
	return path.String(), nil
}
