package clients

import (
	"strings"

	"golang.org/x/sys/unix"
)

func volumeFlows() []flow {
	return []flow{
		{name: "volume/bind", run: func(a *attempt) {
			dir := a.mkdir("v")
			a.sh("echo from inside >/v/file", "--volume", dir+":/v").ok()
			if got := a.host("cat", dir+"/file"); got != "from inside" {
				a.fatalf("got %q", got)
			}
		}},
		{name: "volume/file", run: func(a *attempt) {
			file := a.write("file", "of the machine", 0o644)
			a.quick([]string{"--volume", file + ":/etc/new-file:ro"}, "cat",
				"/etc/new-file").ok().prints("of the machine")
			a.quick([]string{"--volume", file + ":/etc/passwd"}, "cat", "/etc/passwd").ok().prints("of the machine")
		}},
		{name: "volume/ro", run: func(a *attempt) {
			a.sh("touch /v/file", "--volume", a.mkdir("v")+":/v:ro").fails("Read-only file system")
		}},
		{name: "volume/named", run: func(a *attempt) {
			volume := "volume-" + a.name()
			a.do("volume", "create", volume).ok()
			a.cleanup(func() { a.do("volume", "rm", "--force", volume).ok() })
			a.sh("echo kept >/v/file", "--volume", volume+":/v").ok()
			a.quick([]string{"--volume", volume + ":/v"}, "cat", "/v/file").ok().prints("kept")
		}},
		{name: "volume/copied-up", run: func(a *attempt) {
			volume := "volume-" + a.name()
			a.cleanup(func() { a.do("volume", "rm", "--force", volume).ok() })
			a.quick([]string{"--volume", volume + ":/etc"}, "cat", "/etc/group").ok().has("root:x:0:")
		}},
		{name: "volume/from", run: func(a *attempt) {
			name := a.detachedSh("echo lent >/v/file; echo ready; exec sleep 1000", "--volume", a.mkdir("v")+":/v")
			a.quick([]string{"--volumes-from", name}, "cat", "/v/file").ok().prints("lent")
		}},
		{name: "volume/nested", run: func(a *attempt) {
			a.sh("touch /v/w/file", "--volume", a.mkdir("v")+":/v", "--volume", a.mkdir("w")+":/v/w").ok()
			a.host("test", "-f", a.dir+"/w/file")
		}},
	}
}

// propagationFlows are about volumes and the mounts below them.
func propagationFlows() []flow {
	// propagation binds a directory with a propagation and looks what the
	// container's mount is, and whether mounts get in and out.
	propagation := func(option string, shared, in, out bool) func(*attempt) {
		return func(a *attempt) {
			dir := a.mount("shared", unix.MS_SHARED)
			name := a.detached("--cap-add", "SYS_ADMIN", "--security-opt", "seccomp=unconfined", "--security-opt",
				"apparmor=unconfined", "--volume", dir+":/v:"+option)
			a.host("mkdir", dir+"/in", dir+"/out")
			a.host("mount", "-t", "tmpfs", "in", dir+"/in")
			a.do("exec", name, "mount", "-t", "tmpfs", "out", "/v/out").ok()
			mounts := a.do("exec", name, "cat", "/proc/self/mountinfo").ok()
			if got := strings.Contains(mounts.stdout, " /v/in "); got != in {
				a.fatalf("a mount of the machine is seen in the container: %v, want %v\n%s", got, in, mounts.stdout)
			}
			line := mounts.line(" /v ")
			if got := strings.Contains(line, " shared:"); got != shared {
				a.fatalf("shared: %v, want %v: %s", got, shared, line)
			}
			if got := strings.Contains(line, " master:"); got != (in && !shared) {
				a.fatalf("slave: %v, want %v: %s", got, in && !shared, line)
			}
			if got := strings.Contains(a.host("cat", "/proc/self/mountinfo"), " "+dir+"/out "); got != out {
				a.fatalf("a mount of the container is seen on the machine: %v, want %v", got, out)
			}
		}
	}
	// submount binds a directory that has a mount below.
	submount := func(option, script, want string) func(*attempt) {
		return func(a *attempt) {
			dir := a.mount("top", unix.MS_PRIVATE)
			a.mount("top/sub", unix.MS_PRIVATE)
			a.host("touch", dir+"/sub/file")
			a.sh(script, "--volume", dir+":/v:"+option).ok().prints(want)
		}
	}
	return []flow{
		{name: "volume/ro-submount", run: submount("ro", "ls /v/sub; touch /v/file 2>/dev/null || echo read-only",
			"file\nread-only")},
		{name: "volume/submount", run: submount("rw", "ls /v/sub", "file")},
		{name: "volume/private", run: propagation("private", false, false, false)},
		{name: "volume/rprivate", run: propagation("rprivate", false, false, false)},
		{name: "volume/slave", run: propagation("slave", false, true, false)},
		{name: "volume/rslave", run: propagation("rslave", false, true, false)},
		{name: "volume/shared", run: propagation("shared", true, true, true)},
		{name: "volume/rshared", run: propagation("rshared", true, true, true)},
		{name: "volume/nonrecursive", run: func(a *attempt) {
			dir := a.mount("top", unix.MS_PRIVATE)
			a.mount("top/sub", unix.MS_PRIVATE)
			a.host("touch", dir+"/sub/file")
			a.quick([]string{"--mount", "type=bind,source=" + dir + ",target=/v,bind-nonrecursive=true"}, "ls", "-A",
				"/v", "/v/sub").ok().lacks("file")
		}},
	}
}

