package spec

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const atime = unix.MOUNT_ATTR__ATIME

func attr(set, clear uint64) MountOptions { return MountOptions{Attr: MountAttr{set, clear}} }

// singleOptions are all options of the tables in config.md, each alone.
func singleOptions() map[string]MountOptions {
	rec := func(set, clear uint64) MountOptions { return MountOptions{RecAttr: MountAttr{set, clear}} }
	super := func(set, clear uint64) MountOptions { return MountOptions{SuperSet: set, SuperClear: clear} }
	propagation := func(flag uint64) MountOptions { return MountOptions{Propagation: []uint64{flag}} }
	return map[string]MountOptions{
		"async":          super(0, unix.MS_SYNCHRONOUS),
		"atime":          attr(unix.MOUNT_ATTR_RELATIME, atime),
		"bind":           {Bind: true},
		"defaults":       {},
		"dev":            attr(0, unix.MOUNT_ATTR_NODEV),
		"diratime":       attr(0, unix.MOUNT_ATTR_NODIRATIME),
		"dirsync":        super(unix.MS_DIRSYNC, 0),
		"exec":           attr(0, unix.MOUNT_ATTR_NOEXEC),
		"iversion":       super(unix.MS_I_VERSION, 0),
		"lazytime":       super(unix.MS_LAZYTIME, 0),
		"loud":           super(0, unix.MS_SILENT),
		"mand":           super(unix.MS_MANDLOCK, 0),
		"noatime":        attr(unix.MOUNT_ATTR_NOATIME, atime),
		"nodev":          attr(unix.MOUNT_ATTR_NODEV, 0),
		"nodiratime":     attr(unix.MOUNT_ATTR_NODIRATIME, 0),
		"noexec":         attr(unix.MOUNT_ATTR_NOEXEC, 0),
		"noiversion":     super(0, unix.MS_I_VERSION),
		"nolazytime":     super(0, unix.MS_LAZYTIME),
		"nomand":         super(0, unix.MS_MANDLOCK),
		"norelatime":     {},
		"nostrictatime":  attr(unix.MOUNT_ATTR_RELATIME, atime),
		"nosuid":         attr(unix.MOUNT_ATTR_NOSUID, 0),
		"nosymfollow":    attr(unix.MOUNT_ATTR_NOSYMFOLLOW, 0),
		"private":        propagation(unix.MS_PRIVATE),
		"ratime":         rec(unix.MOUNT_ATTR_RELATIME, atime),
		"rbind":          {Bind: true, Rbind: true},
		"rdev":           rec(0, unix.MOUNT_ATTR_NODEV),
		"rdiratime":      rec(0, unix.MOUNT_ATTR_NODIRATIME),
		"relatime":       attr(unix.MOUNT_ATTR_RELATIME, atime),
		"remount":        {Remount: true},
		"rexec":          rec(0, unix.MOUNT_ATTR_NOEXEC),
		"rnoatime":       rec(unix.MOUNT_ATTR_NOATIME, atime),
		"rnodev":         rec(unix.MOUNT_ATTR_NODEV, 0),
		"rnodiratime":    rec(unix.MOUNT_ATTR_NODIRATIME, 0),
		"rnoexec":        rec(unix.MOUNT_ATTR_NOEXEC, 0),
		"rnorelatime":    {},
		"rnostrictatime": rec(unix.MOUNT_ATTR_RELATIME, atime),
		"rnosuid":        rec(unix.MOUNT_ATTR_NOSUID, 0),
		"rnosymfollow":   rec(unix.MOUNT_ATTR_NOSYMFOLLOW, 0),
		"ro":             {Attr: MountAttr{unix.MOUNT_ATTR_RDONLY, 0}, SuperSet: unix.MS_RDONLY},
		"rprivate":       propagation(unix.MS_PRIVATE | unix.MS_REC),
		"rrelatime":      rec(unix.MOUNT_ATTR_RELATIME, atime),
		"rro":            rec(unix.MOUNT_ATTR_RDONLY, 0),
		"rrw":            rec(0, unix.MOUNT_ATTR_RDONLY),
		"rshared":        propagation(unix.MS_SHARED | unix.MS_REC),
		"rslave":         propagation(unix.MS_SLAVE | unix.MS_REC),
		"rstrictatime":   rec(unix.MOUNT_ATTR_STRICTATIME, atime),
		"rsuid":          rec(0, unix.MOUNT_ATTR_NOSUID),
		"rsymfollow":     rec(0, unix.MOUNT_ATTR_NOSYMFOLLOW),
		"runbindable":    propagation(unix.MS_UNBINDABLE | unix.MS_REC),
		"rw":             {Attr: MountAttr{0, unix.MOUNT_ATTR_RDONLY}, SuperClear: unix.MS_RDONLY},
		"shared":         propagation(unix.MS_SHARED),
		"silent":         super(unix.MS_SILENT, 0),
		"slave":          propagation(unix.MS_SLAVE),
		"strictatime":    attr(unix.MOUNT_ATTR_STRICTATIME, atime),
		"suid":           attr(0, unix.MOUNT_ATTR_NOSUID),
		"symfollow":      attr(0, unix.MOUNT_ATTR_NOSYMFOLLOW),
		"sync":           super(unix.MS_SYNCHRONOUS, 0),
		"tmpcopyup":      {TmpCopyUp: true},
		"unbindable":     propagation(unix.MS_UNBINDABLE),
		"src-nofollow":   {NoFollow: SourceLink}, "dest-nofollow": {NoFollow: DestinationLink},
		"copy-symlink": {NoFollow: CopiedLink},
		"idmap":        {IDMap: true}, "ridmap": {IDMap: true, RecIDMap: true},
	}
}

