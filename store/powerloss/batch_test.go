package powerloss_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice"
	"sluice/money/price"
)

// batch makes a random batch that the store must accept: payments and grants,
// settled calls with their events, reversals, checkpoints of running calls.
func (s *shop) batch() sluice.Batch {
	size := s.rng.IntN(20)
	if s.rng.IntN(20) == 0 {
		size = 400 // more than one statement takes
	}
	var b sluice.Batch
	after := s.acked.clone() // so that no wallet goes below zero within the batch
	for range size {
		p := s.posting(after)
		b.Postings = append(b.Postings, p)
		after.apply(sluice.Batch{Postings: []sluice.Posting{p}})
	}
	// A call that a checkpoint is there for goes on, or settles.
	for _, id := range slices.Sorted(maps.Keys(s.acked.Checkpoints)) {
		c := s.acked.Checkpoints[id]
		c.Usage[sluice.ClassOutput] += 10
		s.rate(&c)
		switch s.rng.IntN(3) {
		case 0:
			b.Checkpoints = append(b.Checkpoints, c)
		case 1:
			p := settlement(c, after)
			b.Postings = append(b.Postings, p)
			b.Closed = append(b.Closed, id)
			after.apply(sluice.Batch{Postings: []sluice.Posting{p}})
		}
	}
	for range s.rng.IntN(4) {
		b.Checkpoints = append(b.Checkpoints, s.call())
	}
	return b
}

// posting makes one that the wallets in now can bear.
func (s *shop) posting(now *ledger) sluice.Posting {
	call := s.call()
	account := wallet(call.Org, call.Currency)
	amount := sluice.Amount{Nano: 1 + s.rng.Int64N(100_000), Carry: s.rng.Int64N(1000)}
	switch s.rng.IntN(10) {
	case 0:
		return transfer(sluice.TxPayment, call.CallID, operator(sluice.AccountClearing, call.Currency), account, amount)
	case 1:
		account.Kind = sluice.AccountPromotional
		return transfer(sluice.TxGrant, call.CallID, operator(sluice.AccountPromotion, call.Currency), account, amount)
	case 2:
		amount = min(affordable(now, account), 5_000).Amount()
		return transfer(sluice.TxCorrection, call.CallID, account, operator(sluice.AccountClearing, call.Currency), amount)
	}
	return settlement(call, now)
}

// call makes a finished call of some key.
func (s *shop) call() sluice.Event {
	s.calls++
	org := s.rng.IntN(5)
	at := time.Date(2026, 3, 1, 12, 0, s.calls, 0, time.UTC)
	call := sluice.Event{
		CallID: fmt.Sprintf("call_%06d", s.calls), Org: fmt.Sprintf("org_%d", org), Project: "proj_1", Key: fmt.Sprintf("key_%d_%d", org, s.rng.IntN(3)),
		Model: "glm", Engine: "eng_1", Endpoint: "/v1/chat/completions",
		AdmittedAt: at, FirstAt: at.Add(300 * time.Millisecond), EndedAt: at.Add(2 * time.Second),
		Status:   sluice.StatusCompleted,
		Usage:    sluice.Usage{s.rng.Int64N(1000), s.rng.Int64N(1000), 0, s.rng.Int64N(1000), 0},
		Currency: []sluice.Currency{"USD", "CNY"}[org%2],
	}
	s.rate(&call)
	return call
}

// rate sets what a call costs by its price book.
func (s *shop) rate(call *sluice.Event) {
	book := s.books[call.Currency]
	list, err := book.Charge(price.QueryOf(call.Model, call.AdmittedAt, call.Usage))
	if err != nil {
		panic(err)
	}
	call.Book, call.List, call.Charge = book.ID, list.Total, list.Total
}

// priceBooks publishes a book for each currency.
func priceBooks() map[sluice.Currency]*price.Book {
	books := map[sluice.Currency]*price.Book{}
	for _, c := range []sluice.Currency{"USD", "CNY"} {
		book, err := price.Publish("book_"+string(c), price.Draft{Currency: c, Rules: []price.Rule{
			{Model: "glm", Class: sluice.ClassInput, Price: 3},
			{Model: "glm", Class: sluice.ClassCached, Price: 1},
			{Model: "glm", Class: sluice.ClassOutput, Price: 7},
		}}, time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		if err != nil {
			panic(err)
		}
		books[c] = book
	}
	return books
}

// settlement charges a call as far as the wallet in now has the money.
func settlement(call sluice.Event, now *ledger) sluice.Posting {
	account := wallet(call.Org, call.Currency)
	if has := affordable(now, account); has < call.Charge {
		call.Status, call.Charge = sluice.StatusCutOff, has
	}
	p := transfer(sluice.TxUsage, call.CallID, account, operator(sluice.AccountRevenueAPI, call.Currency), call.Charge.Amount())
	p.Event = &call
	return p
}

// transfer makes a transaction that moves an amount.
func transfer(kind sluice.TxKind, id string, from, to sluice.AccountID, amount sluice.Amount) sluice.Posting {
	negative, err := amount.Neg()
	if err != nil {
		panic(err) // amounts here are small
	}
	return sluice.Posting{Tx: sluice.Tx{
		ID: id, Kind: kind, At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		Entries: []sluice.Entry{{Account: from, Amount: negative}, {Account: to, Amount: amount}},
	}}
}

func affordable(now *ledger, account sluice.AccountID) sluice.Pico {
	p, ok := now.Balances[account].Pico()
	if !ok {
		panic("a balance here is too large")
	}
	return p
}

func wallet(org string, c sluice.Currency) sluice.AccountID {
	return sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: c}
}

func operator(kind sluice.AccountKind, c sluice.Currency) sluice.AccountID {
	return sluice.AccountID{Owner: sluice.Operator, Kind: kind, Currency: c}
}
