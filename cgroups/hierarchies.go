package cgroups

import (
	"bytes"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups/cgroupfs"
	"github.com/rung-oci/rung/internal/kernel"
)

// A Hierarchy is one mounted cgroup hierarchy.
type Hierarchy struct {
	// Name is the name of the mounted directory, such as "memory",
	// "cpu,cpuacct", "systemd" or "unified".
	Name string
	// Controllers are the controllers as /proc/self/cgroup lists them, such
	// as "cpu" and "cpuacct", or "name=systemd" for a hierarchy without
	// controllers. The unified hierarchy has none here.
	Controllers []string
	// Unified: this is the hierarchy of cgroup v2.
	Unified bool
	// Mountpoint is the absolute path of the mount.
	Mountpoint string
	// Root is the cgroup that is mounted there: "/" but in containers that
	// see only a part of the hierarchy.
	Root string
	// Own is the caller's cgroup as an absolute path below Mountpoint, or ""
	// when it lies outside of what is mounted.
	Own string
	// Options are the options of the file system, such as "xattr,name=systemd"
	// or "cpu,cpuacct", without ro and rw.
	Options string
}

// Hierarchies are the mounted hierarchies in the order of their mounts.
type Hierarchies []Hierarchy

// Find returns the hierarchies that are mounted in the caller's mount
// namespace. A hierarchy that is mounted several times is given once, where it
// is below /sys/fs/cgroup if it is there. A hierarchy that exists but is not
// mounted, or is covered by another mount, is left out.
func Find() (Hierarchies, error) {
	self, err := cgroupfs.Read(unix.AT_FDCWD, "/proc/self/cgroup", 2<<10)
	if err != nil {
		return nil, fmt.Errorf("reading /proc/self/cgroup: %w", err)
	}
	return parse(kernel.Mounts("self"), self, kernel.DeviceAt)
}

// Unified is the hierarchy of cgroup v2, or nil.
func (hs Hierarchies) Unified() *Hierarchy {
	for i := range hs {
		if hs[i].Unified {
			return &hs[i]
		}
	}
	return nil
}

// Pure reports whether every controller belongs to cgroup v2: it is mounted, and none is as a
// hierarchy of v1. One of v1 without controllers, name=…, does not count.
func (hs Hierarchies) Pure() bool {
	for i := range hs {
		if c := hs[i].Controllers; len(c) > 0 && !strings.HasPrefix(c[0], "name=") {
			return false
		}
	}
	return hs.Unified() != nil
}

// Links returns the names of the symbolic links beside the mount that lead to
// it: "cpu" and "cpuacct" for "cpu,cpuacct". Only links named after one of the
// hierarchy's controllers are looked for.
func (h *Hierarchy) Links() []string {
	var links []string
	var buf [unix.PathMax]byte
	dir := filepath.Dir(h.Mountpoint)
	for _, c := range h.Controllers {
		if c == h.Name {
			continue
		}
		n, err := unix.Readlink(filepath.Join(dir, c), buf[:])
		if err != nil {
			continue
		}
		target := string(buf[:n])
		if !filepath.IsAbs(target) {
			target = filepath.Join(dir, target)
		}
		if filepath.Clean(target) == h.Mountpoint {
			links = append(links, c)
		}
	}
	return links
}

// Label names the hierarchy: its controllers, separated by commas, or Unified.
func (h *Hierarchy) Label() string {
	if h.Unified {
		return Unified
	}
	return strings.Join(h.Controllers, ",")
}

// At is the directory of a cgroup that has this name: see [cgroupfs.Name].
func (h *Hierarchy) At(name string) (string, error) {
	if filepath.IsAbs(name) {
		return filepath.Join(h.Mountpoint, name), nil
	}
	if h.Own == "" {
		return "", fmt.Errorf("linux.cgroupsPath %q: the caller's own cgroup in the hierarchy %s "+
			"is outside of what is mounted at %s (%s): an absolute path is needed",
			name, h.Label(), h.Mountpoint, h.Root)
	}
	return filepath.Join(h.Mountpoint, h.Own, name), nil
}

// Unified is the label of the unified hierarchy. No other can have it: a
// hierarchy without controllers is called name=….
const Unified = "unified"

