// Package netdevice moves network devices into the network namespace of a
// container: linux.netDevices of the runtime specification, config-linux.md,
// "Network Devices".
package netdevice

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/rung-oci/rung/internal/kernel"
)

// Move moves network devices, given by their names in the caller's network
// namespace, to the one that the descriptor netns refers to, in the order of
// their names. A device gets the new name, in which the kernel replaces a %d
// by a number that makes it unique, keeps its permanent addresses of global
// scope, and is set up; its MTU, hardware address and other attributes are its
// own and go with it. Routes do not.
//
// A name that the other namespace has already is an error. An error names the
// property, as in "linux.netDevices.eth0: no such device". Devices moved before
// it stay where they are; when that namespace ends, the kernel destroys the
// virtual ones and brings the physical ones back to the initial namespace,
// network_namespaces(7).
func Move(devices map[string]specs.LinuxNetDevice, netns int) error {
	if len(devices) == 0 {
		return nil
	}
	m, err := newMover(netns)
	if err != nil {
		return fmt.Errorf("linux.netDevices: %w", err)
	}
	defer m.close()
	for _, name := range slices.Sorted(maps.Keys(devices)) {
		if err := m.move(name, cmp.Or(devices[name].Name, name)); err != nil {
			return fmt.Errorf("linux.netDevices.%s: %w", name, err)
		}
	}
	return nil
}

// Up sets up a device of the network namespace that the descriptor netns refers to.
func Up(name string, netns int) error {
	c, err := dialIn(netns)
	if err != nil {
		return err
	}
	defer c.close()
	l, err := c.linkByName(name)
	if err != nil {
		return err
	}
	return c.change(upRequest(l.index))
}

// A mover has a connection to the kernel in either namespace.
type mover struct {
	host, container *conn
	netns           int
}

func newMover(netns int) (*mover, error) {
	if err := checkOther(netns); err != nil {
		return nil, err
	}
	host, err := dial()
	if err != nil {
		return nil, err
	}
	container, err := dialIn(netns)
	if err != nil {
		host.close()
		return nil, err
	}
	return &mover{host, container, netns}, nil
}

func (m *mover) close() {
	m.host.close()
	m.container.close()
}

// move moves one device. Its index is chosen before, so that it is known
// whatever name the kernel makes.
func (m *mover) move(name, newName string) error {
	link, err := m.host.linkByName(name)
	if err != nil {
		return err
	}
	addresses, err := m.host.addresses(link.index)
	if err != nil {
		return fmt.Errorf("addresses: %w", err)
	}
	index, err := m.freeIndex(link.index, newName)
	if err != nil {
		return err
	}
	if err := m.host.change(moveRequest(link.index, m.netns, index, newName)); err != nil {
		return fmt.Errorf("moving to the container as %s: %w", newName, err)
	}
	moved, err := m.container.linkByIndex(index)
	if err != nil {
		return fmt.Errorf("after the move: %w", err)
	}
	for _, a := range addresses {
		if err := m.container.change(a.request(index, name, moved.name)); err != nil {
			return fmt.Errorf("address %s: %w", a, err)
		}
	}
	return kernel.Failed("setting up", m.container.change(upRequest(index)))
}

// freeIndex returns an index that no device of the container has, the present
// one if possible. A name that is in use there is an error now: the kernel
// renames only after it has moved.
func (m *mover) freeIndex(index int32, newName string) (int32, error) {
	links, err := m.container.links()
	if err != nil {
		return 0, fmt.Errorf("devices of the container: %w", err)
	}
	highest, free := int32(0), true
	for _, l := range links {
		if l.name == newName {
			return 0, fmt.Errorf("the container has a device %s already: %w", newName, unix.EEXIST)
		}
		highest = max(highest, l.index)
		free = free && l.index != index
	}
	if free {
		return index, nil
	}
	return highest + 1, nil
}