func TestSingleMountOptions(t *testing.T) {
	names, single := MountOptionNames(), singleOptions()
	if !slices.IsSorted(names) {
		t.Error("the options are not sorted: ", names)
	}
	if len(names) != len(single) {
		t.Errorf("%d options, want %d", len(names), len(single))
	}
	for name, want := range single {
		if have := ParseMountOptions([]string{name}); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %+v, want %+v", name, have, want)
		}
	}
}

func TestMountOptions(t *testing.T) {
	single := singleOptions()
	for options, want := range map[string]MountOptions{
		"":                          {},
		"nosuid,suid":               attr(0, unix.MOUNT_ATTR_NOSUID),
		"suid,nosuid":               attr(unix.MOUNT_ATTR_NOSUID, 0),
		"nosuid,nodev,exec":         attr(unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, unix.MOUNT_ATTR_NOEXEC),
		"ro,rw":                     single["rw"],
		"rw,ro":                     single["ro"],
		"rrw,rro":                   single["rro"],
		"sync,async":                single["async"],
		"async,sync":                single["sync"],
		"noatime,strictatime":       single["strictatime"],
		"strictatime,noatime":       single["noatime"],
		"noatime,relatime":          single["relatime"],
		"noatime,atime":             single["relatime"],
		"strictatime,atime":         single["strictatime"],
		"strictatime,nostrictatime": single["relatime"],
		"noatime,nostrictatime":     single["noatime"],
		"noatime,norelatime":        single["noatime"],
		"rnoatime,rstrictatime":     single["rstrictatime"],
		"rnoatime,ratime":           single["rrelatime"],
		"noatime,nodiratime":        attr(unix.MOUNT_ATTR_NOATIME|unix.MOUNT_ATTR_NODIRATIME, atime),
		"rro,ro": {Attr: single["ro"].Attr, SuperSet: unix.MS_RDONLY,
			RecAttr: single["rro"].RecAttr},
		"rbind,bind":                 {Bind: true, Rbind: true},
		"bind,mode=755":              {Bind: true, Data: []string{"mode=755"}},
		"ridmap,idmap":               {IDMap: true, RecIDMap: true},
		"ridmap=uids=0-1-1":          {IDMap: true, RecIDMap: true},
		"idmap=":                     {IDMap: true},
		"idmapped":                   {Data: []string{"idmapped"}},
		"rprivate,shared":            {Propagation: []uint64{unix.MS_PRIVATE | unix.MS_REC, unix.MS_SHARED}},
		"mode=755,nosuid,size=1k,RO": {Attr: single["nosuid"].Attr, Data: []string{"mode=755", "size=1k", "RO"}},
	} {
		if have := ParseMountOptions(strings.Split(options, ",")); !reflect.DeepEqual(have, want) {
			t.Errorf("%s: %+v, want %+v", options, have, want)
		}
	}
}

func TestSuperFlags(t *testing.T) {
	for options, want := range map[string][]string{
		"nosuid":                            nil,
		"ro,sync,dirsync,lazytime,mand":     {"ro", "sync", "dirsync", "lazytime", "mand"},
		"rw,async,nolazytime,nomand":        {"rw", "async", "nolazytime", "nomand"},
		"silent,loud,iversion,noiversion":   nil,
		"lazytime,nolazytime,async,sync,ro": {"ro", "sync", "nolazytime"},
	} {
		o := ParseMountOptions(strings.Split(options, ","))
		if have := o.SuperFlags(); !slices.Equal(have, want) {
			t.Errorf("%s: %q, want %q", options, have, want)
		}
	}
	if !(MountAttr{}).IsZero() || (MountAttr{Clear: 1}).IsZero() || (MountAttr{Set: 1}).IsZero() {
		t.Error("IsZero is wrong")
	}
}
