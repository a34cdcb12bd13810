package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Names in a container's directory.
const (
	recordName    = "record"
	ConfigName    = "config.json"    // the configuration, as it was at create
	ResourcesName = "resources.json" // what update has changed in its linux.resources; mostly there is none
	StartName     = "start.sock"     // the socket on which init waits for start
	ReportName    = "report"         // the birth program's report page
	ExecName      = "exec"           // what each further process needs of the configuration
	NotifyName    = "notify"         // a directory, bound into the container
	NotifySock    = "notify.sock"    // in it, the socket for sd_notify(3)
)

// A Dir is the directory of one container. Its files are reached through a
// descriptor, so it stays the same directory whatever becomes of its name.
type Dir struct {
	// Waiting, if not nil, is called once if Lock has waited long, with the process
	// that has the lock.
	Waiting func(holder string)

	fd     int
	id     string
	path   string
	locked bool
}

// ID returns the container's ID.
func (d *Dir) ID() string { return d.id }

// Path returns the directory's absolute path.
func (d *Dir) Path() string { return d.path }

// Fd returns the directory's descriptor, which d owns.
func (d *Dir) Fd() int { return d.fd }

// ProcPath returns the path of a file of the directory by way of the
// descriptor. It is short enough for the address of a socket, unix(7), and
// means nothing to another process.
func (d *Dir) ProcPath(name string) string {
	return "/proc/self/fd/" + strconv.Itoa(d.fd) + "/" + name
}

// Close closes the directory and unlocks it.
func (d *Dir) Close() error {
	err := unix.Close(d.fd)
	d.fd, d.locked = -1, false
	return err
}

// Record reads the container's record. The error is ErrNotExist, wrapped, if
// there is none, which means that there is no container.
func (d *Dir) Record() (*Record, error) {
	text, err := d.ReadFile(recordName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%q: %w", d.id, ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the container's record: %w", err)
	}
	r := new(Record)
	if err := r.UnmarshalText(text); err != nil {
		return nil, fmt.Errorf("reading the container's record: %s/%s: %w", d.path, recordName, err)
	}
	if r.ID != d.id {
		return nil, fmt.Errorf("reading the container's record: %s/%s: it is the record of %q", d.path, recordName, r.ID)
	}
	return r, nil
}

// WriteRecord replaces the container's record. The directory must be locked.
func (d *Dir) WriteRecord(r *Record) error {
	text, err := r.MarshalText()
	if err == nil {
		err = d.WriteFile(recordName, text)
	}
	if err != nil {
		return fmt.Errorf("writing the container's record: %w", err)
	}
	return nil
}

// ReadFile returns the contents of the file of that name in the directory.
func (d *Dir) ReadFile(name string) ([]byte, error) {
	f, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

// WriteFile replaces the file of that name in the directory by one with
// these contents and mode 0600. A reader finds the old file or the whole new
// one. The directory must be locked, and the name a constant above.
func (d *Dir) WriteFile(name string, data []byte) error {
	temp := name + ".new"
	f, err := d.open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	// No fsync: after a crash of the machine no container is alive.
	if err := unix.Renameat(d.fd, temp, d.fd, name); err != nil {
		return &fs.PathError{Op: "rename", Path: d.path + "/" + temp, Err: err}
	}
	return nil
}

func (d *Dir) open(name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: d.path + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), d.path+"/"+name), nil
}

// Remove removes the directory and the files that rung puts there, the
// record first: with it the container is gone, and what follows only cleans
// up. The directory must be locked. A file that is not rung's is left alone,
// and the error names it.
func (d *Dir) Remove() error {
	for _, f := range [...]struct {
		name  string
		flags int
	}{
		{recordName, 0},
		{recordName + ".new", 0},
		{ConfigName, 0},
		{ConfigName + ".new", 0},
		{ResourcesName, 0},
		{ResourcesName + ".new", 0},
		{ExecName, 0},
		{ExecName + ".new", 0},
		{StartName, 0},
		{ReportName, 0},
		{ReportName + ".new", 0},
		{NotifyName + "/" + NotifySock, 0},
		{NotifyName, unix.AT_REMOVEDIR},
	} {
		err := unix.Unlinkat(d.fd, f.name, f.flags)
		if err != nil && err != unix.ENOENT {
			return fmt.Errorf("removing the container's directory: %w",
				&fs.PathError{Op: "unlink", Path: d.path + "/" + f.name, Err: err})
		}
	}
	err := unix.Rmdir(d.path)
	if err == unix.ENOTEMPTY {
		return fmt.Errorf("removing the container's directory: %s has a file that is not rung's: %s", d.path, d.firstName())
	}
	if err != nil && err != unix.ENOENT {
		return fmt.Errorf("removing the container's directory: %w", &fs.PathError{Op: "rmdir", Path: d.path, Err: err})
	}
	return nil
}

func (d *Dir) firstName() string {
	names, err := os.ReadDir(d.path)
	if err != nil || len(names) == 0 {
		return "unknown"
	}
	return names[0].Name()
}
