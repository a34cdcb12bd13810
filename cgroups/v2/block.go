package v2

import (
	"fmt"
	"strings"

	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

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
	files := p.weightFiles(b)
	if limits.Given(b.Weight) {
		p.weights(files, "blockIO.weight", "", *b.Weight)
	}
	const noLeaves = "only CFQ, which Linux 5.0 removed, had weights for a cgroup's own processes"
	p.ignored(limits.Given(b.LeafWeight), "blockIO.leafWeight", noLeaves)
	for i, d := range b.WeightDevice {
		property := fmt.Sprintf("blockIO.weightDevice[%d]", i)
		if limits.Given(d.Weight) {
			p.weights(files, property+".weight", fmt.Sprintf("%d:%d ", d.Major, d.Minor), *d.Weight)
		}
		p.ignored(limits.Given(d.LeafWeight), property+".leafWeight", noLeaves)
	}
	p.throttle(b)
}

// weightFiles returns the files of weights that the cgroup has: that of the I/O scheduler
// bfq, and that of the cost model (io.cost.model), which a device uses without it. Where it
// has neither, the error of a write is to name the second.
func (p *plan) weightFiles(b *specs.LinuxBlockIO) (files []string) {
	if !limits.Given(b.Weight) && len(b.WeightDevice) == 0 {
		return nil
	}
	if p.Has(bfqWeight) {
		files = append(files, bfqWeight)
	}
	if len(files) == 0 || p.Has(ioWeight) {
		files = append(files, ioWeight)
	}
	return files
}

// weights plans a weight for a device, "MAJOR:MINOR ", or for all, "". bfq knows the
// specification's 10 to 1000; io.weight goes from 1 to 10000, 100 being the default of both.
func (p *plan) weights(files []string, property, device string, weight uint16) {
	for _, file := range files {
		n := uint64(weight)
		if file == ioWeight {
			n = ioWeightOf(weight)
		}
		w := p.Set(property, file, fmt.Sprint(device, n))
		if file == bfqWeight && len(files) > 1 {
			w.Soft = []unix.Errno{unix.EOPNOTSUPP} // a device that bfq does not schedule has the other
		}
		if file != bfqWeight || device != "" {
			continue
		}
		// with which bfq forgets those of the devices
		if now, err := p.Read("io", bfqWeight); err == nil {
			for _, line := range limits.DeviceWeights(now) {
				p.Set(property, bfqWeight, line)
			}
		}
	}
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
