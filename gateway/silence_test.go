package gateway_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/wire/sse"
)

// While an engine is silent, before its first byte and between two, the client
// hears a comment every KeepAlive; never inside of an event.
func TestKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{})
		first, second := fleettest.NewPause(), fleettest.NewPause()
		r.engines[0].Next(fleettest.Stream("a", "b").PauseAt(0, first).PauseAt(1, second))
		go func() {
			time.Sleep(35 * time.Second)
			first.Release()
			time.Sleep(25 * time.Second)
			second.Release()
		}()
		a := r.post(chatPath, streamed)
		before, rest, _ := strings.Cut(a.body, "data: ")
		if before != strings.Repeat(sse.Comment, 3) {
			t.Errorf("before the first byte came %q", before)
		}
		if strings.Count(rest, sse.Comment) != 2 || text(t, a.body) != "ab" || !strings.HasSuffix(a.body, "[DONE]\n\n") {
			t.Errorf("then came %q", rest)
		}
		ev := r.event()
		if ttft := ev.FirstAt.Sub(ev.AdmittedAt); ttft != 35*time.Second {
			t.Errorf("the first token is said to have come after %v", ttft)
		}
	})
}

// An error after a comment is an event, and another engine can still be asked.
func TestKeepAliveThenError(t *testing.T) {
	for _, engines := range []int{1, 2} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{engines: engines})
			for _, e := range r.engines {
				pause := fleettest.NewPause()
				e.Next(fleettest.Stream("a").PauseAt(0, pause).DieAfter(0))
				go func() {
					time.Sleep(15 * time.Second)
					pause.Release()
				}()
			}
			a := r.post(chatPath, streamed)
			if a.StatusCode != 200 || !strings.HasPrefix(a.body, sse.Comment) || !strings.Contains(a.body, `data: {"error":{`) || strings.Contains(a.body, "[DONE]") {
				t.Errorf("status %d, body %q", a.StatusCode, a.body)
			}
			r.wantFree(1)
			if report := r.ended(1)[0]; !report.FirstAt.IsZero() {
				t.Errorf("the report says that something was delivered: %+v", report)
			}
		})
	}
}

func TestNoKeepAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{options: gateway.Options{KeepAlive: -1}})
		pause := fleettest.NewPause()
		r.engines[0].Next(fleettest.Stream("a").PauseAt(0, pause))
		time.AfterFunc(50*time.Second, pause.Release)
		if a := r.post(chatPath, streamed); strings.Contains(a.body, ":\u0020keep") {
			t.Errorf("body %q", a.body)
		}
		r.event()
	})
}

// While the ledger is slow the client is kept too, and [DONE] still comes last.
func TestKeepAliveUntilPaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &blocked{reached: make(chan struct{}), release: make(chan struct{})}
		r := newRig(t, setup{options: gateway.Options{Ledger: b}})
		b.Ledger = r.ledger
		time.AfterFunc(25*time.Second, func() { close(b.release) })
		a := r.post(chatPath, streamed)
		if !strings.HasSuffix(a.body, sse.Comment+sse.Comment+sse.Done) {
			t.Errorf("body %q", a.body)
		}
		r.event()
	})
}

// A connection serves one request after the other, however long each lasts: no
// deadline of one is left to the next.
func TestConnectionIsReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{})
		for _, body := range []string{streamed, plainCall, streamed, plainCall} {
			pause := fleettest.NewPause()
			r.engines[0].Next(fleettest.Stream("a", "b").PauseAt(1, pause))
			time.AfterFunc(90*time.Second, pause.Release)
			if a := r.post(chatPath, body); a.err != nil || a.StatusCode != 200 || !strings.Contains(a.body, "b") {
				t.Errorf("status %d, body %q, %v", a.StatusCode, a.body, a.err)
			}
			time.Sleep(80 * time.Second)
			wantError(t, r.post(chatPath, "{}"), 400, sluice.CodeInvalid)
		}
		if n := r.pipes.dialled.Load(); n != 1 {
			t.Errorf("%d connections were made", n)
		}
		if n := len(r.events()); n != 4 {
			t.Errorf("%d events", n)
		}
	})
}

// A client that accepts nothing is gone after writeTimeout, and pays for what
// was produced for it.
func TestClientStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// No comments: whoever would write one waits at a mutex, where synctest's clock stands still.
		r := newRig(t, setup{options: gateway.Options{KeepAlive: -1}})
		r.engines[0].Next(fleettest.Stream(tokens(1000)...))
		_, lines := r.open(t.Context(), streamed)
		readUntil(t, lines, `"x"`)
		begun := time.Now() // and nothing more is read
		ev := r.event()
		if took := ev.EndedAt.Sub(begun); took < 40*time.Second || took > 70*time.Second {
			t.Errorf("the client was given up after %v", took)
		}
		if ev.Status != sluice.StatusCancelled || ev.Usage[sluice.ClassOutput] == 0 {
			t.Errorf("booked %+v", ev)
		}
	})
}
