package libcontainer

import (
	"math"
	"testing"
	"time"
)

func TestTickAfter(t *testing.T) {
	last := time.Now()
	for _, c := range []struct{ late, interval, want time.Duration }{
		{0, time.Second, time.Second},
		{time.Millisecond, time.Second, time.Second},
		{time.Second, time.Second, 2 * time.Second}, // a tick that is now was told already
		{2500 * time.Millisecond, time.Second, 3 * time.Second},
		{50 * time.Microsecond, 1, 50*time.Microsecond + 1}, // shorter than the loop that ticks
		{1000 * time.Hour, 1, 1000*time.Hour + 1},           // and stopped for long
		{1000 * time.Hour, 7, 1000*time.Hour - 1000*time.Hour%7 + 7},
		{time.Second, math.MaxInt64, math.MaxInt64},
	} {
		began := time.Now()
		if got := tickAfter(last.Add(c.late), last, c.interval).Sub(last); got != c.want {
			t.Errorf("%v late, every %v: the next tick is after %v, want %v", c.late, c.interval, got, c.want)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%v late, every %v: it took %v", c.late, c.interval, took)
		}
	}
}
