package quota_test

import (
	"encoding/json"
	"testing"
	"time"

	"sluice/money/quota"

	"pgregory.net/rapid"
)

// The model keeps every call and adds them up each time: slow, and easy to
// see through. The state must agree with it after any sequence of operations.

const (
	hour       = int64(time.Hour / time.Microsecond)
	slideWidth = 3 * hour / 100
)

// modelCall is what one call reserved and used in one window.
type modelCall struct {
	instance   int // of the window
	bucket     int64
	held, used int64
}

// modelWindow is one window of the model.
type modelWindow struct {
	kind       quota.Kind
	limit      int64
	instance   int // the current one
	running    bool
	start, end int64
	calls      []*modelCall
}

// model is four windows, one of each kind, and the time.
type model struct {
	mark    int64
	windows [4]modelWindow
}

func modelQuota(t testing.TB) *quota.Quota {
	return compile(t, "q",
		quota.Window{Name: "slide", Kind: quota.Sliding, Unit: quota.Requests, Limit: 20, Minutes: 180},
		quota.Window{Name: "anchor", Kind: quota.Anchored, Unit: quota.Requests, Limit: 25, Minutes: 240},
		quota.Window{Name: "day", Kind: quota.Calendar, Unit: quota.Requests, Limit: 60, Span: quota.Day},
		quota.Window{Name: "period", Kind: quota.Period, Unit: quota.Requests, Limit: 200})
}

func newModel(start int64) *model {
	m := &model{}
	for i, kind := range []quota.Kind{quota.Sliding, quota.Anchored, quota.Calendar, quota.Period} {
		limit := []int64{20, 25, 60, 200}[i]
		m.windows[i] = modelWindow{kind: kind, limit: limit * quota.Milli, running: kind != quota.Anchored}
	}
	m.windows[3].start, m.windows[3].end = start, start+200*hour
	return m
}

// seen takes in the time.
func (m *model) seen(now int64) {
	m.mark = max(m.mark, now)
	if w := &m.windows[1]; w.running && m.mark >= w.end {
		w.running, w.start, w.end = false, 0, 0
		w.instance++
	}
	if w := &m.windows[2]; m.mark >= w.end {
		w.start = m.mark - m.mark%(24*hour)
		w.end = w.start + 24*hour
		w.instance++
	}
}

// counts reports whether a call counts now.
func (m *model) counts(w *modelWindow, c *modelCall) bool {
	if c.instance != w.instance {
		return false
	}
	return w.kind != quota.Sliding || c.bucket >= m.mark/slideWidth-100
}

// totals adds up a window.
func (m *model) totals(w *modelWindow) (used, held int64) {
	for _, c := range w.calls {
		if c.instance == w.instance {
			held += c.held
		}
		if m.counts(w, c) {
			used += c.used
		}
	}
	return used, held
}

// fits reports whether a cost fits into the window.
func (m *model) fits(w *modelWindow, cost int64) bool {
	used, held := m.totals(w)
	return cost == 0 || used+held+cost <= w.limit
}

// reserve lets a call in, everywhere or, returning nil, nowhere.
func (m *model) reserve(now int64, cost quota.Cost) []*modelCall {
	m.seen(now)
	for i := range m.windows {
		if !m.fits(&m.windows[i], cost[i]) {
			return nil
		}
	}
	calls := make([]*modelCall, 4)
	for i := range m.windows {
		w := &m.windows[i]
		if w.kind == quota.Anchored && !w.running && cost[i] > 0 {
			w.running, w.start, w.end = true, m.mark, m.mark+4*hour
		}
		calls[i] = &modelCall{instance: w.instance, bucket: m.mark / slideWidth, held: cost[i]}
		w.calls = append(w.calls, calls[i])
	}
	return calls
}

// settle ends a call and returns what came too late.
func (m *model) settle(now int64, calls []*modelCall, actual quota.Cost) (late quota.Cost) {
	m.seen(now)
	for i, c := range calls {
		w := &m.windows[i]
		c.held = 0
		if !m.counts(w, c) {
			late[i] = actual[i]
			continue
		}
		c.used = actual[i]
		if used, held := m.totals(w); w.kind == quota.Anchored && w.running && used == 0 && held == 0 {
			w.running, w.start, w.end = false, 0, 0
			w.instance++
		}
	}
	return late
}

// run is one random history.
type run struct {
	*rapid.T
	q       *quota.Quota
	state   *quota.State
	model   *model
	now     time.Time
	open    []openCall
	settled quota.Cost // by calls
	late    quota.Cost // of that
}

type openCall struct {
	r     quota.Reservation
	calls []*modelCall
	held  quota.Cost
}

// TestModel: whatever happens in whatever order, the state agrees with the
// model, no window has more than its limit, and the windows' sum is the calls'.
// Before every operation the state is stored and restored, which changes nothing.
func TestModel(t *testing.T) {
	q := modelQuota(t)
	rapid.Check(t, func(rt *rapid.T) {
		start := noon.Add(time.Duration(rapid.Int64Range(0, 1<<40).Draw(rt, "start")) * time.Microsecond)
		h := &run{T: rt, q: q, now: start, model: newModel(start.UnixMicro()), state: quota.New(q, start, start.Add(200*time.Hour))}
		h.Repeat(map[string]func(*rapid.T){
			"":        h.agree,
			"time":    h.time,
			"reserve": h.reserve,
			"extend":  h.extend,
			"settle":  h.settle,
			"release": h.release,
			"renew":   h.renew,
			"reset":   h.reset,
		})
	})
}

