#include "textflag.h"

#define SYS_write        64
#define SYS_rt_sigreturn 139

#define si_code 8 // in siginfo_t

// The kernel calls the handler with the signal's number in R0, siginfo_t in R1
// and ucontext_t in R2. What an instruction caused is for the next handler.
TEXT handler<>(SB), NOSPLIT|NOFRAME, $0
	MOVWU R0, R5
	MOVD  $·next(SB), R3
	MOVD  (R3)(R5<<3), R3
	CBZ   R3, queue
	MOVW  si_code(R1), R4
	CMPW  $0, R4
	BLE   queue // sent by a process
	JMP   (R3)
queue:
	SUB  $16, RSP
	MOVB R5, (RSP)
	MOVD $·sockets(SB), R3
	MOVW (R3)(R5<<2), R0
	MOVD RSP, R1
	MOVD $1, R2
	MOVD $SYS_write, R8
	SVC
	ADD  $16, RSP
	RET // to the restorer

TEXT restorer<>(SB), NOSPLIT|NOFRAME, $0
	MOVD $SYS_rt_sigreturn, R8
	SVC
	UNDEF

// func handlerAddress() uintptr
TEXT ·handlerAddress(SB), NOSPLIT, $0-8
	MOVD $handler<>(SB), R0
	MOVD R0, ret+0(FP)
	RET

// func restorerAddress() uintptr
TEXT ·restorerAddress(SB), NOSPLIT, $0-8
	MOVD $restorer<>(SB), R0
	MOVD R0, ret+0(FP)
	RET
