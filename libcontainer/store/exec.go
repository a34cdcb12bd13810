package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/spec"
)

// An Exec is what create keeps for the container's further processes, and for hooks
// that live under its restrictions: all that they need of the configuration,
// without the rest, and the filter, which is compiled once.
type Exec struct {
	Config       []byte // see [spec.ForExec]
	Filter       *seccomp.Filter
	NoNewKeyring bool
}

// The file is one line with the version, the filter's flags and number of
// instructions, and whether there is to be no new keyring; then the instructions
// (struct sock_filter), then the configuration.
const (
	execMagic  = "rung-exec 1 "
	execFormat = execMagic + "%d %d %t\n"
)

func (e *Exec) marshal() []byte {
	flags, code := uint(0), []byte(nil)
	if e.Filter != nil {
		flags, code = e.Filter.Flags, e.Filter.Bytes()
	}
	b := fmt.Appendf(make([]byte, 0, 64+len(code)+len(e.Config)), execFormat, flags, len(code)/unix.SizeofSockFilter,
		e.NoNewKeyring)
	return append(append(b, code...), e.Config...)
}

func (e *Exec) unmarshal(data []byte) error {
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	numbers, ok := strings.CutPrefix(string(line), execMagic)
	if !ok {
		return fmt.Errorf("first line %q: it is of another kind or version", line)
	}
	first, others, _ := strings.Cut(numbers, " ")
	second, third, _ := strings.Cut(others, " ")
	flags, err1 := strconv.ParseUint(first, 10, 32)
	instructions, err2 := strconv.ParseUint(second, 10, 16)
	noNewKeyring, err3 := strconv.ParseBool(third)
	if err := cmp.Or(err1, err2, err3); err != nil {
		return fmt.Errorf("first line %q: %w", line, err)
	}
	e.NoNewKeyring = noNewKeyring
	size := int(instructions) * unix.SizeofSockFilter
	if instructions > unix.BPF_MAXINSNS || len(rest) < size {
		return errors.New("it is cut off")
	}
	if instructions > 0 {
		e.Filter = &seccomp.Filter{Instructions: make([]unix.SockFilter, instructions), Flags: uint(flags)}
		copy(e.Filter.Bytes(), rest)
	}
	e.Config = rest[size:]
	return nil
}

// WriteExec keeps it. The directory must be locked.
func (d *Dir) WriteExec(e *Exec) error { return d.WriteFile(ExecName, e.marshal()) }

// Exec reads what create has kept.
func (d *Dir) Exec() (*Exec, error) {
	data, err := d.ReadFile(ExecName)
	if errors.Is(err, fs.ErrNotExist) {
		return d.oldExec()
	}
	e := new(Exec)
	if err == nil {
		err = e.unmarshal(data)
	}
	return e, kernel.Failed("reading what was kept for exec", err)
}

// oldExec is for containers that a rung created that did not keep it.
func (d *Dir) oldExec() (*Exec, error) {
	data, err := d.ReadFile(ConfigName)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	e := &Exec{Config: spec.ForExec(data)}
	s, _, err := spec.Load(data)
	if err == nil && s.Linux != nil && s.Linux.Seccomp != nil {
		e.Filter, err = seccomp.Compile(s.Linux.Seccomp)
	}
	return e, err
}