// agree compares, and swaps the state for a stored and restored one.
func (h *run) agree(t *rapid.T) {
	raw, err := json.Marshal(h.state.Snapshot(true))
	if err != nil {
		t.Fatal(err)
	}
	var snap quota.Snapshot
	if err := json.Unmarshal(raw, &snap); err != nil {
		t.Fatal(err)
	}
	before := h.state.Read(nil, h.now)
	if h.state, err = quota.Restore(h.q, snap); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	m := *h.model
	m.seen(h.now.UnixMicro())
	for i, r := range h.state.Read(nil, h.now) {
		if r != before[i] {
			t.Fatalf("stored %+v, restored %+v", before[i], r)
		}
		w := &m.windows[i]
		if used, held := m.totals(w); r.Used != used || r.Reserved != held {
			t.Fatalf("window %s at %v: %d used and %d reserved, the model has %d and %d", r.Window.Name, h.now, r.Used, r.Reserved, used, held)
		}
		if r.Used+r.Reserved > r.Limit {
			t.Fatalf("window %s is over its limit: %+v", r.Window.Name, r)
		}
		if start := w.start; w.kind != quota.Sliding && (r.Start.IsZero() != (start == 0) || start != 0 && r.Start.UnixMicro() != start) {
			t.Fatalf("window %s starts at %v, the model's at %v", r.Window.Name, r.Start, time.UnixMicro(start).UTC())
		}
	}
	for i := range h.model.windows {
		sum := h.late[i]
		for _, c := range h.model.windows[i].calls {
			sum += c.used
		}
		if sum != h.settled[i] {
			t.Fatalf("window %d has %d in all its life, the calls %d", i, sum, h.settled[i])
		}
	}
}

func (h *run) time(t *rapid.T) {
	step := rapid.OneOf(rapid.Int64Range(0, hour/10), rapid.Int64Range(0, 30*hour), rapid.Int64Range(-40*hour, 0)).Draw(t, "step")
	h.now = h.now.Add(time.Duration(step) * time.Microsecond)
}

func drawCost(t *rapid.T, most int64) (c quota.Cost) {
	for i := range 4 {
		c[i] = rapid.Int64Range(0, most).Draw(t, "cost") * 500
	}
	return c
}

func (h *run) reserve(t *rapid.T) {
	cost := drawCost(t, 12)
	r, err := h.state.Reserve(h.now, cost)
	calls := h.model.reserve(h.now.UnixMicro(), cost)
	if (err == nil) != (calls != nil) {
		t.Fatalf("reserving %v: %v, the model lets it in: %t", cost, err, calls != nil)
	}
	if err == nil {
		h.open = append(h.open, openCall{r, calls, cost})
	}
}

// take picks a running call.
func (h *run) take(t *rapid.T) *openCall {
	if len(h.open) == 0 {
		t.Skip("none runs")
	}
	return &h.open[rapid.IntRange(0, len(h.open)-1).Draw(t, "call")]
}

func (h *run) extend(t *rapid.T) {
	c := h.take(t)
	more := drawCost(t, 3)
	more[1] *= min(c.held[1], 1) // one that reserved nothing there would begin another window
	h.model.seen(h.now.UnixMicro())
	fits := true
	for i := range h.model.windows {
		w := &h.model.windows[i]
		fits = fits && (c.calls[i].instance != w.instance || h.model.fits(w, more[i]))
	}
	if got := h.state.Extend(h.now, &c.r, more); got != fits {
		t.Fatalf("extending by %v: %t, the model: %t", more, got, fits)
	}
	if fits {
		for i := range h.model.windows {
			if c.calls[i].instance == h.model.windows[i].instance {
				c.calls[i].held += more[i]
				c.held[i] += more[i]
			}
		}
	}
}

func (h *run) settle(t *rapid.T) {
	c := h.take(t)
	actual := c.held
	for i := range 4 {
		actual[i] = rapid.Int64Range(0, c.held[i]).Draw(t, "actual")
	}
	h.end(t, c, actual)
}

func (h *run) release(t *rapid.T) { h.end(t, h.take(t), quota.Cost{}) }

func (h *run) end(t *rapid.T, c *openCall, actual quota.Cost) {
	late, err := h.state.Settle(h.now, &c.r, actual)
	if err != nil {
		t.Fatal(err)
	}
	if want := h.model.settle(h.now.UnixMicro(), c.calls, actual); late != want {
		t.Fatalf("settling %v: late %v, the model's %v", actual, late, want)
	}
	for i := range 4 {
		h.settled[i] += actual[i]
		h.late[i] += late[i]
	}
	*c = h.open[len(h.open)-1]
	h.open = h.open[:len(h.open)-1]
}

func (h *run) renew(*rapid.T) {
	w := &h.model.windows[3]
	w.start, w.end = w.end, w.end+200*hour
	w.instance++
	h.state.SetPeriod(time.UnixMicro(w.start), time.UnixMicro(w.end))
}

func (h *run) reset(t *rapid.T) {
	if h.now.UnixMicro() < h.model.mark {
		t.Skip("a reset with the clock set back is another test's")
	}
	i := rapid.IntRange(0, 3).Draw(t, "window")
	h.model.seen(h.now.UnixMicro())
	w := &h.model.windows[i]
	w.instance++
	if w.kind == quota.Anchored {
		w.running, w.start, w.end = false, 0, 0
	}
	if !h.state.Reset(h.now, h.q.Windows()[i].Name) {
		t.Fatal("no such window")
	}
}