// parse finds the hierarchies among the mounts, with the text of /proc/self/cgroup,
// cgroups(7). Which file system is seen at a path, deviceAt, is asked only where a later
// mount may cover a hierarchy: it does not after pivot_root(2), when the mounts come in
// another order than their directories.
func parse(mounts iter.Seq2[kernel.Mount, error], self []byte, deviceAt func(path string) string) (Hierarchies, error) {
	type candidate struct {
		Hierarchy
		device string
		over   bool // another mount may be over it
	}
	var candidates []candidate
	for m, err := range mounts {
		if err != nil {
			return nil, fmt.Errorf("looking for cgroup hierarchies: %w", err)
		}
		for i := range candidates {
			c := &candidates[i]
			c.over = c.over || m.Holds(c.Mountpoint)
		}
		if h, ok := mountedHierarchy(m); ok {
			if own, ok := h.membership(self); ok {
				h.Own = h.Below(own)
				candidates = append(candidates, candidate{h, m.Device(), false})
			}
		}
	}
	var found Hierarchies
	for _, c := range candidates {
		if !c.over || deviceAt(c.Mountpoint) == c.device {
			found = found.add(c.Hierarchy)
		}
	}
	return found, nil
}

// add appends h. If its hierarchy is there already the better mount stays; one
// over another, which hides it, is the better one.
func (hs Hierarchies) add(h Hierarchy) Hierarchies {
	const usual = "/sys/fs/cgroup"
	for i := range hs {
		if hs[i].Label() != h.Label() {
			continue
		}
		hides := h.Mountpoint == hs[i].Mountpoint
		if hides || strings.HasPrefix(h.Mountpoint, usual) && !strings.HasPrefix(hs[i].Mountpoint, usual) {
			hs[i] = h
		}
		return hs
	}
	return append(hs, h)
}

// mountedHierarchy is the hierarchy that a mount shows; not ok for a mount of another file
// system. All of the file system's options but ro and rw are in Options.
func mountedHierarchy(m kernel.Mount) (h Hierarchy, ok bool) {
	switch m.FSType() {
	case "cgroup":
	case "cgroup2":
		h.Unified = true
	default:
		return h, false
	}
	h.Root, h.Mountpoint, h.Options = m.Root(), m.Point(), m.SuperOptions()
	h.Name = filepath.Base(h.Mountpoint)
	if o, rest, _ := strings.Cut(h.Options, ","); o == "rw" || o == "ro" {
		h.Options = rest
	}
	return h, true
}

// membership finds the hierarchy's line in the text of /proc/self/cgroup,
//
//	ID:CONTROLLER,...:PATH
//
// takes the controllers from it and returns the path. A hierarchy is
// recognised by its first controller: the mount's options name it too.
func (h *Hierarchy) membership(self []byte) (path string, ok bool) {
	for line := range bytes.SplitSeq(self, []byte{'\n'}) {
		id, rest, _ := bytes.Cut(line, []byte{':'})
		list, path, ok := strings.Cut(string(rest), ":")
		if !ok {
			continue
		}
		if list == "" {
			if h.Unified && string(id) == "0" {
				return path, true
			}
			continue
		}
		first, _, _ := strings.Cut(list, ",")
		if !h.Unified && contains(h.Options, first) {
			h.Controllers = strings.Split(list, ",")
			return path, true
		}
	}
	return "", false
}

// contains reports whether a comma-separated list has the element.
func contains(list, element string) bool {
	for e := range strings.SplitSeq(list, ",") {
		if e == element {
			return true
		}
	}
	return false
}

// Below returns a path of /proc/PID/cgroup as it is seen under the mount,
// or "" when it cannot be seen there. In a cgroup namespace it is, like the mount's root,
// relative to the namespace's root and leads upwards with "/..".
func (h *Hierarchy) Below(path string) string {
	root := h.Root
	switch {
	case root == "/":
		if path == "/.." || strings.HasPrefix(path, "/../") {
			return ""
		}
		return path
	case path == root:
		return "/"
	case strings.HasPrefix(path, root+"/"):
		return path[len(root):]
	}
	return ""
}
