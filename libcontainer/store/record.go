package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/process"
)

// A Phase is how far the commands that change a container have come. It says
// what is left to do after a crash, and is never by itself a container's
// status: see [Facts].
type Phase string

const (
	// PhaseCreating: create has begun and has not succeeded. Whatever the
	// record names may exist, half exist or not exist.
	PhaseCreating Phase = "creating"
	// PhaseCreated: create has succeeded.
	PhaseCreated Phase = "created"
)

// A Record is what rung knows of a container and cannot ask the kernel.
type Record struct {
	Program     string // version of the rung that wrote the record
	ID          string
	OCIVersion  string // of the container's configuration
	Bundle      string // absolute path
	Rootfs      string // absolute path
	Created     time.Time
	UID         uint32 // who created the container
	Annotations map[string]string
	Phase       Phase

	// Init is the container's first process; the zero value if there is
	// none yet.
	Init process.Identity
	// ImageDev and ImageIno identify the image that Init executes until its
	// birth program ends. See [process.Identity.Executes].
	ImageDev, ImageIno uint64

	PrivatePids bool   // the container has a pid namespace of its own
	Terminal    bool   // the container's process has a terminal
	Cgroup      []byte // state of package cgroups, opaque here; no state if empty

	// HostNamespaces are those that the configuration does not name, as
	// CLONE_NEW* flags: whatever Init makes for itself later, they are the
	// host's to the container. Records of older versions have none.
	HostNamespaces uint64

	// Streams are the standard streams that the first process was made with. A
	// checkpoint tells by them what is not the container's own.
	Streams [3]Stream

	// CRIU is the one that saves or restores the container, or has done so. Whatever
	// becomes of who started it, it may hold the lock.
	CRIU process.Identity
}

// A Stream is a file by its device and inode number; the zero value is none.
type Stream struct{ Dev, Ino uint64 }

// StreamOf returns the stream that a file is.
func StreamOf(st *unix.Stat_t) Stream { return Stream{Dev: uint64(st.Dev), Ino: st.Ino} }

// The text form of a record is one property a line, its name and its value
// separated by a space, after a first line that carries the version of the
// format. Strings are quoted as in Go. Readers ignore names they do not know,
// so that properties can be added without a new version. Both ways take some
// ten microseconds, where encoding/json takes 150 for the first value of a type.
const (
	recordMagic   = "rung-record "
	recordVersion = 1
)

// MarshalText returns the record's text form.
func (r *Record) MarshalText() ([]byte, error) {
	b := make([]byte, 0, 1024+2*len(r.Cgroup))
	b = append(b, recordMagic...)
	b = strconv.AppendInt(b, recordVersion, 10)
	b = append(b, '\n')
	b = appendString(b, "program", r.Program)
	b = appendString(b, "id", r.ID)
	b = appendString(b, "ociVersion", r.OCIVersion)
	b = appendString(b, "bundle", r.Bundle)
	b = appendString(b, "rootfs", r.Rootfs)
	b = appendString(b, "created", r.Created.UTC().Format(time.RFC3339Nano))
	b = appendUint(b, "uid", uint64(r.UID))
	b = appendString(b, "phase", string(r.Phase))
	b = appendUint(b, "pid", uint64(r.Init.Pid))
	b = appendUint(b, "startTime", r.Init.StartTime)
	b = appendString(b, "bootID", r.Init.BootID)
	b = appendUint(b, "imageDev", r.ImageDev)
	b = appendUint(b, "imageIno", r.ImageIno)
	b = appendBool(b, "privatePids", r.PrivatePids)
	b = appendBool(b, "terminal", r.Terminal)
	b = appendString(b, "cgroup", string(r.Cgroup))
	if r.HostNamespaces != 0 {
		b = appendUint(b, "hostNamespaces", r.HostNamespaces)
	}
	b = appendStreams(b, r.Streams)
	if s := r.CRIU; s.Pid != 0 {
		b = fmt.Appendf(b, "criu %d %d %q\n", s.Pid, s.StartTime, s.BootID)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Annotations)) {
		b = append(b, "annotation "...)
		b = strconv.AppendQuote(b, k)
		b = append(b, ' ')
		b = strconv.AppendQuote(b, r.Annotations[k])
		b = append(b, '\n')
	}
	return append(b, "end\n"...), nil
}

func appendString(b []byte, name, v string) []byte {
	b = append(append(b, name...), ' ')
	return append(strconv.AppendQuote(b, v), '\n')
}

func appendUint(b []byte, name string, v uint64) []byte {
	b = append(append(b, name...), ' ')
	return append(strconv.AppendUint(b, v, 10), '\n')
}

func appendBool(b []byte, name string, v bool) []byte {
	b = append(append(b, name...), ' ')
	return append(strconv.AppendBool(b, v), '\n')
}

