#include "textflag.h"

// The machine. See doc.go for what it does and assemble.go for the form of an
// instruction. It uses no stack and is copied to another address, so it may
// only hold relative jumps.
//
//	R19  the instruction        R20  the report page
//	R21  repeats of this step   R22  the rule, while rules are looked at
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

#define SYS_exit_group 94

#define ARGUMENT(offset, bit, reg) \
	MOVD offset(R19), reg  \
	TBZ  $bit, R9, 2(PC)   \
	MOVD (reg), reg

// func machine()
TEXT ·machine(SB), NOSPLIT|NOFRAME, $0-0
	MOVD $PROGRAM, R19
	MOVD $REPORT, R20

step:
	MOVD ZR, R21

again:
	MOVWU INDEX(R19), R10
	MOVW  R10, PROGRESS(R20)
	MOVBU LOADS(R19), R9
	MOVBU OP(R19), R10
	TBNZ  $0, R10, test

	ARGUMENT(ARG0, 0, R0)
	ARGUMENT(ARG1, 1, R1)
	ARGUMENT(ARG2, 2, R2)
	ARGUMENT(ARG3, 3, R3)
	ARGUMENT(ARG4, 4, R4)
	ARGUMENT(ARG5, 5, R5)
	MOVHU NR(R19), R8
	SVC
	CMN  $4095, R0
	BCS  error
	MOVWU RESULT(R19), R9
	CBZ  R9, next
	MOVD R0, (R9)

next:
	MOVBU RULES(R19), R9
	ADD  $SIZE, R19
	ADD  R9<<3, R19
	B    step

error:
	NEG  R0, R0              // the errno
	ADD  $SIZE, R19, R22
	MOVBU RULES(R19), R9

rule:
	CBZ  R9, fail
	MOVHU 0(R22), R10
	CMP  R0, R10
	BEQ  found
	MOVD $0xffff, R11
	CMP  R11, R10
	BEQ  found

otherwise:
	ADD  $8, R22
	SUB  $1, R9
	B    rule

found:
	MOVHU 2(R22), R10
	CMP  $CONTINUE, R10
	BEQ  next
	CMP  $JUMP, R10
	BEQ  jump
	CMP  $REPEAT, R10
	BEQ  repeat
	CMP  $FAILTO, R10
	BEQ  failto

fail:
	MOVW R0, ERRNO(R20)
	MOVWU INDEX(R19), R10
	ADD  $1, R10
	MOVW R10, FAILED(R20)
	MOVD $1, R0
	MOVD $SYS_exit_group, R8
	SVC
	UNDEF                    // exit_group can be denied by a seccomp filter

repeat:
	MOVWU 4(R22), R10
	CMP  R10, R21
	BHS  otherwise
	ADD  $1, R21
	B    again

failto:
	MOVW R0, ERRNO(R20)
	MOVWU INDEX(R19), R10
	ADD  $1, R10
	MOVW R10, FAILED(R20)

jump:
	MOVWU 4(R22), R19
	B    step

test:
	ARGUMENT(ARG0, 0, R0)
	MOVD ARG1(R19), R1
	AND  R1, R0
	MOVD ARG2(R19), R1
	CMP  R1, R0
	CSET EQ, R0              // 1: equal
	LSR  $7, R10             // 1: inverted
	CMP  R10, R0
	BNE  next                // equal and not inverted, or different and inverted
	YIELD                    // it may look again at once
	ADD  $SIZE, R19, R22
	MOVHU 0(R22), R0         // the errno to fail with, which is that of all its rules
	MOVBU RULES(R19), R9
	B    rule

// func machineEnd()
TEXT ·machineEnd(SB), NOSPLIT|NOFRAME, $0-0
	UNDEF

// func machineBounds() (start, end *byte)
TEXT ·machineBounds(SB), NOSPLIT, $0-16
	MOVD $·machine(SB), R0
	MOVD R0, start+0(FP)
	MOVD $·machineEnd(SB), R0
	MOVD R0, end+8(FP)
	RET
