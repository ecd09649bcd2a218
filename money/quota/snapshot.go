package quota

import (
	"slices"
	"time"

	"sluice"
)

// snapshotVersion is the version of the form below. A later form reads this one.
const snapshotVersion = 1

// Snapshot is a State to be stored: as JSON, or a row for each window. Instants
// are microseconds since 1970, counts are thousandths.
type Snapshot struct {
	Version int              `json:"version"`
	Quota   string           `json:"quota"` // its id
	Mark    int64            `json:"mark"`  // the latest instant seen
	Last    uint64           `json:"last"`  // id of the latest instance
	Start   int64            `json:"period_start,omitempty"`
	End     int64            `json:"period_end,omitempty"`
	Windows []WindowSnapshot `json:"windows"`
}

// WindowSnapshot is the running instance of a window.
type WindowSnapshot struct {
	Name     string `json:"name"`
	Instance uint64 `json:"instance,omitempty"` // zero: none is running
	Start    int64  `json:"start,omitempty"`
	End      int64  `json:"end,omitempty"`
	Used     int64  `json:"used,omitempty"`
	Held     int64  `json:"held,omitempty"`

	// Of a sliding window: the number of its newest bucket, and the use by
	// bucket from there backwards, as far as there is any.
	Newest  int64   `json:"newest,omitempty"`
	Buckets []int64 `json:"buckets,omitempty"`
}

// Snapshot returns the state as it is. running keeps what running calls have
// reserved; without it the snapshot is what remains when all of them die, which
// is what is stored for a restart.
func (s *State) Snapshot(running bool) Snapshot {
	snap := Snapshot{
		Version: snapshotVersion, Quota: s.quota.id, Mark: s.mark, Last: s.last,
		Start: s.period[0], End: s.period[1], Windows: make([]WindowSnapshot, len(s.tallies)),
	}
	for i := range s.tallies {
		t, w := s.tallies[i], &s.quota.windows[i]
		if !running {
			t.held = 0
			if w.Kind == Anchored && t.used == 0 {
				t = tally{}
			}
		}
		ws := WindowSnapshot{Name: w.Name, Instance: t.id, Start: t.start, End: t.end, Used: t.used, Held: t.held}
		if t.ring != nil {
			ws.Newest, ws.Buckets = t.ring.newest, t.ring.list()
		}
		snap.Windows[i] = ws
	}
	return snap
}

// list returns the buckets from the newest backwards, without the empty ones at the end.
func (r *ring) list() []int64 {
	var list []int64
	for b := r.newest; b >= max(r.oldest(), 0); b-- {
		list = append(list, *r.slot(b))
	}
	for len(list) > 0 && list[len(list)-1] == 0 {
		list = list[:len(list)-1]
	}
	return list
}

// Restore makes a state of a snapshot and the quota that it was taken under.
// Errors are CodeInvalid: it is a snapshot of something else, or damaged.
func Restore(q *Quota, snap Snapshot) (*State, error) {
	bad := func(format string, args ...any) (*State, error) {
		args = append([]any{q.id}, args...)
		return nil, sluice.Errorf(sluice.CodeInvalid, "restoring the use of quota %s: "+format, args...)
	}
	switch {
	case snap.Version != snapshotVersion:
		return bad("its form is version %d, not %d", snap.Version, snapshotVersion)
	case snap.Quota != q.id:
		return bad("it is of quota %q", snap.Quota)
	case len(snap.Windows) != len(q.windows):
		return bad("it has %d windows, not %d", len(snap.Windows), len(q.windows))
	case snap.Mark < 0:
		return bad("its instant is before 1970")
	}
	s := New(q, time.Time{}, time.Time{})
	s.mark, s.last, s.period = snap.Mark, snap.Last, [2]int64{snap.Start, snap.End}
	for i := range q.windows {
		ws := &snap.Windows[i]
		if !ws.sound(&q.windows[i], &snap) {
			return bad("window %q is damaged", ws.Name)
		}
		t := tally{id: ws.Instance, start: ws.Start, end: ws.End, used: ws.Used, held: ws.Held}
		if q.windows[i].Kind == Sliding {
			t.ring = &ring{newest: ws.Newest}
			for back, n := range ws.Buckets {
				t.ring.add(ws.Newest-int64(back), n)
			}
		}
		s.tallies[i] = t
	}
	return s, nil
}

// sound reports whether a window's snapshot can be one of w.
func (ws *WindowSnapshot) sound(w *window, snap *Snapshot) bool {
	if ws.Name != w.Name || ws.Used < 0 || ws.Held < 0 || ws.Instance > snap.Last || ws.Start > ws.End && ws.End != 0 {
		return false
	}
	if w.Kind != Sliding {
		idle := w.Kind == Anchored && ws.Used == 0 && ws.Held == 0
		return ws.Buckets == nil && (ws.Instance != 0 || idle)
	}
	if ws.Instance == 0 || len(ws.Buckets) > buckets+1 || ws.Newest < int64(len(ws.Buckets))-1 || ws.Newest > snap.Mark/w.bucket {
		return false
	}
	var sum int64
	for _, n := range ws.Buckets {
		if n < 0 || n > maxCost*8 {
			return false
		}
		sum += n
	}
	return sum == ws.Used && !slices.Contains(ws.Buckets[max(len(ws.Buckets)-1, 0):], 0)
}
