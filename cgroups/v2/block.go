package v2

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/rung-oci/rung/cgroups/limits"
)

const (
	ioMax     = "io.max"
	ioWeight  = "io.weight"
	bfqWeight = "io.bfq.weight"
)

// block plans linux.resources.blockIO.
func (p *plan) block(b *specs.LinuxBlockIO) {
	if b == nil {
		return
	}
	if limits.Given(b.Weight) {
		p.weight(*b.Weight)
	}
	const noLeaves = "only CFQ, which Linux 5.0 removed, had weights for a cgroup's own processes"
	p.ignored(limits.Given(b.LeafWeight), "blockIO.leafWeight", noLeaves)
	for i, d := range b.WeightDevice {
		property := fmt.Sprintf("blockIO.weightDevice[%d]", i)
		if limits.Given(d.Weight) {
			p.deviceWeight(property+".weight", fmt.Sprintf("%d:%d", d.Major, d.Minor), *d.Weight)
		}
		p.ignored(limits.Given(d.LeafWeight), property+".leafWeight", noLeaves)
	}
	p.throttle(b)
}

// weight plans the weight for all devices. There may be a file of the I/O scheduler bfq, and
// one of the cost model (io.cost.model), which is for the devices with other schedulers. Where
// neither is, the error is to name the second.
//
// bfq knows the specification's 10 to 1000; io.weight goes from 1 to 10000.
func (p *plan) weight(weight uint16) {
	const property = "blockIO.weight"
	present, err := p.Read("io", bfqWeight)
	if err == nil {
		p.Set(property, bfqWeight, fmt.Sprint(weight))
		for _, line := range limits.DeviceWeights(present) { // which bfq forgets with it
			p.Set(property, bfqWeight, line)
		}
	}
	if err != nil || p.Has(ioWeight) {
		p.Set(property, ioWeight, fmt.Sprint(ioWeightOf(weight)))
	}
}

// deviceWeight plans the weight for a device. The kernel refuses it in the file of what does
// not schedule the device.
func (p *plan) deviceWeight(property, device string, weight uint16) {
	bfq := p.Has(bfqWeight)
	if bfq && p.Has(ioWeight) {
		scheduler, err := p.Read("", "/sys/dev/block/"+device+"/queue/scheduler")
		bfq = err != nil || strings.Contains(scheduler, "[bfq]")
	}
	if bfq {
		p.Set(property, bfqWeight, fmt.Sprintf("%s %d", device, weight))
		return
	}
	p.Set(property, ioWeight, fmt.Sprintf("%s %d", device, ioWeightOf(weight)))
}

// ioWeightOf converts a weight as the peers do: [10,1000] to [1,10000], linearly.
func ioWeightOf(weight uint16) uint64 {
	return 1 + (uint64(max(weight, 10))-10)*9999/990
}

// throttle plans one write to io.max for each device, with all that is given of it. A rate
// of 0 takes a limit away.
func (p *plan) throttle(b *specs.LinuxBlockIO) {
	at := map[string]int{} // of a device among the writes
	for _, t := range [...]struct {
		property, key string
		devices       []specs.LinuxThrottleDevice
	}{
		{"throttleReadBpsDevice", "rbps", b.ThrottleReadBpsDevice},
		{"throttleWriteBpsDevice", "wbps", b.ThrottleWriteBpsDevice},
		{"throttleReadIOPSDevice", "riops", b.ThrottleReadIOPSDevice},
		{"throttleWriteIOPSDevice", "wiops", b.ThrottleWriteIOPSDevice},
	} {
		for i, d := range t.devices {
			device, property := fmt.Sprintf("%d:%d", d.Major, d.Minor), fmt.Sprintf("blockIO.%s[%d]", t.property, i)
			n, ok := at[device]
			if !ok {
				n = len(p.Writes)
				at[device] = n
				p.Set(property, ioMax, device).Lifts = true
			} else {
				p.Writes[n].Property += ", linux.resources." + property
			}
			rate := "max"
			if d.Rate > 0 {
				rate = fmt.Sprint(d.Rate)
				p.Writes[n].Lifts = false
			}
			p.Writes[n].Value += " " + t.key + "=" + rate
		}
	}
}

// defaultsOf are the values of a device without a line in a file, by the file.
func defaultsOf(file string) (values string, ok bool) {
	switch file {
	case ioMax:
		return "rbps=max wbps=max riops=max wiops=max", true
	case "io.latency":
		return "target=max", true
	case "rdma.max":
		return "hca_handle=max hca_object=max", true
	case "misc.max", "dmem.max":
		return "max", true
	case "dmem.min", "dmem.low":
		return "0", true
	case ioWeight, bfqWeight:
		return "default", true
	}
	return "", false
}

// restoring returns the write that brings back what a file holds now. A file with a
// line for each device is written one line at a time.
func restoring(w *limits.Write, now string) limits.Write {
	key, _, _ := strings.Cut(w.Value, " ")
	values, keyed := defaultsOf(w.File)
	switch {
	case !keyed:
		return w.With(now)
	case (w.File == ioWeight || w.File == bfqWeight) && !strings.Contains(key, ":"):
		_, weight, _ := strings.Cut(limits.Line(now, "default", "default 100"), " ")
		return w.With(weight)
	}
	return w.With(limits.Line(now, key, key+" "+values))
}
