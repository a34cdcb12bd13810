package kernel

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"math"
	"strings"

	"golang.org/x/sys/unix"
)

// A Mount is a mount of a mount namespace, as a line of mountinfo describes it
// (proc_pid_mountinfo(5), show_mountinfo in fs/proc_namespace.c):
//
//	ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE SUPEROPTIONS
//
// It is valid until the next one: a machine may have ten thousand, of which few matter.
type Mount struct{ mount, super []byte } // the halves of the line

// Root is the path that is mounted, from the root of the file system.
func (m Mount) Root() string { return unescape(field(m.mount, 3)) }

// Point is the mount point, as a process sees it whose root is that of the process that
// was asked about.
func (m Mount) Point() string { return unescape(field(m.mount, 4)) }

// Device is the number of the file system, MAJOR:MINOR.
func (m Mount) Device() string { return string(field(m.mount, 2)) }

// DeviceAt is the number of the file system that is seen at a path, as [Mount.Device], or
// "" if nothing is.
func DeviceAt(path string) string {
	var st unix.Stat_t
	if unix.Stat(path, &st) != nil {
		return ""
	}
	return fmt.Sprintf("%d:%d", unix.Major(st.Dev), unix.Minor(st.Dev))
}

// Holds reports whether the mount point is an absolute path or a directory that the path
// leads through.
func (m Mount) Holds(path string) bool {
	point := field(m.mount, 4)
	if bytes.IndexByte(point, '\\') >= 0 {
		point = []byte(unescape(point))
	}
	rest, ok := strings.CutPrefix(path, string(bytes.TrimSuffix(point, []byte{'/'})))
	return ok && (rest == "" || rest[0] == '/')
}

// FSType is the type of the file system.
func (m Mount) FSType() string { return string(field(m.super, 0)) }

// SuperOptions are the options of the file system, whoever has mounted it, as
// opposed to those of the mount, separated by commas.
func (m Mount) SuperOptions() string { return string(field(m.super, 2)) }

// field is one of those that are separated by a space, of which none is within a
// field: it is escaped there.
func field(b []byte, number int) []byte {
	for range number {
		_, b, _ = bytes.Cut(b, []byte{' '})
	}
	b, _, _ = bytes.Cut(b, []byte{' '})
	return b
}

// Mounts are the mounts of the mount namespace of a process, a pid or "self", in the
// order in which they were made. The last element may be an error.
func Mounts(process string) iter.Seq2[Mount, error] {
	return func(yield func(Mount, error) bool) {
		path := "/proc/" + process + "/mountinfo"
		fd, err := RestartInt(func() (int, error) { return unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0) })
		if err != nil {
			yield(Mount{}, fmt.Errorf("%s: %w", path, err))
			return
		}
		defer unix.Close(fd)
		for m, err := range ParseMounts(Reader(fd)) {
			if err != nil {
				err = fmt.Errorf("%s: %w", path, err)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

// ParseMounts are the mounts in the text of mountinfo. A field that is missing is "".
func ParseMounts(text io.Reader) iter.Seq2[Mount, error] {
	return func(yield func(Mount, error) bool) {
		lines := bufio.NewScanner(text)
		// The kernel gives a page at a time. An overlay names all its layers: a line has no limit.
		lines.Buffer(make([]byte, 0, 8<<10), math.MaxInt)
		for lines.Scan() {
			mount, super, _ := bytes.Cut(lines.Bytes(), []byte(" - "))
			if !yield(Mount{mount, super}, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Mount{}, err)
		}
	}
}

// unescape undoes the octal escapes of spaces and their like: \040.
func unescape(b []byte) string {
	if bytes.IndexByte(b, '\\') < 0 {
		return string(b)
	}
	out := make([]byte, 0, len(b))
	for i := 0; i < len(b); i++ {
		if b[i] == '\\' && i+3 < len(b) && octal(b[i+1]) && octal(b[i+2]) && octal(b[i+3]) {
			out = append(out, (b[i+1]-'0')<<6|(b[i+2]-'0')<<3|(b[i+3]-'0'))
			i += 3
			continue
		}
		out = append(out, b[i])
	}
	return string(out)
}

func octal(c byte) bool { return '0' <= c && c <= '7' }

// Below reports whether a path, absolute and clean, is dir or lies in it.
func Below(path, dir string) bool {
	return path == dir || dir == "/" || strings.HasPrefix(path, dir+"/")
}
