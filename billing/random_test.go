package billing

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/store"
)

// events returns all events in a store, by call.
func events(t testing.TB, db *store.DB) map[string]sluice.Event {
	t.Helper()
	all, _, err := db.Events(t.Context(), store.EventQuery{Limit: 10_000})
	if err != nil {
		t.Fatal(err)
	}
	byCall := map[string]sluice.Event{}
	for _, ev := range all {
		byCall[ev.CallID] = ev
	}
	return byCall
}

// wantVerified checks the books of a store.
func wantVerified(t testing.TB, db *store.DB) {
	t.Helper()
	report, err := db.Verify(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		t.Errorf("the books are wrong: %+v", report)
	}
}

// TestRandom does random things with a ledger and compares it with a model
// that keeps its sums as big integers of pico.
func TestRandom(t *testing.T) {
	t.Run("memory", rapid.MakeCheck(func(t *rapid.T) { random(t, newMemory(), org) }))
}

// TestRandomOnSQLite does the same on one store, each time with another organisation.
func TestRandomOnSQLite(t *testing.T) {
	db := sqliteStore(t)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		random(t, db, fmt.Sprintf("org_%d", n))
	})
	wantVerified(t, db)
}

// machine is a ledger beside its model.
type machine struct {
	store Store
	l     *Ledger
	org   string
	calls int

	balance *big.Int            // pico
	holds   map[string]*running // by call
	spent   map[string]*big.Int // by key
	paid    []sluice.Tx
}

// running is a call as the model sees it.
type running struct {
	key        string
	cap        *sluice.Amount
	granted    *big.Int
	checkpoint *big.Int // what is billed if the process dies; nil without
}

func random(t *rapid.T, s Store, org string) {
	m := &machine{store: s, org: org, balance: new(big.Int), holds: map[string]*running{}, spent: map[string]*big.Int{}}
	m.open(t)
	defer func() { m.l.Close() }()
	t.Repeat(map[string]func(*rapid.T){
		"":        m.check,
		"post":    m.post,
		"repost":  m.repost,
		"hold":    m.hold,
		"extend":  m.extend,
		"settle":  m.settle,
		"release": m.release,
		"restart": m.restart,
	})
}

