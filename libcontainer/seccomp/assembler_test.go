package seccomp

import (
	"slices"
	"testing"

	"golang.org/x/sys/unix"
)

// TestBranchRange jumps over more and more, around the range of a conditional
// jump, to returns and to other instructions.
func TestBranchRange(t *testing.T) {
	for between := maxJump - 10; between < maxJump+10; between++ {
		for apart := range 4 {
			var a assembler
			// Two blocks each of a load and a return, and two returns alone.
			one := a.push(unix.BPF_RET|unix.BPF_K, 0, 0, 1)
			a.load(offNr)
			blockOne := a.top()
			for range apart {
				a.load(offNr)
			}
			two := a.push(unix.BPF_RET|unix.BPF_K, 0, 0, 2)
			a.load(offNr)
			blockTwo := a.top()
			for range between {
				a.load(offNr)
			}
			base := len(a.code)
			for _, to := range [][2]label{{one, two}, {two, one}, {blockOne, blockTwo}, {blockTwo, blockOne},
				{one, blockTwo}, {blockOne, two},
				{blockOne, blockOne}, {one, one}} {
				b := assembler{code: slices.Clone(a.code[:base])}
				b.branch(unix.BPF_JEQ, 7, to[0], to[1])
				b.load(offNr)
				slices.Reverse(b.code)
				want := func(l label) uint32 {
					if l <= blockOne {
						return 1
					}
					return 2
				}
				for nr, l := range map[uint32]label{7: to[0], 8: to[1]} {
					if got, _, err := interpret(b.code, call{nr: nr}); err != nil || got != want(l) {
						t.Fatalf("%d between, %d apart, to %v: call %d gives %d, %v; want %d", between, apart, to, nr,
							got, err, want(l))
					}
				}
			}
		}
	}
}
