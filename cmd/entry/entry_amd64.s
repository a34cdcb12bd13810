#include "textflag.h"

#define SYS_mprotect        10
#define SYS_madvise         28
#define PROT_READ_EXEC      5
#define MADV_HUGEPAGE       14
#define MADV_NOHUGEPAGE     15
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23

#define PAGE (4 << 10)
#define HUGE (2 << 20)

// ADVISE gives advice on the pages from one address to another (madvise(2)).
#define ADVISE(from, to, advice) \
	MOVQ from, DI         \
	MOVQ to, SI           \
	SUBQ DI, SI           \
	MOVL $advice, DX      \
	MOVL $SYS_madvise, AX \
	SYSCALL

// start is where the process begins, with the stack that execve(2) made: argc, argv,
// a null, envp, a null, the auxiliary vector.
TEXT ·start(SB), NOSPLIT|NOFRAME, $0
	// The read-only segments are mapped from R8 to R10, the first part up to R12.
	LEAQ runtime·text(SB), R8
	ANDQ $~(PAGE-1), R8
	LEAQ runtime·noptrdata(SB), R10
	ANDQ $~(PAGE-1), R10
	MOVQ R10, R12

	// The huge page that the text ends in, R9 to SI, has to lie in these segments.
	LEAQ runtime·rodata(SB), DI
	ANDQ $~(PAGE-1), DI
	LEAQ (HUGE-1)(DI), SI
	ANDQ $~(HUGE-1), SI
	LEAQ -HUGE(SI), R9
	CMPQ R9, R8
	JLS  rest
	LEAQ runtime·epclntab(SB), AX // near the end of the read-only data
	CMPQ SI, AX
	JHI  rest

	// It can be mapped as one if all of it has the same protection.
	SUBQ DI, SI
	MOVL $PROT_READ_EXEC, DX
	MOVL $SYS_mprotect, AX
	SYSCALL

	// It comes before the first part, which the kernel has begun to read in small pages
	// for execve and for the fault of start, and would go on to read in small pages from
	// there. The advice does not stay: a fault under memory pressure shall read little.
	ADVISE(R9, R10, MADV_HUGEPAGE)
	ADVISE(R9, R10, MADV_POPULATE_READ)
	ADVISE(R9, R10, MADV_NOHUGEPAGE)
	MOVQ R9, R12
rest:
	ADVISE(R8, R12, MADV_POPULATE_READ)
	LEAQ runtime·end(SB), R8
	ADVISE(R10, R8, MADV_POPULATE_WRITE)

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
