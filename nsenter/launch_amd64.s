#include "textflag.h"

#define SYS_rt_sigprocmask 14
#define SYS_fcntl      72
#define SYS_exit_group 231
#define SYS_execveat   322
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
	MOVQ $-1, AX
	MOVQ AX, all-8(SP)
	MOVL $SIG_SETMASK, DI
	LEAQ all-8(SP), SI
	LEAQ old-16(SP), DX
	MOVL $8, R10
	MOVL $SYS_rt_sigprocmask, AX
	SYSCALL

	MOVQ args+0(FP), DI
	MOVQ size+8(FP), SI
	MOVL $SYS_clone3, AX
	SYSCALL
	TESTQ AX, AX
	JNE  parent

	MOVQ keep+16(FP), R12
	MOVQ n+24(FP), R13
keep:
	TESTQ R13, R13
	JEQ  exec
	MOVL (R12), DI
	MOVL $F_SETFD, SI
	XORL DX, DX
	MOVL $SYS_fcntl, AX
	SYSCALL
	ADDQ $4, R12
	DECQ R13
	JMP  keep
exec:
	MOVQ exe+32(FP), DI
	MOVQ path+40(FP), SI
	MOVQ argv+48(FP), DX
	MOVQ envp+56(FP), R10
	MOVL $AT_EMPTY_PATH, R8
	MOVL $SYS_execveat, AX
	SYSCALL
	NEGL AX
	MOVQ execErrno+64(FP), CX
	MOVL AX, (CX)
	MOVL $127, DI
	MOVL $SYS_exit_group, AX
	SYSCALL
	UD2

parent:
	MOVQ AX, r+72(FP)
	MOVL $SIG_SETMASK, DI
	LEAQ old-16(SP), SI
	XORL DX, DX
	MOVL $8, R10
	MOVL $SYS_rt_sigprocmask, AX
	SYSCALL
	RET
