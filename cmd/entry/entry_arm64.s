#include "textflag.h"

#define SYS_madvise         233
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23

// POPULATE has the pages from a symbol to another mapped (madvise(2), Linux 5.14).
// Segments begin at multiples of the largest page, 64 KiB.
#define POPULATE(from, to, how) \
	MOVD $from, R0        \
	MOVD $to, R1          \
	AND  $~0xffff, R0, R0 \
	SUB  R0, R1, R1       \
	MOVD $how, R2         \
	MOVD $SYS_madvise, R8 \
	SVC

// start is where the process begins, with the stack that execve(2) made: argc, argv,
// a null, envp, a null, the auxiliary vector.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0
	POPULATE(runtime·text(SB), runtime·etext(SB), MADV_POPULATE_READ)
	POPULATE(runtime·rodata(SB), runtime·noptrdata(SB), MADV_POPULATE_READ)
	POPULATE(runtime·noptrdata(SB), runtime·end(SB), MADV_POPULATE_WRITE)

	// R4 becomes the address of the null that ends envp.
	MOVD RSP, R3
	MOVD (R3), R0
	ADD  R0<<3, R3, R4
	ADD  $16, R4
find:
	MOVD (R4), R0
	CBZ  R0, found
	ADD  $8, R4
	B    find
found:
	// What lies before it moves down by two words, which keeps the stack aligned.
	SUB  $16, RSP
move:
	MOVD (R3), R0
	MOVD R0, -16(R3)
	ADD  $8, R3
	CMP  R3, R4
	BNE  move

	MOVD $·maxprocs(SB), R0
	MOVD R0, -16(R4)
	ADD  $12, R0           // an empty one, which nobody sees
	MOVD R0, -8(R4)
	JMP  _rt0_arm64_linux(SB)

DATA ·maxprocs+0(SB)/8, $"GOMAXPRO"
DATA ·maxprocs+8(SB)/8, $"CS=1\x00\x00\x00\x00"
GLOBL ·maxprocs(SB), RODATA|NOPTR, $16

// func populate(addr, length uintptr)
TEXT ·populate(SB), NOSPLIT, $0-16
	MOVD $SYS_madvise, R8
	MOVD addr+0(FP), R0
	MOVD length+8(FP), R1
	MOVD $MADV_POPULATE_WRITE, R2
	SVC
	RET
