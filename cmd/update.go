package cmd

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/opencontainers/runtime-spec/specs-go"
	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/spec"
)

func (a *App) update() *cli.Command {
	var file string
	return &cli.Command{
		Usage:     "change the limits of a container",
		ArgsUsage: "ID",
		Flags:     updateFlags(&file),
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			var patch *resources
			if c.IsSet("resources") {
				patch, err = a.readResources(file)
			} else {
				patch, err = a.resourcesOf(c)
			}
			if err != nil {
				return err
			}
			return a.runtime.Update(id, patch)
		},
	}
}

type resources = specs.LinuxResources

// A limitFlag is a flag of update: its value goes to the patch.
type limitFlag struct {
	name, arg, usage string
	set              func(patch *resources, value string) error
}

func limitFlags() []limitFlag {
	memory := func(r *resources) *specs.LinuxMemory { return ensure(&r.Memory) }
	cpu := func(r *resources) *specs.LinuxCPU { return ensure(&r.CPU) }
	return []limitFlag{
		{"blkio-weight", "N", "weight of block I/O, 10 to 1000",
			limit(weight, func(r *resources) **uint16 { return &ensure(&r.BlockIO).Weight })},
		{"cpu-period", "µS", "length of a period for --cpu-quota",
			limit(unsigned, func(r *resources) **uint64 { return &cpu(r).Period })},
		{"cpu-quota", "µS", "CPU time in a period",
			limit(signed, func(r *resources) **int64 { return &cpu(r).Quota })},
		{"cpu-burst", "µS", "CPU time that may be saved up for a burst",
			limit(unsigned, func(r *resources) **uint64 { return &cpu(r).Burst })},
		{"cpu-share", "N", "weight of CPU time, 2 to 262144",
			limit(unsigned, func(r *resources) **uint64 { return &cpu(r).Shares })},
		{"cpu-rt-period", "µS", "length of a period for --cpu-rt-runtime",
			limit(unsigned, func(r *resources) **uint64 { return &cpu(r).RealtimePeriod })},
		{"cpu-rt-runtime", "µS", "CPU time of realtime processes in a period",
			limit(signed, func(r *resources) **int64 { return &cpu(r).RealtimeRuntime })},
		{"cpuset-cpus", "LIST", "CPUs to use: 0-2,7",
			text(func(r *resources) *string { return &cpu(r).Cpus })},
		{"cpuset-mems", "LIST", "memory nodes to use",
			text(func(r *resources) *string { return &cpu(r).Mems })},
		{"cpu-idle", "N", "1: use only idle CPU time, 0: do not",
			limit(signed, func(r *resources) **int64 { return &cpu(r).Idle })},
		{"memory", "SIZE", "limit of memory",
			limit(parseSize, func(r *resources) **int64 { return &memory(r).Limit })},
		{"memory-reservation", "SIZE", "memory that is left when the machine's is short",
			limit(parseSize, func(r *resources) **int64 { return &memory(r).Reservation })},
		{"memory-swap", "SIZE", "limit of memory and swap together",
			limit(parseSize, func(r *resources) **int64 { return &memory(r).Swap })},
		{"pids-limit", "N", "limit of processes and threads",
			limit(signed, func(r *resources) **int64 { return &ensure(&r.Pids).Limit })},
	}
}

// limit makes the setter of a limit from how it is parsed and where it is in a patch.
func limit[T any](parse func(string) (T, error), in func(*resources) **T) func(*resources, string) error {
	return func(patch *resources, value string) error {
		v, err := parse(value)
		*in(patch) = &v
		return err
	}
}

func text(in func(*resources) *string) func(*resources, string) error {
	return func(patch *resources, value string) error {
		*in(patch) = value
		return nil
	}
}

func unsigned(text string) (uint64, error) { return strconv.ParseUint(text, 10, 64) }

func signed(text string) (int64, error) { return strconv.ParseInt(text, 10, 64) }

func weight(text string) (uint16, error) {
	n, err := strconv.ParseUint(text, 10, 16)
	return uint16(n), err
}

