#include "textflag.h"

#define SYS_write        1
#define SYS_rt_sigreturn 15

#define si_code 8 // in siginfo_t

// The kernel calls the handler with the signal's number in DI, siginfo_t in SI
// and ucontext_t in DX. What an instruction caused is for the next handler.
TEXT handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVL DI, AX
	LEAQ ·next(SB), CX
	MOVQ (CX)(AX*8), CX
	TESTQ CX, CX
	JEQ  queue
	CMPL si_code(SI), $0
	JLE  queue // sent by a process
	JMP  CX
queue:
	SUBQ $8, SP
	MOVB AX, (SP)
	LEAQ ·sockets(SB), CX
	MOVL (CX)(AX*4), DI
	MOVQ SP, SI
	MOVL $1, DX
	MOVL $SYS_write, AX
	SYSCALL
	ADDQ $8, SP
	RET // to the restorer

TEXT restorer<>(SB), NOSPLIT|NOFRAME, $0
	MOVL $SYS_rt_sigreturn, AX
	SYSCALL
	UD2

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	LEAQ handler<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	LEAQ restorer<>(SB), AX
	MOVQ AX, ret+0(FP)
	RET
