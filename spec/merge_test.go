package spec

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
)

// Patches that are merged with each other change a configuration as one after the
// other does.
func TestMergeResources(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		base, a, b := randomResources(random), randomResources(random), randomResources(random)
		apart := MergeResources(MergeResources(base, a), b)
		together := MergeResources(base, MergeResources(MergeResources(nil, a), b))
		if !reflect.DeepEqual(apart, together) {
			t.Fatalf("%s + %s + %s:\none after the other %s\ntogether %s",
				shown(base), shown(a), shown(b), shown(apart), shown(together))
		}
	}
}

func TestMergeMemory(t *testing.T) {
	none, limit, swap := int64(-1), int64(1<<20), int64(2<<20)
	got := merge(&specs.LinuxMemory{Limit: &limit, Swap: &swap}, &specs.LinuxMemory{Limit: &none}, mergeMemory)
	if *got.Limit != -1 || *got.Swap != -1 {
		t.Errorf("no limit of memory leaves one of swap: %d", *got.Swap)
	}
	zero := int64(0)
	got = merge(&specs.LinuxMemory{Limit: &limit}, &specs.LinuxMemory{Limit: &zero, Swap: &swap}, mergeMemory)
	if *got.Limit != limit || *got.Swap != swap {
		t.Errorf("limits %d and %d", *got.Limit, *got.Swap)
	}
}

func shown(r *specs.LinuxResources) string { return string(EncodeResources(r)) }

func randomResources(random *rand.Rand) *specs.LinuxResources {
	r := new(specs.LinuxResources)
	if random.IntN(3) > 0 {
		r.Memory = &specs.LinuxMemory{
			Limit: pick[int64](random, -1, 5, 7), Swap: pick[int64](random, -1, 8, 9),
			Reservation: pick[int64](random, 3, 4)}
	}
	if random.IntN(3) > 0 {
		r.CPU = &specs.LinuxCPU{
			Shares: pick[uint64](random, 2, 3), Quota: pick[int64](random, -1, 1000),
			Idle: pick[int64](random, 0, 1), Burst: pick[uint64](random, 0, 6)}
		if random.IntN(2) > 0 {
			r.CPU.Cpus = []string{"0", "1"}[random.IntN(2)]
		}
	}
	for range random.IntN(3) {
		r.Devices = append(r.Devices, specs.LinuxDeviceCgroup{
			Allow: random.IntN(2) > 0, Type: []string{"a", "b", "c"}[random.IntN(3)], Access: "rwm"})
	}
	for range random.IntN(3) {
		r.HugepageLimits = append(r.HugepageLimits, specs.LinuxHugepageLimit{
			Pagesize: []string{"2MB", "1GB"}[len(r.HugepageLimits)], Limit: random.Uint64N(3)})
	}
	if random.IntN(2) > 0 {
		r.Pids = &specs.LinuxPids{Limit: pick[int64](random, -1, 0, 3)}
	}
	if random.IntN(2) > 0 {
		r.BlockIO = &specs.LinuxBlockIO{Weight: pick[uint16](random, 10, 20)}
	}
	return r
}

// pick returns one of the values, or nil, or a zero.
func pick[T any](random *rand.Rand, values ...T) *T {
	switch i := random.IntN(len(values) + 2); i {
	case 0:
		return nil
	case 1:
		return new(T)
	default:
		return &values[i-2]
	}
}
