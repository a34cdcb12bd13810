package kernel

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

func TestReader(t *testing.T) {
	r, w := pipe(t)
	if _, err := unix.Write(w.Int(), []byte("all of it")); err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got, err := io.ReadAll(Reader(r.Int())); string(got) != "all of it" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := Reader(-1).Read(make([]byte, 1)); err != unix.EBADF {
		t.Errorf("no descriptor: %v", err)
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	want := bytes.Repeat([]byte("0123456789"), 1000)
	must(t, os.WriteFile(dir+"/file", want, 0o600))
	at := openPath(t, dir)
	for _, size := range []int{0, 1, 9999, 10000, 20000} {
		if got, err := ReadFile(at, "file", size); !bytes.Equal(got, want) || err != nil {
			t.Errorf("expecting %d bytes: %d, %v", size, len(got), err)
		}
	}
	const missing = "open none: no such file or directory"
	if _, err := ReadFile(at, "none", 0); !errors.Is(err, os.ErrNotExist) || err.Error() != missing {
		t.Error(err)
	}
	if _, err := ReadFile(unix.AT_FDCWD, dir, 0); !errors.Is(err, unix.EISDIR) {
		t.Error(err)
	}
}
