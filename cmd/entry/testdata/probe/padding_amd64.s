//go:build padded

#include "textflag.h"

// func padding() uintptr
TEXT ·padding(SB), NOSPLIT, $0-8
	LEAQ ·data(SB), AX
	MOVQ AX, ret+0(FP)
	RET

DATA ·data(SB)/1, $1
GLOBL ·data(SB), RODATA|NOPTR, $(4 << 20)
