// Package store keeps what rung must remember of each container between its
// commands: one directory per container below the store's root.
//
// A directory holds the container's record, the configuration it was created
// from, and the socket and files that start needs. Its life:
//
//	no directory      there is no container
//	no record in it   not yet, or no longer, a container: create has made
//	                  nothing besides, or delete has removed everything else
//	a record          a container
//
// Records are replaced by rename(2), so a process killed at any moment leaves
// the old one or the new one, never a part. A directory without a record that
// nobody has locked is debris: Create takes its place, and Sweep removes it.
//
// A container's lock is the flock(2) of its directory. It ends with the
// process that holds it. Reading a record needs no lock.
//
// The root and each container's directory are rung's only if they belong to its user or
// to root, and nobody else may write them; the root may be like /tmp. Others are
// refused when they are opened, owner.go.
package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// DefaultRoot is the root of a store of which nothing else is said.
const DefaultRoot = "/run/rung"

// Errors that a caller may want to tell apart. Clients of OCI runtimes look
// for the second one's words.
var (
	ErrExist    = errors.New("container with given ID already exists")
	ErrNotExist = errors.New("container does not exist")
	ErrLocked   = errors.New("container is locked")
)

// A Store is the directory that has the directories of all containers.
type Store struct {
	root      string
	isDefault bool
}

// New returns the store below root, which is made absolute; the empty string
// stands for DefaultRoot. Nothing is created. The root directory of the
// machine is refused.
func New(root string) (Store, error) {
	if root == "" {
		return Store{DefaultRoot, true}, nil
	}
	abs, err := filepath.Abs(root)
	if err != nil {
		return Store{}, fmt.Errorf("root %q: %w", root, err)
	}
	if abs == "/" {
		return Store{}, errors.New("root: / cannot hold containers' state")
	}
	return Store{abs, false}, nil
}

// NewDefault returns the store below root for who has said nothing of it: a user
// who is not root. It need not exist.
func NewDefault(root string) (Store, error) {
	s, err := New(root)
	s.isDefault = true
	return s, err
}

// Root returns the absolute path of the store.
func (s Store) Root() string { return s.root }

// CheckID returns an error unless id can name a container: one or more of
// the ASCII letters and digits, "_", "+", "-" and ".", but not "." or "..".
func CheckID(id string) error {
	if id == "" {
		return errors.New("container ID is empty")
	}
	if id == "." || id == ".." {
		return fmt.Errorf("container ID %q is a directory's own name", id)
	}
	if len(id) > unix.NAME_MAX {
		return fmt.Errorf("container ID has %d characters, more than %d", len(id), unix.NAME_MAX)
	}
	if strings.ContainsFunc(id, isNotOfID) {
		return fmt.Errorf("container ID %q has a character that is none of A-Z a-z 0-9 . _ + and -", id)
	}
	return nil
}

func isNotOfID(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.ContainsRune("._+-", c))
}

// Create makes the directory of a new container, and the store with it if
// needed, and returns it locked. The error is ErrExist, wrapped, if there is
// such a container, or another process is about to make or remove it.
func (s Store) Create(id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(s.root, 0o700); err != nil {
		return nil, fmt.Errorf("creating the store: %w", err)
	}
	for {
		d, err := s.create(id)
		if !errors.Is(err, ErrNotExist) {
			return d, err
		}
		// Swept as debris in the moment before it was locked.
	}
}

func (s Store) create(id string) (*Dir, error) {
	root, err := s.openRoot(unix.O_PATH)
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	err = unix.Mkdirat(root, id, 0o700)
	if err == unix.EEXIST {
		if err := s.Sweep(id); errors.Is(err, ErrLocked) {
			return nil, fmt.Errorf("%q: %w", id, ErrExist)
		} else if err != nil {
			return nil, err
		}
		err = unix.Mkdirat(root, id, 0o700)
	}
	if err == unix.EEXIST {
		return nil, fmt.Errorf("%q: %w", id, ErrExist)
	}
	if err != nil {
		return nil, fmt.Errorf("creating the container's directory: %w",
			&fs.PathError{Op: "mkdir", Path: s.path(id), Err: err})
	}
	d, err := s.openAt(root, id)
	if err != nil {
		return nil, err
	}
	if err := d.Lock(time.Second); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// Open opens the directory of an existing container, without locking it.
// The error is ErrNotExist, wrapped, if there is none, and a [*ForeignError] if it is not
// rung's. That a directory exists does not yet mean that a container does: see [Dir.Record].
func (s Store) Open(id string) (*Dir, error) {
	if err := CheckID(id); err != nil {
		return nil, err
	}
	root, err := s.openRoot(unix.O_PATH)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("%q: %w", id, ErrNotExist)
	}
	if err != nil {
		return nil, err
	}
	defer unix.Close(root)
	return s.openAt(root, id)
}

func (s Store) openAt(root int, id string) (*Dir, error) {
	path := s.path(id)
	fd, err := openOwn(root, id, path, unix.O_RDONLY|unix.O_NOFOLLOW, false)
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) {
		return nil, fmt.Errorf("%q: %w", id, ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the container's directory: %w", err)
	}
	return &Dir{fd: fd, id: id, path: path}, nil
}

// openRoot opens the root, through links if there are any: with O_PATH to work there, with
// O_RDONLY to list it.
func (s Store) openRoot(flags int) (int, error) {
	fd, err := openOwn(unix.AT_FDCWD, s.root, s.root, flags, true)
	return fd, kernel.Failed("opening the store", err)
}

// Sweep removes what a killed create or delete has left of a container: a
// directory without a record. It leaves a container alone. The error is
// ErrLocked, wrapped, if a process is busy there.
func (s Store) Sweep(id string) error {
	d, err := s.Open(id)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Record(); !errors.Is(err, ErrNotExist) {
		return nil // a container, even if its record cannot be read
	}
	err = d.Lock(0)
	if errors.Is(err, ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := d.Record(); !errors.Is(err, ErrNotExist) {
		return nil
	}
	return d.Remove()
}

// List returns the IDs of all containers, sorted. There may be one among
// them that has no record. A default store that does not exist is empty; any
// other has to exist.
func (s Store) List() ([]string, error) {
	fd, err := s.openRoot(unix.O_RDONLY)
	if s.isDefault && errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	root := os.NewFile(uintptr(fd), s.root)
	defer root.Close()
	entries, err := root.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("listing containers: %w", err)
	}
	var ids []string
	for _, e := range entries {
		if e.IsDir() && CheckID(e.Name()) == nil {
			ids = append(ids, e.Name())
		}
	}
	slices.Sort(ids)
	return ids, nil
}

func (s Store) path(id string) string { return s.root + "/" + id }
