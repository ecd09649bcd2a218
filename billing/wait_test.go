package billing

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// outcome is what a hold came to that was asked for in a goroutine of its own.
type outcome struct {
	granted sluice.Pico
	err     error
	after   time.Duration
	ended   bool
}

// ask asks for a hold and returns once it is granted, refused or waiting. What
// it returns tells what has come of it when all goroutines rest.
func ask(ctx context.Context, l *Ledger, req sluice.HoldRequest) func() outcome {
	var o atomic.Value
	o.Store(outcome{})
	begun := time.Now()
	go func() {
		h, err := l.Hold(ctx, req)
		o.Store(outcome{h.Granted, err, time.Since(begun), true})
	}()
	now := func() outcome {
		synctest.Wait()
		return o.Load().(outcome)
	}
	now()
	return now
}

func TestWaitInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		first := ask(t.Context(), l, request("call_2", 50, 1))
		second := ask(t.Context(), l, request("call_3", 5, 1)) // would fit, and came later
		if first().ended || second().ended {
			t.Fatal("a call did not wait for its turn")
		}
		mustSettle(t, l, "call_1", 50)
		if !first().ended || first().err != nil || first().granted != 50_000 {
			t.Errorf("the first came to %+v", first())
		}
		if second().ended {
			t.Error("the second was served from nothing")
		}
		l.Release("call_2")
		if !second().ended || second().err != nil || second().granted != 5_000 {
			t.Errorf("the second came to %+v", second())
		}
		l.Release("call_3")
		wantBalance(t, l, 50, 0)
	})
}

func TestWaitEndsWithCredit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		waiting := ask(t.Context(), l, request("call_2", 50, 1))
		fund(t, l, 40)
		if !waiting().ended || waiting().granted != 50_000 {
			t.Errorf("after a credit the waiting call came to %+v", waiting())
		}
	})
}

// What others spend meanwhile ends the hope of those who need more than is left.
func TestWaitEndsWithoutHope(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		modest := ask(t.Context(), l, request("call_2", 90, 5))
		dear := ask(t.Context(), l, request("call_3", 90, 80))
		last := ask(t.Context(), l, request("call_4", 90, 1))
		mustSettle(t, l, "call_1", 90) // 10 are left
		if !modest().ended || modest().granted != 10_000 {
			t.Errorf("the modest call came to %+v, want what is left", modest())
		}
		wantCode(t, dear().err, sluice.CodeInsufficientFunds)
		if last().ended {
			t.Error("the last call did not wait for the modest one")
		}
		mustSettle(t, l, "call_2", 10)
		wantCode(t, last().err, sluice.CodeInsufficientFunds)
	})
}

func TestWaitIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		ctx, leave := context.WithCancel(t.Context())
		large := ask(ctx, l, request("call_2", 50, 1))
		small := ask(t.Context(), l, request("call_3", 10, 1))
		leave()
		if !errors.Is(large().err, context.Canceled) {
			t.Errorf("who left was told %v", large().err)
		}
		if !small().ended || small().granted != 10_000 {
			t.Errorf("with nobody before it the small call came to %+v", small())
		}
		wantBalance(t, l, 0, 100)
	})
}

func TestWaitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{HoldWait: 7 * time.Second})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		part := ask(t.Context(), l, request("call_2", 50, 10))
		time.Sleep(time.Second)
		none := ask(t.Context(), l, request("call_3", 50, 10))
		time.Sleep(7 * time.Second)
		if part().err != nil || part().granted != 10_000 || part().after != 7*time.Second {
			t.Errorf("came to %+v, want what was free after 7 s", part())
		}
		if none().after != 7*time.Second {
			t.Errorf("was told after %v", none().after)
		}
		wantCode(t, none().err, sluice.CodeInsufficientFunds)
		wantBalance(t, l, 0, 100)
	})
}

func TestWaitForTheCapLetsOthersPass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{HoldWait: 7 * time.Second})
		fund(t, l, 100)
		limit := sluice.Amount{Nano: 20}
		capped := func(call string) sluice.HoldRequest {
			r := request(call, 15, 10)
			r.Key, r.Cap = "key_capped", &limit
			return r
		}
		running := ask(t.Context(), l, capped("call_1"))
		waiting := ask(t.Context(), l, capped("call_2"))
		other := ask(t.Context(), l, request("call_3", 50, 50))
		if !running().ended || waiting().ended || !other().ended || other().err != nil {
			t.Fatalf("running %+v, waiting %+v, other %+v", running(), waiting(), other())
		}
		time.Sleep(7 * time.Second)
		wantCode(t, waiting().err, sluice.CodeSpendingCap)
	})
}

func TestWaitEndsWithClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := start(t, newMemory(), Options{})
		fund(t, l, 100)
		mustHold(t, l, "call_1", 90)
		waiting := ask(t.Context(), l, request("call_2", 50, 1))
		l.Close()
		wantCode(t, waiting().err, sluice.CodeUnavailable)
		_, err := l.Hold(t.Context(), request("call_3", 1, 1))
		wantCode(t, err, sluice.CodeUnavailable)
	})
}
