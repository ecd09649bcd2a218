package invoice

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"sluice"
)

// csvColumns are the columns, in order.
func csvColumns() []string {
	return []string{
		"row", "number", "kind", "period", "currency", "segment", "model", "class", "detail", "late",
		"units", "quantity", "unit", "unit_price", "exact", "amount",
	}
}

// The rows of a CSV: the lines, and below them the sums.
const (
	rowLine     = "line"
	rowRounding = "rounding"
	rowSum      = "sum"
	rowTax      = "tax"
	rowTotal    = "total"
	rowDrawn    = "drawn"
	rowDue      = "due"
)

// WriteCSV writes a document as a table in UTF-8 (RFC 4180): a head, a row for
// each line, and rows for rounding, sum, tax, total, drawn and due. A text that a
// spreadsheet would run as a formula has an apostrophe before it.
func (inv *Invoice) WriteCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{csvColumns()}
	for _, l := range inv.Lines {
		rows = append(rows, inv.csvRow(rowLine, string(l.Segment), guard(l.Model), guard(l.Class), guard(l.Detail), string(l.Late),
			strconv.FormatInt(l.Units, 10), l.Quantity, l.Unit, l.Price, l.Exact.String(), l.Amount.String()))
	}
	for _, s := range []struct {
		name          string
		exact, amount sluice.Amount
	}{
		{rowRounding, inv.Rounding, inv.Rounding},
		{rowSum, inv.Exact, inv.Sum},
		{rowTax, inv.Tax, inv.Tax},
		{rowTotal, inv.Total, inv.Total},
		{rowDrawn, inv.Drawn, inv.Drawn},
		{rowDue, inv.Due, inv.Due},
	} {
		rows = append(rows, inv.csvRow(s.name, "", "", "", "", "", "", "", "", "", s.exact.String(), s.amount.String()))
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing the invoice as CSV: %w", err)
	}
	return nil
}

func (inv *Invoice) csvRow(name string, cells ...string) []string {
	return append([]string{name, inv.Number, string(inv.Kind), string(inv.Period), string(inv.Currency)}, cells...)
}

// guard keeps a text from being a formula.
func guard(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r'", rune(s[0])) {
		return "'" + s
	}
	return s
}

// ReadCSV reads what WriteCSV wrote: number, kind, period, currency, the lines,
// and the sums. Errors: CodeInvalid with the row at fault.
func ReadCSV(r io.Reader) (*Invoice, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The invoice is no CSV: %v.", err)
	}
	if len(rows) == 0 || !slices.Equal(rows[0], csvColumns()) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The CSV does not begin with the columns of an invoice.")
	}
	inv := &Invoice{}
	for i, row := range rows[1:] {
		if err := inv.readRow(row); err != nil {
			return nil, sluice.Errorf(sluice.CodeInvalid, "Row %d of the CSV: %v.", i+2, err)
		}
	}
	return inv, nil
}

func (inv *Invoice) readRow(row []string) error {
	inv.Number, inv.Kind, inv.Period, inv.Currency = row[1], Kind(row[2]), Period(row[3]), sluice.Currency(row[4])
	exact, err := sluice.ParseAmount(row[14])
	if err != nil {
		return err
	}
	amount, err := sluice.ParseAmount(row[15])
	if err != nil {
		return err
	}
	switch row[0] {
	case rowLine:
		units, err := strconv.ParseInt(row[10], 10, 64)
		if err != nil {
			return err
		}
		inv.Lines = append(inv.Lines, Line{
			Segment: Segment(row[5]), Model: unguard(row[6]), Class: unguard(row[7]), Detail: unguard(row[8]), Late: Period(row[9]),
			Units: units, Quantity: row[11], Unit: row[12], Price: row[13], Exact: exact, Amount: amount,
		})
	case rowRounding:
		inv.Rounding = amount
	case rowSum:
		inv.Exact, inv.Sum = exact, amount
	case rowTax:
		inv.Tax = amount
	case rowTotal:
		inv.Total = amount
	case rowDrawn:
		inv.Drawn = amount
	case rowDue:
		inv.Due = amount
	default:
		return fmt.Errorf("%q is no row of an invoice", row[0])
	}
	return nil
}

// unguard is the inverse of guard.
func unguard(s string) string { return strings.TrimPrefix(s, "'") }
