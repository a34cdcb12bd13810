package libcontainer

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups"
	"github.com/rung-oci/rung/internal/kernel"
	"github.com/rung-oci/rung/libcontainer/namespaces"
	"github.com/rung-oci/rung/libcontainer/process"
)

// Stats are the counters of a container at a moment.
type Stats struct {
	*cgroups.Stats
	Network []Interface // of the container's own network namespace
	Created time.Time   // of the container
	Now     time.Time
}

// An Interface is a network interface with its counters.
type Interface struct {
	Name                                    string
	RxBytes, RxPackets, RxErrors, RxDropped uint64
	TxBytes, TxPackets, TxErrors, TxDropped uint64
}

// An Event is something that Events tells: the statistics, or without them that
// memory ran out.
type Event struct{ Stats *Stats }

// Stats returns the counters of a container that is not stopped.
func (r *Runtime) Stats(id string) (*Stats, error) {
	w, err := r.watch(id)
	if err != nil {
		return nil, err
	}
	defer w.close()
	return w.stats()
}

// Events tells of a container until it stops: its counters at once and at every
// interval, and when memory runs out. It ends early with the first error of tell.
func (r *Runtime) Events(id string, interval time.Duration, tell func(Event) error) error {
	w, err := r.watch(id)
	if err != nil {
		return err
	}
	defer w.close()
	for next := time.Now(); ; {
		if !time.Now().Before(next) {
			stats, err := w.stats()
			if err != nil {
				if w.ended(0) {
					return nil // and its cgroup is gone
				}
				return err
			}
			if err := tell(Event{stats}); err != nil {
				return err
			}
			next = tickAfter(time.Now(), next, interval)
		}
		ended := w.ended(time.Until(next))
		if w.oom.RanOut() {
			if err := tell(Event{}); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
}

// tickAfter returns the first tick after now, which is at or after the last one. The
// ticks between are left out: there may be billions of them, after SIGSTOP or because
// the interval is shorter than what is done at each.
func tickAfter(now, last time.Time, interval time.Duration) time.Time {
	late := now.Sub(last)
	return last.Add(late - late%interval + interval)
}

// A watch is what is held of a container while it is watched. Its lock is not: a
// container lives on meanwhile.
type watch struct {
	*container
	manager cgroups.Manager
	init    int // pidfd
	oom     cgroups.OOMWatch
	network bool
}

func (r *Runtime) watch(id string) (*watch, error) {
	c, err := r.open(id, false)
	if err != nil {
		return nil, err
	}
	w := &watch{container: c, manager: c.cgroup(), init: -1}
	if err := w.begin(id); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

func (w *watch) begin(id string) error {
	status, err := w.status()
	if err != nil {
		return err
	}
	if status == Stopped || w.record.Init.Pid == 0 {
		return fmt.Errorf("container with id %s is not running: it is %s", id, status)
	}
	if w.init, err = w.record.Init.Open(); err != nil {
		return err
	}
	w.network = ownNetwork(w.record.Init)
	w.oom, err = w.manager.WatchOOM()
	return err
}

func (w *watch) close() {
	closeAll(w.init)
	if w.oom != nil {
		w.oom.Close()
	}
	w.manager.Close()
	w.container.close()
}

func (w *watch) stats() (*Stats, error) {
	counters, err := w.manager.Stats()
	if err != nil {
		return nil, err
	}
	s := &Stats{Stats: counters, Created: w.record.Created, Now: time.Now()}
	if w.network {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/dev", w.record.Init.Pid))
		if err == nil && !w.ended(0) { // or the pid may be another's
			s.Network = parseInterfaces(string(text))
		}
	}
	return s, nil
}

// ended waits for the end of the first process, or for memory to run out, and reports
// whether it was the former.
func (w *watch) ended(wait time.Duration) bool {
	poll := []unix.PollFd{kernel.Readable(w.init), kernel.Readable(w.oom.Fd())}
	_, err := kernel.Poll(poll, max(wait, 0))
	return err == nil && poll[0].Revents != 0
}

// ownNetwork reports whether a process is in another network namespace than this one.
func ownNetwork(p process.Identity) bool {
	own, known := namespaces.Of("self", specs.NetworkNamespace)
	its, alive := namespaces.Of(strconv.Itoa(p.Pid), specs.NetworkNamespace)
	return known && alive && its != own
}

// parseInterfaces reads /proc/PID/net/dev, proc_pid_net(5), without the loopback.
func parseInterfaces(text string) (list []Interface) {
	for line := range strings.Lines(text) {
		name, counters, ok := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "lo" {
			continue
		}
		i := Interface{Name: name}
		var skip uint64
		if _, err := fmt.Sscan(counters,
			&i.RxBytes, &i.RxPackets, &i.RxErrors, &i.RxDropped, &skip, &skip, &skip, &skip,
			&i.TxBytes, &i.TxPackets, &i.TxErrors, &i.TxDropped); err == nil {
			list = append(list, i)
		}
	}
	return list
}