// appendStreams adds "streams DEV:INO DEV:INO DEV:INO", unless there is none.
func appendStreams(b []byte, streams [3]Stream) []byte {
	if streams == [3]Stream{} {
		return b
	}
	b = append(b, "streams"...)
	for _, s := range streams {
		b = strconv.AppendUint(append(b, ' '), s.Dev, 10)
		b = strconv.AppendUint(append(b, ':'), s.Ino, 10)
	}
	return append(b, '\n')
}

// UnmarshalText replaces the record with the one that text describes.
func (r *Record) UnmarshalText(text []byte) error {
	first, rest, _ := strings.Cut(string(text), "\n") // of which what follows are parts
	version, ok := strings.CutPrefix(first, recordMagic)
	if !ok {
		return errors.New("not a record")
	}
	if version != strconv.Itoa(recordVersion) {
		return fmt.Errorf("version %q is not supported, only %d is", version, recordVersion)
	}
	*r = Record{}
	for n := 2; ; n++ {
		line, tail, ok := strings.Cut(rest, "\n")
		if !ok {
			return errors.New("the record is cut off")
		}
		if line == "end" {
			return nil
		}
		name, value, _ := strings.Cut(line, " ")
		if err := r.set(name, value); err != nil {
			return fmt.Errorf("line %d: %s: %w", n, name, err)
		}
		rest = tail
	}
}

func (r *Record) set(name, value string) (err error) {
	switch name {
	case "program":
		r.Program, err = strconv.Unquote(value)
	case "id":
		r.ID, err = strconv.Unquote(value)
	case "ociVersion":
		r.OCIVersion, err = strconv.Unquote(value)
	case "bundle":
		r.Bundle, err = strconv.Unquote(value)
	case "rootfs":
		r.Rootfs, err = strconv.Unquote(value)
	case "created":
		r.Created, err = parseTime(value)
	case "uid":
		var uid uint64
		uid, err = strconv.ParseUint(value, 10, 32)
		r.UID = uint32(uid)
	case "phase":
		r.Phase, err = parsePhase(value)
	case "pid":
		var pid uint64
		pid, err = strconv.ParseUint(value, 10, 31)
		r.Init.Pid = int(pid)
	case "startTime":
		r.Init.StartTime, err = strconv.ParseUint(value, 10, 64)
	case "bootID":
		r.Init.BootID, err = strconv.Unquote(value)
	case "imageDev":
		r.ImageDev, err = strconv.ParseUint(value, 10, 64)
	case "imageIno":
		r.ImageIno, err = strconv.ParseUint(value, 10, 64)
	case "privatePids":
		r.PrivatePids, err = strconv.ParseBool(value)
	case "terminal":
		r.Terminal, err = strconv.ParseBool(value)
	case "cgroup":
		r.Cgroup, err = parseBytes(value)
	case "hostNamespaces":
		r.HostNamespaces, err = strconv.ParseUint(value, 10, 64)
	case "streams":
		r.Streams, err = parseStreams(value)
	case "criu":
		_, err = fmt.Sscanf(value, "%d %d %q", &r.CRIU.Pid, &r.CRIU.StartTime, &r.CRIU.BootID)
	case "annotation":
		err = r.setAnnotation(value)
	}
	return err
}

func (r *Record) setAnnotation(value string) error {
	quoted, err := strconv.QuotedPrefix(value)
	if err != nil {
		return err
	}
	k, err := strconv.Unquote(quoted)
	if err != nil {
		return err
	}
	rest := value[len(quoted):]
	if rest == "" || rest[0] != ' ' {
		return errors.New("no value")
	}
	v, err := strconv.Unquote(rest[1:])
	if err != nil {
		return err
	}
	if r.Annotations == nil {
		r.Annotations = make(map[string]string)
	}
	r.Annotations[k] = v
	return nil
}

func parseStreams(value string) (streams [3]Stream, err error) {
	for i := range streams {
		var one, dev, ino string
		one, value, _ = strings.Cut(value, " ")
		dev, ino, _ = strings.Cut(one, ":")
		if streams[i].Dev, err = strconv.ParseUint(dev, 10, 64); err != nil {
			return streams, err
		}
		if streams[i].Ino, err = strconv.ParseUint(ino, 10, 64); err != nil {
			return streams, err
		}
	}
	return streams, nil
}

func parseTime(value string) (time.Time, error) {
	s, err := strconv.Unquote(value)
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC3339Nano, s)
}

func parsePhase(value string) (Phase, error) {
	s, err := strconv.Unquote(value)
	if err != nil {
		return "", err
	}
	switch p := Phase(s); p {
	case PhaseCreating, PhaseCreated:
		return p, nil
	}
	return "", fmt.Errorf("unknown phase %q", s)
}

func parseBytes(value string) ([]byte, error) {
	s, err := strconv.Unquote(value)
	if s == "" {
		return nil, err
	}
	return []byte(s), err
}
