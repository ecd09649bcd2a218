package store

import (
	"context"
	"database/sql"

	"sluice/money/invoice"
)

// invoiced is the invariant of invoices: numbered without a gap, sealed, and
// right in themselves, and what they posted is what they say.
const invoiced = "invoice"

// checkInvoices looks at every issued document.
func (v *verifier) checkInvoices(ctx context.Context) error {
	type row struct{ id, document, hash, tx string }
	var year, last int64
	var posts []row
	scan := func(rows *sql.Rows) (struct{}, error) {
		var r row
		var y, n int64
		if err := rows.Scan(&r.id, &y, &n, &r.tx, &r.document, &r.hash); err != nil {
			return struct{}{}, err
		}
		if y != year {
			year, last = y, 0
		}
		where := "invoice " + invoice.Number(int(y), n)
		if n != last+1 {
			v.violation(invoiced, where, "it follows number %d", last)
		}
		last = n
		inv, err := openInvoice(r.id, r.document, r.hash)
		if err == nil {
			err = inv.Check()
		}
		switch {
		case err != nil:
			v.violation(invoiced, where, "%v", err)
		case inv.ID != r.id || inv.Number != invoice.Number(int(y), n):
			v.violation(invoiced, where, "it holds the document %s, %s", inv.ID, inv.Number)
		case r.tx != "":
			r.document = where
			posts = append(posts, r)
		}
		return struct{}{}, nil
	}
	_, err := collect(ctx, v.tx, scan, `SELECT id, year, n, tx, document, hash FROM invoice ORDER BY year, n`)
	if err != nil {
		return err
	}
	for _, r := range posts { // one that is not booked is on its way: a restart books it
		kinds, err := collect(ctx, v.tx, scanString, `SELECT kind FROM tx WHERE id = $1`, r.tx)
		if err != nil {
			return err
		}
		if len(kinds) == 1 && kinds[0] != string(invoice.TxInvoice) {
			v.violation(invoiced, r.document, "its transaction %s is of kind %s", r.tx, kinds[0])
		}
	}
	return nil
}
