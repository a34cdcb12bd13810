// Package devices says what the rules of linux.resources.devices mean, for both versions
// of cgroups, and enforces them on cgroup v2, where the kernel asks a program.
//
//	rules ──New──▶ List ──Compile──▶ ebpf.Program ──Attach──▶ the kernel
//	                └─ a Step for each line that cgroup v1 is told
//
// A [List] is a policy and exceptions from it, and decides as the kernel's cgroup v1 does,
// so that a config means the same on every machine; what cgroup v1 cannot express it refuses,
// and cgroup v2 does. It is a pure value: everything but Attach and its like can be tried without root.
package devices
