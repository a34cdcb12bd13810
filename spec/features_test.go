package spec

import (
	"encoding/json"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go/features"
)

func TestFeatures(t *testing.T) {
	impl := Implementation{
		Version:           "1.2.3",
		Commit:            "abc",
		Capabilities:      []string{"CAP_CHOWN"},
		Cgroup:            features.Cgroup{V1: new(true), Rdma: new(false)},
		Seccomp:           features.Seccomp{Actions: []string{"SCMP_ACT_ALLOW"}},
		UnsafeAnnotations: []string{"com.example."},
	}
	const want = `{"ociVersionMin":"1.0.0","ociVersionMax":"1.3.0",` +
		`"hooks":["prestart","createRuntime","createContainer","startContainer","poststart","poststop"],` +
		`"mountOptions":["async","atime","bind","copy-symlink","defaults","dest-nofollow","dev","diratime",` +
		`"dirsync","exec","iversion","lazytime","loud","mand","noatime","nodev","nodiratime","noexec","noiversion",` +
		`"nolazytime","nomand","norelatime",` +
		`"nostrictatime","nosuid",` +
		`"nosymfollow","private","ratime","rbind","rdev","rdiratime","relatime","remount","rexec",` +
		`"rnoatime","rnodev",` +
		`"rnodiratime","rnoexec","rnorelatime","rnostrictatime","rnosuid","rnosymfollow","ro","rprivate",` +
		`"rrelatime","rro",` +
		`"rrw","rshared","rslave","rstrictatime","rsuid","rsymfollow","runbindable","rw","shared","silent","slave",` +
		`"src-nofollow","strictatime","suid","symfollow","sync","tmpcopyup","unbindable"],` +
		`"linux":{"namespaces":["cgroup","ipc","mount","network","pid","time","user","uts"],` +
		`"capabilities":["CAP_CHOWN"],` +
		`"cgroup":{"v1":true,"rdma":false},` +
		`"seccomp":{"enabled":true,"actions":["SCMP_ACT_ALLOW"],"archs":["SCMP_ARCH_AARCH64","SCMP_ARCH_ARM",` +
		`"SCMP_ARCH_LOONGARCH64","SCMP_ARCH_M68K","SCMP_ARCH_MIPS","SCMP_ARCH_MIPS64","SCMP_ARCH_MIPS64N32",` +
		`"SCMP_ARCH_MIPSEL","SCMP_ARCH_MIPSEL64","SCMP_ARCH_MIPSEL64N32","SCMP_ARCH_PARISC","SCMP_ARCH_PARISC64",` +
		`"SCMP_ARCH_PPC","SCMP_ARCH_PPC64","SCMP_ARCH_PPC64LE","SCMP_ARCH_RISCV64","SCMP_ARCH_S390",` +
		`"SCMP_ARCH_S390X","SCMP_ARCH_SH","SCMP_ARCH_SHEB","SCMP_ARCH_X32","SCMP_ARCH_X86","SCMP_ARCH_X86_64"]},` +
		`"apparmor":{"enabled":true},` +
		`"selinux":{"enabled":true},` +
		`"intelRdt":{"enabled":false,"schemata":false,"monitoring":false},` +
		`"memoryPolicy":{"modes":["MPOL_DEFAULT","MPOL_BIND","MPOL_INTERLEAVE","MPOL_WEIGHTED_INTERLEAVE",` +
		`"MPOL_PREFERRED",` +
		`"MPOL_PREFERRED_MANY","MPOL_LOCAL"],"flags":["MPOL_F_NUMA_BALANCING","MPOL_F_RELATIVE_NODES",` +
		`"MPOL_F_STATIC_NODES"]},` +
		`"mountExtensions":{"idmap":{"enabled":false}},"netDevices":{"enabled":true}},` +
		`"annotations":{"com.github.rung-oci.rung.commit":"abc","com.github.rung-oci.rung.version":"1.2.3"},` +
		`"potentiallyUnsafeConfigAnnotations":["com.example."]}`
	have, err := json.Marshal(Features(impl))
	if err != nil || string(have) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, have, want)
	}
	impl.Commit = ""
	if _, ok := Features(impl).Annotations[CommitAnnotation]; ok {
		t.Error("a commit that is not known is listed")
	}
	if impl.Seccomp.Enabled != nil {
		t.Error("Features changed its argument")
	}
}
