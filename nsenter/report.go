package nsenter

import (
	"bytes"
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// The report page, shared by the machine and the launcher.
const (
	// ReportSize is the size of the page, in bytes, on any machine.
	ReportSize = 4096

	reportProgress = 0  // u32: index of the step being executed
	reportFailed   = 4  // u32: index of the failed step plus one, 0: none
	reportErrno    = 8  // u32: its errno
	reportChild    = 16 // u32: pid of the process that the program cloned
	reportReached  = 24 // u64: not 0: it has come to where it marks that
	reportFull     = 32 // u64: not 0: it cannot clone where it is
	reportTurn     = 40 // u32: what it waits for the launcher to write
	reportAgain    = 48 // u64: not 0: it executes the image once more
	reportListener = 56 // u64: a descriptor of its own, the listener of its filter; 0: none
	reportMessage  = 64 // text: what the kernel said about the failure

	// MaxMessage is the room for the kernel's own words, in bytes.
	MaxMessage = 1024

	// ReportUsed is how much of the page is used, in bytes.
	ReportUsed = reportMessage + MaxMessage
)

// ReportChild is where clone's parent_tid points for a process that outlives
// the one that made it.
func ReportChild() Ref { return InReport(reportChild) }

// Clones reports whether the program clones a process that goes on in its place.
func (p *Program) Clones() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Op == OpCall && s.Nr == unix.SYS_CLONE })
}

// ExecuteAgain adds the steps by which the process executes its image once more, which
// [Program.GoOnAgain] leads behind them then. Its memory belongs to the user namespace that it
// is in from then on, and with it the right to look at the process. Cells have the values of the
// start; descriptors are there unless they are close-on-exec. The path leads through the procfs at
// /proc, which has to be one that knows the process.
func (p *Program) ExecuteAgain() {
	p.Getpid().IntoRef(InReport(reportAgain))
	p.Execveat(CWD, "/proc/self/exe", p.Strings([]string{ImageName}), p.Strings(nil), 0)
}

// GoOnAgain adds the step that goes on at t if the image is executed once more. Before it is
// only the step of [Program.MapReport].
func (p *Program) GoOnAgain(t Target) { p.JumpUnless(Load(InReport(reportAgain)), ^uint64(0), 0, t) }

// executesAgain reports whether the program has steps of [Program.ExecuteAgain].
func (p *Program) executesAgain() bool {
	return slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Op == OpCall && s.Nr == unix.SYS_EXECVEAT })
}

// MarkReached marks in the report that the program came here, by the call's result, which
// must not be 0: the step that was executed last does not tell when the program has cloned.
func (c Call) MarkReached() Call { return c.IntoRef(InReport(reportReached)) }

// MarkFull marks in the report that the program waits to be taken to where it can clone, by
// the call's result, which must not be 0.
func (c Call) MarkFull() Call { return c.IntoRef(InReport(reportFull)) }

// A process can have nothing open any more and still wait for the launcher: by the page.

// AwaitTurn adds the steps that wait until the launcher gives the program this turn, which
// follows on the one before; the first is 1. They fail with EAGAIN if it does not come within ten seconds.
func (p *Program) AwaitTurn(turn uint32) {
	const futexWait = 0 // not private to the process
	ten := constant(unix.Timespec{Nsec: 10e6})
	at := InReport(reportTurn)
	p.call(unix.SYS_FUTEX, Address(at), Int(futexWait), Int(turn-1), ten).
		RepeatOn(unix.ETIMEDOUT, 1000).Ignore(unix.EAGAIN, unix.EINTR)
	p.Expect(Load(at), 1<<32-1, uint64(turn), unix.EAGAIN)
}

// ListenerTurn is the turn that is given when the listener has been taken: see [Program.AwaitTaken].
const ListenerTurn = 3

// MarkListener marks in the report that a filter was loaded whose listener, the call's result,
// the launcher is to take.
func (c Call) MarkListener() Call { return c.IntoRef(InReport(reportListener)) }

// AwaitTaken adds the step that waits for [ListenerTurn] under a filter that may not let any system
// call happen: it only looks, and the time that takes is the launcher's to keep short. It fails with ETIMEDOUT
// after a billion looks: in 4 seconds or more, by the processor.
func (p *Program) AwaitTaken() {
	p.await(Load(InReport(reportTurn)), 1<<32-1, ListenerTurn, 1<<30, unix.ETIMEDOUT)
}

// GiveTurn is the launcher's part of [Program.AwaitTurn]. It is seen when the program looks
// next, within ten milliseconds.
func GiveTurn(page int, turn uint32) error {
	_, err := unix.Pwrite(page, binary.NativeEndian.AppendUint32(nil, turn), reportTurn)
	return err
}

// ReportMessage is where a program puts the kernel's own words.
func ReportMessage() Ref { return InReport(reportMessage) }

// Report is what the machine wrote to the report page. Whoever may trace the process
// can have written it: a container's with CAP_SYS_PTRACE, into whose namespaces the
// process has come. It is to be believed no more than that.
type Report struct {
	Step    int        // the step being executed last
	Failed  int        // the step that failed, -1: none
	Errno   unix.Errno // its errno
	Child   int        // pid of the cloned process, 0: none
	Reached bool       // the program came to its mark
	Full    bool       // the program waits to be taken to where it can clone

	// Listener is the process's descriptor of its filter's listener, 0: none. It waits for that to be taken.
	Listener int

	Message string // the kernel's own words, may be empty
}

// ReadReport reads the report from its file; what cannot be read is all zero.
func ReadReport(file int) Report {
	var page [ReportUsed]byte
	n, _ := unix.Pread(file, page[:], 0)
	return ParseReport(page[:max(n, 0)])
}

// ParseReport decodes a report page; anything shorter reads as all zero.
func ParseReport(page []byte) Report {
	var b [ReportUsed]byte
	copy(b[:], page)
	u32 := binary.NativeEndian.Uint32
	message, _, _ := bytes.Cut(b[reportMessage:], []byte{0})
	return Report{
		Step:    int(u32(b[reportProgress:])),
		Failed:  int(u32(b[reportFailed:])) - 1,
		Errno:   unix.Errno(u32(b[reportErrno:])),
		Child:   max(int(int32(u32(b[reportChild:]))), 0),
		Reached: u32(b[reportReached:]) != 0,
		Full:    u32(b[reportFull:]) != 0,

		Listener: max(int(int32(u32(b[reportListener:]))), 0),

		Message: string(bytes.TrimSpace(message)),
	}
}
