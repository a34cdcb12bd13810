package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A stepError is an error with fields, as the launcher's are.
type stepError struct{ err error }

func (e *stepError) Error() string { return "mounting proc on /proc: " + e.err.Error() }
func (e *stepError) Unwrap() error { return e.err }
func (e *stepError) Fields() []Field {
	return []Field{{"step", "mounting proc on /proc"}, {"path", "/proc"}, {"hint", `say "please"`}}
}

func TestFieldsOf(t *testing.T) {
	pathErr := &fs.PathError{Op: "open", Path: "/x", Err: unix.ENOENT}
	for _, tt := range []struct {
		err  error
		want []Field
	}{
		{errors.New("x"), nil},
		{fmt.Errorf("y: %w", unix.EPERM), []Field{{"errno", "EPERM"}}},
		{fmt.Errorf("y: %w", pathErr), []Field{{"syscall", "open"}, {"path", "/x"}, {"errno", "ENOENT"}}},
		{os.NewSyscallError("pidfd_open", unix.ESRCH), []Field{{"syscall", "pidfd_open"}, {"errno", "ESRCH"}}},
		{fmt.Errorf("z: %w", &stepError{pathErr}), []Field{
			{"step", "mounting proc on /proc"}, {"path", "/proc"}, {"hint", `say "please"`},
			{"syscall", "open"}, {"errno", "ENOENT"},
		}},
		{errors.Join(errors.New("x"), &stepError{errors.New("y")}), []Field{
			{"step", "mounting proc on /proc"}, {"path", "/proc"}, {"hint", `say "please"`},
		}},
	} {
		if got := FieldsOf(tt.err); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("FieldsOf(%v) = %v, want %v", tt.err, got, tt.want)
		}
	}
}

func TestFormats(t *testing.T) {
	const now = "2026-11-23T15:54:09Z"
	fields := []Field{{"errno", "ENOENT"}, {"hint", "a b"}}
	for _, tt := range []struct {
		msg        string
		json, text string
	}{
		{"plain", `"plain"`, `plain`},
		{"", `""`, `""`},
		{"two words", `"two words"`, `"two words"`},
		{"a \"b\" \\ \n\t\x01\x7f", `"a \"b\" \\ \n\t\u0001\u007f"`, `"a \"b\" \\ \n\t\x01\x7f"`},
		{"ä\xff", `"ä` + "\ufffd" + `"`, `"ä\xff"`},
	} {
		got := string(appendJSON(nil, LevelError, tt.msg, now, fields))
		want := `{"level":"error","msg":` + tt.json + `,"time":"` + now + `","errno":"ENOENT","hint":"a b"}` + "\n"
		if got != want {
			t.Errorf("JSON: got %s, want %s", got, want)
		}
		got = string(appendText(nil, LevelWarning, tt.msg, now, fields))
		want = `time="` + now + `" level=warning msg=` + tt.text + ` errno=ENOENT hint="a b"` + "\n"
		if got != want {
			t.Errorf("text: got %s, want %s", got, want)
		}
	}
}

func TestPlain(t *testing.T) {
	fields := []Field{{"errno", "ENOENT"}, {"hint", "say \"please\""}, {"hint", "or not"}}
	for _, tt := range []struct {
		level  Level
		msg    string
		fields []Field
		want   string
	}{
		{LevelError, "it is broken", nil, "rung: it is broken\n"},
		{LevelError, "it is broken", fields, "rung: it is broken\nhint: say \"please\"\nhint: or not\n"},
		{LevelWarning, "odd", fields[:1], "rung: warning: odd\n"},
		{LevelDebug, "a\nb", nil, "rung: debug: a\n  b\n"},
		{LevelError, "name \x1b]0;x\a ä\xff\u009b\r", nil, "rung: name \\x1b]0;x\\a ä\ufffd\\u009b\\r\n"},
	} {
		if got := string(appendPlain(nil, tt.level, tt.msg, tt.fields)); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// On a terminal an error is told in plain words, unless JSON was asked for; a
// log in a file stays as it is.
func TestTerminal(t *testing.T) {
	fail := func(l *Logger) { l.Error(&stepError{unix.ENODEV}) }
	const plain = "rung: mounting proc on /proc: no such device\nhint: say \"please\"\n"
	read, slave := terminal(t)
	fail(&Logger{out: slave, level: LevelError})
	if got := read(len(plain)); got != plain {
		t.Errorf("the terminal shows %q, want %q", got, plain)
	}
	fail(&Logger{out: slave, level: LevelError, format: JSON})
	if got := read(10); got != `{"level":"` {
		t.Errorf("JSON on the terminal begins with %q", got)
	}

	read, slave = terminal(t)
	path := filepath.Join(t.TempDir(), "log")
	l, _ := open(t, path, Text, LevelError)
	l.stderr = slave
	fail(l)
	want := plain + "hint: the full log is in " + path + "\n"
	if got := read(len(want)); got != want {
		t.Errorf("the terminal shows %q, want %q", got, want)
	}
	if log, err := os.ReadFile(path); err != nil || !bytes.HasPrefix(log, []byte(`time="`)) {
		t.Errorf("the log: %q, %v", log, err)
	}
}

// terminal returns the slave of a new terminal, and what reads so many bytes of
// what it shows.
func terminal(t *testing.T) (read func(n int) string, slave *os.File) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no terminal is to be had: %v", err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	if err == nil {
		slave, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { master.Close(); slave.Close() })
	termios, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err == nil {
		termios.Oflag &^= unix.OPOST // no CR before LF
		err = unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, termios)
	}
	if err != nil {
		t.Fatal(err)
	}
	return func(n int) string {
		b := make([]byte, n)
		if _, err := io.ReadFull(master, b); err != nil {
			t.Fatal(err)
		}
		return string(b)
	}, slave
}

