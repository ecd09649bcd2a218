package invoice

import (
	"fmt"
	"strings"

	"sluice"
	"sluice/money/ledger"
)

// TxInvoice is the kind of the transaction that an issued invoice posts.
const TxInvoice sluice.TxKind = "invoice"

// Prefix is that of documents' ids.
const Prefix = "inv"

// TxID is the id of the transaction that the document posts.
func (inv *Invoice) TxID() string { return sluice.PrefixTx + strings.TrimPrefix(inv.ID, Prefix) }

// Posting returns what issuing the document books, under the given id: what
// rounding the lines added, from the rounding account to the accounts that the lines
// are about, so that the books earn what the invoice says; and the tax. Tax
// within the prices is taken from those accounts, tax added to them is owed by the
// customer. ok is false when there is nothing to book.
//
// The customer's wallets are not touched: calls drew exactly what they cost.
func (inv *Invoice) Posting(id string) (tx sluice.Tx, ok bool, err error) {
	tx = sluice.Tx{ID: id, Kind: TxInvoice, At: inv.IssuedAt, Memo: fmt.Sprintf("%s %s: rounding and tax", inv.Kind, inv.Number)}
	places := inv.Currency.Decimals()
	var t tally
	var before, taxed sluice.Amount // running sum of segments, and the tax of it
	post := func(owner string, kind sluice.AccountKind, a sluice.Amount) {
		if a.Sign() != 0 {
			tx.Entries = append(tx.Entries, sluice.Entry{Account: sluice.AccountID{Owner: owner, Kind: kind, Currency: inv.Currency}, Amount: a})
		}
	}
	for _, segment := range Segments() {
		var rounding, sum sluice.Amount
		for _, l := range inv.Lines {
			if l.Segment == segment {
				rounding = t.add(rounding, t.sub(l.Amount, l.Exact))
				sum = t.add(sum, l.Amount)
			}
		}
		if inv.Terms.Included { // the tax was rounded once: each segment has the difference it makes
			before = t.add(before, sum)
			upTo, err := inv.Terms.tax(before, places)
			if err != nil {
				return sluice.Tx{}, false, err
			}
			rounding = t.sub(rounding, t.sub(upTo, taxed))
			taxed = upTo
		}
		post(sluice.Operator, segment.account(), rounding)
	}
	post(sluice.Operator, sluice.AccountRounding, t.neg(inv.Rounding))
	post(inv.Org, sluice.AccountReceivable, t.neg(inv.added()))
	post(sluice.Operator, sluice.AccountTax, inv.Tax)
	if t.err == nil && len(tx.Entries) > 0 {
		t.err = ledger.Check(&tx)
	}
	if t.err != nil {
		return sluice.Tx{}, false, fmt.Errorf("posting the %s %s: %w", inv.Kind, inv.Number, t.err)
	}
	return tx, len(tx.Entries) > 0, nil
}
