package store

import (
	"database/sql"

	"sluice"
)

// eventColumns are the columns that usage_event and checkpoint share, in the
// order of eventArgs and eventFields.
const eventColumns = `org, project, key, model, engine, endpoint, admitted_at, first_at, ended_at, status,
	input, cached, cache_write, output, reasoning, estimated, simulated, currency, book, list_pico, charge_pico`

// eventMarks is one mark for each of eventColumns.
const eventMarks = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`

// appendEvent appends the values of eventColumns.
func appendEvent(args []any, e *sluice.Event) []any {
	args = append(args, e.Org, e.Project, e.Key, e.Model, e.Engine, e.Endpoint,
		micros(e.AdmittedAt), micros(e.FirstAt), micros(e.EndedAt), string(e.Status))
	for _, n := range e.Usage {
		args = append(args, n)
	}
	return append(args, bit(e.Estimated), bit(e.Simulated), string(e.Currency), e.Book, int64(e.List), int64(e.Charge))
}

// scanEvent reads the call's id, eventColumns and, into more, what follows.
func scanEvent(rows *sql.Rows, more ...any) (e sluice.Event, err error) {
	var admitted, first, ended int64
	into := []any{&e.CallID, &e.Org, &e.Project, &e.Key, &e.Model, &e.Engine, &e.Endpoint, &admitted, &first, &ended, &e.Status}
	for class := range e.Usage {
		into = append(into, &e.Usage[class])
	}
	into = append(into, &e.Estimated, &e.Simulated, &e.Currency, &e.Book, &e.List, &e.Charge)
	err = rows.Scan(append(into, more...)...)
	e.AdmittedAt, e.FirstAt, e.EndedAt = instant(admitted), instant(first), instant(ended)
	return e, err
}
