package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
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

// Path returns the directory's absolute path.
func (d *Dir) Path() string { return d.path }

// Fd returns the directory's descriptor, which d owns.
func (d *Dir) Fd() int { return d.fd }

// ProcPath returns the path of a file of the directory by way of the
// descriptor. It is short enough for the address of a socket, unix(7), and
// means nothing to another process.
func (d *Dir) ProcPath(name string) string {
	return kernel.ProcPath(d.fd) + "/" + name
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
		return nil, fmt.Errorf("reading the container's record: %s/%s: it is the record of %q", d.path, recordName,
			r.ID)
	}
	return r, nil
}

// WriteRecord replaces the container's record. The directory must be locked.
func (d *Dir) WriteRecord(r *Record) error {
	text, err := r.MarshalText()
	if err == nil {
		err = d.WriteFile(recordName, text)
	}
	return kernel.Failed("writing the container's record", err)
}

// ReadFile returns the contents of the file of that name in the directory.
func (d *Dir) ReadFile(name string) ([]byte, error) {
	fd, err := d.open(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return nil, d.failed("stat", name, err)
	}
	data := make([]byte, st.Size)
	n, err := io.ReadFull(kernel.Reader(fd), data)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF { // it was cut off since, which its reader will see
		return nil, d.failed("read", name, err)
	}
	return data[:n], nil
}

// WriteFile replaces the file of that name in the directory by one with
// these contents and mode 0600. A reader finds the old file or the whole new
// one. The directory must be locked, and the name a constant above.
func (d *Dir) WriteFile(name string, data []byte) error {
	temp := name + ".new"
	fd, err := d.open(temp, unix.O_WRONLY|unix.O_CREAT|unix.O_TRUNC)
	if err != nil {
		return err
	}
	for len(data) > 0 && err == nil {
		var n int
		n, err = kernel.RestartInt(func() (int, error) { return unix.Write(fd, data) })
		data = data[max(n, 0):]
	}
	if err := errors.Join(err, unix.Close(fd)); err != nil {
		return d.failed("write", temp, err)
	}
	// No fsync: after a crash of the machine no container is alive.
	if err := unix.Renameat(d.fd, temp, d.fd, name); err != nil {
		return d.failed("rename", temp, err)
	}
	return nil
}

// open opens a file of the directory. The os package's files cost some system calls
// and a finalizer more.
func (d *Dir) open(name string, flags int) (int, error) {
	fd, err := kernel.RestartInt(func() (int, error) {
		return unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return -1, d.failed("open", name, err)
	}
	return fd, nil
}

func (d *Dir) failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: d.path + "/" + name, Err: err}
}

// Remove removes the directory and the files that rung puts there, the
// record first: with it the container is gone, and what follows only cleans
// up. The directory must be locked. A file that is not rung's is left alone,
// and the error names it.
func (d *Dir) Remove() error {
	// those that every container has; mostly there are no others
	if err := d.unlink(0, recordName, ConfigName, ExecName, ReportName); err != nil {
		return err
	}
	err := unix.Rmdir(d.path)
	if err == unix.ENOTEMPTY {
		if err := d.unlink(0, recordName+".new", ConfigName+".new", ExecName+".new", ReportName+".new",
			ResourcesName, ResourcesName+".new", StartName, NotifyName+"/"+NotifySock); err != nil {
			return err
		}
		if err := d.unlink(unix.AT_REMOVEDIR, NotifyName); err != nil {
			return err
		}
		err = unix.Rmdir(d.path)
	}
	if err == unix.ENOTEMPTY {
		return fmt.Errorf("removing the container's directory: %s has a file that is not rung's: %s", d.path,
			d.firstName())
	}
	if err != nil && err != unix.ENOENT {
		return fmt.Errorf("removing the container's directory: %w", &fs.PathError{Op: "rmdir", Path: d.path, Err: err})
	}
	return nil
}

// unlink removes those of the files that are there.
func (d *Dir) unlink(flags int, names ...string) error {
	for _, name := range names {
		if err := unix.Unlinkat(d.fd, name, flags); err != nil && err != unix.ENOENT {
			return fmt.Errorf("removing the container's directory: %w", d.failed("unlink", name, err))
		}
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
