package timeline

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
)

// chartWidth is how many columns the time of a start-up takes.
const chartWidth = 40

// WriteChart writes the start-up as bars over a common axis of time. What took
// less than half a hundredth of it is summed up.
//
//	start-up: 4.120 ms
//
//	launcher                                           ms
//	|##                                      |      0.161  starting rung
func (t *Timeline) WriteChart(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "start-up: %s ms\n", milliseconds(t.StartUp))
	t.chart(&b, "launcher", t.Launcher)
	if len(t.Program) > 0 {
		spans := make([]Span, len(t.Program))
		for i, g := range t.Program {
			spans[i] = g.Span
		}
		t.chart(&b, fmt.Sprintf("program (process %d)", t.Pid), spans)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (t *Timeline) chart(b *bytes.Buffer, title string, spans []Span) {
	fmt.Fprintf(b, "\n%-*s  %9s\n", chartWidth+2, title, "ms")
	short, sum := 0, time.Duration(0)
	for _, s := range spans {
		if s.Begin >= t.StartUp { // after the process was executed
			continue
		}
		s.End = min(s.End, t.StartUp)
		if s.Length() < t.StartUp/200 {
			short++
			sum += s.Length()
			continue
		}
		fmt.Fprintf(b, "|%s|  %9s  %s\n", t.bar(s), milliseconds(s.Length()), oneLine(s.Name))
	}
	if short > 0 {
		fmt.Fprintf(b, "%*s  %9s  %d more, each below %s\n", chartWidth+2, "", milliseconds(sum), short,
			milliseconds(t.StartUp/200))
	}
}

// bar is a span's place on the axis; one character at least.
func (t *Timeline) bar(s Span) string {
	all := max(t.StartUp, 1)
	column := func(d time.Duration) int { return int((d*chartWidth + all/2) / all) }
	from := min(column(s.Begin), chartWidth-1)
	to := max(column(s.End), from+1)
	return strings.Repeat(" ", from) + strings.Repeat("#", to-from) + strings.Repeat(" ", chartWidth-to)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%d.%03d", d/time.Millisecond, d%time.Millisecond/time.Microsecond)
}

// oneLine shows what a terminal would obey; labels can have names from the
// config in them.
func oneLine(s string) string {
	quoted := fmt.Sprintf("%q", s)
	return strings.ReplaceAll(quoted[1:len(quoted)-1], `\"`, `"`)
}
