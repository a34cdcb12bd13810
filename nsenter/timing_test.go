package nsenter

import (
	"os"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestTimedProgram runs the machine's programs with times: they do what they did,
// and each of their calls is timed, once it is come to, and no other.
func TestTimedProgram(t *testing.T) {
	for _, c := range machineCases {
		t.Run(c.name, func(t *testing.T) {
			calls := func(p *Program) (list []int, failed int) {
				m, err := Assemble(p, map[string]int{"out": 3, "report": 4, "times": 5})
				if err != nil {
					t.Fatal(err)
				}
				in := &Interpreter{Syscall: func(nr uintptr, args [6]uint64) (uint64, unix.Errno) {
					switch nr {
					case unix.SYS_CLOCK_GETTIME:
						return 0, unix.EFAULT // what the kernel says of it does not matter
					case unix.SYS_CLOSE:
						if args[0] == 5 {
							return 0, 0
						}
						return 0, unix.EBADF
					case unix.SYS_WRITE:
						return args[2], 0
					}
					return 0, 0
				}}
				in.Trace = func(step int) { list = append(list, step) }
				r, err := in.Run(m)
				if err != nil {
					t.Fatal(err)
				}
				return list, r.Failed
			}
			plain := c.program()
			steps := slices.Clone(plain.Steps)
			want, wantFailed := calls(plain)

			timed := c.program()
			timing := timed.Time("times", unix.CLOCK_MONOTONIC, false)
			got, failed := calls(timed)
			if wantFailed >= 0 {
				// the step stands behind its clock_gettime
				moved := timing.Moved(wantFailed)
				if s := &timed.Steps[failed]; s.Nr != steps[wantFailed].Nr || failed < moved || failed > moved+1 {
					t.Errorf("step %d failed, that is %s, want what was step %d",
						failed, timed.StepString(failed), wantFailed)
				}
			} else if failed >= 0 {
				t.Errorf("step %d failed", failed)
			}
			var kept []int
			for _, step := range got { // those that are left without what was added, by their old numbers
				for old := range steps {
					at := timing.Moved(old)
					if s := &timed.Steps[at]; s.Nr == unix.SYS_CLOCK_GETTIME && s.Op == OpCall {
						at++
					}
					if at == step {
						kept = append(kept, old)
					}
				}
			}
			want = slices.DeleteFunc(want, func(step int) bool { return step >= len(steps) })
			if !slices.Equal(kept, want) {
				t.Errorf("the steps were %d, want %d", kept, want)
			}
		})
	}
}

func TestTimedSteps(t *testing.T) {
	p := New()
	p.Label("one")
	p.MapReport("report")
	over := p.Target()
	p.call(unix.SYS_GETPID)
	p.Goto(over)
	p.call(unix.SYS_SETSID)
	p.Place(over)
	p.Label("two")
	p.Park()
	p.call(unix.SYS_SECCOMP, Int(0))
	p.Label("three")
	p.call(unix.SYS_EXECVE, Int(0))
	p.call(unix.SYS_EXIT_GROUP, Int(0))
	parked := p.parked
	timing := p.Time("times", unix.CLOCK_REALTIME, false)
	// neither the first, nor tests, nor what stands behind the filter
	want := []TimedStep{{1, "one", "getpid"}, {3, "one", "setsid"}, {5, "two", "madvise"}, {6, "two; three", "seccomp"}}
	if !slices.Equal(timing.Steps, want) {
		t.Errorf("%v, want %v", timing.Steps, want)
	}
	if p.parked != timing.Moved(parked) || p.Steps[p.parked].Nr != unix.SYS_CLOCK_GETTIME {
		t.Errorf("what lies apart begins at step %d", p.parked)
	}
	if got := p.StepString(timing.Moved(1)); got != "clock_gettime(0, 0x200000)  ; any error: go on" {
		t.Errorf("%s", got)
	}
	if timing.Size() != 64 {
		t.Errorf("the file has %d bytes", timing.Size())
	}
	file := make([]byte, 40)
	file[0], file[8], file[16+8] = 2, 5, 7
	if got := timing.Times(file); !slices.Equal(got, []time.Duration{2*time.Second + 5, 7, 0, 0}) {
		t.Errorf("the times are %v", got)
	}
}

// TestTimesOfTheMachine compares the times of a program with those of this process.
func TestTimesOfTheMachine(t *testing.T) {
	if os.Getenv("RUNG_TEST_EXEC") != "" {
		t.Skip("this kernel cannot launch the image by itself")
	}
	const pause = 20 * time.Millisecond
	p := New()
	p.MapReport("report")
	skipped := p.Target()
	p.call(unix.SYS_PPOLL, Int(0), Int(0), constant(unix.Timespec{Nsec: int64(pause)}), Int(0))
	p.Goto(skipped)
	p.call(unix.SYS_GETPID)
	p.Place(skipped)
	p.call(unix.SYS_GETPID)
	timing := p.Time("times", unix.CLOCK_MONOTONIC, false)

	files := map[string]int{}
	for name, size := range map[string]int{"report": ReportSize, "times": timing.Size()} {
		fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC)
		if err != nil {
			t.Fatal(err)
		}
		defer unix.Close(fd)
		if err := unix.Ftruncate(fd, int64(size)); err != nil {
			t.Fatal(err)
		}
		files[name] = fd
	}
	m, err := Assemble(p, files)
	if err != nil {
		t.Fatal(err)
	}
	img, err := NewImage(p, m, "")
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	before := monotonic(t)
	child, err := Launch(img, Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(child.Pidfd)
	var status unix.WaitStatus
	if _, err := unix.Wait4(child.Pid, &status, 0, nil); err != nil || status != 0 {
		t.Fatalf("status %#x, %v", status, err)
	}
	after := monotonic(t)
	file := make([]byte, timing.Size())
	if _, err := unix.Pread(files["times"], file, 0); err != nil {
		t.Fatal(err)
	}
	times := timing.Times(file)
	if len(times) != 3 || times[0] < before || times[1] != 0 || times[2]-times[0] < pause || times[2] > after {
		t.Errorf("the times are %v, between %v and %v", times, before, after)
	}
}

func monotonic(t *testing.T) time.Duration {
	t.Helper()
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}
