package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice"
	"sluice/money/ledger"
)

// Balance is what an organisation has.
type Balance struct {
	Currency  sluice.Currency `json:"currency" example:"USD"`
	Available sluice.Amount   `json:"available" example:"9.50" doc:"What a new call of any model can reserve: without credits that pay for some models only."`
	Held      sluice.Amount   `json:"held" example:"0.50" doc:"Reserved for running calls."`

	Paid        sluice.Amount `json:"paid" example:"8.00" doc:"What is left of what was paid, in all, held or not."`
	Promotional sluice.Amount `json:"promotional" example:"2.00" doc:"What is left of what was given, in all, held or not."`
	Expiring    sluice.Amount `json:"expiring" example:"2.00" doc:"What expires next, unless it is used before."`
	ExpiresAt   time.Time     `json:"expires_at,omitzero" doc:"When that is; absent when nothing expires."`
}

// CreateCredit asks to add to an organisation's balance.
type CreateCredit struct {
	Amount sluice.Amount `json:"amount" example:"10.00" doc:"In the organisation's currency, more than zero."`
	Kind   sluice.TxKind `json:"kind" enum:"payment,grant" doc:"payment: money came in. grant: the operator gives it; it is used up first."`
	Memo   string        `json:"memo,omitempty" maxLength:"256" doc:"Shown on the statement."`

	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"Calls that are admitted from then on are not paid by it; it lasts when absent."`
	Models    []string   `json:"models,omitempty" maxItems:"64" doc:"The only ones whose calls it pays; every model when absent."`
	Priority  *int64     `json:"priority,omitempty" minimum:"0" maximum:"1000" doc:"The smaller is used up first; 100 when absent, like what has no priority of its own."`
}

// termed reports whether the credit has terms of its own.
func (c *CreateCredit) termed() bool {
	return c.ExpiresAt != nil || len(c.Models) > 0 || c.Priority != nil
}

// Ledger is the balances and what books them.
type Ledger interface {
	// Balance returns what an organisation has in its currency.
	Balance(org string, currency sluice.Currency) (sluice.Balance, error)

	// Lots returns an organisation's credits with terms of their own, in the order
	// in which they are used up, and then those of which nothing is left.
	Lots(org string) []sluice.LotBalance

	// Post books a transaction durably. An id that is booked already changes nothing.
	Post(ctx context.Context, tx sluice.Tx) error

	// Spent returns what a key was charged in all.
	Spent(key string) sluice.Amount

	// Holds and Queued count calls that hold money and postings that wait.
	Holds() int
	Queued() int
}

func (s *Server) registerBalances() {
	const tag = "balance"
	register(s, route{
		id: "get-balance", method: http.MethodGet, path: "/organisations/{organisation}/balance", tag: tag,
		summary: "Get what an organisation has", roles: anyone(),
	}, s.getBalance)
	register(s, route{
		id: "create-credit", method: http.MethodPost, path: "/organisations/{organisation}/credits", tag: tag, status: http.StatusCreated, keyed: true,
		summary: "Add to a balance, once for each idempotency key", roles: treasurers(),
	}, s.createCredit)
	s.registerCredits()
}

func (s *Server) getBalance(ctx context.Context, who *caller, in *inOrganisation) (Balance, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Balance{}, err
	}
	return s.balance(o.ID, o.Currency)
}

// balance returns what an organisation has.
func (s *Server) balance(org string, currency sluice.Currency) (Balance, error) {
	b, err := s.opt.Ledger.Balance(org, currency)
	return Balance{
		Currency: b.Currency, Available: b.Available, Held: b.Held,
		Paid: b.Paid, Promotional: b.Promotional, Expiring: b.Expiring, ExpiresAt: b.ExpiresAt,
	}, err
}

type inCredit struct {
	Organisation   string `path:"organisation" maxLength:"64"`
	IdempotencyKey string `header:"Idempotency-Key" required:"true" minLength:"1" maxLength:"255" doc:"Of the caller's choice. The same key with the same body has the same answer and books once; with another body it is a conflict."`
	Body           CreateCredit
}

// createCredit books a credit. Its transaction's id is made of organisation
// and idempotency key, and the ledger books an id once: of any number of
// requests with one key one is booked, whatever process they meet. What is
// booked then answers all of them, and refuses those that ask for another thing.
func (s *Server) createCredit(ctx context.Context, who *caller, in *inCredit) (Transaction, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Transaction{}, err
	}
	head := sluice.Tx{ID: creditID(o.ID, in.IdempotencyKey), At: s.opt.Now().UTC().Truncate(time.Microsecond), Memo: in.Body.Memo}
	booked, err := s.opt.Books.Tx(ctx, head.ID)
	if err == nil { // what asked for it then may have expired since
		head.At = booked.At
	} else if sluice.CodeOf(err) != sluice.CodeNotFound {
		return Transaction{}, err
	}
	wanted, err := creditTx(head, o, &in.Body)
	if err != nil {
		return Transaction{}, err
	}
	if booked == nil {
		if booked, err = s.bookCredit(ctx, wanted); err != nil {
			return Transaction{}, err
		}
	}
	if booked.Kind != wanted.Kind || booked.Memo != wanted.Memo || !slices.Equal(booked.Entries, wanted.Entries) || !sameTerms(booked.Lot, wanted.Lot) {
		return Transaction{}, &sluice.Error{Code: sluice.CodeConflict, Param: "Idempotency-Key", Message: "The idempotency key was used for another credit."}
	}
	return transaction(booked), nil
}

// creditTx is the transaction that a request for credit asks for.
func creditTx(head sluice.Tx, o *sluice.Organisation, in *CreateCredit) (sluice.Tx, error) {
	paid := in.Kind == sluice.TxPayment
	switch {
	case in.termed():
		lot := sluice.Lot{
			Org: o.ID, Kind: sluice.AccountPromotional, Currency: o.Currency, Amount: in.Amount, Priority: sluice.DefaultPriority,
			Models: in.Models, Memo: in.Memo, Source: sluice.LotGrant, CreatedAt: head.At,
		}
		if paid {
			lot.Kind, lot.Source = sluice.AccountPrepaid, sluice.LotPayment
		}
		set(&lot.Priority, in.Priority)
		if in.ExpiresAt != nil {
			lot.ExpiresAt = in.ExpiresAt.UTC().Truncate(time.Microsecond)
		}
		return ledger.OpenLot(head, lot)
	case paid:
		return ledger.Payment(head, o.ID, o.Currency, in.Amount)
	}
	return ledger.Grant(head, o.ID, o.Currency, in.Amount)
}

// sameTerms reports whether two credits have the same terms, or none.
func sameTerms(a, b *sluice.Lot) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Priority == b.Priority && a.ExpiresAt.Equal(b.ExpiresAt) && slices.Equal(a.Models, b.Models)
}

// bookCredit books a credit and returns what is booked under its id.
func (s *Server) bookCredit(ctx context.Context, wanted sluice.Tx) (*sluice.Tx, error) {
	ctx = context.WithoutCancel(ctx) // half a request must not leave the caller in doubt for longer than needed
	if err := s.opt.Ledger.Post(ctx, wanted); err != nil {
		return nil, err
	}
	booked, err := s.opt.Books.Tx(ctx, wanted.ID)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil, &sluice.Error{
			Code: sluice.CodeUnavailable, Err: err,
			Message: "The credit is kept and will be booked when the ledger's store is back. Ask again with the same idempotency key.",
		}
	}
	return booked, err
}

// creditID is the id of the credit that an idempotency key asks for.
func creditID(org, key string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "credit %q %q", org, key))
	return sluice.PrefixTx + "_" + hex.EncodeToString(sum[:16])
}