// Flags that runc has and that change nothing: their reasons are theirs.
const (
	noRDT          = "Intel RDT is not supported yet"
	noKernelMemory = "ignored: the kernel no longer limits its memory by itself"
)

func updateFlags(file *string) []cli.Flag {
	flags := []cli.Flag{
		stringFlag("resources, r", file, "read the limits from `FILE`, or from standard input if it is -"),
	}
	for _, f := range limitFlags() {
		flags = append(flags, stringFlag(f.name, nil, "`"+f.arg+"`: "+f.usage))
	}
	return append(flags,
		stringFlag("l3-cache-schema", nil, "refused: "+noRDT),
		stringFlag("mem-bw-schema", nil, "refused: "+noRDT),
		&cli.StringFlag{Name: "kernel-memory", Hidden: true},
		&cli.StringFlag{Name: "kernel-memory-tcp", Hidden: true},
	)
}

// resourcesOf makes a patch of the flags. Whether a flag was given is seen from its
// value: IsSet sorts all of them each time.
func (a *App) resourcesOf(c *cli.Context) (*resources, error) {
	for _, name := range [...]string{"l3-cache-schema", "mem-bw-schema"} {
		if c.String(name) != "" {
			return nil, fmt.Errorf("update: --%s: %s", name, noRDT)
		}
	}
	for _, name := range [...]string{"kernel-memory", "kernel-memory-tcp"} {
		if c.String(name) != "" {
			a.runtime.Log.Warnf("update: --%s: %s", name, noKernelMemory)
		}
	}
	patch := new(resources)
	for _, f := range limitFlags() {
		value := c.String(f.name)
		if value == "" {
			continue
		}
		if err := f.set(patch, value); err != nil {
			var bad *strconv.NumError
			if errors.As(err, &bad) {
				err = bad.Err // without the function's name
			}
			return nil, fmt.Errorf("invalid value for %s: %q: %w", f.name, value, err)
		}
	}
	return patch, nil
}

// readResources reads a patch.
func (a *App) readResources(file string) (*resources, error) {
	var data []byte
	var err error
	if file == "-" {
		data, err = io.ReadAll(os.Stdin)
		file = "standard input"
	} else {
		data, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("update: --resources: %w", err)
	}
	patch, unknown, err := spec.LoadResources(data)
	if err != nil {
		return nil, fmt.Errorf("update: --resources: %s: %w", file, err)
	}
	if a.runtime.Strict {
		if err := spec.CheckUnambiguous(data); err != nil {
			return nil, fmt.Errorf("update: --resources: %s: %w (--strict)", file, err)
		}
	}
	for _, u := range unknown {
		if a.runtime.Strict {
			return nil, fmt.Errorf("update: --resources: %s: %s (--strict)", file, u)
		}
		a.runtime.Log.Warnf("update: --resources: %s: %s", file, u)
	}
	return patch, nil
}

func ensure[T any](p **T) *T {
	if *p == nil {
		*p = new(T)
	}
	return *p
}

// parseSize returns the bytes of a size: -1 for no limit, or a number, which may
// have a fraction if a unit follows: k, M, G, T or P, in any case, with or without B
// or iB, powers of 1024.
func parseSize(text string) (int64, error) {
	if text == "-1" {
		return -1, nil
	}
	end := strings.LastIndexAny(text, "0123456789.") + 1
	unit := strings.ToLower(strings.TrimSpace(text[end:]))
	if unit == "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err == nil && n < 0 {
			return 0, errNoSize
		}
		return n, err
	}
	const units = "bkmgtp"
	power := strings.IndexByte(units, unit[0])
	if rest := unit[1:]; power < 0 || rest != "" && (power == 0 || rest != "b" && rest != "ib") {
		return 0, errNoSize
	}
	n, err := strconv.ParseFloat(text[:end], 64)
	n *= float64(int64(1) << (10 * power))
	if err != nil || n < 0 || n >= math.MaxInt64 || strings.Trim(text[:end], "0123456789.") != "" {
		return 0, errNoSize
	}
	return int64(n), nil
}

var errNoSize = errors.New("not a size such as 1048576, 100M or 2GiB, nor -1 for no limit")
