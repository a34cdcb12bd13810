#include "textflag.h"

#define SYS_madvise         28
#define MADV_POPULATE_WRITE 23

// func madvise(addr, length uintptr)
TEXT ·madvise(SB), NOSPLIT, $0-16
	MOVL $SYS_madvise, AX
	MOVQ addr+0(FP), DI
	MOVQ length+8(FP), SI
	MOVL $MADV_POPULATE_WRITE, DX
	SYSCALL
	RET
