package api

import (
	"time"

	"sluice"
)

// Transaction is one transaction of the ledger. Its entries sum to zero.
type Transaction struct {
	ID      string        `json:"id"`
	Kind    sluice.TxKind `json:"kind" example:"usage"`
	At      time.Time     `json:"at" doc:"When it takes effect."`
	Memo    string        `json:"memo,omitempty"`
	Entries []Entry       `json:"entries"`
}

// Entry is one line of a transaction.
type Entry struct {
	Owner    string             `json:"owner" doc:"An organisation's id, or operator."`
	Account  sluice.AccountKind `json:"account" example:"prepaid"`
	Currency sluice.Currency    `json:"currency" example:"USD"`
	Amount   sluice.Amount      `json:"amount" example:"-0.0000022" doc:"Positive is a credit, negative a debit."`
}
