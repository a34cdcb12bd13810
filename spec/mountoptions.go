package spec

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// MountOptions is what the options of one mount ask for. Where options
// contradict each other, the last one wins.
type MountOptions struct {
	Attr    MountAttr // of the mount itself
	RecAttr MountAttr // of the mount and all mounts below it (AT_RECURSIVE)

	// SuperSet and SuperClear are MS_* flags that belong to the superblock:
	// MS_RDONLY, MS_SYNCHRONOUS, MS_DIRSYNC, MS_LAZYTIME, MS_MANDLOCK,
	// MS_SILENT and MS_I_VERSION. They have no meaning for bind mounts, except
	// that the read-only flag is in Attr, too.
	SuperSet, SuperClear uint64

	// Propagation holds the propagation types, MS_SHARED, MS_SLAVE, MS_PRIVATE or
	// MS_UNBINDABLE, each perhaps with MS_REC, in the order to apply them.
	Propagation []uint64

	Bind      bool // a bind mount, by bind or rbind
	Rbind     bool // with the mounts below its source
	Remount   bool
	TmpCopyUp bool // fill the tmpfs with what the directory below it contains
	IDMap     bool // map the owners of files, by idmap or ridmap
	RecIDMap  bool // also in the mounts below

	NoFollow uint64 // which symlinks are not followed by a bind mount: SourceLink and so on

	// Data holds the options that are not in the specification, in the form key
	// or key=value. They are for the filesystem. A bind mount has no use for them:
	// mount(2) ignores them there.
	Data []string
}

// Symlinks that a bind mount does not follow, by options of crun (crun(1)).
const (
	SourceLink      = 1 << iota // src-nofollow: the source is the link itself
	DestinationLink             // dest-nofollow: the link itself is covered
	CopiedLink                  // copy-symlink: a link appears as what it is at the destination
)

// MountAttr changes MOUNT_ATTR_* flags. Set and Clear are attr_set and attr_clr
// of mount_setattr(2), and Set is also attr_flags of fsmount(2). They have no
// flag in common; an access time setting in Set comes with MOUNT_ATTR__ATIME in
// Clear, because it is an enumeration and not a set of flags.
type MountAttr struct {
	Set, Clear uint64
}

// IsZero reports whether there is nothing to change.
func (a MountAttr) IsZero() bool { return a == MountAttr{} }

func (a *MountAttr) set(flag uint64) {
	a.Set |= flag
	a.Clear &^= flag
}

func (a *MountAttr) clear(flag uint64) {
	a.Set &^= flag
	a.Clear |= flag
}

func (a *MountAttr) setAtime(value uint64) {
	a.Set = a.Set&^unix.MOUNT_ATTR__ATIME | value
	a.Clear |= unix.MOUNT_ATTR__ATIME
}

// unsetAtime takes back an access time setting in favour of the kernel's default,
// relatime, also where the mount has the setting from its source. Another setting
// among the options stays.
func (a *MountAttr) unsetAtime(value uint64) {
	if a.Clear&unix.MOUNT_ATTR__ATIME == 0 || a.Set&unix.MOUNT_ATTR__ATIME == value {
		a.setAtime(unix.MOUNT_ATTR_RELATIME)
	}
}

// SuperFlags returns the names of the flags that FSCONFIG_SET_FLAG takes for
// SuperSet and SuperClear (fs/fs_context.c). There are none for silent, which
// concerns only the kernel's log, and for iversion, which needs mount(2) with
// MS_REMOUNT.
func (o *MountOptions) SuperFlags() (names []string) {
	for _, f := range [...]struct {
		flag       uint64
		set, clear string
	}{
		{unix.MS_RDONLY, "ro", "rw"},
		{unix.MS_SYNCHRONOUS, "sync", "async"},
		{unix.MS_DIRSYNC, "dirsync", ""},
		{unix.MS_LAZYTIME, "lazytime", "nolazytime"},
		{unix.MS_MANDLOCK, "mand", "nomand"},
	} {
		switch {
		case o.SuperSet&f.flag != 0:
			names = append(names, f.set)
		case o.SuperClear&f.flag != 0:
			names = append(names, f.clear)
		}
	}
	return names
}

