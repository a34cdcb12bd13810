package main

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// printTimes prints, for each operation and runtime, the fastest and the
// median wall time, the median CPU time, and the median's ratios to crun's and
// runc's.
func printTimes(w io.Writer, subjects []*subject) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\t\tmin ms\tmedian ms\tCPU ms\t× crun\t× runc\t")
	for _, operation := range operations {
		for i, s := range subjects {
			label := operation
			if i > 0 {
				label = ""
			}
			c := s.cost[operation]
			fmt.Fprintf(t, "%s\t%s\t%.2f\t%.2f\t%.2f\t%s\t%s\t\n", label, s.name,
				c.wall.min()*1e3, c.wall.median()*1e3, c.cpu.median()*1e3,
				ratio(c.wall, find(subjects, "crun"), operation),
				ratio(c.wall, find(subjects, "runc"), operation))
		}
	}
	t.Flush()
}

func ratio(wall samples, to *subject, operation string) string {
	if to == nil {
		return "-"
	}
	return fmt.Sprintf("%.2f", wall.median()/to.wall(operation).median())
}

// printMemory prints what a created container's init takes, and the smallest
// memory limit that starts a container.
func printMemory(w io.Writer, subjects []*subject) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "created container\tinit's PSS KiB\tcgroup's usage KiB\tsmallest limit KiB\t")
	for _, s := range subjects {
		smallest := "none"
		if s.smallest > 0 {
			smallest = fmt.Sprint(s.smallest >> 10)
		}
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%s\t\n", s.name, s.pss.median()/1024, s.charge.median()/1024, smallest)
	}
	t.Flush()
}
