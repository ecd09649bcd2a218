package quota

// buckets is into how many parts a sliding window is cut: each is a hundredth.
const buckets = 100

// ring is the use of a sliding window by bucket of admission. It keeps one
// bucket more than the window has, so that use leaves when the whole of its
// bucket is older than the window.
type ring struct {
	newest int64 // number of the newest bucket: its start divided by its width
	slots  [buckets + 1]int64
}

// slot is where a bucket is kept.
func (r *ring) slot(bucket int64) *int64 { return &r.slots[bucket%int64(len(r.slots))] }

// oldest is the number of the oldest bucket that still counts.
func (r *ring) oldest() int64 { return r.newest - buckets }

// advance makes room up to a bucket and returns how much left the window.
func (r *ring) advance(bucket int64) (left int64) {
	if bucket-r.newest > buckets {
		for i := range r.slots {
			left += r.slots[i]
			r.slots[i] = 0
		}
		r.newest = bucket
		return left
	}
	for r.newest < bucket {
		r.newest++
		s := r.slot(r.newest)
		left += *s
		*s = 0
	}
	return left
}

// add counts use in a bucket, if that is still in the window. A bucket of the
// future, from before the clock was set back, counts as the newest.
func (r *ring) add(bucket, n int64) bool {
	if bucket < r.oldest() {
		return false
	}
	*r.slot(min(bucket, r.newest)) += n
	return true
}

// leaves returns the number of the bucket with whose beginning at least n has
// left the window; ok is false when there is less than n in it.
func (r *ring) leaves(n int64) (bucket int64, ok bool) {
	for b := r.oldest(); b <= r.newest; b++ {
		if n -= *r.slot(b); n <= 0 {
			return b + int64(len(r.slots)), true
		}
	}
	return 0, false
}