// ParseMountOptions reads the options of a mount (config.md, Linux mount
// options). Every string is an option: those that are not in the specification
// are for the filesystem. idmap and ridmap may have mappings, as in idmap=uids=…;gids=….
func ParseMountOptions(options []string) (o MountOptions) {
	for _, option := range options {
		name := option
		if key, _, _ := strings.Cut(option, "="); key == "idmap" || key == "ridmap" {
			name = key
		}
		i, ok := slices.BinarySearchFunc(mountOptions[:], name, func(o mountOption, name string) int {
			return strings.Compare(o.name, name)
		})
		switch {
		case ok:
			mountOptions[i].effect(&o, mountOptions[i].flag)
		case name != "":
			o.Data = append(o.Data, name)
		}
	}
	return o
}

// MountOptionNames returns the sorted names of all options that are known.
func MountOptionNames() []string {
	return collect(mountOptions[:], func(o mountOption) string { return o.name })
}

// A mountOption is an option of the specification.
type mountOption struct {
	name   string
	effect func(*MountOptions, uint64) // on what is asked for
	flag   uint64                      // MOUNT_ATTR_* or MS_*, as the effect needs
}

// What options do with their flags.

func nothing(*MountOptions, uint64)               {}
func attrSet(o *MountOptions, flag uint64)        { o.Attr.set(flag) }
func attrClear(o *MountOptions, flag uint64)      { o.Attr.clear(flag) }
func atimeSet(o *MountOptions, value uint64)      { o.Attr.setAtime(value) }
func atimeUnset(o *MountOptions, value uint64)    { o.Attr.unsetAtime(value) }
func recSet(o *MountOptions, flag uint64)         { o.RecAttr.set(flag) }
func recClear(o *MountOptions, flag uint64)       { o.RecAttr.clear(flag) }
func recAtimeSet(o *MountOptions, value uint64)   { o.RecAttr.setAtime(value) }
func recAtimeUnset(o *MountOptions, value uint64) { o.RecAttr.unsetAtime(value) }
func propagation(o *MountOptions, types uint64)   { o.Propagation = append(o.Propagation, types) }
func remount(o *MountOptions, _ uint64)           { o.Remount = true }
func tmpCopyUp(o *MountOptions, _ uint64)         { o.TmpCopyUp = true }
func noFollow(o *MountOptions, links uint64)      { o.NoFollow |= links }

func readOnly(o *MountOptions, _ uint64) {
	o.Attr.set(unix.MOUNT_ATTR_RDONLY)
	superSet(o, unix.MS_RDONLY)
}

func readWrite(o *MountOptions, _ uint64) {
	o.Attr.clear(unix.MOUNT_ATTR_RDONLY)
	superClear(o, unix.MS_RDONLY)
}

func superSet(o *MountOptions, flag uint64) {
	o.SuperSet |= flag
	o.SuperClear &^= flag
}

func superClear(o *MountOptions, flag uint64) {
	o.SuperSet &^= flag
	o.SuperClear |= flag
}

func bind(o *MountOptions, recursive uint64) {
	o.Bind = true
	o.Rbind = o.Rbind || recursive != 0
}

func idMap(o *MountOptions, recursive uint64) {
	o.IDMap = true
	o.RecIDMap = o.RecIDMap || recursive != 0
}

