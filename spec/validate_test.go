package spec

import (
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// A validation changes a valid config by a JSON document that is read over it, and
// lists the paths of the problems that the change makes.
type validation struct {
	change string
	want   []string
}

func good(change string) validation                 { return validation{change, nil} }
func bad(change string, paths ...string) validation { return validation{change, paths} }

// validConfig returns a config that has each type of namespace, so that nothing
// that needs one is refused for that.
func validConfig() *specs.Spec {
	s := Default()
	s.Linux.Namespaces = nil
	for _, t := range namespaceNames() {
		s.Linux.Namespaces = append(s.Linux.Namespaces, specs.LinuxNamespace{Type: t})
	}
	s.Linux.UIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Linux.GIDMappings = []specs.LinuxIDMapping{{ContainerID: 0, HostID: 100000, Size: 65536}}
	s.Mounts = nil
	return s
}

func check(t *testing.T, tests []validation) {
	t.Helper()
	for _, test := range tests {
		s := validConfig()
		r := reader{data: test.change}
		decodeSpec(&r, s)
		if r.end(); r.err != nil || len(r.notes) > 0 {
			t.Errorf("%s: not the JSON of a config: %v %v", test.change, r.err, r.notes)
			continue
		}
		err := Validate(s)
		ps, _ := err.(Problems)
		var have []string
		for _, p := range ps {
			have = append(have, p.Path)
		}
		if !slices.Equal(have, test.want) {
			t.Errorf("%s:\nproblems at %q, want %q: %v", test.change, have, test.want, err)
		}
	}
}

func TestValidateTop(t *testing.T) {
	check(t, []validation{
		good(`{}`),
		good(`{"ociVersion":"1.0.0"}`),
		good(`{"ociVersion":"1.0.2-dev"}`),
		good(`{"ociVersion":"1.99.0-rc.1+build.007"}`),
		bad(`{"ociVersion":""}`, "ociVersion"),
		bad(`{"ociVersion":"bogus"}`, "ociVersion"),
		bad(`{"ociVersion":"9.9.9"}`, "ociVersion"),
		bad(`{"ociVersion":"0.9.0"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0"}`, "ociVersion"),
		bad(`{"ociVersion":"v1.0.0"}`, "ociVersion"),
		bad(`{"ociVersion":"01.0.0"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0.0-01"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0.0-"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0.0-a_b"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0.0+a..b"}`, "ociVersion"),
		bad(`{"ociVersion":"1.0.99999999999999999999"}`, "ociVersion"),
		good(`{"root":{"path":"/a"}}`),
		bad(`{"root":null}`, "root"),
		bad(`{"root":{"path":""}}`, "root.path"),
		bad(`{"root":{"path":"a\u0000"}}`, "root.path"),
		good(`{"process":null}`),
		good(`{"linux":null,"hostname":""}`),
		good(`{"annotations":{"a":""}}`),
		bad(`{"annotations":{"":"a"}}`, "annotations"),
		good(`{"hostname":"a","domainname":"b.c"}`),
		good(`{"hostname":"a","linux":{"namespaces":[{"type":"uts","path":"/proc/1/ns/uts"}],"uidMappings":[],` +
			`"gidMappings":[]}}`),
		bad(`{"domainname":"b","linux":{"namespaces":[{"type":"pid"}],"uidMappings":[],"gidMappings":[]}}`, "hostname",
			"domainname"),
		bad(`{"hostname":"`+strings.Repeat("x", 65)+`"}`, "hostname"),
		bad(`{"domainname":"a\u0000"}`, "domainname"),
	})
}

func TestValidateMounts(t *testing.T) {
	const noUser = `,"linux":{"namespaces":[{"type":"uts"}],"uidMappings":[],"gidMappings":[]}}`
	check(t, []validation{
		good(`{"mounts":[{"destination":"/a"},{"destination":"relative","type":"x","source":"y","options":["z"]}]}`),
		bad(`{"mounts":[{"destination":"/a"},{}]}`, "mounts[1].destination"),
		bad(`{"mounts":[{"destination":"\u0000","source":"\u0000","type":"\u0000","options":["a","\u0000"]}]}`,
			"mounts[0].destination", "mounts[0].source", "mounts[0].type", "mounts[0].options[1]"),
		good(`{"mounts":[{"destination":"/a","uidMappings":[{"size":1}],"gidMappings":[{"size":1}]}]}`),
		bad(`{"mounts":[{"destination":"/a","uidMappings":[{"size":1}]}]}`, "mounts[0]"),
		bad(`{"mounts":[{"destination":"/a","gidMappings":[{"size":1}]}]}`, "mounts[0]"),
		bad(`{"mounts":[{"destination":"/a","uidMappings":[{"size":0}],"gidMappings":[{"size":1},{"size":1}]}]}`,
			"mounts[0].uidMappings[0].size", "mounts[0].gidMappings[1]", "mounts[0].gidMappings[1]"),
		good(`{"mounts":[{"destination":"/a","options":["bind","idmap"]}]}`),
		good(`{"mounts":[{"destination":"/a","options":["idmap"],"uidMappings":[{"size":1}],` +
			`"gidMappings":[{"size":1}]}]` + noUser),
		bad(`{"mounts":[{"destination":"/a","options":["bind","idmap","ridmap"]}]`+noUser, "mounts[0].options[1]",
			"mounts[0].options[2]"),
	})
}

func TestValidateHooks(t *testing.T) {
	for _, name := range []string{"prestart", "createRuntime", "createContainer", "startContainer", "poststart",
		"poststop"} {
		at := "hooks." + name
		check(t, []validation{
			good(`{"hooks":{"` + name + `":[{"path":"/a","args":["b"],"env":["C"],"timeout":1},{"path":"/b"}]}}`),
			bad(`{"hooks":{"`+name+`":[{"path":"true"}]}}`, at+"[0].path"),
			bad(`{"hooks":{"`+name+`":[{"path":"/a"},{}]}}`, at+"[1].path"),
			bad(`{"hooks":{"`+name+`":[{"path":"/a","timeout":0},{"path":"/a","timeout":-1}]}}`, at+"[0].timeout",
				at+"[1].timeout"),
			bad(`{"hooks":{"`+name+`":[{"path":"/\u0000","args":["\u0000"],"env":["\u0000"]}]}}`,
				at+"[0].path", at+"[0].args[0]", at+"[0].env[0]"),
		})
	}
}

func TestValidateNamespaces(t *testing.T) {
	check(t, []validation{
		good(`{"linux":{"namespaces":[{"type":"uts"},{"type":"network","path":"/run/netns/a"}],"uidMappings":[],` +
			`"gidMappings":[]}}`),
		bad(`{"linux":{"namespaces":[{"type":"uts"},{"type":"net"},{"type":""}],"uidMappings":[],"gidMappings":[]}}`,
			"linux.namespaces[1].type", "linux.namespaces[2].type"),
		bad(`{"linux":{"namespaces":[{"type":"uts"},{"type":"pid"},{"type":"uts","path":"/a"}],"uidMappings":[],`+
			`"gidMappings":[]}}`,
			"linux.namespaces[2].type"),
		bad(`{"linux":{"namespaces":[{"type":"uts","path":"a"},{"type":"pid","path":"/\u0000"}],"uidMappings":[],`+
			`"gidMappings":[]}}`,
			"linux.namespaces[0].path", "linux.namespaces[1].path"),
		bad(`{"linux":{"namespaces":[{"type":"uts"}]}}`, "linux.uidMappings", "linux.gidMappings"),
		bad(`{"linux":{"uidMappings":null,"gidMappings":null}}`, "linux.uidMappings", "linux.gidMappings"),
		bad(`{"linux":{"gidMappings":null}}`, "linux.gidMappings"),
		good(`{"linux":{"namespaces":[{"type":"uts"},{"type":"user","path":"/a"}],"uidMappings":null,` +
			`"gidMappings":null}}`),
		good(`{"linux":{"namespaces":[{"type":"uts"},{"type":"user","path":"/a"}]}}`),
		bad(`{"linux":{"namespaces":[{"type":"uts"},{"type":"user","path":"/a"}],"uidMappings":null}}`,
			"linux.uidMappings"),
		good(`{"linux":{"uidMappings":[{"containerID":0,"hostID":5,"size":5},{"containerID":5,"hostID":0,"size":5}]}}`),
		good(`{"linux":{"uidMappings":[{"containerID":0,"hostID":0,"size":4294967295}]}}`),
		bad(`{"linux":{"uidMappings":[{"containerID":0,"hostID":0,"size":0}]}}`, "linux.uidMappings[0].size"),
		bad(`{"linux":{"uidMappings":[{"containerID":1,"hostID":0,"size":4294967295}]}}`, "linux.uidMappings[0]"),
		bad(`{"linux":{"gidMappings":[{"containerID":0,"hostID":1,"size":4294967295}]}}`, "linux.gidMappings[0]"),
		bad(`{"linux":{"uidMappings":[{"containerID":0,"hostID":5,"size":5},{"containerID":4,"hostID":0,"size":5}]}}`,
			"linux.uidMappings[1]"),
		bad(`{"linux":{"gidMappings":[{"containerID":0,"hostID":5,"size":5},{"containerID":5,"hostID":1,"size":5}]}}`,
			"linux.gidMappings[1]"),
		bad(`{"linux":{"uidMappings":[{}`+strings.Repeat(",{}", 340)+`]}}`, "linux.uidMappings"),
		good(`{"linux":{"timeOffsets":{"monotonic":{"secs":-1,"nanosecs":999999999},"boottime":{}}}}`),
		bad(`{"linux":{"timeOffsets":{"monotonic":{"nanosecs":1000000000},"real time":{}}}}`,
			"linux.timeOffsets.monotonic.nanosecs", `linux.timeOffsets["real time"]`),
		bad(`{"linux":{"namespaces":[{"type":"uts"}],"uidMappings":[],"gidMappings":[],"timeOffsets":{"boottime":{}}}}`,
			"linux.timeOffsets"),
		bad(`{"linux":{"namespaces":[{"type":"uts"},{"type":"time","path":"/a"}],"uidMappings":[],"gidMappings":[],`+
			`"timeOffsets":{"boottime":{}}}}`,
			"linux.timeOffsets"),
	})
}

func TestValidateNetDevices(t *testing.T) {
	check(t, []validation{
		good(`{"linux":{"netDevices":{"eth0":{},"eth1":{"name":"a"},"eth2":{"name":"b%d"},"eth3":{"name":"b%d"},` +
			`"eth4":{"name":"%d"}}}}`),
		good(`{"linux":{"netDevices":{"eth0":{"name":"eth1"},"eth1":{"name":"eth0"}}}}`),
		bad(`{"linux":{"namespaces":[{"type":"uts"}],"uidMappings":[],"gidMappings":[],"netDevices":{"eth0":{}}}}`,
			"linux.netDevices"),
		bad(`{"linux":{"netDevices":{"":{},"a/b":{},"a:b":{},"a b":{},"..":{},"abcdefghijklmnop":{}}}}`,
			`linux.netDevices[""]`, `linux.netDevices[".."]`, `linux.netDevices["a b"]`, `linux.netDevices["a/b"]`,
			`linux.netDevices["a:b"]`, "linux.netDevices.abcdefghijklmnop"),
		bad(`{"linux":{"netDevices":{"a":{"name":"b/c"},"b":{"name":"%s"},"c":{"name":"%d%d"},`+
			`"d":{"name":"abcdefghijklmnop"}}}}`,
			"linux.netDevices.a.name", "linux.netDevices.b.name", "linux.netDevices.c.name", "linux.netDevices.d.name"),
		bad(`{"linux":{"netDevices":{"a":{"name":"x"},"b":{"name":"x"},"c":{"name":"a"},"x":{}}}}`,
			"linux.netDevices.b.name", "linux.netDevices.x.name"),
	})
}

func TestValidateDevices(t *testing.T) {
	check(t, []validation{
		good(`{"linux":{"devices":[{"type":"c","path":"/a","major":0,"minor":0},` +
			`{"type":"b","path":"/b","major":4095,"minor":1048575},{"type":"u","path":"/c"},` +
			`{"type":"p","path":"/d","fileMode":65535,"uid":0,"gid":0}]}}`),
		bad(`{"linux":{"devices":[{"type":"a","path":"/a"},{"path":"/a"}]}}`, "linux.devices[0].type",
			"linux.devices[1].type"),
		bad(`{"linux":{"devices":[{"type":"c","path":"a"},{"type":"p"},{"type":"p","path":"/\u0000"}]}}`,
			"linux.devices[0].path", "linux.devices[1].path", "linux.devices[2].path"),
		bad(`{"linux":{"devices":[{"type":"c","path":"/a","major":4096,"minor":1048576},`+
			`{"type":"b","path":"/a","major":-1,"minor":-1}]}}`,
			"linux.devices[0].major", "linux.devices[0].minor", "linux.devices[1].major", "linux.devices[1].minor"),
		bad(`{"linux":{"devices":[{"type":"p","path":"/a","fileMode":65536,"uid":4294967295,"gid":4294967295}]}}`,
			"linux.devices[0].fileMode", "linux.devices[0].uid", "linux.devices[0].gid"),
	})
}

func TestValidateSysctl(t *testing.T) {
	check(t, []validation{
		good(`{"linux":{"sysctl":{"net.ipv4.ip_forward":"1","net/ipv4/conf/eth0.1/forwarding":"1",` +
			`"kernel.shmmax":"1","fs.mqueue.msg_max":"1","user.max_user_namespaces":"1","kernel.domainname":"a"}}}`),
		good(`{"hostname":"a","domainname":"b","linux":{"sysctl":{"kernel.hostname":"a","kernel.domainname":"b"}}}`),
		bad(`{"hostname":"a","domainname":"b","linux":{"sysctl":{"kernel.hostname":"b","kernel.domainname":"a"}}}`,
			`linux.sysctl["kernel.domainname"]`, `linux.sysctl["kernel.hostname"]`),
		bad(`{"linux":{"sysctl":{"":"1","net..a":"1","net/../kernel/panic":"1","net.//.kernel.panic":"1",`+
			`"net. ":"1"}}}`,
			`linux.sysctl[""]`, `linux.sysctl["net. "]`, `linux.sysctl["net..a"]`,
			`linux.sysctl["net.//.kernel.panic"]`,
			`linux.sysctl["net/../kernel/panic"]`),
		bad(`{"linux":{"sysctl":{"kernel.panic":"1","vm.swappiness":"1","fs.file-max":"1","net":"1\u0000"}}}`,
			`linux.sysctl.net`, `linux.sysctl["fs.file-max"]`, `linux.sysctl["kernel.panic"]`,
			`linux.sysctl["vm.swappiness"]`),
		bad(`{"hostname":"","linux":{"namespaces":[],"uidMappings":[],"gidMappings":[],"sysctl":{"net.a":"1",`+
			`"kernel.sem":"1","user.a":"1","kernel.hostname":"a"}}}`,
			`linux.sysctl["kernel.hostname"]`, `linux.sysctl["kernel.sem"]`, `linux.sysctl["net.a"]`,
			`linux.sysctl["user.a"]`),
	})
}

func TestValidateLinux(t *testing.T) {
	check(t, []validation{
		good(`{"linux":{"cgroupsPath":"a:b:c","mountLabel":"d"}}`),
		bad(`{"linux":{"cgroupsPath":"/a\nb"}}`, "linux.cgroupsPath"),
		bad(`{"linux":{"cgroupsPath":"\u0000","mountLabel":"\u0000"}}`, "linux.cgroupsPath", "linux.mountLabel"),
		good(`{"linux":{"rootfsPropagation":""}}`),
		good(`{"linux":{"rootfsPropagation":"shared"}}`), good(`{"linux":{"rootfsPropagation":"rshared"}}`),
		good(`{"linux":{"rootfsPropagation":"slave"}}`), good(`{"linux":{"rootfsPropagation":"rslave"}}`),
		good(`{"linux":{"rootfsPropagation":"private"}}`), good(`{"linux":{"rootfsPropagation":"rprivate"}}`),
		good(`{"linux":{"rootfsPropagation":"unbindable"}}`), good(`{"linux":{"rootfsPropagation":"runbindable"}}`),
		bad(`{"linux":{"rootfsPropagation":"public"}}`, "linux.rootfsPropagation"),
		good(`{"linux":{"maskedPaths":["/a"],"readonlyPaths":["/b"]}}`),
		bad(`{"linux":{"maskedPaths":["/a","proc/kcore",""],"readonlyPaths":["sys","/\u0000"]}}`,
			"linux.maskedPaths[1]", "linux.maskedPaths[2]", "linux.readonlyPaths[0]", "linux.readonlyPaths[1]"),
		good(`{"linux":{"personality":{"domain":"LINUX"}}}`),
		good(`{"linux":{"personality":{"domain":"LINUX32","flags":[]}}}`),
		bad(`{"linux":{"personality":{"domain":"BSD","flags":["a"]}}}`, "linux.personality.domain",
			"linux.personality.flags[0]"),
		bad(`{"linux":{"personality":{}}}`, "linux.personality.domain"),
		good(`{"linux":{"intelRdt":{"closID":"/"}}}`),
		good(`{"linux":{"intelRdt":{"closID":"a","l3CacheSchema":"L3:0=7f0","memBwSchema":"MB:0=20",` +
			`"schemata":["L2:0=f"],"enableMonitoring":true}}}`),
		bad(`{"linux":{"intelRdt":{"closID":"a/b"}}}`, "linux.intelRdt.closID"),
		bad(`{"linux":{"intelRdt":{"closID":".."}}}`, "linux.intelRdt.closID"),
		bad(`{"linux":{"intelRdt":{"closID":"."}}}`, "linux.intelRdt.closID"),
		bad(`{"linux":{"intelRdt":{"l3CacheSchema":"L3:\n","memBwSchema":"MB:\n","schemata":["a","b\n"]}}}`,
			"linux.intelRdt.l3CacheSchema", "linux.intelRdt.memBwSchema", "linux.intelRdt.schemata[1]"),
		bad(`{"linux":{"intelRdt":{"memBwSchema":"L3:0"}}}`, "linux.intelRdt.memBwSchema"),
		good(`{"linux":{"memoryPolicy":{"mode":"MPOL_DEFAULT"}}}`),
		good(`{"linux":{"memoryPolicy":{"mode":"MPOL_PREFERRED"}}}`),
		good(`{"linux":{"memoryPolicy":{"mode":"MPOL_INTERLEAVE","nodes":"0-3,7","flags":["MPOL_F_STATIC_NODES"]}}}`),
		good(`{"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_NUMA_BALANCING",` +
			`"MPOL_F_RELATIVE_NODES"]}}}`),
		bad(`{"linux":{"memoryPolicy":{}}}`, "linux.memoryPolicy.mode"),
		bad(`{"linux":{"memoryPolicy":{"mode":"MPOL_X","nodes":"x","flags":["y"]}}}`,
			"linux.memoryPolicy.mode", "linux.memoryPolicy.flags[0]", "linux.memoryPolicy.nodes"),
		bad(`{"linux":{"memoryPolicy":{"mode":"MPOL_LOCAL","nodes":"0"}}}`, "linux.memoryPolicy.nodes"),
		bad(`{"linux":{"memoryPolicy":{"mode":"MPOL_WEIGHTED_INTERLEAVE"}}}`, "linux.memoryPolicy.nodes"),
		bad(`{"linux":{"memoryPolicy":{"mode":"MPOL_PREFERRED","flags":["MPOL_F_NUMA_BALANCING"]}}}`,
			"linux.memoryPolicy.flags[0]"),
		bad(`{"linux":{"memoryPolicy":{"mode":"MPOL_BIND","nodes":"0","flags":["MPOL_F_STATIC_NODES",`+
			`"MPOL_F_RELATIVE_NODES"]}}}`,
			"linux.memoryPolicy.flags"),
	})
}

func TestValidateSeccomp(t *testing.T) {
	in := func(seccomp string) string { return `{"linux":{"seccomp":` + seccomp + `}}` }
	rule := func(rule string) string {
		return in(`{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["a"],"action":"SCMP_ACT_LOG"},` + rule +
			`]}`)
	}
	for _, action := range seccompActionNames() {
		if action != specs.ActNotify {
			check(t, []validation{good(in(`{"defaultAction":"` + string(action) + `"}`))})
		}
		switch action {
		case specs.ActErrno, specs.ActTrace:
			check(t, []validation{good(in(`{"defaultAction":"` + string(action) + `","defaultErrnoRet":1}`))})
		default:
			check(t,
				[]validation{bad(in(`{"defaultAction":"`+string(action)+`","listenerPath":"/a","defaultErrnoRet":1}`),
					"linux.seccomp.defaultErrnoRet")})
		}
	}
	for _, op := range seccompOperators {
		check(t,
			[]validation{good(rule(`{"names":["a"],"action":"SCMP_ACT_KILL","args":[{"index":0,"op":"` + string(op) +
				`"}]}`))})
	}
	for _, arch := range seccompArchs {
		check(t, []validation{good(in(`{"defaultAction":"SCMP_ACT_ALLOW","architectures":["` + string(arch) + `"]}`))})
	}
	for _, flag := range seccompFlags {
		check(t, []validation{good(in(`{"defaultAction":"SCMP_ACT_ALLOW","flags":["` + string(flag) + `"]}`))})
	}
	check(t, []validation{
		bad(in(`{}`), "linux.seccomp.defaultAction"),
		bad(in(`{"defaultAction":"KILL","architectures":["x86"],"flags":["LOG"]}`),
			"linux.seccomp.defaultAction", "linux.seccomp.architectures[0]", "linux.seccomp.flags[0]"),
		bad(in(`{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":4096}`), "linux.seccomp.defaultErrnoRet"),
		good(in(`{"defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":65535}`)),
		bad(in(`{"defaultAction":"SCMP_ACT_TRACE","defaultErrnoRet":65536}`), "linux.seccomp.defaultErrnoRet"),
		good(in(`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/a","listenerMetadata":"b"}`)),
		bad(in(`{"defaultAction":"SCMP_ACT_ALLOW","listenerMetadata":"b"}`), "linux.seccomp.listenerMetadata"),
		bad(in(`{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/\u0000"}`), "linux.seccomp.listenerPath"),
		bad(in(`{"defaultAction":"SCMP_ACT_NOTIFY"}`), "linux.seccomp.listenerPath"),
		bad(rule(`{"names":["b"],"action":"SCMP_ACT_NOTIFY"}`), "linux.seccomp.listenerPath"),
		good(rule(`{"names":["b"],"action":"SCMP_ACT_ERRNO","errnoRet":0,"args":[{"index":5,"op":"SCMP_CMP_EQ"}]}`)),
		bad(rule(`{"action":"SCMP_ACT_LOG"}`), "linux.seccomp.syscalls[1].names"),
		bad(rule(`{"names":["a",""],"action":"SCMP_ACT_LOG"}`), "linux.seccomp.syscalls[1].names[1]"),
		bad(rule(`{"names":["a"]}`), "linux.seccomp.syscalls[1].action"),
		bad(rule(`{"names":["a"],"action":"x"}`), "linux.seccomp.syscalls[1].action"),
		bad(rule(`{"names":["a"],"action":"SCMP_ACT_KILL","errnoRet":1}`), "linux.seccomp.syscalls[1].errnoRet"),
		bad(rule(`{"names":["a"],"action":"SCMP_ACT_ERRNO","errnoRet":4096}`), "linux.seccomp.syscalls[1].errnoRet"),
		bad(rule(`{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"index":6,"op":"SCMP_CMP_EQ"},`+
			`{"index":0,"op":"="}]}`),
			"linux.seccomp.syscalls[1].args[0].index", "linux.seccomp.syscalls[1].args[1].op"),
		bad(rule(`{"names":["a"],"action":"SCMP_ACT_LOG","args":[{"op":"SCMP_CMP_EQ"}`+
			strings.Repeat(`,{"op":"SCMP_CMP_EQ"}`, 6)+`]}`),
			"linux.seccomp.syscalls[1].args"),
	})
}

func TestValidateParts(t *testing.T) {
	if err := ValidateProcess(Default().Process); err != nil {
		t.Error(err)
	}
	if err := ValidateProcess(&specs.Process{}); err == nil ||
		err.Error() != "cwd: is empty or missing; args: is empty or missing" {
		t.Error(err)
	}
	if err := ValidateResources(Default().Linux.Resources); err != nil {
		t.Error(err)
	}
	r := &specs.LinuxResources{Pids: &specs.LinuxPids{Limit: new(int64(-2))}}
	if err := ValidateResources(r); err == nil || err.Error() != "pids.limit: -2 is less than -1" {
		t.Error(err)
	}
}

func TestNewerMinor(t *testing.T) {
	for version, want := range map[string]bool{
		"1.0.0": false, specs.Version: false, "1.3.99": false, "1.4.0": true, "1.4.0-dev": true,
		"2.9.0": false, "1.4": false, "": false,
	} {
		if have := NewerMinor(version); have != want {
			t.Errorf("%q: %t, want %t", version, have, want)
		}
	}
}
