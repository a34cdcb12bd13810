#include "textflag.h"

// start is where the process begins, with the stack that execve(2) made: argc, argv, a
// null, envp, a null, the auxiliary vector.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0
	// All before envp, which R1 becomes the address of, moves down by two words, which
	// keeps the stack aligned.
	MOVD RSP, R0
	MOVD (R0), R1
	ADD  R1<<3, R0, R1
	ADD  $16, R1 // argc itself and the null
	SUB  $16, RSP
move:
	MOVD (R0), R2
	MOVD R2, -16(R0)
	ADD  $8, R0
	CMP  R0, R1
	BNE  move

	// The same setting twice, as the Go runtime takes the first.
	MOVD $·setting(SB), R2
	MOVD R2, -16(R1)
	MOVD R2, -8(R1)
	JMP  _rt0_arm64_linux(SB)

DATA ·setting+0(SB)/8, $"GOMAXPRO"
DATA ·setting+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL ·setting(SB), RODATA|NOPTR, $16
