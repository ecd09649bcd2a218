package statements_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sluice"
	"sluice/billing/closing"
	"sluice/billing/statements"
	"sluice/money/price"
	"sluice/money/whatif"
	"sluice/store"
)

// books is a store with a price book and what makes statements of it.
type books struct {
	*statements.Service
	t     *testing.T
	store *store.DB
	now   time.Time
	close *closing.Service
	calls int

	rerate statements.Rerate
}

func midnight() time.Time { return time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC) }

const monday = "2026-11-16"

func newBooks(t *testing.T) *books {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db")+"?_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	b := &books{t: t, store: db, now: midnight().Add(25 * time.Hour)}
	b.rerate = func(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
		return closing.Rerate(ctx, db, r, since, until, progress)
	}
	now := func() time.Time { return b.now }
	b.Service = statements.New(statements.Options{
		Books: db, Nodes: db, Kept: db, Power: db, Engines: db.Engines, Now: now,
		Rerate: func(ctx context.Context, r *whatif.Rerater, since, until time.Time, progress func(done, total int64)) (whatif.Result, error) {
			return b.rerate(ctx, r, since, until, progress)
		},
	})
	t.Cleanup(b.Close)
	b.close = closing.New(closing.Options{Hours: db, Days: db, Notes: db, Costs: b.Keep, Flush: func(context.Context) error { return nil }, Now: now})
	list, err := price.Publish("book_1", price.Draft{Currency: "USD", EffectiveAt: midnight().AddDate(-1, 0, 0), Rules: []price.Rule{
		{Model: "glm", Class: sluice.ClassInput, Price: 1_000_000}, {Model: "glm", Class: sluice.ClassOutput, Price: 2_000_000},
	}}, midnight().AddDate(-1, 0, 0))
	b.must(err)
	b.must(db.PublishBook(t.Context(), list))
	return b
}

func (b *books) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// call books a call of a million tokens in.
func (b *books) call(org string, at time.Time) {
	b.t.Helper()
	b.calls++
	wallet := sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: "USD"}
	of := func(kind sluice.AccountKind) sluice.AccountID {
		return sluice.AccountID{Owner: sluice.Operator, Kind: kind, Currency: "USD"}
	}
	id := sluice.NewID("call", at.Add(time.Duration(b.calls)))
	b.must(b.store.Commit(b.t.Context(), sluice.Batch{Postings: []sluice.Posting{
		{Tx: sluice.Tx{ID: "tx_" + id, Kind: sluice.TxPayment, At: at, Entries: []sluice.Entry{{Account: of(sluice.AccountClearing), Amount: sluice.Amount{Nano: -1e9}}, {Account: wallet, Amount: sluice.Amount{Nano: 1e9}}}}},
		{
			Tx:    sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at, Entries: []sluice.Entry{{Account: wallet, Amount: sluice.Amount{Nano: -1e9}}, {Account: of(sluice.AccountRevenueAPI), Amount: sluice.Amount{Nano: 1e9}}}},
			Event: &sluice.Event{CallID: id, Org: org, Key: "key_1", Model: "glm", Engine: "gpu1", AdmittedAt: at, EndedAt: at, Status: sluice.StatusCompleted, Usage: sluice.Usage{1_000_000}, Currency: "USD", Book: "book_1", List: 1e12, Charge: 1e12},
		},
	}}))
}

func (b *books) seal() {
	b.t.Helper()
	_, err := b.close.SealDue(b.t.Context(), nil)
	b.must(err)
}

func (b *books) ask() (*statements.Run, error) {
	return b.Start(b.t.Context(), &statements.WhatIf{Query: statements.Query{Day: monday, Currency: "USD"}})
}

// until waits for a question to be as it should.
func (b *books) until(id string, is func(*statements.Run) bool) *statements.Run {
	b.t.Helper()
	for {
		r, err := b.Run(id)
		b.must(err)
		if is(r) {
			return r
		}
		select {
		case <-time.After(time.Millisecond):
		case <-b.t.Context().Done():
			b.t.Fatalf("it stays %+v", r)
		}
	}
}

func over(r *statements.Run) bool { return r.State != statements.Running }

// TestProgressAndCancel asks questions that say how far they are, cancels one of
// them, and asks more than are answered at a time.
func TestProgressAndCancel(t *testing.T) {
	b := newBooks(t)
	b.call("org_a", midnight())
	b.seal()
	stuck := make(chan struct{}, 4)
	b.rerate = func(ctx context.Context, _ *whatif.Rerater, _, _ time.Time, progress func(done, total int64)) (whatif.Result, error) {
		progress(30, 100)
		progress(20, 100) // a word that was overtaken
		stuck <- struct{}{}
		<-ctx.Done()
		return nil, ctx.Err()
	}
	first, err := b.ask()
	b.must(err)
	second, err := b.ask()
	b.must(err)
	<-stuck
	<-stuck
	if _, err := b.ask(); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("a third one: %v", err)
	}
	if r := b.until(first.ID, func(r *statements.Run) bool { return r.Total > 0 }); r.Done != 30 || r.Total != 100 || r.State != statements.Running || r.Answer != nil {
		t.Errorf("under way %+v", r)
	}
	b.must(b.Cancel(first.ID))
	if r := b.until(first.ID, over); r.State != statements.Cancelled || r.Error != "" || r.Answer != nil {
		t.Errorf("cancelled %+v", r)
	}
	b.must(b.Cancel(first.ID)) // again changes nothing
	if r, err := b.Run(second.ID); err != nil || r.State != statements.Running {
		t.Errorf("the other one is %+v, %v", r, err)
	}
	third, err := b.ask()
	b.must(err)
	<-stuck
	b.Close()
	for _, id := range []string{second.ID, third.ID} {
		if r, err := b.Run(id); err != nil || r.State != statements.Cancelled {
			t.Errorf("after the end: %+v, %v", r, err)
		}
	}
	if _, err := b.ask(); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("asked after the end: %v", err)
	}
	if sluice.CodeOf(b.Cancel("nobody's")) != sluice.CodeNotFound {
		t.Error("a question that is not there was cancelled")
	}
}

// TestAnswers asks for real, fails once, and keeps the last answers.
func TestAnswers(t *testing.T) {
	b := newBooks(t)
	for range 5 {
		b.call("org_a", midnight())
	}
	b.seal()
	r, err := b.ask()
	b.must(err)
	first := r.ID
	if r = b.until(first, over); r.State != statements.Finished || r.Answer.Calls != 5 || r.Answer.After.Charged.Text(2) != "5.00" || r.Done != r.Total || r.Total == 0 {
		t.Errorf("%+v", r)
	}
	b.must(b.Cancel(first)) // one that is over stays as it is
	real := b.rerate
	b.rerate = func(context.Context, *whatif.Rerater, time.Time, time.Time, func(done, total int64)) (whatif.Result, error) {
		return nil, errors.New("the disk is gone")
	}
	if r, err = b.ask(); err != nil || b.until(r.ID, over).State != statements.Failed {
		t.Errorf("%+v, %v", r, err)
	}
	b.rerate = real
	for range 20 {
		r, err := b.ask()
		b.must(err)
		b.until(r.ID, over)
	}
	if _, err := b.Run(first); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("the first of 22 is still there: %v", err)
	}
}
