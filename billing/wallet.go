package billing

import (
	"fmt"

	"sluice"
	"sluice/money/ledger"
)

// wallet is an organisation's money: its accounts in burn order and what
// running calls hold of them. Guarded by Ledger.mu.
type wallet struct {
	currency sluice.Currency
	accounts []sluice.Account
	held     sluice.Amount
	open     int // running holds
	waiting  []*waiter
}

// keySpend is what a key was charged and what its running calls hold. Guarded by Ledger.mu.
type keySpend struct {
	spent, held sluice.Amount
	open        int
}

// wallet returns the organisation's wallet and makes an empty one when there is none.
func (l *Ledger) wallet(org string, currency sluice.Currency) (*wallet, error) {
	w := l.wallets[org]
	if w == nil {
		w = &wallet{currency: currency}
		for _, kind := range ledger.BurnOrder() {
			w.accounts = append(w.accounts, sluice.Account{AccountID: sluice.AccountID{Owner: org, Kind: kind, Currency: currency}})
		}
		l.wallets[org] = w
	}
	if w.currency != currency {
		return nil, fmt.Errorf("organisation %s has its balance in %s, not in %s", org, w.currency, currency)
	}
	return w, nil
}

// key returns what is known of a key's spending.
func (l *Ledger) key(id string) *keySpend {
	k := l.keys[id]
	if k == nil {
		k = &keySpend{}
		l.keys[id] = k
	}
	return k
}

// fund returns one of the wallet's accounts.
func (w *wallet) fund(kind sluice.AccountKind) *sluice.Account {
	for i := range w.accounts {
		if w.accounts[i].Kind == kind {
			return &w.accounts[i]
		}
	}
	panic("billing: no wallet of kind " + string(kind))
}

// total is the balance over all accounts, held or not.
func (w *wallet) total() sluice.Amount {
	var sum sluice.Amount
	for _, a := range w.accounts {
		sum = add(sum, a.Balance)
	}
	return sum
}

// free is what no running call holds.
func (w *wallet) free() sluice.Amount { return sub(w.total(), w.held) }

// side selects the entries of a transaction that move takes.
type side int

const (
	debits  side = -1 // taken when a posting is queued, so that no call can hold the money again
	credits side = +1 // given when it is durable, so that no call can spend what may be lost
)

// move applies one side of the entries to the wallets in memory.
func (l *Ledger) move(entries []sluice.Entry, which side) error {
	for _, e := range entries {
		if !e.Account.Kind.Wallet() || e.Amount.Sign() != int(which) {
			continue
		}
		w, err := l.wallet(e.Account.Owner, e.Account.Currency)
		if err != nil {
			return err
		}
		f := w.fund(e.Account.Kind)
		if f.Balance, err = f.Balance.Add(e.Amount); err != nil {
			return fmt.Errorf("account %s of %s: %w", e.Account.Kind, e.Account.Owner, err)
		}
		l.serve(w)
	}
	return nil
}

// add and sub are for sums of balances and holds of one organisation, all of
// which were checked when they came in: an overflow here is a fault of ours.
func add(a, b sluice.Amount) sluice.Amount {
	sum, err := a.Add(b)
	if err != nil {
		panic("billing: " + err.Error())
	}
	return sum
}

func sub(a, b sluice.Amount) sluice.Amount {
	diff, err := a.Sub(b)
	if err != nil {
		panic("billing: " + err.Error())
	}
	return diff
}