// tmpfsFlows are about filesystems in memory.
func tmpfsFlows() []flow {
	return []flow{
		{name: "tmpfs/options", run: func(a *attempt) {
			a.sh("stat -c %a /t; grep ' /t ' /proc/mounts", "--tmpfs", "/t:rw,size=1m,mode=1770,noexec,nosuid").ok().
				has("1770", "tmpfs /t tmpfs", "noexec", "nosuid", "size=1024k")
		}},
		{name: "tmpfs/full", run: func(a *attempt) {
			a.sh("dd if=/dev/zero of=/t/file bs=64k count=32", "--tmpfs", "/t:size=1m").fails("No space left on device")
		}},
		{name: "tmpfs/mount", run: func(a *attempt) {
			a.sh("grep ' /t ' /proc/mounts", "--mount",
				"type=tmpfs,destination=/t,tmpfs-size=2097152,tmpfs-mode=700").ok().has("size=2048k", "mode=700")
		}},
		{name: "shm-size", run: func(a *attempt) {
			a.sh("df -k /dev/shm | tail -1", "--shm-size", "3m").ok().has(" 3072 ")
		}},
	}
}

func deviceFlows() []flow {
	return []flow{
		{name: "device/path", run: func(a *attempt) {
			a.sh("stat -c %t:%T /dev/zero2; head -c 4 /dev/zero2 | wc -c", "--device",
				"/dev/zero:/dev/zero2").ok().prints("1:5\n4")
		}},
		{name: "device/read-only", run: func(a *attempt) {
			// The file's mode allows root to write, the cgroup does not.
			a.sh("true </dev/d && echo read; true >/dev/d || echo refused", "--device",
				"/dev/fuse:/dev/d:r").ok().prints("read\nrefused")
		}},
		{name: "device/not-allowed", run: func(a *attempt) {
			a.sh("mknod /tmp/d c 10 229 && cat /tmp/d").fails("Operation not permitted")
		}},
		{name: "device/rule", run: func(a *attempt) {
			a.quick([]string{"--device-cgroup-rule", "c 10:* rw"}, "cat",
				"/sys/fs/cgroup/devices/devices.list").ok().has("c 10:* rw")
		}},
		{name: "device/with-rule", run: func(a *attempt) {
			a.sh("head -c 1 /dev/zero2 | wc -c; cat /sys/fs/cgroup/devices/devices.list", "--device",
				"/dev/zero:/dev/zero2:r", "--device-cgroup-rule", "c 10:* rw").
				ok().has("1\n", "c 10:* rw")
		}},
		{name: "device/default", run: func(a *attempt) {
			a.sh("for d in null zero full random urandom tty ptmx; do [ -c /dev/$d ] && printf '%s ' $d; done; " +
				"readlink /dev/stdin; readlink /dev/fd").ok().
				prints("null zero full random urandom tty ptmx /proc/self/fd/0\n/proc/self/fd")
		}},
	}
}

// mount mounts a tmpfs for the time of the flow in its directory, with a
// propagation, and returns its path.
func (a *attempt) mount(name string, propagation uintptr) string {
	dir := a.mkdir(name)
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=755"); err != nil {
		a.fatalf("mounting on %s: %v", dir, err)
	}
	if err := unix.Mount("", dir, "", propagation, ""); err != nil {
		a.fatalf("%v", err)
	}
	a.cleanup(func() { a.host("umount", "--lazy", "--recursive", dir) })
	return dir
}

// line returns the line of stdout that has a part.
func (r result) line(part string) string {
	for line := range strings.Lines(r.stdout) {
		if strings.Contains(line, part) {
			return line
		}
	}
	r.a.fatalf("%s: no line with %q in %s", r.command, part, r.stdout)
	return ""
}
