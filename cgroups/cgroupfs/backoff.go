package cgroupfs

import "time"

// A Backoff sleeps for times that double, up to ten milliseconds.
type Backoff struct{ next time.Duration }

// NewBackoff returns one whose first sleep is that long.
func NewBackoff(first time.Duration) Backoff { return Backoff{first} }

// Sleep sleeps.
func (b *Backoff) Sleep() {
	time.Sleep(b.next)
	b.next = min(2*b.next, 10*time.Millisecond)
}
