package fleet

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/queue"
)

// one is a set of one engine that takes so many calls at once.
func one(t *testing.T, o Options, limit int64) *Fleet {
	e := simulated("a")
	e.Concurrent = limit
	return applied(t, o, e)
}

// patient is a call of a tenant that may wait.
func patient(tenant string, class sluice.QueueClass) sluice.RouteRequest {
	return sluice.RouteRequest{Model: "m", Tenant: tenant, Class: class, Wait: time.Minute, Output: 100}
}

// What waits is served in its order as places become free, and never more at
// once than the engine takes.
func TestCallsWaitTheirTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := one(t, Options{}, 1)
		first := route(t, f)
		var mu sync.Mutex
		var order []string
		var calls sync.WaitGroup
		for i, req := range []sluice.RouteRequest{patient("x", sluice.QueueBatch), patient("x", sluice.QueueInteractive), patient("x", sluice.QueueInteractive), patient("y", sluice.QueueInteractive), patient("x", sluice.QueueAgent)} {
			calls.Go(func() {
				r, err := f.Route(t.Context(), req)
				if err != nil {
					t.Error(err)
					return
				}
				if s := statusOf(f, "a"); s.InFlight > 1 {
					t.Errorf("%d calls at once", s.InFlight)
				}
				mu.Lock()
				order = append(order, fmt.Sprint(req.Tenant, " ", req.Class))
				mu.Unlock()
				time.Sleep(time.Second)
				f.Done(r, sluice.OutcomeServed, sluice.Usage{})
			})
			time.Sleep(time.Duration(i+1) * time.Millisecond)
		}
		if q := f.Queues(); len(q) != 3 || q[0].Class != "interactive" || q[0].Waiting != 3 || q[0].Tokens != 300 || q[2].Waiting != 1 {
			t.Errorf("waiting: %+v", q)
		}
		f.Done(first, sluice.OutcomeServed, sluice.Usage{})
		calls.Wait()
		// y's single call is not behind both of x's; the classes that are owed their part come before the last of the higher one.
		if len(order) != 5 || order[0] != "x interactive" || order[1] == "x interactive" && order[2] != "y interactive" {
			t.Errorf("served in the order %q", order)
		}
		for _, q := range f.Queues() {
			if q.Waiting != 0 || q.Served == 0 || q.Waited == 0 || q.Shed.Total() != 0 {
				t.Errorf("afterwards: %+v", q)
			}
		}
	})
}

// A client that leaves is out of the queue at once; a call whose time is up is told so.
func TestLeavingTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := one(t, Options{}, 1)
		taken := route(t, f)
		ctx, leave := context.WithCancel(t.Context())
		var calls sync.WaitGroup
		calls.Go(func() {
			if _, err := f.Route(ctx, patient("x", 0)); !errors.Is(err, context.Canceled) {
				t.Errorf("a client that left: %v", err)
			}
		})
		calls.Go(func() {
			began := time.Now()
			_, err := f.Route(t.Context(), patient("x", 0))
			if e := sluice.ErrorOf(err); e == nil || e.Code != sluice.CodeOverloaded || e.RetryAfter < time.Second || time.Since(began) != time.Minute {
				t.Errorf("after %v: %v", time.Since(began), err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		if q := f.Queues()[0]; q.Waiting != 1 || q.Left != 1 {
			t.Errorf("%+v", q)
		}
		calls.Wait()
		if q := f.Queues()[0]; q.Waiting != 0 || q.Shed.Expired != 1 {
			t.Errorf("%+v", q)
		}
		f.Done(taken, sluice.OutcomeServed, sluice.Usage{})
		if s := statusOf(f, "a"); s.InFlight != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// Where the queue is full, paid interactive calls are turned away last.
func TestTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := one(t, Options{Queue: queue.Limits{Calls: 2, TenantCalls: 2}}, 1)
		taken := route(t, f)
		free := patient("f", 0)
		free.Free = true
		var calls sync.WaitGroup
		wait := func(what string, req sluice.RouteRequest, want sluice.Code) {
			calls.Go(func() {
				r, err := f.Route(t.Context(), req)
				if got := sluice.CodeOf(err); got != want {
					t.Errorf("%s: %v, want %q", what, err, want)
				}
				if err == nil {
					f.Done(r, sluice.OutcomeServed, sluice.Usage{})
				}
			})
			synctest.Wait()
		}
		wait("free", free, sluice.CodeOverloaded)
		wait("batch", patient("b", sluice.QueueBatch), sluice.CodeOverloaded)
		wait("paid", patient("p", 0), "") // in place of the free one
		wait("free again", free, sluice.CodeOverloaded)
		wait("paid again", patient("p", 0), "") // in place of the batch
		wait("its third", patient("p", 0), sluice.CodeConcurrency)
		f.Done(taken, sluice.OutcomeServed, sluice.Usage{})
		calls.Wait()
	})
}

// An engine without a limit that refuses shows one, and what it refuses waits.
func TestALimitIsLearned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := one(t, Options{}, 0)
		const seats = 5
		var mu sync.Mutex
		running, refused, served := 0, 0, 0
		var calls sync.WaitGroup
		for range 200 {
			calls.Go(func() {
				req := patient("x", 0)
				for {
					r, err := f.Route(t.Context(), req)
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					full := running == seats
					if full {
						refused++
					} else {
						running++
					}
					mu.Unlock()
					if full {
						f.Done(r, sluice.OutcomeRefused, sluice.Usage{})
						req.Again = true
						continue
					}
					time.Sleep(100 * time.Millisecond)
					mu.Lock()
					running--
					served++
					mu.Unlock()
					f.Done(r, sluice.OutcomeServed, sluice.Usage{})
					return
				}
			})
		}
		began := time.Now()
		calls.Wait()
		s := statusOf(f, "a")
		if served != 200 || s.Limit < seats || s.Limit > seats+1 {
			t.Errorf("%d served, %+v", served, s)
		}
		// All came at once, which is the worst: what was sent before the first refusal comes back.
		if took := time.Since(began); took > 2*200/seats*100*time.Millisecond || refused > 250 {
			t.Errorf("took %v with %d refusals", took, refused)
		}
	})
}

func TestLimit(t *testing.T) {
	var l limit
	if l.of(0) != 0 || l.of(7) != 7 || l.ended(100) != l || l.measured(9, 0) != l || l.measured(9, -1) != l {
		t.Error("a limit out of nothing")
	}
	if l = l.refused(10); l.of(0) != 10 || l.of(7) != 7 || l.of(20) != 10 {
		t.Errorf("%+v after a refusal beside ten", l)
	}
	for range 20 {
		l = l.ended(10)
	}
	if l.most != 11 {
		t.Errorf("%+v after twenty well served with all places taken", l)
	}
	if l = l.ended(3); l.served != 0 {
		t.Errorf("%+v after one that was alone", l)
	}
	if l = l.measured(11, 4); l.most != 7 {
		t.Errorf("%+v after four of eleven waited inside", l)
	}
	if l = l.measured(7, 0); l.most != 8 {
		t.Errorf("%+v after none waited", l)
	}
	if l = l.refused(0); l.most != 1 {
		t.Errorf("%+v", l)
	}
}
