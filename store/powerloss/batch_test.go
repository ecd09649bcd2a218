package powerloss_test

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"sluice"
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
		c.Status = sluice.StatusCompleted
		c.Charge += 7
		switch s.rng.IntN(3) {
		case 0:
			b.Checkpoints = append(b.Checkpoints, c)
		case 1:
			c.Charge = min(c.Charge, affordable(after, wallet(c.Org, c.Currency)))
			p := settlement(c)
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
	call.Charge = min(call.Charge, affordable(now, account))
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
	return settlement(call)
}

// call makes a finished call of some key.
func (s *shop) call() sluice.Event {
	s.calls++
	org := s.rng.IntN(5)
	charge := sluice.Pico(s.rng.IntN(20_000))
	at := time.Date(2026, 3, 1, 12, 0, s.calls, 0, time.UTC)
	return sluice.Event{
		CallID: fmt.Sprintf("call_%06d", s.calls), Org: fmt.Sprintf("org_%d", org), Project: "proj_1", Key: fmt.Sprintf("key_%d_%d", org, s.rng.IntN(3)),
		Model: "glm", Engine: "eng_1", Endpoint: "/v1/chat/completions",
		AdmittedAt: at, FirstAt: at.Add(300 * time.Millisecond), EndedAt: at.Add(2 * time.Second),
		Status: sluice.StatusCompleted, Usage: sluice.Usage{s.rng.Int64N(1000), s.rng.Int64N(1000), 0, s.rng.Int64N(1000), 0},
		Currency: []sluice.Currency{"USD", "CNY"}[org%2], Book: "book_1", List: charge, Charge: charge,
	}
}

func settlement(call sluice.Event) sluice.Posting {
	p := transfer(sluice.TxUsage, call.CallID, wallet(call.Org, call.Currency), operator(sluice.AccountRevenueAPI, call.Currency), call.Charge.Amount())
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
