package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/statement"
	"sluice/store"
)

// BarQuery says which bar of the waterfall is opened.
type BarQuery struct {
	StatementQuery

	Bar string `query:"bar" required:"true" maxLength:"64" example:"free traffic" doc:"Its name in the statement."`
	Paging
}

// BarPart is what sums of events, or of entries, add to a bar.
type BarPart struct {
	N        string             `json:"n" doc:"Its place in the list."`
	Hour     time.Time          `json:"hour" doc:"The hour, or of a closed day its first."`
	Customer string             `json:"customer,omitempty"`
	Model    string             `json:"model,omitempty"`
	Pool     string             `json:"pool,omitempty"`
	Segment  statement.Segment  `json:"segment,omitempty"`
	Outcome  statement.Outcome  `json:"outcome,omitempty" doc:"Of events."`
	Kind     sluice.TxKind      `json:"kind,omitempty" doc:"Of transactions."`
	Account  sluice.AccountKind `json:"account,omitempty" doc:"Of entries."`
	Calls    int64              `json:"calls,omitempty"`
	Amount   exact.Number       `json:"amount" doc:"What it adds to the bar."`
}

// BarCallsQuery says whose calls, or transactions, of a bar are opened.
type BarCallsQuery struct {
	BarQuery

	Customer string `query:"customer" required:"true" maxLength:"64" doc:"An organisation's id."`
	Model    string `query:"model" maxLength:"128" doc:"Of calls, only those to this model."`
}

// BarCall is a call, or a transaction, that adds something to a bar.
type BarCall struct {
	ID      string            `json:"id" doc:"Of the transaction; a call's is its own."`
	At      time.Time         `json:"at"`
	Amount  exact.Number      `json:"amount" doc:"What it adds to the bar."`
	Model   string            `json:"model,omitempty" doc:"Of a call."`
	Engine  string            `json:"engine,omitempty" doc:"Of a call."`
	Outcome statement.Outcome `json:"outcome,omitempty" doc:"Of a call."`
	Kind    sluice.TxKind     `json:"kind,omitempty" doc:"Of a transaction."`
	Memo    string            `json:"memo,omitempty" doc:"Of a transaction."`
}

func (s *Server) registerOpen() {
	const tag = "closing"
	register(s, route{
		id: "open-bar", method: http.MethodGet, path: "/statements/{day}/open", tag: tag,
		summary: "Get the sums of events and entries behind a bar of the waterfall, the greatest first", roles: operators(),
	}, s.openBar)
	register(s, route{
		id: "open-bar-calls", method: http.MethodGet, path: "/statements/{day}/open/calls", tag: tag,
		summary: "Get the calls, or transactions, of a customer behind a bar of the waterfall, the last first", roles: operators(),
	}, s.openBarCalls)
}

// openBar lists what adds to a bar.
func (s *Server) openBar(ctx context.Context, _ *caller, in *BarQuery) (Page[BarPart], error) {
	q, err := in.query()
	if err != nil {
		return Page[BarPart]{}, err
	}
	if err := statement.CheckBar(in.Bar); err != nil {
		return Page[BarPart]{}, err
	}
	m, err := s.opt.Statements.Maker.Input(ctx, q)
	if err != nil {
		return Page[BarPart]{}, err
	}
	var parts []BarPart
	for i := range m.Rows {
		r := &m.Rows[i]
		if n := statement.OfRow(in.Bar, r, m.Reference); n.Sign() != 0 {
			parts = append(parts, BarPart{Hour: r.Hour, Customer: r.Org, Model: r.Model, Pool: r.Pool, Segment: r.Segment, Outcome: r.Outcome, Calls: r.Calls, Amount: n})
		}
	}
	for i := range m.Entries {
		e := &m.Entries[i]
		if n := statement.OfEntry(in.Bar, e); n.Sign() != 0 {
			parts = append(parts, BarPart{Hour: e.Hour, Customer: e.Org, Model: e.Model, Pool: e.Pool, Segment: e.Segment, Kind: e.Kind, Account: e.Account, Amount: n})
		}
	}
	size := func(p *BarPart) exact.Number {
		if p.Amount.Sign() < 0 {
			return p.Amount.Neg()
		}
		return p.Amount
	}
	slices.SortStableFunc(parts, func(a, b BarPart) int { return size(&b).Cmp(size(&a)) })
	for i := range parts {
		parts[i].N = fmt.Sprintf("%08d", i+1)
	}
	return paged(parts, func(p BarPart) string { return p.N }, in.Paging), nil
}

// openBarCalls lists the calls or transactions of a customer that add to a bar.
func (s *Server) openBarCalls(ctx context.Context, _ *caller, in *BarCallsQuery) (Page[BarCall], error) {
	none := Page[BarCall]{Data: []BarCall{}}
	q, err := in.query()
	if err != nil {
		return none, err
	}
	if err := statement.CheckBar(in.Bar); err != nil {
		return none, err
	}
	m, err := s.opt.Statements.Maker.Input(ctx, q)
	if err != nil {
		return none, err
	}
	if statement.OfEvents(in.Bar) {
		return s.callsBehind(ctx, in, &m.Input)
	}
	txs, next, err := s.opt.Books.Txs(ctx, store.TxQuery{Org: in.Customer, Since: m.From, Until: m.To, After: in.Cursor, Limit: in.limit()})
	if err != nil {
		return none, err
	}
	page := Page[BarCall]{Data: []BarCall{}, Next: next}
	for i := range txs {
		var sum exact.Number
		for _, e := range txs[i].Entries {
			row := statement.EntryRow{EntryKey: statement.EntryKey{Kind: txs[i].Kind, Account: e.Account.Kind, Currency: e.Account.Currency, Org: in.Customer}, Amount: e.Amount}
			if e.Account.Currency == m.Currency {
				sum = sum.Add(statement.OfEntry(in.Bar, &row))
			}
		}
		if sum.Sign() != 0 {
			page.Data = append(page.Data, BarCall{ID: txs[i].ID, At: txs[i].At, Amount: sum, Kind: txs[i].Kind, Memo: txs[i].Memo})
		}
	}
	return page, nil
}

// callsBehind lists calls. A page may have fewer than were asked for, since calls
// that add nothing are left out; it is not the last while it says next.
func (s *Server) callsBehind(ctx context.Context, in *BarCallsQuery, m *statement.Input) (Page[BarCall], error) {
	page := Page[BarCall]{Data: []BarCall{}}
	books, err := s.opt.Prices.Books(ctx)
	if err != nil {
		return page, err
	}
	rater, err := statement.NewRater(only(books, m.Currency))
	if err != nil {
		return page, err
	}
	events, next, err := s.opt.Books.Events(ctx, store.EventQuery{Org: in.Customer, Model: in.Model, Since: m.From, Until: m.To, After: in.Cursor, Limit: in.limit()})
	if err != nil {
		return page, err
	}
	page.Next = next
	for i := range events {
		ev := &events[i]
		if ev.Currency != m.Currency {
			continue
		}
		row, err := rater.Row(ev, "", statement.SegmentAPI)
		if err != nil {
			return page, err
		}
		if n := statement.OfRow(in.Bar, &row, m.Reference); n.Sign() != 0 {
			page.Data = append(page.Data, BarCall{ID: ev.CallID, At: ev.EndedAt, Amount: n, Model: ev.Model, Engine: ev.Engine, Outcome: row.Outcome})
		}
	}
	return page, nil
}

func only(books []*price.Book, currency sluice.Currency) []*price.Book {
	return slices.DeleteFunc(slices.Clone(books), func(b *price.Book) bool { return b.Currency != currency })
}
