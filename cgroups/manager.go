package cgroups

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// A Manager looks after the cgroup of one container. New and Restore of package
// manager make one. It keeps descriptors of the directories that it has used, which
// Close gives back; it can be used after that. It is not safe for concurrent use.
//
// Nothing is an error because the cgroup is gone, but for what changes it or joins it.
type Manager interface {
	// Create makes the cgroup, with the parents that it needs and the limits of r,
	// which may be nil, but for its devices. What exists is used as it is. What cannot be made is a
	// MakeError, and then what was made is removed again. A limit that cannot be set is
	// an error that names its property; those before it have been set then, and Remove
	// takes the cgroup away.
	//
	// Limits and weights of zero are taken as not given, as other runtimes do: clients
	// send them so. (A zero of swappiness, idle, burst, pids.limit or a hugepage limit is
	// a zero.) The warnings are about what the kernel ignores or changes.
	Create(r *specs.LinuxResources) (warnings []string, err error)
	// SetDevices sets the rules of devices, which Create leaves alone: a runtime opens
	// devices for a container that the container may not. Whatever no rule is about is denied,
	// but for the default devices, also where there is no rule at all.
	SetDevices(rules []specs.LinuxDeviceCgroup) (warnings []string, err error)
	// DeviceFilter is the program by which SetDevices will have the kernel enforce the rules,
	// for people: "" if it only writes files, or if there is nothing to be denied.
	DeviceFilter(rules []specs.LinuxDeviceCgroup) (string, error)

	// Settle tells that a process of the container is in the cgroup. A cgroup that goes when
	// nobody is in it was kept by Create until now.
	Settle()

	// Update changes the limits of a cgroup that is in use. What the patch does not give
	// stays as it is (see Create for what counts as given). Either all of it is applied
	// or, with an error, nothing.
	//
	// What the kernel does not show is in present, the resources in force, or nil: what
	// a cgroup that is allowed every device is still denied, the shares of the CPU
	// that an idle one comes back to, and the limit of memory and swap together, where it
	// has one of swap by itself.
	Update(patch, present *specs.LinuxResources) (*Change, error)

	// Entry opens the way into the cgroup. It refuses a frozen one unless evenFrozen
	// says that the caller has looked, or that the process may wait until it is thawed.
	Entry(evenFrozen bool) (Entry, error)
	// EntryFiles are the names of the Files that Entry will return, in their order. They
	// are known before the cgroup is there. One more, the last, is optional: it is only written
	// to by who cannot be born in the cgroup, see Move. It is "" if there is none.
	EntryFiles() (names []string, optional string)
	// Move opens another way into the cgroup, for a process that cannot be born there: refusal is
	// what clone(2) said, or ErrFrozen, since who is born in a frozen cgroup stops at once,
	// and its parent waits. A cgroup with as many processes as it may have (EAGAIN) takes one
	// that moves. One that the container has enabled controllers in, for cgroups below it, takes
	// none (EBUSY): the way leads to where the process first is, the container's first one; 0
	// for none. What moving does not help against is an error that explains the refusal.
	Move(refusal error, first int) (Entry, error)
	// Detour takes a process without other threads out of the cgroup, which may have as many
	// processes as it may (pids.max), so that it can clone once.
	Detour(pid int) (*Detour, error)
	// Sub returns the Manager of a cgroup below this one, which exists. Each place is
	// "PATH", for every controller, and then it is the only one, or
	// "CONTROLLER[,CONTROLLER]...:PATH"; what is not named stays where it is. Paths
	// start at the container's cgroup, "/" is that itself. Nothing is touched.
	Sub(places []string) (Manager, error)

	// Mounts are what a container is shown of its cgroup by a mount of type cgroup.
	Mounts() ([]Mount, error)
	// Roots are the places of the cgroup in the hierarchies.
	Roots() ([]Root, error)
	// FreezerDir is the directory by which others, such as CRIU, can freeze the
	// processes; "" if there is none.
	FreezerDir() string
	// HasChildren reports whether the container has made cgroups in its own.
	HasChildren() bool

	// Freeze stops all processes of the cgroup and of its descendants, and returns
	// when all are stopped. After two seconds it gives up. When it fails, none is left
	// stopped.
	Freeze() error
	// Thaw lets the processes go on.
	Thaw() error
	// Frozen reports whether the cgroup is frozen or being frozen, by itself or by a
	// parent.
	Frozen() (bool, error)
	// Release lets processes that were killed end: what is frozen does not. It thaws
	// the cgroup and those of its descendants that were frozen by themselves, and
	// reports whether there was any. Below a frozen parent it fails with
	// ErrParentFrozen.
	Release() (was bool, err error)
	// Kill sends the signal to every process in the cgroup and its descendants, but not
	// to the caller. With SIGKILL it goes on until there are none left, at most ten
	// seconds; what is frozen is released. If a parent keeps the processes frozen they
	// get the signal, and it fails at once, with ErrParentFrozen.
	Kill(sig unix.Signal) error

	// Processes returns the container's processes, sorted: those in the cgroup and in its
	// descendants. Those that the caller's pid namespace cannot see are left out.
	Processes() ([]int, error)
	// Occupants are the processes that have to go before the cgroup can: besides the
	// container's, one that was just being born, or that somebody has moved in part.
	Occupants() ([]int, error)

	// Stats reads the counters of all controllers.
	Stats() (*Stats, error)
	// Memory returns what tells whether, and at which limit, processes of the cgroup
	// were killed for memory: only Memory and OOMKills are read. Without a limit of
	// memory to be had all is zero.
	Memory() (MemoryStats, error)
	// WatchOOM watches for memory running out in the cgroup.
	WatchOOM() (OOMWatch, error)

	// Exists reports whether the cgroup, or a part of it, is there.
	Exists() bool
	// Remove removes the cgroup and its descendants. Parents stay. It is an error
	// (EBUSY) when a process is still in it after two seconds; what can be removed is
	// removed all the same.
	Remove() error

	// Record is what Restore of package manager needs, for a later command: lines of
	// text, none for a container without a cgroup.
	Record() []byte
	Close()
}

