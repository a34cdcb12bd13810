package libcontainer

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/libcontainer/seccomp"
	"github.com/rung-oci/rung/libcontainer/store"
	"github.com/rung-oci/rung/spec"
)

// kept is what create keeps for the container's further processes, and for hooks
// that live under its restrictions: all that they need of the configuration,
// without the rest, and the filter, which is compiled once.
type kept struct {
	config       []byte // see [spec.ForExec]
	filter       *seccomp.Filter
	noNewKeyring bool
}

// The file is one line with the version, the filter's flags and number of
// instructions, and whether there is to be no new keyring; then the instructions
// (struct sock_filter), then the configuration.
const (
	keptMagic  = "rung-exec 1 "
	keptFormat = keptMagic + "%d %d %t\n"
)

func (k *kept) marshal() []byte {
	flags, code := uint(0), []byte(nil)
	if k.filter != nil {
		flags, code = k.filter.Flags, k.filter.Bytes()
	}
	b := fmt.Appendf(make([]byte, 0, 64+len(code)+len(k.config)), keptFormat, flags, len(code)/unix.SizeofSockFilter, k.noNewKeyring)
	return append(append(b, code...), k.config...)
}

func (k *kept) unmarshal(data []byte) error {
	line, rest, _ := bytes.Cut(data, []byte("\n"))
	numbers, ok := strings.CutPrefix(string(line), keptMagic)
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
	k.noNewKeyring = noNewKeyring
	size := int(instructions) * unix.SizeofSockFilter
	if instructions > unix.BPF_MAXINSNS || len(rest) < size {
		return errors.New("it is cut off")
	}
	if instructions > 0 {
		k.filter = &seccomp.Filter{Instructions: make([]unix.SockFilter, instructions), Flags: uint(flags)}
		copy(k.filter.Bytes(), rest)
	}
	k.config = rest[size:]
	return nil
}

// keep writes it for a container that is being created.
func (c *creation) keep() error {
	k := kept{config: spec.ForExec(c.config), filter: c.filter, noNewKeyring: c.o.NoNewKeyring}
	return c.dir.WriteFile(store.ExecName, k.marshal())
}

func (c *container) kept() (*kept, error) {
	data, err := c.dir.ReadFile(store.ExecName)
	if errors.Is(err, fs.ErrNotExist) {
		return c.keptOfOld()
	}
	k := new(kept)
	if err == nil {
		err = k.unmarshal(data)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what was kept for exec: %w", err)
	}
	return k, nil
}

// keptOfOld is for containers that a rung created that did not keep it.
func (c *container) keptOfOld() (*kept, error) {
	data, err := c.dir.ReadFile(store.ConfigName)
	if err != nil {
		return nil, fmt.Errorf("reading the saved configuration: %w", err)
	}
	k := &kept{config: spec.ForExec(data)}
	s, _, err := spec.Load(data)
	if err == nil && s.Linux != nil && s.Linux.Seccomp != nil {
		k.filter, err = seccomp.Compile(s.Linux.Seccomp)
	}
	return k, err
}
