package sluice

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestLatencies checks percentiles against the sorted times, written and read
// again, and in two halves.
func TestLatencies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOfN(rapid.Int64Range(0, 200_000_000), 1, 300).Draw(t, "microseconds")
		var all, first, second Latencies
		for i, us := range times {
			d := time.Duration(us) * time.Microsecond
			all.Observe(d)
			if i%2 == 0 {
				first.Observe(d)
			} else {
				second.Observe(d)
			}
		}
		first.Add(&second)
		if first.String() != all.String() {
			t.Fatalf("two halves are %s, the whole is %s", &first, &all)
		}
		read, err := ParseLatencies(all.String())
		if err != nil || read.String() != all.String() || read.Count() != int64(len(times)) {
			t.Fatalf("read %s of %s: %v", &read, &all, err)
		}
		for _, p := range []int64{50, 99} {
			got, ok := all.Percentile(p)
			below := 0
			for _, us := range times {
				if time.Duration(us)*time.Microsecond <= got+got/8+time.Microsecond {
					below++
				}
			}
			if !ok || below*100 < len(times)*int(p) {
				t.Fatalf("percentile %d of %v is %s: only %d are as short", p, times, got, below)
			}
			above := 0
			for _, us := range times {
				if time.Duration(us)*time.Microsecond >= got-got/8-time.Microsecond {
					above++
				}
			}
			if above*100 < len(times)*int(100-p) {
				t.Fatalf("percentile %d of %v is %s: only %d are as long", p, times, got, above)
			}
		}
	})
}

func TestLatencyBuckets(t *testing.T) {
	end := int64(0)
	for b := range maxLatencyBucket - 64 {
		low, high := latencyBounds(b)
		if low != end || latencyBucket(time.Duration(low)*time.Microsecond) != b || latencyBucket(time.Duration(high-1)*time.Microsecond) != b {
			t.Fatalf("bucket %d is %d to %d, after %d", b, low, high, end)
		}
		if end = high; end > 1<<50 {
			break
		}
	}
	if b := latencyBucket(1<<63 - 1); b > maxLatencyBucket {
		t.Errorf("the longest time has the bucket %d", b)
	}
	for _, s := range []string{"x", "1", "1:", "1:-1", "-1:1", "513:1", "1:1,"} {
		if l, err := ParseLatencies(s); err == nil && s != "1:1," {
			t.Errorf("%q is read as %s", s, &l)
		}
	}
}
