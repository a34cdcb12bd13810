package spec

import (
	"strings"
	"testing"
)

func TestValidateProcess(t *testing.T) {
	check(t, []validation{
		bad(`{"process":{"cwd":""}}`, "process.cwd"),
		bad(`{"process":{"cwd":"a"}}`, "process.cwd"),
		bad(`{"process":{"cwd":"/\u0000"}}`, "process.cwd"),
		good(`{"process":{"args":["",""]}}`),
		bad(`{"process":{"args":[]}}`, "process.args"),
		bad(`{"process":{"args":["a","\u0000"]}}`, "process.args[1]"),
		good(`{"process":{"env":["A=","B=c=d"]}}`),
		bad(`{"process":{"env":["A=b","A"]}}`, "process.env[1]"),
		bad(`{"process":{"env":["=b"]}}`, "process.env[0]"),
		bad(`{"process":{"env":["A=\u0000"]}}`, "process.env[0]"),
		good(`{"process":{"user":{"uid":4294967294,"gid":0,"umask":511,"additionalGids":[0,1]}}}`),
		bad(`{"process":{"user":{"uid":4294967295,"gid":4294967295,"umask":512,"additionalGids":[0,4294967295]}}}`,
			"process.user.uid", "process.user.gid", "process.user.umask", "process.user.additionalGids[1]"),
		bad(`{"process":{"user":{"additionalGids":[0`+strings.Repeat(",0", 1<<16)+`]}}}`,
			"process.user.additionalGids"),
		good(`{"process":{"terminal":true,"consoleSize":{"height":65535,"width":0}}}`),
		good(`{"process":{"terminal":false,"consoleSize":{"height":65536,"width":0}}}`),
		bad(`{"process":{"terminal":true,"consoleSize":{"height":65536,"width":65536}}}`,
			"process.consoleSize.height", "process.consoleSize.width"),
		good(`{"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":0,"hard":18446744073709551615},` +
			`{"type":"RLIMIT_AS","soft":1,"hard":1}]}}`),
		bad(`{"process":{"rlimits":[{"type":"RLIMIT_CORE","soft":2,"hard":1}]}}`, "process.rlimits[0].soft"),
		bad(`{"process":{"rlimits":[{"type":"RLIMIT_AS","soft":0,"hard":0},{"type":"RLIMIT_CPU"},`+
			`{"type":"RLIMIT_AS"}]}}`, "process.rlimits[2].type"),
		bad(`{"process":{"rlimits":[{"type":"RLIMIT_NONE","soft":0},{"type":""}]}}`, "process.rlimits[0].type",
			"process.rlimits[1].type"),
		good(`{"process":{"apparmorProfile":"a","selinuxLabel":"b"}}`),
		bad(`{"process":{"apparmorProfile":"\u0000","selinuxLabel":"b\u0000"}}`, "process.apparmorProfile",
			"process.selinuxLabel"),
		good(`{"process":{"oomScoreAdj":-1000}}`),
		bad(`{"process":{"oomScoreAdj":1001}}`, "process.oomScoreAdj"),
		good(`{"process":{"capabilities":{"bounding":["CAP_OF_THE_FUTURE"]}}}`),
		good(`{"process":{"ioPriority":{"class":"IOPRIO_CLASS_IDLE","priority":7}}}`),
		bad(`{"process":{"ioPriority":{"class":"IOPRIO_CLASS_NONE","priority":8}}}`,
			"process.ioPriority.class", "process.ioPriority.priority"),
		bad(`{"process":{"ioPriority":{"priority":-1}}}`, "process.ioPriority.class", "process.ioPriority.priority"),
		good(`{"process":{"execCPUAffinity":{"initial":"0-3,7","final":" 1 , 2-2 "}}}`),
		good(`{"process":{"execCPUAffinity":{"initial":""}}}`),
		bad(`{"process":{"execCPUAffinity":{"initial":"3-1","final":"a"}}}`,
			"process.execCPUAffinity.initial", "process.execCPUAffinity.final"),
		bad(`{"process":{"execCPUAffinity":{"initial":"1,,2","final":"1-"}}}`,
			"process.execCPUAffinity.initial", "process.execCPUAffinity.final"),
	})
}

func TestValidateScheduler(t *testing.T) {
	check(t, []validation{
		good(`{"process":{"scheduler":{"policy":"SCHED_OTHER","nice":-20}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_BATCH","nice":19,"flags":["SCHED_FLAG_RESET_ON_FORK"]}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_ISO"}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_FIFO","priority":99}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_RR","priority":1}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_FIFO","flags":["SCHED_FLAG_KEEP_PARAMS"]}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":1024,"period":1024}}}`),
		good(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":2048}}}`),
		bad(`{"process":{"scheduler":{}}}`, "process.scheduler.policy"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_X"}}}`, "process.scheduler.policy"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_OTHER","flags":["SCHED_FLAG_RECLAIM","x"]}}}`,
			"process.scheduler.flags[1]"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_OTHER","nice":20}}}`, "process.scheduler.nice"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_OTHER","nice":-21}}}`, "process.scheduler.nice"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_OTHER","priority":1}}}`, "process.scheduler.priority"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_FIFO"}}}`, "process.scheduler.priority"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_RR","priority":100}}}`, "process.scheduler.priority"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_IDLE","runtime":1,"deadline":1,"period":1}}}`,
			"process.scheduler.runtime", "process.scheduler.deadline", "process.scheduler.period"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":1023,"deadline":2048}}}`,
			"process.scheduler.runtime"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":4096,"deadline":2048}}}`,
			"process.scheduler.deadline"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":2048,"period":1024}}}`,
			"process.scheduler.period"),
		bad(`{"process":{"scheduler":{"policy":"SCHED_DEADLINE","runtime":1024,"deadline":9223372036854775808}}}`,
			"process.scheduler.period"),
	})
}
