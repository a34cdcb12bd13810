package process

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const helperEnv = "RUNG_TEST_HELPER"

// TestMain turns this program into one of the processes that tests look at.
func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "":
		os.Exit(m.Run())
	case "wait":
		io.Copy(io.Discard, os.Stdin)
	case "leader-exits":
		leaderExits()
	}
}

// The first thread runs main, and so TestMain, if it was locked during init.
func init() { runtime.LockOSThread() }

// leaderExits ends the process's first thread, and lets the others run on
// until standard input is closed.
func leaderExits() {
	if unix.Gettid() != unix.Getpid() {
		os.Stdout.WriteString("not the first thread\n")
		return
	}
	go func() {
		os.Stdout.WriteString("ready\n")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	unix.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
}

type helper struct {
	*exec.Cmd
	stdin io.Closer
	lines *bufio.Reader
}

func startHelper(t *testing.T, mode string) helper {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{helperEnv + "=" + mode}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	h := helper{cmd, stdin, bufio.NewReader(stdout)}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Process.Kill()
		cmd.Wait()
	})
	return h
}

// awaitState waits for the process to come into a state.
func awaitState(t *testing.T, p Identity, want State) {
	t.Helper()
	var got State
	for range 500 {
		var err error
		if got, err = p.State(); err != nil {
			t.Fatal(err)
		}
		if got == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("state is %v, want %v", got, want)
}

func TestLifetime(t *testing.T) {
	h := startHelper(t, "wait")
	p, err := Of(h.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	awaitState(t, p, Running)
	fd, err := p.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)

	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		t.Fatal(err)
	}
	awaitState(t, p, Zombie)
	zombie, err := p.Open()
	if err != nil {
		t.Errorf("a zombie has no pidfd: %v", err)
	}
	unix.Close(zombie)

	h.Wait()
	awaitState(t, p, Dead)
	if _, err := p.Open(); !errors.Is(err, ErrGone) {
		t.Errorf("Open of a reaped process: %v, want ErrGone", err)
	}
	if _, err := Of(p.Pid); !errors.Is(err, ErrGone) {
		t.Errorf("Of a reaped process: %v, want ErrGone", err)
	}
}

func TestOtherProcessIsDead(t *testing.T) {
	self, err := Of(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if s, err := self.State(); s != Running || err != nil {
		t.Fatalf("this process is %v, %v", s, err)
	}
	later, otherBoot, none := self, self, self
	later.StartTime++
	otherBoot.BootID = "00000000-0000-0000-0000-000000000000"
	none.Pid = 0
	for name, p := range map[string]Identity{"start time": later, "boot": otherBoot, "pid": none, "zero": {}} {
		if s, err := p.State(); s != Dead || err != nil {
			t.Errorf("other %s: state %v, %v; want dead", name, s, err)
		}
		if fd, err := p.Open(); !errors.Is(err, ErrGone) {
			t.Errorf("other %s: Open: %d, %v; want ErrGone", name, fd, err)
		}
	}
}

func TestFirstThreadEnded(t *testing.T) {
	h := startHelper(t, "leader-exits")
	line, err := h.lines.ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("the helper says %q, %v", line, err)
	}
	p, err := Of(h.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	for range 500 {
		st, err := readStat(p.Pid)
		if err != nil {
			t.Fatal(err)
		}
		if st.letter == 'Z' {
			if s, err := p.State(); s != Running || err != nil {
				t.Errorf("state %v, %v; want running", s, err)
			}
			h.stdin.Close()
			awaitState(t, p, Zombie)
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the first thread does not end")
}

func TestExecutes(t *testing.T) {
	var st unix.Stat_t
	if err := unix.Stat("/proc/self/exe", &st); err != nil {
		t.Fatal(err)
	}
	h := startHelper(t, "wait")
	p, err := Of(h.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	check := func(p Identity, ino uint64, want bool) {
		t.Helper()
		if got, err := p.Executes(uint64(st.Dev), ino); got != want || err != nil {
			t.Errorf("Executes: %v, %v; want %v", got, err, want)
		}
	}
	check(p, st.Ino, true)
	check(p, st.Ino+1, false)
	other := p
	other.StartTime++
	check(other, st.Ino, false)
	check(Identity{}, st.Ino, false)
	h.Process.Kill()
	awaitState(t, p, Zombie)
	check(p, st.Ino, false)
	h.Wait()
	check(p, st.Ino, false)
}

const statTail = " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 7 18 4711 20 21\n"

func TestParseStat(t *testing.T) {
	for _, tt := range []struct {
		line string
		want stat
		err  string
	}{
		{"12 (sh) S" + statTail, stat{'S', 6, 7, 4711}, ""},
		{"12 (a b) R ) (c) Z" + statTail, stat{'Z', 6, 7, 4711}, ""},
		{"12 (\n) R 1) T" + statTail, stat{'T', 6, 7, 4711}, ""},
		{"12 () R 1", stat{}, "too few"},
		{"12 sh S", stat{}, "name"},
		{"", stat{}, "name"},
		{"12 (sh) SS" + statTail, stat{}, "too few"},
		{"12 (sh) S" + strings.Replace(statTail, " 7 18", " x 18", 1), stat{}, "threads"},
		{"12 (sh) S" + strings.Replace(statTail, "4711", "-1", 1), stat{}, "start time"},
	} {
		got, err := parseStat([]byte(tt.line))
		if tt.err == "" && (err != nil || got != tt.want) {
			t.Errorf("parseStat(%q) = %v, %v; want %v", tt.line, got, err, tt.want)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("parseStat(%q): error %v, want one with %q", tt.line, err, tt.err)
		}
	}
}

func TestStatState(t *testing.T) {
	for _, tt := range []struct {
		stat stat
		want State
	}{
		{stat{letter: 'S', threads: 1}, Running},
		{stat{letter: 'D', threads: 1, flags: 0x400000}, Running},
		{stat{letter: 'Z', threads: 1, flags: exiting}, Zombie},
		{stat{letter: 'Z', threads: 2, flags: exiting}, Running},
		{stat{letter: 'X', threads: 1, flags: exiting}, Dead},
		// between the kill and the zombie: no longer what it executed, and not running
		{stat{letter: 'R', threads: 1, flags: exiting}, Zombie},
		{stat{letter: 'D', threads: 0, flags: exiting}, Zombie},
		{stat{letter: 'R', threads: 2, flags: exiting}, Running},
	} {
		if got := tt.stat.state(); got != tt.want {
			t.Errorf("%+v: %v, want %v", tt.stat, got, tt.want)
		}
	}
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte("12 (sh) S" + statTail))
	f.Add([]byte("12 (a) b) Z 1 2"))
	f.Fuzz(func(t *testing.T, line []byte) {
		st, err := parseStat(line)
		if err == nil && st.letter == ' ' {
			t.Errorf("%q: state %q", line, st.letter)
		}
	})
}