func (m *machine) open(t *rapid.T) {
	var err error
	if m.l, err = Open(context.Background(), m.store, Options{HoldWait: time.Nanosecond, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
}

func pico(a sluice.Amount) *big.Int {
	p := new(big.Int).Mul(big.NewInt(a.Nano), big.NewInt(sluice.PicoPerNano))
	return p.Add(p, big.NewInt(a.Carry))
}

func least(first *big.Int, others ...*big.Int) *big.Int {
	for _, o := range others {
		if o.Cmp(first) < 0 {
			first = o
		}
	}
	return new(big.Int).Set(first)
}

// amounts are mostly small, so that they meet, and sometimes as large as can be.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, 5000), rapid.Int64Range(0, 1<<63-1))
}

func (m *machine) keyID(n int) string { return fmt.Sprintf("%s_key_%d", m.org, n) }

func (m *machine) held(key string) *big.Int {
	sum := new(big.Int)
	for _, r := range m.holds {
		if key == "" || r.key == key {
			sum.Add(sum, r.granted)
		}
	}
	return sum
}

func (m *machine) free() *big.Int { return new(big.Int).Sub(m.balance, m.held("")) }

func (m *machine) spentBy(key string) *big.Int {
	if m.spent[key] == nil {
		m.spent[key] = new(big.Int)
	}
	return m.spent[key]
}

// capLeft is what a key's cap leaves, and how much of that is not held.
func (m *machine) capLeft(key string, limit *sluice.Amount) (total, free *big.Int) {
	total = new(big.Int).Sub(pico(*limit), m.spentBy(key))
	if total.Sign() < 0 {
		total.SetInt64(0)
	}
	return total, new(big.Int).Sub(total, m.held(key))
}

func (m *machine) check(t *rapid.T) {
	b, err := m.l.Balance(m.org, usd)
	if err != nil {
		t.Fatal(err)
	}
	if pico(b.Available).Cmp(m.free()) != 0 || pico(b.Held).Cmp(m.held("")) != 0 {
		t.Fatalf("available %s, held %s; the model has %s and %s pico", b.Available, b.Held, m.free(), m.held(""))
	}
	if b.Available.Sign() < 0 {
		t.Fatalf("available %s", b.Available)
	}
	for key, spent := range m.spent {
		if got := m.l.Spent(key); pico(got).Cmp(spent) != 0 {
			t.Fatalf("key %s spent %s, the model has %s pico", key, got, spent)
		}
	}
	if m.l.Holds() != len(m.holds) {
		t.Fatalf("%d holds, the model has %d", m.l.Holds(), len(m.holds))
	}
}

func (m *machine) post(t *rapid.T) {
	nano := rapid.OneOf(rapid.Int64Range(-20, 20), rapid.Int64Range(-20, 20), rapid.Int64Range(-1<<62, 1<<62)).Draw(t, "nano")
	tx := payment(sluice.NewID(sluice.PrefixTx, time.Now()), m.org, nano)
	err := m.l.Post(context.Background(), tx)
	delta := new(big.Int).Mul(big.NewInt(nano), big.NewInt(sluice.PicoPerNano))
	after := new(big.Int).Add(m.balance, delta)
	switch {
	case sluice.CodeOf(err) == sluice.CodeInvalid:
		// The accounts' range: the operator's account is shared by all that ran before.
		if nano > -1<<40 && nano < 1<<40 {
			t.Fatalf("posting %d nano: %v", nano, err)
		}
		return
	case nano < 0 && new(big.Int).Add(m.free(), delta).Sign() < 0:
		if sluice.CodeOf(err) != sluice.CodeInsufficientFunds {
			t.Fatalf("debiting %d nano of %s pico: %v", nano, m.free(), err)
		}
		return
	case err != nil:
		t.Fatal(err)
	}
	m.balance = after
	m.paid = append(m.paid, tx)
}

// repost books what is booked, which changes nothing.
func (m *machine) repost(t *rapid.T) {
	if len(m.paid) == 0 {
		t.Skip("nothing was posted")
	}
	if err := m.l.Post(context.Background(), rapid.SampledFrom(m.paid).Draw(t, "tx")); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) hold(t *rapid.T) {
	m.calls++
	r := &running{key: m.keyID(rapid.IntRange(0, 2).Draw(t, "key"))}
	want := amounts().Draw(t, "want")
	min := rapid.Int64Range(0, want).Draw(t, "least")
	if rapid.Bool().Draw(t, "capped") {
		r.cap = &sluice.Amount{Nano: rapid.Int64Range(0, 30).Draw(t, "cap")}
	}
	call := fmt.Sprintf("%s_call_%d", m.org, m.calls)
	h, err := m.l.Hold(context.Background(), sluice.HoldRequest{
		CallID: call, Org: m.org, Key: r.key, Cap: r.cap, Currency: usd, Want: sluice.Pico(want), Least: sluice.Pico(min),
	})
	free := m.free()
	r.granted = least(big.NewInt(want), free)
	if r.cap != nil {
		_, capFree := m.capLeft(r.key, r.cap)
		r.granted = least(r.granted, capFree)
	}
	affordable := r.granted.Cmp(big.NewInt(want)) == 0 || (r.granted.Sign() > 0 && r.granted.Cmp(big.NewInt(min)) >= 0)
	switch code := sluice.CodeOf(err); {
	case affordable && err != nil:
		t.Fatalf("holding %d (at least %d) of %s pico: %v", want, min, free, err)
	case affordable && int64(h.Granted) != r.granted.Int64():
		t.Fatalf("granted %d, the model grants %s", h.Granted, r.granted)
	case !affordable && code != sluice.CodeInsufficientFunds && code != sluice.CodeSpendingCap:
		t.Fatalf("holding %d (at least %d) of %s pico: %v", want, min, free, err)
	case affordable:
		m.holds[call] = r
	}
}

// pick draws a running call.
func (m *machine) pick(t *rapid.T) (string, *running) {
	if len(m.holds) == 0 {
		t.Skip("no call runs")
	}
	call := rapid.SampledFrom(slices.Sorted(maps.Keys(m.holds))).Draw(t, "call")
	return call, m.holds[call]
}

func (m *machine) event(call string, r *running, list int64) sluice.Event {
	ev := event(call, 0)
	ev.Org, ev.Key, ev.List, ev.Usage[sluice.ClassInput] = m.org, r.key, sluice.Pico(list), list
	return ev
}

func (m *machine) extend(t *rapid.T) {
	call, r := m.pick(t)
	more, list := amounts().Draw(t, "more"), amounts().Draw(t, "list")
	want := least(big.NewInt(more), m.free())
	if r.cap != nil {
		_, capFree := m.capLeft(r.key, r.cap)
		want = least(want, capFree)
	}
	if want.Sign() < 0 {
		want.SetInt64(0)
	}
	got := m.l.Extend(call, sluice.Pico(more), m.event(call, r, list))
	if int64(got) != want.Int64() {
		t.Fatalf("extended by %d, the model by %s", got, want)
	}
	r.granted.Add(r.granted, want)
	r.checkpoint = big.NewInt(list)
}

func (m *machine) settle(t *rapid.T) {
	call, r := m.pick(t)
	list := amounts().Draw(t, "list")
	ev, err := m.l.Settle(context.Background(), m.event(call, r, list))
	if err != nil {
		t.Fatal(err)
	}
	want := least(big.NewInt(list), new(big.Int).Add(m.free(), r.granted))
	if int64(ev.Charge) != want.Int64() || ev.Charge > ev.List || ev.Charge < 0 {
		t.Fatalf("charged %d of %d, the model charges %s", ev.Charge, list, want)
	}
	delete(m.holds, call)
	m.bill(r, want)
	if _, err := m.l.Settle(context.Background(), ev); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Fatalf("settling %s again: %v", call, err)
	}
}

func (m *machine) bill(r *running, charge *big.Int) {
	m.balance = new(big.Int).Sub(m.balance, charge)
	m.spent[r.key] = new(big.Int).Add(m.spentBy(r.key), charge)
}

func (m *machine) release(t *rapid.T) {
	call, _ := m.pick(t)
	m.l.Release(call)
	delete(m.holds, call)
}

// restart opens the store anew. Calls that ran are free up to their last
// checkpoint, which is billed; when the wallet does not reach, which of them is
// billed in full is not said, so the model looks at the sum.
func (m *machine) restart(t *rapid.T) {
	m.l.Close()
	m.open(t)
	due := new(big.Int)
	for _, r := range m.holds {
		if r.checkpoint != nil {
			due.Add(due, r.checkpoint)
		}
	}
	full := due.Cmp(m.balance) <= 0
	charged := least(due, m.balance)
	for _, r := range m.holds {
		if r.checkpoint != nil && full {
			m.spent[r.key] = new(big.Int).Add(m.spentBy(r.key), r.checkpoint)
		}
	}
	m.balance = new(big.Int).Sub(m.balance, charged)
	if !full { // take over who was billed what
		for key := range m.spent {
			m.spent[key] = pico(m.l.Spent(key))
		}
		for _, r := range m.holds {
			m.spent[r.key] = pico(m.l.Spent(r.key))
		}
	}
	m.holds = map[string]*running{}
}
