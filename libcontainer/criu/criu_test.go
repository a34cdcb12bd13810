package criu

import (
	"bytes"
	"errors"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

func TestMarshal(t *testing.T) {
	for _, tt := range []struct {
		request Request
		want    string
	}{
		{Request{Type: Notify, Success: true}, "\x08\x06\x18\x01"},
		{Request{Type: Notify}, "\x08\x06\x18\x00"},
		{Request{Type: FeatureCheck, Features: &Features{LazyPages: true}}, "\x08\x09\x2a\x02\x10\x01"},
		// images_dir_fd is required, and 0 of work_dir_fd is not its default
		{Request{Type: Dump, Options: &Options{Pid: 300, External: []string{"a", ""}}},
			"\x08\x01\x12\x0f\x08\x00\x10\xac\x02\x88\x01\x00\xaa\x02\x01a\xaa\x02\x00"},
	} {
		if got := tt.request.Marshal(); string(got) != tt.want {
			t.Errorf("%v: %q, want %q", tt.request.Type, got, tt.want)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	var r Response
	// type 2, success, restore{pid 300}, cr_errno 13, and two fields from the future
	const message = "\x08\x02\x10\x01\x22\x03\x08\xac\x02\x38\x0d\xa5\x06abcd\xa1\x06abcdefgh"
	if err := r.Unmarshal([]byte(message)); err != nil {
		t.Fatal(err)
	}
	if want := (Response{Type: Restore, Success: true, Restored: 300, Errno: 13}); r != want {
		t.Errorf("%+v, want %+v", r, want)
	}
	for _, bad := range []string{"", "\x08", "\x08\x02", "\x08\x02\x10", "\x08\x02\x10\x01\x22\x05\x08", "\x0b",
		"\x00\x00", "\x08\x02\x10\x01\x22\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"} {
		if r.Unmarshal([]byte(bad)) == nil {
			t.Errorf("%q is taken for a response: %+v", bad, r)
		}
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte("\x08\x02\x10\x01\x22\x03\x08\xac\x02\x38\x0d"))
	f.Add([]byte("\x08\x06\x10\x01\x2a\x0d\x0a\x09post-dump\x10\x07"))
	f.Fuzz(func(t *testing.T, m []byte) { new(Response).Unmarshal(m) })
}

// pair is the two ends of a conversation, from which a test plays CRIU's part.
func pair(t *testing.T) (rung, criu int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fds[0]) })
	return fds[0], fds[1]
}

func TestDo(t *testing.T) {
	rung, criu := pair(t)
	refused := errors.New("refused")
	told := make(chan string)
	go func() {
		defer unix.Close(criu)
		var heard bytes.Buffer
		buf := make([]byte, 1000)
		for _, say := range []string{"\x08\x06\x10\x01\x2a\x0d\x0a\x09post-dump\x10\x07",
			"\x08\x06\x10\x01\x2a\x04\x0a\x02no", "\x08\x01\x10\x00\x38\x05"} {
			n, _ := unix.Read(criu, buf)
			heard.Write(buf[:n])
			heard.WriteByte('|')
			unix.Sendmsg(criu, []byte(say), unix.UnixRights(0), nil, 0)
		}
		told <- heard.String()
	}()
	var scripts []string
	response, err := Do(rung, -1, &Request{Type: Dump}, func(script string, pid int, fds []kernel.Fd) error {
		scripts = append(scripts, script)
		if len(fds) != 1 {
			t.Errorf("%s: %d descriptors, want 1", script, len(fds))
		}
		if script == "no" {
			return refused
		}
		if pid != 7 {
			t.Errorf("%s: pid %d, want 7", script, pid)
		}
		return nil
	})
	if !errors.Is(err, refused) || response == nil || response.Success || response.Errno != 5 || len(scripts) != 2 {
		t.Errorf("Do: %+v, %v, notified of %q", response, err, scripts)
	}
	if got, want := <-told, "\x08\x01|\x08\x06\x18\x01|\x08\x06\x18\x00|"; got != want {
		t.Errorf("criu was told %q, want %q", got, want)
	}
}

func TestDoEnded(t *testing.T) {
	rung, criu := pair(t)
	unix.Close(criu)
	if _, err := Do(rung, -1, &Request{Type: Dump}, nil); !errors.Is(err, ErrEnded) {
		t.Errorf("Do: %v, want ErrEnded", err)
	}
}

func TestQuote(t *testing.T) {
	for _, tt := range []struct{ log, want string }{
		{"", ""},
		{"(00.000001) Version: 4.1.1\n(00.000002) a\n(00.1) b\n(00.2) c", "a; b; c"},
		{"(00.000001) Version: 4.1\n(00.012345) Error (criu/mount.c:4711): mnt: No mapping\n(00.02) Unlock " +
			"network\n(00.03)     12: Error (criu/x.c:1): in: a task\n",
			"mnt: No mapping; in: a task"},
		{"Error (a): 1\nError (a): 2\nError (a): 3\nError (a): 4\nError (a): 5\n", "2; 3; 4; 5"},
	} {
		if got := Quote([]byte(tt.log)); got != tt.want {
			t.Errorf("Quote(%q) = %q, want %q", tt.log, got, tt.want)
		}
	}
}

// A CRIU that was killed may have children that keep its end open.
func TestDoKilled(t *testing.T) {
	rung, criu := pair(t)
	defer unix.Close(criu)
	cmd := exec.Command("true")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	pidfd, err := unix.PidfdOpen(cmd.Process.Pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pidfd)
	if _, err := Do(rung, pidfd, &Request{Type: Dump}, nil); !errors.Is(err, ErrEnded) {
		t.Errorf("Do: %v, want ErrEnded", err)
	}
}
