#include "textflag.h"

// The machine. See doc.go for what it does and assemble.go for the form of an
// instruction. It uses no stack and is copied to another address, so it may
// only hold relative jumps.
//
//	BX   the instruction        R13  the report page
//	R12  repeats of this step   R14  the rule, while rules are looked at
//
// System calls keep all of them; clone gives them to the child as well.

#define PROGRAM 0x420000
#define REPORT  0x410000

// in the report page
#define PROGRESS 0
#define FAILED   4
#define ERRNO    8

// in an instruction
#define OP     0
#define LOADS  1
#define NR     2
#define INDEX  4
#define RESULT 8
#define RULES  12
#define ARG0   16
#define ARG1   24
#define ARG2   32
#define ARG3   40
#define ARG4   48
#define ARG5   56
#define SIZE   64

// actions
#define CONTINUE 0
#define JUMP     1
#define REPEAT   2
#define FAILTO   3

#define SYS_exit_group 231

#define ARGUMENT(offset, bit, reg) \
	MOVQ  offset(BX), reg    \
	TESTB $bit, LOADS(BX)    \
	JEQ   2(PC)              \
	MOVQ  (reg), reg

// func machine()
TEXT ·machine(SB), NOSPLIT|NOFRAME, $0-0
	MOVQ $PROGRAM, BX
	MOVQ $REPORT, R13

step:
	XORL R12, R12

again:
	MOVL INDEX(BX), AX
	MOVL AX, PROGRESS(R13)
	MOVBLZX OP(BX), CX
	TESTB $1, CX
	JNE  test

	ARGUMENT(ARG0, 1, DI)
	ARGUMENT(ARG1, 2, SI)
	ARGUMENT(ARG2, 4, DX)
	ARGUMENT(ARG3, 8, R10)
	ARGUMENT(ARG4, 16, R8)
	ARGUMENT(ARG5, 32, R9)
	MOVWLZX NR(BX), AX
	SYSCALL
	CMPQ AX, $-4095
	JCC  error
	MOVL RESULT(BX), CX
	TESTL CX, CX
	JEQ  next
	MOVQ AX, (CX)

next:
	MOVBLZX RULES(BX), CX
	LEAQ SIZE(BX)(CX*8), BX
	JMP  step

error:
	NEGL AX                  // the errno
	LEAQ SIZE(BX), R14
	MOVBLZX RULES(BX), CX

rule:
	TESTL CX, CX
	JEQ  fail
	MOVWLZX 0(R14), DX
	CMPL DX, AX
	JEQ  found
	CMPL DX, $0xffff
	JEQ  found

otherwise:
	ADDQ $8, R14
	DECL CX
	JMP  rule

found:
	MOVWLZX 2(R14), DX
	CMPL DX, $CONTINUE
	JEQ  next
	CMPL DX, $JUMP
	JEQ  jump
	CMPL DX, $REPEAT
	JEQ  repeat
	CMPL DX, $FAILTO
	JEQ  failto

fail:
	MOVL AX, ERRNO(R13)
	MOVL INDEX(BX), AX
	INCL AX
	MOVL AX, FAILED(R13)
	MOVL $1, DI
	MOVL $SYS_exit_group, AX
	SYSCALL
	UD2                      // exit_group can be denied by a seccomp filter

repeat:
	CMPL R12, 4(R14)
	JCC  otherwise
	INCL R12
	JMP  again

failto:
	MOVL AX, ERRNO(R13)
	MOVL INDEX(BX), AX
	INCL AX
	MOVL AX, FAILED(R13)

jump:
	MOVL 4(R14), BX
	JMP  step

test:
	ARGUMENT(ARG0, 1, AX)
	ANDQ ARG1(BX), AX
	CMPQ AX, ARG2(BX)
	SETEQ AX                 // 1: equal
	SHRL $7, CX              // 1: inverted
	CMPB AX, CX
	JNE  next                // equal and not inverted, or different and inverted
	PAUSE                    // it may look again at once
	LEAQ SIZE(BX), R14
	MOVWLZX 0(R14), AX       // the errno to fail with, which is that of all its rules
	MOVBLZX RULES(BX), CX
	JMP  rule

// func machineEnd()
TEXT ·machineEnd(SB), NOSPLIT|NOFRAME, $0-0
	UD2

// func machineBounds() (start, end *byte)
TEXT ·machineBounds(SB), NOSPLIT, $0-16
	LEAQ ·machine(SB), AX
	MOVQ AX, start+0(FP)
	LEAQ ·machineEnd(SB), AX
	MOVQ AX, end+8(FP)
	RET
