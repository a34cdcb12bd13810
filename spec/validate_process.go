package spec

import (
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
)

func process(p *specs.Process) (ps Problems) {
	ps = append(ps, absolute("cwd", p.Cwd)...)
	if len(p.Args) == 0 {
		ps.add("args", "is empty or missing")
	}
	ps = append(ps, noNULs("args", p.Args)...)
	for i, entry := range p.Env {
		if strings.IndexByte(entry, '=') <= 0 { // not quoted: it may be a secret
			ps.add(element("env", i), "is not of the form NAME=value")
		}
	}
	ps = append(ps, noNULs("env", p.Env)...)
	ps = append(ps, user(&p.User).in("user")...)
	if p.ConsoleSize != nil && p.Terminal {
		const highest = 1<<16 - 1 // struct winsize has 16 bits for each
		ps = append(ps, within("consoleSize.height", &p.ConsoleSize.Height, 0, highest)...)
		ps = append(ps, within("consoleSize.width", &p.ConsoleSize.Width, 0, highest)...)
	}
	ps = append(ps, rlimits(p.Rlimits)...)
	ps = append(ps, noNUL("apparmorProfile", p.ApparmorProfile)...)
	ps = append(ps, noNUL("selinuxLabel", p.SelinuxLabel)...)
	ps = append(ps, within("oomScoreAdj", p.OOMScoreAdj, -1000, 1000)...)
	ps = append(ps, optional("scheduler", p.Scheduler, scheduler)...)
	if p.IOPriority != nil {
		ps = append(ps, known("ioPriority.class", p.IOPriority.Class, ioClasses[:])...)
		ps = append(ps, within("ioPriority.priority", &p.IOPriority.Priority, 0, 7)...)
	}
	if p.ExecCPUAffinity != nil {
		ps = append(ps, list("execCPUAffinity.initial", p.ExecCPUAffinity.Initial)...)
		ps = append(ps, list("execCPUAffinity.final", p.ExecCPUAffinity.Final)...)
	}
	return ps
}

var ioClasses = [...]specs.IOPriorityClass{
	specs.IOPRIO_CLASS_RT, specs.IOPRIO_CLASS_BE, specs.IOPRIO_CLASS_IDLE,
}

func user(u *specs.User) (ps Problems) {
	const maxGroups = 1 << 16 // NGROUPS_MAX
	ps = append(ps, id("uid", &u.UID)...)
	ps = append(ps, id("gid", &u.GID)...)
	if u.Umask != nil && *u.Umask > 0o777 {
		ps.add("umask", "%#o has other bits than 0777", *u.Umask)
	}
	if len(u.AdditionalGids) > maxGroups {
		ps.add("additionalGids", "has %d entries, more than %d", len(u.AdditionalGids), maxGroups)
	}
	return append(ps, each("additionalGids", u.AdditionalGids, func(gid *uint32) Problems { return id("", gid) })...)
}

// rlimitTypes are the resources of getrlimit(2).
var rlimitTypes = [...]string{
	"RLIMIT_AS", "RLIMIT_CORE", "RLIMIT_CPU", "RLIMIT_DATA", "RLIMIT_FSIZE",
	"RLIMIT_LOCKS", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE", "RLIMIT_NICE",
	"RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_RSS", "RLIMIT_RTPRIO",
	"RLIMIT_RTTIME", "RLIMIT_SIGPENDING", "RLIMIT_STACK",
}

func rlimits(limits []specs.POSIXRlimit) (ps Problems) {
	for i, limit := range limits {
		at := len(ps)
		ps = append(ps, known("type", limit.Type, rlimitTypes[:])...)
		ps = append(ps, once("type", limits, i, func(l specs.POSIXRlimit) string { return l.Type })...)
		if limit.Soft > limit.Hard {
			ps.add("soft", "%d is higher than the hard limit, %d", limit.Soft, limit.Hard)
		}
		ps[at:].at("rlimits", i)
	}
	return ps
}

var schedulerPolicies = [...]specs.LinuxSchedulerPolicy{
	specs.SchedOther, specs.SchedFIFO, specs.SchedRR, specs.SchedBatch,
	specs.SchedISO, specs.SchedIdle, specs.SchedDeadline,
}

var schedulerFlags = [...]specs.LinuxSchedulerFlag{
	specs.SchedFlagResetOnFork, specs.SchedFlagReclaim, specs.SchedFlagDLOverrun,
	specs.SchedFlagKeepPolicy, specs.SchedFlagKeepParams,
	specs.SchedFlagUtilClampMin, specs.SchedFlagUtilClampMax,
}

// scheduler judges scheduling attributes as sched_setattr(2) does
// (kernel/sched/syscalls.c).
func scheduler(s *specs.Scheduler) (ps Problems) {
	ps = append(ps, known("policy", s.Policy, schedulerPolicies[:])...)
	ps = append(ps, knowns("flags", s.Flags, schedulerFlags[:])...)
	ps = append(ps, within("nice", &s.Nice, -20, 19)...)
	for _, flag := range s.Flags {
		if flag == specs.SchedFlagKeepPolicy || flag == specs.SchedFlagKeepParams {
			return ps // the rest depends on what there is to keep
		}
	}
	switch s.Policy {
	case specs.SchedFIFO, specs.SchedRR:
		ps = append(ps, within("priority", &s.Priority, 1, 99)...)
	default:
		if s.Priority != 0 {
			ps.add("priority", "%d, but %s has no priorities", s.Priority, s.Policy)
		}
	}
	if s.Policy == specs.SchedDeadline {
		return append(ps, deadline(s)...)
	}
	for _, v := range [...]struct {
		path  string
		value uint64
	}{{"runtime", s.Runtime}, {"deadline", s.Deadline}, {"period", s.Period}} {
		if v.value != 0 {
			ps.add(v.path, "is only for %s", specs.SchedDeadline)
		}
	}
	return ps
}

func deadline(s *specs.Scheduler) (ps Problems) {
	period := s.Period
	if period == 0 { // the kernel takes the deadline
		period = s.Deadline
	}
	switch {
	case s.Runtime < 1024: // DL_SCALE
		ps.add("runtime", "%d is less than 1024 ns", s.Runtime)
	case s.Deadline < s.Runtime:
		ps.add("deadline", "%d is less than the runtime, %d", s.Deadline, s.Runtime)
	case period < s.Deadline:
		ps.add("period", "%d is less than the deadline, %d", s.Period, s.Deadline)
	case period >= 1<<63:
		ps.add("period", "%d is too long", period)
	}
	return ps
}

// list judges a list of CPUs or memory nodes.
func list(path, s string) (ps Problems) {
	if _, err := ParseList(s); err != nil {
		ps.add(path, "%v", err)
	}
	return ps
}
