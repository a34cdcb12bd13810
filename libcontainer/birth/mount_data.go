package birth

import (
	"fmt"
	"slices"
	"strings"
)

// checkData refuses options that nobody reads. To a filesystem the kernel says itself which it
// does not know. A bind mount and the cgroups have none, but configurations give them those of
// other filesystems, and these are left out with a warning. Anything else was meant to be
// an option: who writes "Ro" or "nosuid,noexec" believes to have closed something.
func (m *Mount) checkData() error {
	if !m.Bind && m.Kind != CgroupMount {
		return nil
	}
	for _, option := range m.Data {
		if key, _, _ := strings.Cut(option, "="); !slices.Contains(filesystemOptions[:], key) {
			return fmt.Errorf("option %q is unknown%s", option, meant(option))
		}
	}
	return nil
}

// meant is what may help the author of an unknown option.
func meant(option string) string {
	if strings.Contains(option, ",") {
		return ": each option is a string of its own"
	}
	if lower := strings.ToLower(option); lower != option {
		return ": options are written in small letters"
	}
	return ""
}

// filesystemOptions are the options of filesystems without a device, as found in
// configurations: tmpfs(5), Documentation/filesystems of proc, devpts, mqueue, overlayfs and cgroup
// in the kernel, and the labels of mount(8).
var filesystemOptions = [...]string{
	"mode", "size", "uid", "gid", "nr_blocks", "nr_inodes", "huge", "mpol", "inode32", "inode64", "noswap",
	"newinstance", "ptmxmode", "max", "hidepid", "subset", "pidns",
	"context", "fscontext", "defcontext", "rootcontext",
	"lowerdir", "upperdir", "workdir", "index", "metacopy", "redirect_dir", "userxattr", "volatile", "xino",
	"nsdelegate", "favordynmods", "memory_localevents", "memory_recursiveprot", "memory_hugetlb_accounting",
	"all", "none", "name", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "release_agent",
}
