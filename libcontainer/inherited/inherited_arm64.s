#include "textflag.h"

#define SYS_prlimit64 261
#define RLIMIT_NOFILE 7

// func getNofile(r *Rlimit)
TEXT ·getNofile(SB), NOSPLIT, $0-8
	MOVD $SYS_prlimit64, R8
	MOVD ZR, R0
	MOVD $RLIMIT_NOFILE, R1
	MOVD ZR, R2
	MOVD r+0(FP), R3
	SVC
	RET
