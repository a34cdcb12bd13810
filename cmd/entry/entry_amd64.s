#include "textflag.h"

#define SYS_madvise         28
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23

// POPULATE has the pages from a symbol to another mapped (madvise(2), Linux 5.14).
#define POPULATE(from, to, how) \
	LEAQ from, DI     \
	LEAQ to, SI       \
	ANDQ $~4095, DI   \
	SUBQ DI, SI       \
	MOVL $how, DX     \
	MOVL $SYS_madvise, AX \
	SYSCALL

// start is where the process begins, with the stack that execve(2) made: argc, argv,
// a null, envp, a null, the auxiliary vector.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0
	POPULATE(runtime·text(SB), runtime·etext(SB), MADV_POPULATE_READ)
	POPULATE(runtime·rodata(SB), runtime·noptrdata(SB), MADV_POPULATE_READ)
	POPULATE(runtime·noptrdata(SB), runtime·end(SB), MADV_POPULATE_WRITE)

	// R8 becomes the address of the null that ends envp.
	MOVQ 0(SP), CX
	LEAQ 16(SP)(CX*8), R8
find:
	CMPQ (R8), $0
	JEQ  found
	ADDQ $8, R8
	JMP  find
found:
	// What lies before it moves down by two words, which keeps the stack aligned.
	MOVQ SP, SI
	SUBQ $16, SP
move:
	MOVQ (SI), AX
	MOVQ AX, -16(SI)
	ADDQ $8, SI
	CMPQ SI, R8
	JNE  move

	LEAQ ·maxprocs(SB), AX
	MOVQ AX, -16(R8)
	ADDQ $12, AX           // an empty one, which nobody sees
	MOVQ AX, -8(R8)
	JMP  _rt0_amd64_linux(SB)

DATA ·maxprocs+0(SB)/8, $"GOMAXPRO"
DATA ·maxprocs+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL ·maxprocs(SB), RODATA|NOPTR, $16

// func populate(addr, length uintptr)
TEXT ·populate(SB), NOSPLIT, $0-16
	MOVL $SYS_madvise, AX
	MOVQ addr+0(FP), DI
	MOVQ length+8(FP), SI
	MOVL $MADV_POPULATE_WRITE, DX
	SYSCALL
	RET
