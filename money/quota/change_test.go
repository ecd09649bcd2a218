package quota_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/money/quota"
)

// TestEdge: a thousand calls at once at the edge of a five-hour window, some of
// which fail: exactly what fits is let in, and used.
func TestEdge(t *testing.T) {
	q := compile(t, "lite", lite()...)
	s := quota.New(q, time.Time{}, time.Time{})
	use(t, s, noon, units(70, 70)) // ten are left
	for name, at := range map[string]time.Time{"just before its end": noon.Add(5*time.Hour - time.Microsecond), "at its end": noon.Add(5 * time.Hour)} {
		t.Run(name, func(t *testing.T) {
			want := 10
			if name == "at its end" {
				want = 80
			}
			snap := s.Snapshot(true)
			held, err := quota.Restore(q, snap)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex // what a holder of states does
			var wg sync.WaitGroup
			admitted, failed := 0, 0
			for i := range 1000 {
				wg.Go(func() {
					mu.Lock()
					r, err := held.Reserve(at, units(1, 1))
					mu.Unlock()
					var e *quota.Exhausted
					if err != nil && !errors.As(err, &e) {
						t.Error(err)
					}
					if err != nil {
						return
					}
					mu.Lock()
					defer mu.Unlock()
					if i%7 == 0 && failed < 3 { // a few fail, and make room for others
						failed++
						err = held.Release(at, &r)
					} else {
						admitted++
						_, err = held.Settle(at, &r, units(1, 1))
					}
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for admitted < want { // those that failed last left room
				use(t, held, at, units(1, 1))
				admitted++
			}
			got := held.Read(nil, at)[0]
			if admitted != want || got.Remaining != 0 || got.Reserved != 0 || got.Permille != 1000 {
				t.Errorf("%d let in, want %d: %+v", admitted, want, got)
			}
			if _, err := held.Reserve(at, units(1, 1)); err == nil {
				t.Error("one more is let in")
			}
		})
	}
}

// TestUpgrade: use goes along to the larger plan, running calls settle there.
func TestUpgrade(t *testing.T) {
	small := compile(t, "lite-1", append(lite(), quota.Window{Name: "old", Kind: quota.Period, Unit: quota.Requests, Limit: 5})...)
	big := lite()
	big[0].Limit, big[1].Limit = 400, 2000
	big[0], big[1] = big[1], big[0]
	large := compile(t, "pro-1", append(big, quota.Window{Name: "new", Kind: quota.Sliding, Unit: quota.Requests, Limit: 5, Minutes: 60})...)

	s := quota.New(small, noon, noon.AddDate(0, 1, 0))
	use(t, s, noon, units(70, 70, 1))
	r, err := s.Reserve(noon, units(10, 10, 1))
	if err != nil {
		t.Fatal(err)
	}
	s.Change(noon.Add(time.Hour), large)
	got := read(s, noon.Add(time.Hour))
	if got[0].Used != 70_000 || got[0].Limit != 2_000_000 || got[0].Reserved != 10_000 || got[1].Used != 70_000 || !got[1].Start.Equal(noon) || got[2].Used != 0 {
		t.Fatalf("%+v", got)
	}
	use(t, s, noon.Add(time.Hour), units(320, 320, 5))
	if late, err := s.Settle(noon.Add(2*time.Hour), &r, units(9, 9, 1)); err != nil || late != units(0, 0, 1) {
		t.Errorf("late %v, %v", late, err)
	}
	got = read(s, noon.Add(2*time.Hour))
	if got[0].Used != 399_000 || got[0].Reserved != 0 || got[1].Used != 399_000 || s.Quota().ID() != "pro-1" {
		t.Errorf("%+v", got)
	}

	// Back to the smaller one: it is over its limit until the window ends.
	s.Change(noon.Add(2*time.Hour), small)
	var e *quota.Exhausted
	if _, err := s.Reserve(noon.Add(2*time.Hour), units(1, 1)); !errors.As(err, &e) || e.Permille != 4987 || e.Remaining != 0 {
		t.Fatalf("%+v", err)
	}
	use(t, s, noon.Add(5*time.Hour), units(1, 1))
}

// TestChangeShape: a window of another shape is another window.
func TestChangeShape(t *testing.T) {
	was := lite()[0]
	for name, change := range map[string]func(*quota.Window){
		"length": func(w *quota.Window) { w.Minutes = 60 },
		"kind":   func(w *quota.Window) { w.Kind = quota.Sliding },
		"unit":   func(w *quota.Window) { w.Unit, w.Weights = quota.Tokens, nil },
		"name":   func(w *quota.Window) { w.Name = "session" },
	} {
		s := quota.New(compile(t, "old", was), time.Time{}, time.Time{})
		r, err := s.Reserve(noon, units(3))
		if err != nil {
			t.Fatal(err)
		}
		now := was
		change(&now)
		s.Change(noon, compile(t, "new", now))
		if late, err := s.Settle(noon, &r, units(3)); err != nil || late != units(3) || read(s, noon)[0].Used != 0 {
			t.Errorf("another %s: late %v, %v, %+v", name, late, err, read(s, noon))
		}
	}
}

// TestReset forgives one window or all; what ran before counts nowhere.
func TestReset(t *testing.T) {
	s := quota.New(compile(t, "lite", lite()...), time.Time{}, time.Time{})
	use(t, s, noon, units(70, 70))
	r, _ := s.Reserve(noon, units(10, 10))
	if s.Reset(noon, "month") {
		t.Error("a window that is not there")
	}
	if !s.Reset(noon.Add(time.Hour), "5h") {
		t.Error("no window 5h")
	}
	got := read(s, noon.Add(time.Hour))
	if got[0].Used != 0 || got[0].Reserved != 0 || !got[0].Start.IsZero() || got[1].Used != 70_000 || got[1].Reserved != 10_000 {
		t.Errorf("%+v", got)
	}
	if late, err := s.Settle(noon.Add(time.Hour), &r, units(10, 10)); err != nil || late != units(10, 0) {
		t.Errorf("late %v, %v", late, err)
	}
	s.Reset(noon.Add(2*time.Hour), "")
	for _, r := range read(s, noon.Add(2*time.Hour)) {
		if r.Used != 0 || !r.Start.IsZero() {
			t.Errorf("%+v", r)
		}
	}
}

// TestClockSteps: a clock that steps back frees nothing and takes nothing; one
// that ran ahead is forgiven by a reset.
func TestClockSteps(t *testing.T) {
	for _, kind := range []quota.Kind{quota.Sliding, quota.Anchored, quota.Calendar, quota.Period} {
		s := quota.New(only(t, kind, 10), noon, noon.AddDate(0, 1, 0))
		use(t, s, noon, units(4))
		before := read(s, noon)[0]
		for _, back := range []time.Duration{time.Second, 6 * time.Hour, 400 * 24 * time.Hour} {
			at := noon.Add(-back)
			if got := read(s, at)[0]; got != before {
				t.Errorf("%s, %v back: %+v, before %+v", kind, back, got, before)
			}
			use(t, s, at, units(1))
			if _, err := s.Reserve(at, units(10)); err == nil {
				t.Errorf("%s, %v back: over the limit", kind, back)
			}
			before = read(s, noon)[0]
		}
		if before.Used != 7000 {
			t.Errorf("%s: %+v", kind, before)
		}

		ahead := noon.AddDate(3, 0, 0)
		r, err := s.Reserve(ahead, units(2))
		if err != nil {
			if kind == quota.Period {
				continue // it has no end of its own
			}
			t.Fatal(err)
		}
		use(t, s, ahead, units(1))
		s.Reset(noon, "")
		if got := read(s, noon)[0]; got.Used != 0 || got.Reserved != 0 {
			t.Errorf("%s, after a reset: %+v", kind, got)
		}
		use(t, s, noon, units(10))
		if late, err := s.Settle(noon, &r, units(2)); err != nil || late != units(2) {
			t.Errorf("%s: late %v, %v", kind, late, err)
		}
	}
}

// TestResetTakesTheClock: windows that are not forgiven keep their use when the
// clock had been ahead, and end in time again.
func TestResetTakesTheClock(t *testing.T) {
	q := compile(t, "q",
		quota.Window{Name: "slide", Kind: quota.Sliding, Unit: quota.Requests, Limit: 10, Minutes: 60},
		quota.Window{Name: "anchor", Kind: quota.Anchored, Unit: quota.Requests, Limit: 10, Minutes: 60},
		quota.Window{Name: "day", Kind: quota.Calendar, Unit: quota.Requests, Limit: 10, Span: quota.Day},
		quota.Window{Name: "other", Kind: quota.Period, Unit: quota.Requests, Limit: 10})
	s := quota.New(q, noon, noon.AddDate(0, 1, 0))
	ahead := noon.AddDate(1, 0, 0)
	use(t, s, ahead, units(3, 3, 3, 3))
	r, err := s.Reserve(ahead, units(2, 2, 2, 2))
	if err != nil {
		t.Fatal(err)
	}
	s.Reset(noon, "other")
	for _, got := range read(s, noon)[:3] {
		if got.Used != 3000 || got.Reserved != 2000 || got.ResetAt.After(noon.Add(12*time.Hour)) {
			t.Errorf("%+v", got)
		}
	}
	if late, err := s.Settle(noon, &r, units(2, 2, 2, 2)); err != nil || late != units(0, 0, 0, 2) {
		t.Errorf("late %v, %v", late, err)
	}
	for _, got := range read(s, noon.Add(12*time.Hour)) {
		if got.Used != 0 {
			t.Errorf("%+v", got)
		}
	}
}

// TestRestart: what running calls reserved dies with the process, and a window
// that only they had started does not run.
func TestRestart(t *testing.T) {
	w := lite()
	w[1] = quota.Window{Name: "slide", Kind: quota.Sliding, Unit: quota.Requests, Limit: 9, Minutes: 60}
	q := compile(t, "q", w...)
	s := quota.New(q, time.Time{}, time.Time{})
	if _, err := s.Reserve(noon, units(5, 5)); err != nil {
		t.Fatal(err)
	}
	again, err := quota.Restore(q, s.Snapshot(false))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range read(again, noon) {
		if r.Reserved != 0 || r.Used != 0 || !r.Start.IsZero() {
			t.Errorf("%+v", r)
		}
	}
	if late := again.Count(noon, units(5, 5)); late != (quota.Cost{}) || read(again, noon)[0].Used != 5000 {
		t.Errorf("late %v, %+v", late, read(again, noon))
	}
}

func TestRestoreRefuses(t *testing.T) {
	q := compile(t, "q", append(lite(), quota.Window{Name: "slide", Kind: quota.Sliding, Unit: quota.Requests, Limit: 9, Minutes: 60})...)
	s := quota.New(q, time.Time{}, time.Time{})
	use(t, s, noon, units(1, 1, 1))
	for want, change := range map[string]func(*quota.Snapshot){
		"version 2":            func(s *quota.Snapshot) { s.Version = 2 },
		"of quota \"other\"":   func(s *quota.Snapshot) { s.Quota = "other" },
		"has 2 windows":        func(s *quota.Snapshot) { s.Windows = s.Windows[:2] },
		"before 1970":          func(s *quota.Snapshot) { s.Mark = -1 },
		"\"5h\" is damaged":    func(s *quota.Snapshot) { s.Windows[0].Used = -1 },
		"\"\" is damaged":      func(s *quota.Snapshot) { s.Windows[0].Name = "" },
		"\"week\" is damaged":  func(s *quota.Snapshot) { s.Windows[1].Instance = 0 },
		"\"slide\" is damaged": func(s *quota.Snapshot) { s.Windows[2].Buckets = []int64{1} },
	} {
		snap := s.Snapshot(true)
		change(&snap)
		if _, err := quota.Restore(q, snap); sluice.CodeOf(err) != sluice.CodeInvalid || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// fourWindows is a plan with one window of each kind.
func fourWindows(t testing.TB) *quota.State {
	w := append(lite(),
		quota.Window{Name: "day", Kind: quota.Calendar, Unit: quota.Tokens, Limit: 1 << 40, Span: quota.Day, Zone: "Asia/Shanghai"},
		quota.Window{Name: "hour", Kind: quota.Sliding, Unit: quota.Credits, Limit: 1 << 40, Minutes: 60})
	w[0].Limit, w[1].Limit = 1<<40, 1<<40
	return quota.New(compile(t, "q", w...), time.Time{}, time.Time{})
}

func TestReserveDoesNotAllocate(t *testing.T) {
	s, cost := fourWindows(t), units(1, 1, 1000, 1000)
	at := noon
	n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		r, err := s.Reserve(at, cost)
		if err == nil {
			_, err = s.Settle(at, &r, cost)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations a call", n)
	}
}

// BenchmarkAdmission is one call's way through four windows.
func BenchmarkAdmission(b *testing.B) {
	s, cost := fourWindows(b), units(1, 1, 1000, 1000)
	at := noon
	b.ReportAllocs()
	for b.Loop() {
		at = at.Add(time.Millisecond)
		r, err := s.Reserve(at, cost)
		if err == nil {
			_, err = s.Settle(at, &r, cost)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRead is the meter for a response's headers.
func BenchmarkRead(b *testing.B) {
	s, cost := fourWindows(b), units(1, 1, 1000, 1000)
	use(b, s, noon, cost)
	dst := make([]quota.Reading, 0, 4)
	b.ReportAllocs()
	for b.Loop() {
		dst = s.Read(dst[:0], noon)
	}
}

// TestUnreserved: a call that reserved nothing in a window counts in it when
// it turns out to have used something, also after a change of plan.
func TestUnreserved(t *testing.T) {
	for _, change := range []bool{false, true} {
		s := quota.New(compile(t, "one", lite()...), time.Time{}, time.Time{})
		r, err := s.Reserve(noon, quota.Cost{})
		if err != nil {
			t.Fatal(err)
		}
		use(t, s, noon.Add(time.Hour), units(1)) // starts the first window after the call
		if change {
			s.Change(noon.Add(time.Hour), compile(t, "two", lite()...))
		}
		if late, err := s.Settle(noon.Add(2*time.Hour), &r, units(1, 1)); err != nil || late != (quota.Cost{}) {
			t.Errorf("late %v, %v", late, err)
		}
		got := read(s, noon.Add(2*time.Hour))
		if got[0].Used != 2000 || !got[0].Start.Equal(noon.Add(time.Hour)) || got[1].Used != 1000 || !got[1].Start.Equal(noon) {
			t.Errorf("%+v", got)
		}
	}
}

// TestPeriodMoves: a period that ends at another instant goes on with its use.
func TestPeriodMoves(t *testing.T) {
	s := quota.New(only(t, quota.Period, 10), noon, noon.AddDate(0, 1, 0))
	use(t, s, noon, units(4))
	s.SetPeriod(noon, noon.AddDate(0, 2, 0))
	if r := read(s, noon)[0]; r.Used != 4000 || !r.ResetAt.Equal(noon.AddDate(0, 2, 0)) {
		t.Errorf("%+v", r)
	}
	var e *quota.Exhausted
	if _, err := s.Reserve(noon, units(7)); !errors.As(err, &e) || !e.At.Equal(noon.AddDate(0, 2, 0)) {
		t.Errorf("%+v", err)
	}
	if _, err := s.Reserve(noon.AddDate(0, 3, 0), units(7)); !errors.As(err, &e) || !e.At.IsZero() {
		t.Errorf("nobody knows when: %+v", err)
	}
}
