// Package billing decides about money while calls run: it holds, extends,
// settles and releases, and posts what came in. It owns the balances in memory
// and one writer that makes postings durable in groups.
//
// Why it is shaped so is in DESIGN.md beside this file.
package billing

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"sluice"
	"sluice/money/ledger"
)

// Store makes the ledger durable.
type Store interface {
	// Commit makes a batch durable in one transaction, or changes nothing. Errors:
	// CodeConflict when a transaction's id is booked already; CodeInsufficientFunds
	// when a wallet would go below zero; others say that the store is away.
	Commit(ctx context.Context, batch sluice.Batch) error

	// Committed returns which of the transactions are booked.
	Committed(ctx context.Context, ids []string) (map[string]bool, error)

	// Accounts returns every account with its balance.
	Accounts(ctx context.Context) ([]sluice.Account, error)

	// Checkpoints returns the calls that were running when the process died.
	Checkpoints(ctx context.Context) ([]sluice.Event, error)

	// KeySpend returns what each key has been charged in all.
	KeySpend(ctx context.Context) (map[string]sluice.Amount, error)
}

// Options set up a Ledger. The zero value is usable.
type Options struct {
	// HoldWait bounds how long a call waits for others to settle when the balance
	// covers it but running calls hold it. Default 30 s.
	HoldWait time.Duration

	// Spool is a file that finished calls are kept in while the store is away;
	// empty keeps them waiting instead.
	Spool string

	Log *slog.Logger // default slog.Default

	// OnCommit hears of each durable group: how many postings and how long it took.
	OnCommit func(postings int, took time.Duration)
}

// Ledger is the balances of all organisations. It is safe for concurrent use.
type Ledger struct {
	store Store
	opt   Options
	wake  chan struct{} // tells the writer that pending has something
	done  chan struct{} // closed when the writer has ended

	spooled bool // the spool holds something; only Open and the writer touch it

	mu      sync.Mutex
	wallets map[string]*wallet // by organisation
	keys    map[string]*keySpend
	holds   map[string]*hold // by call
	pending []*item          // what the writer takes next, in order
	posting map[string]*item // transactions posted and not yet durable
	fault   error            // set once the books and memory disagree: nothing is admitted any more
	closed  bool
}

// Open loads the balances, replays what an earlier process spooled and bills
// the calls that it left running. The caller must Close it.
func Open(ctx context.Context, store Store, opt Options) (*Ledger, error) {
	if opt.HoldWait == 0 {
		opt.HoldWait = 30 * time.Second
	}
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	l := &Ledger{
		store: store, opt: opt,
		wake:    make(chan struct{}, 1),
		done:    make(chan struct{}),
		wallets: map[string]*wallet{},
		keys:    map[string]*keySpend{},
		holds:   map[string]*hold{},
		posting: map[string]*item{},
		spooled: opt.Spool != "",
	}
	if err := l.replaySpool(ctx); err != nil {
		return nil, fmt.Errorf("replaying the spool: %w", err)
	}
	if err := l.load(ctx); err != nil {
		return nil, err
	}
	go l.write()
	if err := l.recover(ctx); err != nil {
		return nil, fmt.Errorf("billing the calls that were running: %w", err)
	}
	return l, nil
}

// load reads balances and spending into memory.
func (l *Ledger) load(ctx context.Context) error {
	accounts, err := l.store.Accounts(ctx)
	if err != nil {
		return fmt.Errorf("loading accounts: %w", err)
	}
	for _, a := range accounts {
		if !a.Kind.Wallet() {
			continue
		}
		w, err := l.wallet(a.Owner, a.Currency)
		if err != nil {
			return fmt.Errorf("loading accounts: %w", err)
		}
		w.fund(a.Kind).Balance = a.Balance
	}
	spent, err := l.store.KeySpend(ctx)
	if err != nil {
		return fmt.Errorf("loading what keys spent: %w", err)
	}
	for key, amount := range spent {
		l.keys[key] = &keySpend{spent: amount}
	}
	return nil
}

