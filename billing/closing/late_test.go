package closing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"sluice"
)

// TestCloseAmongLateCalls closes a day and opens it again while calls of it still
// come and hours are sealed: whatever overtakes what, each call is on one day.
func TestCloseAmongLateCalls(t *testing.T) {
	w := newWorld(t)
	ctx := context.WithoutCancel(t.Context())
	w.book(t, start().Add(time.Hour), start().Add(25*time.Hour))
	w.pass(t, start().Add(25*time.Hour))
	var wait sync.WaitGroup
	refused := func(err error) { // in the wrong state, or a record came between
		if err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
			t.Error(err)
		}
	}
	wait.Go(func() {
		for i := range 40 { // late for monday, and in time
			w.book(t, start().Add(time.Duration(i%24)*time.Hour), w.clock().Add(-time.Minute))
		}
	})
	wait.Go(func() {
		for i := range 40 {
			w.pass(t, start().Add(25*time.Hour+time.Duration(i)*time.Hour))
		}
	})
	wait.Go(func() {
		for range 20 {
			_, err := w.Close(ctx, monday, "me")
			refused(err)
			_, err = w.Reopen(ctx, monday, "me", "a call came late")
			refused(err)
		}
	})
	wait.Wait()
	w.pass(t, start().AddDate(0, 0, 5))
	var calls int64
	for n := range 4 {
		day := start().AddDate(0, 0, n).Format(time.DateOnly)
		d, err := w.Close(ctx, day, "me")
		if sluice.CodeOf(err) == sluice.CodeConflict {
			d, err = w.Day(ctx, day)
		}
		if err != nil || d.State != "closed" {
			t.Fatalf("%s: %+v, %v", day, d, err)
		}
		of, _ := charged(d)
		calls += of
	}
	if calls != int64(w.calls) {
		t.Errorf("%d calls on all days, of %d", calls, w.calls)
	}
	w.whole(t)
}
