package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/user"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer"
)

func (a *App) list() *cli.Command {
	var format string
	var quiet bool
	return &cli.Command{
		Usage: "list the containers",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "`FORMAT` of the output: table or json"},
			boolFlag("quiet, q", &quiet, "print only the IDs"),
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if format != "table" && format != "json" {
				return fmt.Errorf("list: format %q is neither table nor json", format)
			}
			states, err := a.runtime.List()
			switch {
			case err != nil:
				return err
			case quiet:
				return writeIDs(a.stdout, states)
			case format == "json":
				return writeStates(a.stdout, states)
			}
			return writeTable(a.stdout, states)
		},
	}
}

func writeIDs(w io.Writer, states []*libcontainer.State) error {
	for _, s := range states {
		if _, err := fmt.Fprintln(w, s.ID); err != nil {
			return err
		}
	}
	return nil
}

// writeStates writes a JSON array as one line, which scripts read that were written for runc, or
// like runc null if it is empty.
func writeStates(w io.Writer, states []*libcontainer.State) error {
	b := []byte("null")
	for i, s := range states {
		if i == 0 {
			b = append(b[:0], '[')
		} else {
			b = append(b, ',')
		}
		b = appendState(b, s, owner(s.UID), "")
	}
	if len(states) > 0 {
		b = append(b, ']')
	}
	var line bytes.Buffer
	if err := json.Compact(&line, b); err != nil {
		return err
	}
	line.WriteByte('\n')
	_, err := w.Write(line.Bytes())
	return err
}

func writeTable(w io.Writer, states []*libcontainer.State) error {
	t := tabwriter.NewWriter(w, 12, 1, 3, ' ', 0)
	fmt.Fprint(t, "ID\tPID\tSTATUS\tBUNDLE\tCREATED\tOWNER\n")
	for _, s := range states {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%s\n", s.ID, s.Pid, s.Status, cell(s.Bundle),
			s.Created.Format(time.RFC3339Nano), owner(s.UID))
	}
	return t.Flush()
}

// cell returns text for a place in a table, quoted if it has what would not be
// seen there or would break the row.
func cell(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(s)
	}
	return s
}

// owner returns the name of a user, or #UID without one.
func owner(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	u, err := user.LookupId(id)
	if err != nil {
		return "#" + id
	}
	return u.Username
}