// mountOptions is sorted by name.
//
// norelatime does nothing: relatime is what the kernel falls back to, and who wants
// otherwise asks for strictatime or noatime.
var mountOptions = [...]mountOption{
	{"async", superClear, unix.MS_SYNCHRONOUS},
	{"atime", atimeUnset, unix.MOUNT_ATTR_NOATIME},
	{"bind", bind, 0},
	{"copy-symlink", noFollow, CopiedLink},
	{"defaults", nothing, 0},
	{"dest-nofollow", noFollow, DestinationLink},
	{"dev", attrClear, unix.MOUNT_ATTR_NODEV},
	{"diratime", attrClear, unix.MOUNT_ATTR_NODIRATIME},
	{"dirsync", superSet, unix.MS_DIRSYNC},
	{"exec", attrClear, unix.MOUNT_ATTR_NOEXEC},
	{"idmap", idMap, 0},
	{"iversion", superSet, unix.MS_I_VERSION},
	{"lazytime", superSet, unix.MS_LAZYTIME},
	{"loud", superClear, unix.MS_SILENT},
	{"mand", superSet, unix.MS_MANDLOCK},
	{"noatime", atimeSet, unix.MOUNT_ATTR_NOATIME},
	{"nodev", attrSet, unix.MOUNT_ATTR_NODEV},
	{"nodiratime", attrSet, unix.MOUNT_ATTR_NODIRATIME},
	{"noexec", attrSet, unix.MOUNT_ATTR_NOEXEC},
	{"noiversion", superClear, unix.MS_I_VERSION},
	{"nolazytime", superClear, unix.MS_LAZYTIME},
	{"nomand", superClear, unix.MS_MANDLOCK},
	{"norelatime", nothing, 0},
	{"nostrictatime", atimeUnset, unix.MOUNT_ATTR_STRICTATIME},
	{"nosuid", attrSet, unix.MOUNT_ATTR_NOSUID},
	{"nosymfollow", attrSet, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"private", propagation, unix.MS_PRIVATE},
	{"ratime", recAtimeUnset, unix.MOUNT_ATTR_NOATIME},
	{"rbind", bind, unix.MS_REC},
	{"rdev", recClear, unix.MOUNT_ATTR_NODEV},
	{"rdiratime", recClear, unix.MOUNT_ATTR_NODIRATIME},
	{"relatime", atimeSet, unix.MOUNT_ATTR_RELATIME},
	{"remount", remount, 0},
	{"rexec", recClear, unix.MOUNT_ATTR_NOEXEC},
	{"ridmap", idMap, unix.MS_REC},
	{"rnoatime", recAtimeSet, unix.MOUNT_ATTR_NOATIME},
	{"rnodev", recSet, unix.MOUNT_ATTR_NODEV},
	{"rnodiratime", recSet, unix.MOUNT_ATTR_NODIRATIME},
	{"rnoexec", recSet, unix.MOUNT_ATTR_NOEXEC},
	{"rnorelatime", nothing, 0},
	{"rnostrictatime", recAtimeUnset, unix.MOUNT_ATTR_STRICTATIME},
	{"rnosuid", recSet, unix.MOUNT_ATTR_NOSUID},
	{"rnosymfollow", recSet, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"ro", readOnly, 0},
	{"rprivate", propagation, unix.MS_PRIVATE | unix.MS_REC},
	{"rrelatime", recAtimeSet, unix.MOUNT_ATTR_RELATIME},
	{"rro", recSet, unix.MOUNT_ATTR_RDONLY},
	{"rrw", recClear, unix.MOUNT_ATTR_RDONLY},
	{"rshared", propagation, unix.MS_SHARED | unix.MS_REC},
	{"rslave", propagation, unix.MS_SLAVE | unix.MS_REC},
	{"rstrictatime", recAtimeSet, unix.MOUNT_ATTR_STRICTATIME},
	{"rsuid", recClear, unix.MOUNT_ATTR_NOSUID},
	{"rsymfollow", recClear, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"runbindable", propagation, unix.MS_UNBINDABLE | unix.MS_REC},
	{"rw", readWrite, 0},
	{"shared", propagation, unix.MS_SHARED},
	{"silent", superSet, unix.MS_SILENT},
	{"slave", propagation, unix.MS_SLAVE},
	{"src-nofollow", noFollow, SourceLink},
	{"strictatime", atimeSet, unix.MOUNT_ATTR_STRICTATIME},
	{"suid", attrClear, unix.MOUNT_ATTR_NOSUID},
	{"symfollow", attrClear, unix.MOUNT_ATTR_NOSYMFOLLOW},
	{"sync", superSet, unix.MS_SYNCHRONOUS},
	{"tmpcopyup", tmpCopyUp, 0},
	{"unbindable", propagation, unix.MS_UNBINDABLE},
}
