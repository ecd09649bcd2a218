package billing

import (
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
	queue    queue
	plan     *subscription // the organisation's live one, or nil

	subscribing bool // a first subscription is on its way
}

// keySpend is what a key was charged and what its running calls hold. Guarded by Ledger.mu.
type keySpend struct {
	spent, held sluice.Amount
	open        int
}

// wallet returns the organisation's wallet and makes an empty one when there
// is none. Errors: CodeInvalid when it is in another currency.
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
		return nil, sluice.Errorf(sluice.CodeInvalid, "Organisation %s has its balance in %s, not in %s.", org, w.currency, currency)
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
	for i := range w.accounts {
		sum = add(sum, w.accounts[i].Balance)
	}
	return sum
}

// free is what no running call holds. It is never negative.
func (w *wallet) free() sluice.Amount { return sub(w.total(), w.held) }

// maxBalance bounds every account, on both sides of zero, to 4 billion
// currency units: well within 64 bits, so that neither the sum of a wallet's
// accounts nor what a batch adds to one account can leave them. What the store
// could not write would stop the one writer for good.
const maxBalance = 4_000_000_000 * sluice.NanoPerUnit

// enter adds the entries to the books in memory, or changes nothing. Errors:
// CodeInvalid when an account would leave its range.
func (l *Ledger) enter(entries []sluice.Entry) error {
	for i, e := range entries {
		book := l.books[e.Account]
		if book == nil {
			book = &sluice.Amount{}
			l.books[e.Account] = book
		}
		sum, err := book.Add(e.Amount)
		if err != nil || sum.Nano > maxBalance || sum.Nano < -maxBalance {
			l.strike(entries[:i])
			return sluice.Errorf(sluice.CodeInvalid, "The account %s of %s cannot hold more than 4 billion %s.", e.Account.Kind, e.Account.Owner, e.Account.Currency)
		}
		*book = sum
	}
	return nil
}

// strike takes entries out of the books in memory again.
func (l *Ledger) strike(entries []sluice.Entry) {
	for _, e := range entries {
		book := l.books[e.Account]
		*book = sub(*book, e.Amount)
	}
}

// add and sub are for sums of balances and holds, all of which were checked
// when they came in: an overflow here is a fault of ours.
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
