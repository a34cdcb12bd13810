#include "textflag.h"

#define SYS_fcntl      25
#define SYS_exit_group 94
#define SYS_rt_sigprocmask 135
#define SYS_execveat   281
#define SYS_clone3     435

#define SIG_SETMASK   2
#define F_SETFD       2
#define AT_EMPTY_PATH 0x1000

// func cloneExec(args *CloneArgs, size uintptr, keep *int32, n int, exe int, path *byte,
//	argv, envp **byte, execErrno *int32) (r int)
//
// The child runs on the caller's stack, which it must leave as it is: the
// caller waits (CLONE_VFORK) until it executed the image or exited. It shares the
// memory until then and must not run a handler of the Go runtime's: all signals
// are blocked, which is done here, where no goroutine changes its thread.
TEXT ·cloneExec(SB), NOSPLIT, $16-80
	MOVD $-1, R3
	MOVD R3, all-8(SP)
	MOVD $SIG_SETMASK, R0
	MOVD $all-8(SP), R1
	MOVD $old-16(SP), R2
	MOVD $8, R3
	MOVD $SYS_rt_sigprocmask, R8
	SVC

	MOVD args+0(FP), R0
	MOVD size+8(FP), R1
	MOVD $SYS_clone3, R8
	SVC
	CBNZ R0, parent

	MOVD keep+16(FP), R19
	MOVD n+24(FP), R20
keep:
	CBZ  R20, exec
	MOVW (R19), R0
	MOVD $F_SETFD, R1
	MOVD ZR, R2
	MOVD $SYS_fcntl, R8
	SVC
	ADD  $4, R19
	SUB  $1, R20
	B    keep
exec:
	MOVD exe+32(FP), R0
	MOVD path+40(FP), R1
	MOVD argv+48(FP), R2
	MOVD envp+56(FP), R3
	MOVD $AT_EMPTY_PATH, R4
	MOVD $SYS_execveat, R8
	SVC
	NEG  R0, R0
	MOVD execErrno+64(FP), R9
	MOVW R0, (R9)
	MOVD $127, R0
	MOVD $SYS_exit_group, R8
	SVC
	UNDEF

parent:
	MOVD R0, r+72(FP)
	MOVD $SIG_SETMASK, R0
	MOVD $old-16(SP), R1
	MOVD ZR, R2
	MOVD $8, R3
	MOVD $SYS_rt_sigprocmask, R8
	SVC
	RET
