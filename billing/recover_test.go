package billing

import (
	"context"
	"testing"

	"sluice"
)

// A process that dies leaves checkpoints. The next one bills them once.
func TestRecover(t *testing.T) {
	db := sqliteStore(t)
	dying := start(t, db, Options{})
	fund(t, dying, 100)
	for call, nano := range map[string]int64{"call_1": 30, "call_2": 20, "call_3": 10} {
		mustHold(t, dying, call, 30)
		dying.Extend(call, 0, event(call, nano/2))
		dying.Extend(call, 0, event(call, nano))
	}
	mustSettle(t, dying, "call_3", 15) // ended: its checkpoint goes
	mustHold(t, dying, "call_4", 10)   // no checkpoint: free
	// It dies here: whoever opens the store next knows nothing of its memory.

	for range 2 {
		l := start(t, db, Options{})
		wantBalance(t, l, 35, 0)
		if spent := l.Spent(key); spent.Nano != 65 {
			t.Errorf("the key spent %s, want 65 nano", spent)
		}
		l.Close()
	}
	left, err := db.Checkpoints(t.Context())
	if err != nil || len(left) != 0 {
		t.Errorf("checkpoints are left: %v, %v", left, err)
	}
	booked := events(t, db)
	for call, want := range map[string]sluice.Status{"call_1": sluice.StatusRecovered, "call_2": sluice.StatusRecovered, "call_3": sluice.StatusCompleted} {
		if got := booked[call].Status; got != want {
			t.Errorf("%s has status %q, want %q", call, got, want)
		}
	}
	if len(booked) != 3 {
		t.Errorf("%d events are booked, want 3", len(booked))
	}
	wantVerified(t, db)
}

// Recovery bills no more than there is.
func TestRecoverAtTheEndOfTheWallet(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 50)
	l.Close()
	s.checkpoints["call_1"] = event("call_1", 30)
	s.checkpoints["call_2"] = event("call_2", 30)
	l = start(t, s, Options{})
	wantBalance(t, l, 0, 0)
	if sum := s.events["call_1"].Charge + s.events["call_2"].Charge; sum != 50_000 {
		t.Errorf("charged %d pico in all, want 50000", sum)
	}
}

// A checkpoint of a call that was settled after all goes and bills nothing.
func TestRecoverSettledCall(t *testing.T) {
	s := newMemory()
	l := start(t, s, Options{})
	fund(t, l, 100)
	mustHold(t, l, "call_1", 30)
	mustSettle(t, l, "call_1", 30)
	l.Close()
	s.checkpoints["call_1"] = event("call_1", 20)
	l = start(t, s, Options{})
	wantBalance(t, l, 70, 0)
	if len(s.checkpoints) != 0 {
		t.Error("the checkpoint is left")
	}
}

// Open fails, and leaves nothing running, when the store does.
func TestOpenFails(t *testing.T) {
	s := newMemory()
	s.checkpoints["call_1"] = event("call_1", 0)
	s.away = true
	if _, err := Open(context.Background(), s, Options{}); err == nil {
		t.Error("opened without its store")
	}
}
