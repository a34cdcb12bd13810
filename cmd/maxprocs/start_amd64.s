#include "textflag.h"

// start is where the process begins, with the stack that execve(2) made: argc, argv, a
// null, envp, a null, the auxiliary vector.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0
	// All before envp moves down by two words, which keeps the stack aligned.
	MOVQ 0(SP), CX
	ADDQ $2, CX // argc itself and the null
	MOVQ SP, SI
	SUBQ $16, SP
	MOVQ SP, DI
	REP; MOVSQ // the direction flag is clear when a process begins

	// The same setting twice, as the Go runtime takes the first.
	LEAQ ·setting(SB), AX
	MOVQ AX, 0(DI)
	MOVQ AX, 8(DI)
	JMP  _rt0_amd64_linux(SB)

DATA ·setting+0(SB)/8, $"GOMAXPRO"
DATA ·setting+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL ·setting(SB), RODATA|NOPTR, $16