// TestStderrIsOneLine has an error with what an image or a hook made up beside a log.
func TestStderrIsOneLine(t *testing.T) {
	l, stderr := open(t, filepath.Join(t.TempDir(), "log"), JSON, LevelError)
	l.Error(errors.New("mounting tmpfs on /a\x1b[2J\r\nrung: all is well\x00\u202e\tb"))
	const want = `mounting tmpfs on /a\x1b[2J\r\nrung: all is well\x00\u202e` + "\tb\n"
	if got := stderr.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzJSONString(f *testing.F) {
	f.Add("a\x00\xff\u2028\"\\</script>")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(appendJSONString(nil, s), &got); err != nil {
			t.Fatal(err)
		}
		if want := string([]rune(s)); got != want { // U+FFFD for each invalid byte
			t.Errorf("%q became %q", s, got)
		}
		line := appendJSON(nil, LevelInfo, s, s, []Field{{s, s}})
		if n := bytes.IndexByte(line, '\n'); n != len(line)-1 {
			t.Errorf("%q is more than a line", line)
		}
	})
}

// open opens a log whose errors go to the returned buffer and not to stderr.
func open(t *testing.T, path string, format Format, level Level) (*Logger, *bytes.Buffer) {
	t.Helper()
	l, err := Open(path, format, level)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.out.(*os.File).Close() })
	stderr := new(bytes.Buffer)
	l.stderr = stderr
	return l, stderr
}

func TestLogFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log.json")
	l, stderr := open(t, path, JSON, LevelInfo)
	l.Warnf("odd %d", 1)
	l.Infof("fine")
	l.Debugf("hidden")
	l.Error(&stepError{unix.ENODEV})
	if got, want := stderr.String(), "mounting proc on /proc: no such device\n"; got != want {
		t.Errorf("stderr: %q, want %q", got, want)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var got []string
	for dec := json.NewDecoder(f); dec.More(); { // as containerd reads it
		var line struct {
			Level, Msg, Step, Errno, Hint string
			Time                          time.Time
		}
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
		if age := time.Since(line.Time); age < 0 || age > time.Minute {
			t.Errorf("logged %v ago", age)
		}
		got = append(got, strings.Join([]string{line.Level, line.Msg, line.Step, line.Errno, line.Hint}, "|"))
	}
	want := []string{
		"warning|odd 1|||",
		"info|fine|||",
		`error|mounting proc on /proc: no such device|mounting proc on /proc|ENODEV|say "please"`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if st, err := os.Stat(path); err != nil || st.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("the file: %v, %v", st.Mode(), err)
	}
}

func TestWritersShareALog(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	var wg sync.WaitGroup
	for range 4 {
		l, _ := open(t, path, Text, LevelDebug) // each has its own descriptor
		wg.Go(func() {
			for range 50 {
				l.Debugf("%s", strings.Repeat("x", 5000))
			}
		})
	}
	wg.Wait()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) != 200 {
		t.Errorf("%d lines, want 200", len(lines))
	}
	for _, line := range lines {
		if !strings.HasPrefix(line, `time="`) || !strings.HasSuffix(line,
			" level=debug msg="+strings.Repeat("x", 5000)) {
			t.Fatalf("a torn line: %q", line)
		}
	}
}

func TestOpenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "log")
	_, err := Open(path, Text, LevelInfo)
	if want := "opening the log: open " + path + ": no such file or directory"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestNew(t *testing.T) {
	l := New(Text, LevelError)
	if l.out != os.Stderr || l.stderr != nil {
		t.Errorf("errors go to %v and %v, want stderr, once", l.out, l.stderr)
	}
	if l.Enabled(LevelWarning) || !l.Enabled(LevelError) {
		t.Error("the level does not count")
	}
	new(Logger).Error(errors.New("dropped"))
}

func TestParse(t *testing.T) {
	for name, want := range map[string]Level{
		"error": LevelError, "warning": LevelWarning, "warn": LevelWarning, "info": LevelInfo, "debug": LevelDebug,
	} {
		if got, err := ParseLevel(name); got != want || err != nil {
			t.Errorf("ParseLevel(%q) = %v, %v", name, got, err)
		}
		if name != "warn" && want.String() != name {
			t.Errorf("%v is not %q", want, name)
		}
	}
	for name, want := range map[string]Format{"text": Text, "json": JSON} {
		if got, err := ParseFormat(name); got != want || err != nil {
			t.Errorf("ParseFormat(%q) = %v, %v", name, got, err)
		}
	}
	if _, err := ParseLevel("loud"); err == nil {
		t.Error("ParseLevel accepts loud")
	}
	if _, err := ParseFormat("xml"); err == nil {
		t.Error("ParseFormat accepts xml")
	}
}
