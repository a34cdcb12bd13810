package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"
)

func (a *App) ps() *cli.Command {
	var format string
	return &cli.Command{
		Usage:     "list the processes of a container",
		ArgsUsage: "ID [PS ARGUMENTS]",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "`FORMAT` of the output: table, or json for the pids alone"},
		},
		Action: func(c *cli.Context) error {
			args := c.Args().Slice()
			if len(args) == 0 {
				return usage(c, "an argument is missing")
			}
			if format != "table" && format != "json" {
				return fmt.Errorf("ps: format %q is neither table nor json", format)
			}
			pids, err := a.runtime.Processes(args[0])
			switch {
			case err != nil:
				return err
			case format == "json":
				return writePids(a.stdout, pids)
			}
			return writeProcesses(a.stdout, pids, psArguments(args[1:]))
		},
	}
}

// psArguments are the arguments for ps. go-runc passes on those of "docker top" as
// one string.
func psArguments(args []string) []string {
	switch len(args) {
	case 0:
		return []string{"-ef"}
	case 1:
		return strings.Fields(args[0])
	}
	return args
}

// writePids writes a JSON array, or like runc null if there are none.
func writePids(w io.Writer, pids []int) error {
	b := []byte("null")
	for i, pid := range pids {
		if i == 0 {
			b = append(b[:0], '[')
		} else {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(pid), 10)
	}
	if len(pids) > 0 {
		b = append(b, ']')
	}
	_, err := w.Write(append(b, '\n'))
	return err
}

// writeProcesses writes the lines of ps that are about the processes.
func writeProcesses(w io.Writer, pids []int, args []string) error {
	var stdout, stderr bytes.Buffer
	ps := exec.Command("ps", args...)
	ps.Stdout, ps.Stderr = &stdout, &stderr
	if err := ps.Run(); err != nil {
		return fmt.Errorf("ps %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	lines, err := filterProcesses(stdout.Bytes(), pids)
	if err == nil {
		_, err = w.Write(lines)
	}
	return err
}

// filterProcesses returns the first line of what ps printed, its heading, and those
// whose PID is one of pids, which are sorted.
func filterProcesses(table []byte, pids []int) ([]byte, error) {
	var kept []byte
	column := -1
	for line := range bytes.Lines(table) {
		fields := strings.Fields(string(line))
		if column < 0 {
			if column = slices.Index(fields, "PID"); column < 0 {
				return nil, errors.New("ps: its output has no column PID")
			}
			kept = append(kept, line...)
			continue
		}
		if column >= len(fields) {
			continue
		}
		pid, err := strconv.Atoi(fields[column])
		if err != nil {
			return nil, fmt.Errorf("ps: %q in column PID: let it be before columns that contain spaces", fields[column])
		}
		if _, ours := slices.BinarySearch(pids, pid); ours {
			kept = append(kept, line...)
		}
	}
	return kept, nil
}
