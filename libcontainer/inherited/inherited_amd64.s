#include "textflag.h"

#define SYS_prlimit64 302
#define RLIMIT_NOFILE 7

// func getNofile(r *Rlimit)
TEXT ·getNofile(SB), NOSPLIT, $0-8
	MOVL $SYS_prlimit64, AX
	XORL DI, DI
	MOVL $RLIMIT_NOFILE, SI
	XORL DX, DX
	MOVQ r+0(FP), R10
	SYSCALL
	RET
