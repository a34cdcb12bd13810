package v1

import (
	"fmt"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	bfqWeight       = "blkio.bfq.weight"
	bfqWeightDevice = "blkio.bfq.weight_device"
)

// block plans linux.resources.blockIO
// (Documentation/admin-guide/cgroup-v1/blkio-controller.rst). Weights belong to
// the I/O scheduler: bfq has its own files; those without its name, and leaf
// weights, were CFQ's, which Linux 5.0 removed.
func (p *plan) block(b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	if limits.Given(b.Weight) {
		p.weight(*b.Weight)
	}
	limits.SetGiven(&p.Plan, "blockIO.leafWeight", "blkio.leaf_weight", b.LeafWeight)
	for i, d := range b.WeightDevice {
		property, device := fmt.Sprintf("blockIO.weightDevice[%d]", i), fmt.Sprintf("%d:%d ", d.Major, d.Minor)
		if limits.Given(d.Weight) {
			p.Set(property+".weight", p.weightFile("weight_device"), device+fmt.Sprint(*d.Weight))
		}
		if limits.Given(d.LeafWeight) {
			p.Set(property+".leafWeight", "blkio.leaf_weight_device", device+fmt.Sprint(*d.LeafWeight))
		}
	}
	p.throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", b.ThrottleReadBpsDevice)
	p.throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", b.ThrottleWriteBpsDevice)
	p.throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", b.ThrottleReadIOPSDevice)
	p.throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", b.ThrottleWriteIOPSDevice)
}

// weight plans the weight, with which bfq forgets those of the devices.
func (p *plan) weight(weight uint16) {
	const property = "blockIO.weight"
	file := p.weightFile("weight")
	p.Set(property, file, fmt.Sprint(weight))
	if file != bfqWeight {
		return
	}
	if present, err := p.Read("blkio", bfqWeightDevice); err == nil {
		for _, line := range limits.DeviceWeights(present) {
			p.Set(property, bfqWeightDevice, line)
		}
	}
}

// throttle plans one write for each device; a rate of 0 takes a limit away.
func (p *plan) throttle(property, file string, devices []specs.LinuxThrottleDevice) {
	for i, d := range devices {
		p.Set(fmt.Sprintf("blockIO.%s[%d]", property, i), file, fmt.Sprintf("%d:%d %d", d.Major, d.Minor, d.Rate))
	}
}

// weightFile returns the file for a weight: CFQ's where the kernel has it.
func (p *plan) weightFile(name string) string {
	if p.Has("blkio." + name) {
		return "blkio." + name
	}
	return "blkio.bfq." + name
}