// recover bills the calls that an earlier process left running, from their
// last checkpoint, as far as their wallets reach.
func (l *Ledger) recover(ctx context.Context) error {
	left, err := l.store.Checkpoints(ctx)
	if err != nil {
		return fmt.Errorf("loading checkpoints: %w", err)
	}
	for _, ev := range left {
		ev.Status = sluice.StatusRecovered
		settled, err := l.settle(ctx, ev, &hold{checkpointed: true})
		if err != nil {
			return fmt.Errorf("call %s: %w", ev.CallID, err)
		}
		l.opt.Log.Warn("billed a call that was running when the server died",
			"call", ev.CallID, "organisation", ev.Org, "charge", settled.Charge.Amount().String())
	}
	return nil
}

// Close waits until everything posted is durable and ends the writer. Holds
// must have been settled or released before.
func (l *Ledger) Close() {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return
	}
	l.closed = true
	l.mu.Unlock()
	l.signal()
	<-l.done
}

// Balance returns what an organisation has in its currency.
func (l *Ledger) Balance(org string, currency sluice.Currency) (sluice.Balance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w, err := l.wallet(org, currency)
	if err != nil {
		return sluice.Balance{}, err
	}
	return sluice.Balance{Currency: currency, Available: w.free(), Held: w.held}, nil
}

// Spent returns what a key has been charged in all.
func (l *Ledger) Spent(key string) sluice.Amount {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k := l.keys[key]; k != nil {
		return k.spent
	}
	return sluice.Amount{}
}

// Holds returns how many calls hold money now.
func (l *Ledger) Holds() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.holds)
}

// Queued returns how many postings wait for the writer.
func (l *Ledger) Queued() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.pending)
}

// Post books a transaction and waits until it is durable. The same id is
// booked once: posting it again returns nil and changes nothing. Errors:
// CodeInsufficientFunds when it debits a wallet by more than is free.
func (l *Ledger) Post(ctx context.Context, tx sluice.Tx) error {
	if err := ledger.Check(&tx); err != nil {
		return fmt.Errorf("posting: %w", err)
	}
	known, err := l.store.Committed(ctx, []string{tx.ID})
	if err != nil {
		return fmt.Errorf("posting %s: %w", tx.ID, err)
	}
	if known[tx.ID] {
		return nil
	}
	it, err := l.enqueuePost(tx)
	if err != nil {
		return err
	}
	return it.wait(ctx)
}

// enqueuePost reserves what the transaction debits and queues it, or returns
// the item of the same transaction that is on its way already.
func (l *Ledger) enqueuePost(tx sluice.Tx) (*item, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.open(); err != nil {
		return nil, err
	}
	if it := l.posting[tx.ID]; it != nil {
		return it, nil
	}
	for _, e := range tx.Entries {
		if !e.Account.Kind.Wallet() || e.Amount.Sign() >= 0 {
			continue
		}
		w, err := l.wallet(e.Account.Owner, e.Account.Currency)
		if err != nil {
			return nil, err
		}
		debit, err := e.Amount.Neg()
		if err != nil {
			return nil, err
		}
		if w.free().Cmp(debit) < 0 || w.fund(e.Account.Kind).Balance.Cmp(debit) < 0 {
			return nil, sluice.Errorf(sluice.CodeInsufficientFunds, "The balance does not cover %s %s.", debit, e.Account.Currency)
		}
	}
	it := newItem(sluice.Posting{Tx: tx})
	if err := l.move(tx.Entries, debits); err != nil {
		return nil, err
	}
	l.posting[tx.ID] = it
	l.enqueue(it)
	return it, nil
}

// open returns why nothing is taken any more, or nil.
func (l *Ledger) open() error {
	if l.fault != nil {
		return &sluice.Error{Code: sluice.CodeUnavailable, Message: "The ledger stopped because its books disagree; the operator must look.", Err: l.fault}
	}
	if l.closed {
		return sluice.Errorf(sluice.CodeUnavailable, "The server is shutting down.")
	}
	return nil
}