// A Change is what Update has written.
type Change struct {
	// Warnings are about what the kernel ignores or changes.
	Warnings []string
	// Revert takes back all that was written. It goes on after a failure; the error
	// names what could not be taken back.
	Revert func() error
}

// An Entry is the way into a cgroup for a process without other threads: it is born in
// Dir, and then writes "0" to each of the Files that are open, in their order. To be born somewhere
// takes none of the locks that moving takes: over all of the machine's threads, up to
// tens of milliseconds. The zero Entry leaves the process where its parent is.
type Entry struct {
	// Dir is a directory for CLONE_INTO_CGROUP, clone(2), if there is one.
	Dir   kernel.Fd
	Files []EntryFile
}

// An EntryFile is open for writing and close-on-exec.
type EntryFile struct {
	Name    string
	Fd      int  // -1: the optional one, which nothing is to be written to
	Charges bool // the memory that who is moved by it uses is charged to the cgroup
}

// Close closes the descriptors that are still the Entry's.
func (e *Entry) Close() {
	e.Dir.Close()
	for _, f := range e.Files {
		if f.Fd >= 0 {
			unix.Close(f.Fd)
		}
	}
	*e = Entry{}
}

// A Detour is where a process is that clones for a full cgroup: a move is not limited, a clone
// is. Here it is as well, once there is the child. The zero Detour is none.
type Detour struct {
	Back kernel.Fd // takes pids
	Dir  string    // that Close removes, when the process and its child are gone from there
}

// Return moves the child to the cgroup.
func (d *Detour) Return(child int) error {
	if _, err := unix.Write(d.Back.Int(), strconv.AppendInt(nil, int64(child), 10)); err != nil {
		return fmt.Errorf("moving the process to its cgroup: %w", err)
	}
	return nil
}

// Close ends the detour. Who is still there has kept itself from being found, or was kept by a
// tracer, and goes to the cgroup now: nobody stays outside of the container's limit.
func (d *Detour) Close() error {
	defer d.Back.Close()
	if d.Dir == "" {
		return nil
	}
	for range 100 { // what is moved can fork no faster: there is room for one child
		pids, err := os.ReadFile(filepath.Join(d.Dir, "cgroup.procs"))
		if err != nil || len(pids) == 0 {
			break
		}
		for pid := range strings.FieldsSeq(string(pids)) {
			if n, err := strconv.Atoi(pid); err == nil {
				_ = d.Return(n) // one that has ended meanwhile is gone from there, too
			}
		}
	}
	return os.Remove(d.Dir)
}

// An Idler is a process that does nothing, and ends with the one that has started it or before.
type Idler interface {
	Pid() int
	// End ends it, and returns when it has ended.
	End()
}

// A Mount is a part of what a container is shown of its cgroup. With a cgroup
// namespace of its own the file system is mounted anew, and begins at the container's
// cgroup; without, Dir is bound.
type Mount struct {
	Name    string   // of the directory, below the destination; "": it is the destination itself
	Links   []string // symbolic links to it, beside it
	Dir     string   // "": there is none to be shown
	Shared  bool     // Dir has others' cgroups, too: who is not the host's root may not write there
	Type    string   // of the file system
	Options []string // of the file system: NAME or NAME=VALUE
}

// A Root is the place of a cgroup in one hierarchy.
type Root struct {
	Controllers string // as in /proc/PID/cgroup: "" for cgroup v2
	Path        string // from the hierarchy's root on
}

// An OOMWatch tells when memory runs out and nothing can be reclaimed: mostly a
// process is killed then.
type OOMWatch interface {
	// Fd becomes readable, poll(2), when RanOut has something to tell. It is -1 if there
	// is never anything.
	Fd() int
	// RanOut reports whether memory ran out since it was asked last.
	RanOut() bool
	Close()
}

// ErrNone is why what needs a cgroup cannot be done with a container that has none.
var ErrNone = errors.New("the container has no cgroup (its user could make none, or it was created with " +
	"--cgroup-manager disabled)")

// ErrFrozen is why a process cannot join a cgroup, or not yet.
var ErrFrozen = errors.New("it is frozen")

// ErrParentFrozen is why what was thawed does not go on.
var ErrParentFrozen = errors.New("a parent cgroup is frozen")

// A MakeError is the failure to make a cgroup.
type MakeError struct {
	Err  error
	Hint string // what can be done about it, or ""
}

func (e *MakeError) Error() string { return e.Err.Error() }
func (e *MakeError) Unwrap() error { return e.Err }

// NoOOMWatch watches where memory has no limit.
type NoOOMWatch struct{}

// Fd returns -1.
func (NoOOMWatch) Fd() int { return -1 }

// RanOut returns false.
func (NoOOMWatch) RanOut() bool { return false }

// Close does nothing.
func (NoOOMWatch) Close() {}
