package cmd

import (
	"bytes"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/rung-oci/rung/libcontainer/check"
)

func (a *App) check() *cli.Command {
	var format string
	return &cli.Command{
		Usage: "look at the machine and say what works",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Aliases: []string{"f"}, Destination: &format, Value: "table",
				Usage: "`FORMAT` of the output: table or json"},
		},
		Action: func(c *cli.Context) error {
			if _, err := arguments(c, 0, 0); err != nil {
				return err
			}
			if format != "table" && format != "json" {
				return fmt.Errorf("--format: %q is neither table nor json", format)
			}
			m, err := check.Here(a.runtime.Store.Root())
			if err != nil {
				return err
			}
			m.CRIU = a.runtime.CRIU
			findings := m.Check()
			if !check.CanRun(findings) {
				a.status = 1
			}
			if format == "json" {
				return writeJSON(a.stdout, struct {
					CanRun   bool            `json:"canRun"`
					Findings []check.Finding `json:"findings"`
				}{check.CanRun(findings), findings})
			}
			return writeFindings(a.stdout, findings)
		},
	}
}

// writeFindings writes findings for people:
//
//	namespaces
//	  ok    mount             one was made
//	  no    time              the kernel has none
//	        use a kernel with CONFIG_TIME_NS
func writeFindings(w io.Writer, findings []check.Finding) error {
	var b bytes.Buffer
	subject, missing := "", 0
	for _, f := range findings {
		if f.Subject != subject {
			subject = f.Subject
			fmt.Fprintln(&b, subject)
		}
		status := string(f.Status)
		if f.Status == check.Fail {
			status = "FAIL"
			missing++
		}
		fmt.Fprintf(&b, "  %-4s  %-16s  %s\n", status, f.Name, f.Found)
		if f.Advice != "" {
			fmt.Fprintf(&b, "        %s\n", f.Advice)
		}
	}
	if missing == 0 {
		fmt.Fprintln(&b, "\nContainers can run here.")
	} else {
		fmt.Fprintf(&b, "\nContainers cannot run here: what FAILs, %d of these, is needed.\n", missing)
	}
	_, err := w.Write(b.Bytes())
	return err
}
