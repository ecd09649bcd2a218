package fleet

import (
	"testing"
	"time"
)

// TestDeadline: it never comes before the time that was given has passed, nor
// more than an eighth later, and is moved only where it must be.
func TestDeadline(t *testing.T) {
	moves := 0
	d := deadline{set: func(time.Time) error { moves++; return nil }}
	now := time.Unix(1790000000, 0)
	give := func(wait time.Duration) {
		t.Helper()
		if err := d.give(now, wait); err != nil {
			t.Fatal(err)
		}
		if left := d.at.Sub(now); left < wait || left > wait+wait/8 {
			t.Errorf("given %v, it comes after %v", wait, left)
		}
	}
	for range 1000 { // chunks of a stream, one each 10 ms
		give(8 * time.Second)
		now = now.Add(10 * time.Millisecond)
	}
	if moves < 9 || moves > 10 {
		t.Errorf("moved %d times in 10 s by steps of 1 s", moves)
	}
	give(time.Minute)
	give(8 * time.Second)
	now = now.Add(time.Hour)
	give(8 * time.Second)
	if err := d.put(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	give(8 * time.Second)
}
