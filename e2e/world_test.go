package e2e

import (
	"testing"
	"time"
)

// world is a server as the official clients meet it: the model in the box, a
// simulated engine, and an engine that does as it is told.
type world struct {
	*server
	*recorder
	engine *engine

	org                  organisation
	key, poor, expired   key
	rare, single         key // one request a minute; one at once
	box, simulated, told string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s := start(t, t.TempDir())
	w := &world{server: s, engine: newEngine(t), box: s.ready.Model, simulated: "simulated", told: "told"}
	price := tariff{input: 600_000, cached: 110_000, output: 2_200_000}
	s.sell(t, w.simulated, "sim:instant?tokens=20", price)
	s.sell(t, w.told, w.engine.URL, price)
	w.org, w.key = s.customer(t, "acme", "10.00")
	_, w.poor = s.customer(t, "poor", "0.000000001")
	w.expired = s.expiredKey(t, w.org)
	w.rare = s.key(t, w.org, "--rpm", "1", "--tpm", "100000")
	w.single = s.key(t, w.org, "--concurrent", "1")
	w.recorder = s.record(t)
	return w
}

// awaitCancelled waits until the ledger shows the calls that clients left, as many
// as were expected, and proves that they were billed by what had passed.
func (w *world) awaitCancelled(t *testing.T, n int, want tokens) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; {
		var cancelled []usage
		for _, u := range w.usage(t, w.org, "--model", w.told) {
			if u.Status == "cancelled" {
				cancelled = append(cancelled, u)
			}
		}
		if len(cancelled) == n {
			for _, u := range cancelled {
				if u.Tokens != want {
					t.Errorf("a call whose client left is billed with %+v, want %+v", u.Tokens, want)
				}
			}
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("usage shows %+v as cancelled, want %d calls", cancelled, n)
		}
		time.Sleep(10 * time.Millisecond) // the booking comes a moment after the client left, and tells nobody
	}
}

// settled proves after all calls that nothing is held and the books are right.
func (w *world) settled(t *testing.T) {
	t.Helper()
	if b := w.balance(t, w.org); b.Held != 0 {
		t.Errorf("after all calls %+v", b)
	}
	w.verify(t)
}
