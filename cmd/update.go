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
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "resources", Aliases: []string{"r"}, Destination: &file,
				Usage: "read the limits from `FILE`, or from standard input if it is -"},
		}, updateFlags()...),
		Action: func(c *cli.Context) error {
			id, err := containerID(c)
			if err != nil {
				return err
			}
			var patch *specs.LinuxResources
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

// A limitFlag is a flag of update: its value goes to the patch.
type limitFlag struct {
	name, arg, usage string
	set              func(patch *specs.LinuxResources, value string) error
}

func limitFlags() []limitFlag {
	memory := func(r *specs.LinuxResources) *specs.LinuxMemory { return ensure(&r.Memory) }
	cpu := func(r *specs.LinuxResources) *specs.LinuxCPU { return ensure(&r.CPU) }
	return []limitFlag{
		{"blkio-weight", "N", "weight of block I/O, 10 to 1000", func(r *specs.LinuxResources, v string) error {
			n, err := strconv.ParseUint(v, 10, 16)
			weight := uint16(n)
			ensure(&r.BlockIO).Weight = &weight
			return err
		}},
		{"cpu-period", "µS", "length of a period for --cpu-quota", func(r *specs.LinuxResources, v string) error {
			return number(&cpu(r).Period, v)
		}},
		{"cpu-quota", "µS", "CPU time in a period", func(r *specs.LinuxResources, v string) error {
			return signed(&cpu(r).Quota, v)
		}},
		{"cpu-burst", "µS", "CPU time that may be saved up for a burst", func(r *specs.LinuxResources, v string) error {
			return number(&cpu(r).Burst, v)
		}},
		{"cpu-share", "N", "weight of CPU time, 2 to 262144", func(r *specs.LinuxResources, v string) error {
			return number(&cpu(r).Shares, v)
		}},
		{"cpu-rt-period", "µS", "length of a period for --cpu-rt-runtime",
			func(r *specs.LinuxResources, v string) error {
				return number(&cpu(r).RealtimePeriod, v)
			}},
		{"cpu-rt-runtime", "µS", "CPU time of realtime processes in a period",
			func(r *specs.LinuxResources, v string) error {
				return signed(&cpu(r).RealtimeRuntime, v)
			}},
		{"cpuset-cpus", "LIST", "CPUs to use: 0-2,7", func(r *specs.LinuxResources, v string) error {
			cpu(r).Cpus = v
			return nil
		}},
		{"cpuset-mems", "LIST", "memory nodes to use", func(r *specs.LinuxResources, v string) error {
			cpu(r).Mems = v
			return nil
		}},
		{"cpu-idle", "N", "1: use only idle CPU time, 0: do not", func(r *specs.LinuxResources, v string) error {
			return signed(&cpu(r).Idle, v)
		}},
		{"memory", "SIZE", "limit of memory", func(r *specs.LinuxResources, v string) error {
			return size(&memory(r).Limit, v)
		}},
		{"memory-reservation", "SIZE", "memory that is left when the machine's is short",
			func(r *specs.LinuxResources, v string) error {
				return size(&memory(r).Reservation, v)
			}},
		{"memory-swap", "SIZE", "limit of memory and swap together", func(r *specs.LinuxResources, v string) error {
			return size(&memory(r).Swap, v)
		}},
		{"pids-limit", "N", "limit of processes and threads", func(r *specs.LinuxResources, v string) error {
			return signed(&ensure(&r.Pids).Limit, v)
		}},
	}
}

// Flags that runc has and that change nothing: their reasons are theirs.
const (
	noRDT          = "Intel RDT is not supported yet"
	noKernelMemory = "ignored: the kernel no longer limits its memory by itself"
)

func updateFlags() []cli.Flag {
	var flags []cli.Flag
	for _, f := range limitFlags() {
		flags = append(flags, &cli.StringFlag{Name: f.name, Usage: "`" + f.arg + "`: " + f.usage})
	}
	return append(flags,
		&cli.StringFlag{Name: "l3-cache-schema", Usage: "refused: " + noRDT},
		&cli.StringFlag{Name: "mem-bw-schema", Usage: "refused: " + noRDT},
		&cli.StringFlag{Name: "kernel-memory", Hidden: true},
		&cli.StringFlag{Name: "kernel-memory-tcp", Hidden: true},
	)
}

// resourcesOf makes a patch of the flags. Whether a flag was given is seen from its
// value: IsSet sorts all of them each time.
func (a *App) resourcesOf(c *cli.Context) (*specs.LinuxResources, error) {
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
	patch := new(specs.LinuxResources)
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
func (a *App) readResources(file string) (*specs.LinuxResources, error) {
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

func number(to **uint64, text string) error {
	n, err := strconv.ParseUint(text, 10, 64)
	*to = &n
	return err
}

func signed(to **int64, text string) error {
	n, err := strconv.ParseInt(text, 10, 64)
	*to = &n
	return err
}

func size(to **int64, text string) error {
	n, err := parseSize(text)
	*to = &n
	return err
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
