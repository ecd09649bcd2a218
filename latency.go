package sluice

import (
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Latencies is how often which time to first token was measured. Two of them
// can be added, which percentiles cannot. Times are told apart to an eighth:
// the buckets are the eighths of each power of two microseconds.
//
// The zero value has measured nothing.
type Latencies struct {
	counts []int64 // by bucket, without the zeros at the end
}

// maxLatencyBucket is that of the longest time that an int64 of microseconds holds.
const maxLatencyBucket = 8 * 64

// latencyBucket is the bucket of a time: below 16 µs each has its own.
func latencyBucket(d time.Duration) int {
	v := uint64(max(0, d.Microseconds()))
	if v < 16 {
		return int(v)
	}
	n := bits.Len64(v) // at least 5
	return 8*(n-3) + int(v>>(n-4)&7)
}

// latencyBounds is the inverse of latencyBucket, in microseconds: from low on, below high.
func latencyBounds(bucket int) (low, high int64) {
	if bucket < 16 {
		return int64(bucket), int64(bucket) + 1
	}
	n, eighth := bucket/8+3, int64(bucket%8)
	width := int64(1) << (n - 4)
	low = int64(1)<<(n-1) + eighth*width
	return low, low + width
}

// Observe notes one time. A negative one counts as none at all, 0.
func (l *Latencies) Observe(d time.Duration) { l.add(latencyBucket(d), 1) }

func (l *Latencies) add(bucket int, n int64) {
	if bucket >= len(l.counts) {
		l.counts = append(l.counts, make([]int64, bucket+1-len(l.counts))...)
	}
	l.counts[bucket] += n
}

// Add adds what another has measured.
func (l *Latencies) Add(other *Latencies) {
	for bucket, n := range other.counts {
		if n != 0 {
			l.add(bucket, n)
		}
	}
}

// Count is how many times were noted.
func (l *Latencies) Count() int64 {
	var n int64
	for _, c := range l.counts {
		n += c
	}
	return n
}

// Clone returns one of its own.
func (l *Latencies) Clone() Latencies { return Latencies{slices.Clone(l.counts)} }

// Percentile is the time that so many hundredths of what was noted do not
// exceed, as exact as the buckets are: within an eighth. ok is false when
// nothing was noted.
func (l *Latencies) Percentile(hundredths int64) (d time.Duration, ok bool) {
	count := l.Count()
	if count == 0 {
		return 0, false
	}
	rank := max(1, (count*hundredths+99)/100) // of the one that is looked for, from 1
	var seen int64
	for bucket, n := range l.counts {
		if seen+n < rank {
			seen += n
			continue
		}
		low, high := latencyBounds(bucket)
		return time.Duration(low+(high-low)*(rank-seen)/(n+1)) * time.Microsecond, true // evenly spread within the bucket
	}
	return 0, false // not reached: rank is at most count
}

// String writes it for ParseLatencies: buckets with their counts.
func (l *Latencies) String() string {
	var b []byte
	for bucket, n := range l.counts {
		if n == 0 {
			continue
		}
		if b != nil {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(bucket), 10)
		b = append(b, ':')
		b = strconv.AppendInt(b, n, 10)
	}
	return string(b)
}

// ParseLatencies is the inverse of Latencies.String. Errors: what is no such text.
func ParseLatencies(s string) (Latencies, error) {
	var l Latencies
	for s != "" {
		var part string
		part, s, _ = strings.Cut(s, ",")
		bucket, count, _ := strings.Cut(part, ":")
		b, err := strconv.Atoi(bucket)
		if err != nil || b < 0 || b > maxLatencyBucket {
			return Latencies{}, fmt.Errorf("reading latencies: %q is no bucket", part)
		}
		n, err := strconv.ParseInt(count, 10, 64)
		if err != nil || n < 0 {
			return Latencies{}, fmt.Errorf("reading latencies: %q has no count", part)
		}
		l.add(b, n)
	}
	return l, nil
}
