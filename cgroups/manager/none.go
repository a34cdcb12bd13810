package manager

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/cgroups/v1"
	"github.com/rung-oci/rung/cgroups/v2"
)

// None returns the Manager of a container without a cgroup, whose processes stay in
// the caller's. It refuses what only a cgroup can enforce of r, which may be nil. Rules
// of devices are a warning: engines write some into every config.
func None(r *specs.LinuxResources) (m cgroups.Manager, warnings []string, err error) {
	if lost := limits(r); len(lost) > 0 {
		return nil, nil, fmt.Errorf("%s: cannot set limits without cgroups (--cgroup-manager disabled)",
			strings.Join(lost, ", "))
	}
	if r != nil && len(r.Devices) > 0 {
		warnings = append(warnings, "linux.resources.devices: ignored: "+
			"without cgroups the container may use every device that it has a node of")
	}
	return none{}, warnings, nil
}

// NewOrNone is New for a user who is not root of the machine. Where that may make no cgroup, and the
// config does not say which one it has to be, the container has none; its limits are warned
// about, as nothing enforces them. Rules of devices are not: the user's own rights are the limit.
func NewOrNone(o Options, r *specs.LinuxResources) (m cgroups.Manager, warnings []string, err error) {
	m, err = New(o)
	if o.Path != "" || o.Systemd {
		return m, nil, err
	}
	if maker, ok := m.(interface{ MayMake() error }); err == nil && ok {
		err = maker.MayMake()
	}
	if err == nil {
		return m, nil, nil
	}
	if lost := limits(r); len(lost) > 0 {
		warnings = append(warnings, fmt.Sprintf("%s: ignored: the container has no cgroup, since this user may make "+
			"none (%v): have one given to the user, as systemd does with Delegate=yes, or use --systemd-cgroup",
			strings.Join(lost, ", "), err))
	}
	return none{}, warnings, nil
}

// limits are the properties of r, which may be nil, that only a cgroup can enforce.
func limits(r *specs.LinuxResources) (given []string) {
	if r == nil {
		return nil
	}
	for _, p := range [...]struct {
		name  string
		given bool
	}{
		{"memory", r.Memory != nil && *r.Memory != specs.LinuxMemory{}},
		{"cpu", r.CPU != nil && *r.CPU != specs.LinuxCPU{}},
		{"pids", r.Pids != nil && r.Pids.Limit != nil},
		{"blockIO", r.BlockIO != nil},
		{"hugepageLimits", len(r.HugepageLimits) > 0},
		{"network", r.Network != nil},
		{"rdma", len(r.Rdma) > 0},
		{"unified", len(r.Unified) > 0},
	} {
		if p.given {
			given = append(given, "linux.resources."+p.name)
		}
	}
	return given
}

// none has nothing to look after. What needs a cgroup is an ErrNone.
type none struct{}

func needs(what string) error { return fmt.Errorf("%s: %w", what, cgroups.ErrNone) }

func (none) Create(*specs.LinuxResources) ([]string, error)         { return nil, nil }
func (none) SetDevices([]specs.LinuxDeviceCgroup) ([]string, error) { return nil, nil }
func (none) DeviceFilter([]specs.LinuxDeviceCgroup) (string, error) { return "", nil }

func (none) Settle() {}

func (none) Update(_, _ *specs.LinuxResources) (*cgroups.Change, error) {
	return nil, needs("changing the limits")
}

func (none) Entry(bool) (cgroups.Entry, error)   { return cgroups.Entry{}, nil }
func (none) Detour(int) (*cgroups.Detour, error) { return nil, needs("a detour") }
func (none) EntryFiles() ([]string, string)      { return nil, "" }

func (none) Move(refusal error, _ int) (cgroups.Entry, error) { return cgroups.Entry{}, refusal }

func (n none) Sub(places []string) (cgroups.Manager, error) {
	_, err := new(v1.Manager).Sub(places)
	return n, err
}

func (none) Mounts() ([]cgroups.Mount, error) {
	h, err := cgroups.Find()
	if err == nil && h.Pure() {
		return v2.OwnMounts(h.Unified()), nil
	}
	return v1.OwnMounts(h), err
}

func (none) Roots() ([]cgroups.Root, error)       { return nil, nil }
func (none) FreezerDir() string                   { return "" }
func (none) HasChildren() bool                    { return false }
func (none) Freeze() error                        { return needs("freezing") }
func (none) Thaw() error                          { return needs("thawing") }
func (none) Frozen() (bool, error)                { return false, nil }
func (none) Release() (bool, error)               { return false, nil }
func (none) Kill(unix.Signal) error               { return nil }
func (none) Processes() ([]int, error)            { return nil, nil }
func (none) Occupants() ([]int, error)            { return nil, nil }
func (none) Stats() (*cgroups.Stats, error)       { return nil, needs("reading the statistics") }
func (none) Memory() (cgroups.MemoryStats, error) { return cgroups.MemoryStats{}, nil }
func (none) WatchOOM() (cgroups.OOMWatch, error)  { return nil, needs("reading the statistics") }
func (none) Exists() bool                         { return false }
func (none) Remove() error                        { return nil }
func (none) Record() []byte                       { return nil }
func (none) Close()                               {}
