package systemd

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/rung-oci/rung/cgroups/systemd/bus"
)

// AnnotationPrefix begins the annotations that are properties of the unit.
const AnnotationPrefix = "org.systemd.property."

// harmless are the properties that an annotation may set, since they concern the scope alone: how
// it ends, what it may use, when. Others start and stop units, reboot the machine, or take away
// what keeps the container in, and an annotation can come from an image or a pod (CVE-2024-3154).
var harmless = map[string]bool{
	"After": true, "Before": true, "CollectMode": true, "DefaultDependencies": true, "Description": true,
	"Documentation": true,

	"FinalKillSignal": true, "KillMode": true, "KillSignal": true, "OOMPolicy": true, "RestartKillSignal": true,
	"RuntimeMaxUSec": true, "RuntimeRandomizedExtraUSec": true, "SendSIGHUP": true, "SendSIGKILL": true,
	"TimeoutStopUSec": true, "WatchdogSignal": true,

	"CPUAccounting": true, "IOAccounting": true, "IPAccounting": true, "MemoryAccounting": true,
	"TasksAccounting": true, "BlockIOAccounting": true,

	"AllowedCPUs": true, "AllowedMemoryNodes": true, "CPUQuotaPerSecUSec": true, "CPUQuotaPeriodUSec": true,
	"CPUWeight": true, "IODeviceLatencyTargetUSec": true, "IODeviceWeight": true, "IOReadBandwidthMax": true,
	"IOReadIOPSMax": true, "IOWeight": true, "IOWriteBandwidthMax": true, "IOWriteIOPSMax": true,
	"ManagedOOMMemoryPressure": true, "ManagedOOMMemoryPressureDurationUSec": true,
	"ManagedOOMMemoryPressureLimit": true, "ManagedOOMPreference": true, "ManagedOOMSwap": true,
	"MemoryHigh": true, "MemoryLow": true, "MemoryMax": true, "MemoryMin": true, "MemorySwapMax": true,
	"MemoryZSwapMax": true, "MemoryZSwapWriteback": true, "StartupCPUWeight": true, "StartupIOWeight": true,
	"TasksMax": true,
}

// annotated reads the properties among the annotations, sorted by name. Their values are text of
// GVariant: see [bus.ParseText]. A time may be given in seconds, as in unit files: NAMESec is NAMEUSec.
// Allowed are the harmless ones, and those of which the whole key is in allow.
func annotated(annotations map[string]string, allow []string) (list []property, err error) {
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		name, ok := strings.CutPrefix(key, AnnotationPrefix)
		if !ok {
			continue
		}
		p, err := parseProperty(name, annotations[key])
		if err != nil {
			return nil, fmt.Errorf("annotations[%s]: %w", key, err)
		}
		if !harmless[p.name] && !slices.Contains(allow, key) {
			return nil, fmt.Errorf("annotations[%s]: not allowed: the property can do harm outside of the container "+
				"(--allow %[1]s allows it)", key)
		}
		list = append(list, p)
	}
	return list, nil
}

func parseProperty(name, text string) (property, error) {
	if !isPropertyName(name) {
		return property{}, fmt.Errorf("%q is no name of a property: that is of letters, more than three", name)
	}
	v, err := bus.ParseText(text)
	if err != nil {
		return property{}, fmt.Errorf("%q is no value of GVariant's text format: %w", text, err)
	}
	if of, ok := strings.CutSuffix(name, "Sec"); ok && 'a' <= of[len(of)-1] && of[len(of)-1] <= 'z' {
		v, err = microseconds(v)
		return property{of + "USec", v}, err
	}
	return property{name, v}, nil
}

// isPropertyName reports whether the name can be a property's, as runc sees it.
func isPropertyName(name string) bool {
	return len(name) > 3 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// microseconds converts seconds.
func microseconds(v bus.Value) (bus.Value, error) {
	const second = 1000000
	var n float64
	switch v := v.(type) {
	case bus.Int32:
		n = float64(v)
	case bus.Int64:
		n = float64(v)
	case bus.Uint32:
		n = float64(v)
	case bus.Uint64:
		if uint64(v) <= math.MaxUint64/second {
			return v * second, nil // exactly
		}
		n = float64(v)
	case bus.Double:
		n = float64(v)
	default:
		return nil, fmt.Errorf("a value of type %q is no number of seconds", v.Type())
	}
	if n *= second; !(n >= 0 && n < math.MaxUint64) {
		return nil, fmt.Errorf("%v µs is no length of time", n)
	}
	return bus.Uint64(n), nil
}

// override puts properties in place of those with the same name.
func override(list, by []property) []property {
	for _, p := range by {
		if i := slices.IndexFunc(list, func(q property) bool { return q.name == p.name }); i >= 0 {
			list[i] = p
		} else {
			list = append(list, p)
		}
	}
	return list
}
