package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"sluice"
)

// eventColumns are the columns of an event that usage_event and checkpoint
// share, in the order of appendEvent and eventRow.
const eventColumns = plainColumns + `, ` + furtherColumns

// plainColumns are those of every call.
const plainColumns = `org, project, key, model, engine, endpoint, admitted_at, first_at, ended_at, status,
	input, cached, cache_write, output, reasoning, estimated, simulated, currency, book, list_pico, charge_pico,
	subscription, plan_version, cost`

// furtherColumns are those that have their defaults for most calls, which are
// written without them.
const furtherColumns = `batch, service_tier, thinking, units, steps, refund_pico`

// plainMarks and furtherMarks are one mark for each of the columns.
const (
	plainMarks   = `?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?`
	furtherMarks = `?, ?, ?, ?, ?, ?`
)

// columnClasses is how many classes of usage have a column: the first ones, that
// chat uses. The others are in units.
const columnClasses = int(sluice.ClassReasoning) + 1

// plain reports whether an event has nothing for furtherColumns.
func plain(e *sluice.Event) bool {
	return !e.Batch && e.ServiceTier == "" && !e.Thinking && len(e.Steps) == 0 && e.Refund == 0 &&
		[sluice.NumClasses - columnClasses]int64(e.Usage[columnClasses:]) == [sluice.NumClasses - columnClasses]int64{}
}

// appendPlain appends the values of plainColumns.
func appendPlain(args []any, e *sluice.Event) []any {
	args = append(args, e.Org, e.Project, e.Key, e.Model, e.Engine, e.Endpoint,
		micros(e.AdmittedAt), micros(e.FirstAt), micros(e.EndedAt), string(e.Status))
	for _, n := range e.Usage[:columnClasses] {
		args = append(args, n)
	}
	return append(args, bit(e.Estimated), bit(e.Simulated), string(e.Currency), e.Book, int64(e.List), int64(e.Charge),
		e.Subscription, e.PlanVersion, costText(e.Cost))
}

// appendEvent appends the values of eventColumns.
func appendEvent(args []any, e *sluice.Event) []any {
	return append(appendPlain(args, e), bit(e.Batch), e.ServiceTier, bit(e.Thinking), unitsText(e), stepsText(e), int64(e.Refund))
}

// eventRow is where a row of eventColumns is scanned into.
type eventRow struct {
	event                  sluice.Event
	admitted, first, ended int64
	cost, units, steps     string
}

// into returns the places for eventColumns.
func (r *eventRow) into() []any {
	e := &r.event
	into := []any{&e.Org, &e.Project, &e.Key, &e.Model, &e.Engine, &e.Endpoint, &r.admitted, &r.first, &r.ended, &e.Status}
	for class := range columnClasses {
		into = append(into, &e.Usage[class])
	}
	return append(into, &e.Estimated, &e.Simulated, &e.Currency, &e.Book, &e.List, &e.Charge, &e.Subscription, &e.PlanVersion, &r.cost,
		&e.Batch, &e.ServiceTier, &e.Thinking, &r.units, &r.steps, &e.Refund)
}

// read takes in what was scanned.
func (r *eventRow) read() (err error) {
	e := &r.event
	e.AdmittedAt, e.FirstAt, e.EndedAt = instant(r.admitted), instant(r.first), instant(r.ended)
	if e.Cost, err = parseCost(r.cost); err != nil {
		return err
	}
	clear(e.Usage[columnClasses:])
	if r.units != "" {
		if err = parseUnits(&e.Usage, r.units); err != nil {
			return err
		}
	}
	e.Steps = nil
	if r.steps != "" {
		if err = strictly(r.steps, &e.Steps); err != nil {
			return fmt.Errorf("reading where a call stands in its periods: %w", err)
		}
	}
	return nil
}

// scanEvent reads the call's id, eventColumns and, into more, what follows.
func scanEvent(rows *sql.Rows, more ...any) (sluice.Event, error) {
	var r eventRow
	err := rows.Scan(append(append([]any{&r.event.CallID}, r.into()...), more...)...)
	if err == nil {
		err = r.read()
	}
	return r.event, err
}

// unitsText writes the counts of the classes that have no column.
func unitsText(e *sluice.Event) string {
	var counts map[string]int64
	for class := columnClasses; class < sluice.NumClasses; class++ {
		if n := e.Usage[class]; n != 0 {
			if counts == nil {
				counts = map[string]int64{}
			}
			counts[sluice.Class(class).String()] = n
		}
	}
	if counts == nil {
		return ""
	}
	text, _ := json.Marshal(counts) // names and numbers can always be written
	return string(text)
}

// parseUnits is the inverse of unitsText.
func parseUnits(u *sluice.Usage, text string) error {
	var counts map[string]int64
	if err := json.Unmarshal([]byte(text), &counts); err != nil {
		return fmt.Errorf("reading a call's units: %w", err)
	}
	for name, n := range counts {
		class, err := sluice.ParseClass(name)
		if err != nil || int(class) < columnClasses {
			return fmt.Errorf("reading a call's units: %q is no class of theirs", name)
		}
		u[class] = n
	}
	return nil
}

// stepsText writes where a call stands in its periods.
func stepsText(e *sluice.Event) string {
	if len(e.Steps) == 0 {
		return ""
	}
	text, _ := json.Marshal(e.Steps) // texts, instants and numbers can always be written
	return string(text)
}

// costText writes what a call counted: numbers with commas between, without
// the zeros at the end.
func costText(c sluice.Cost) string {
	n := len(c)
	for n > 0 && c[n-1] == 0 {
		n--
	}
	parts := make([]string, n)
	for i := range parts {
		parts[i] = strconv.FormatInt(c[i], 10)
	}
	return strings.Join(parts, ",")
}

// parseCost is the inverse of costText.
func parseCost(text string) (c sluice.Cost, err error) {
	if text == "" {
		return c, nil
	}
	parts := strings.Split(text, ",")
	if len(parts) > len(c) {
		return c, fmt.Errorf("a cost in %d windows", len(parts))
	}
	for i, p := range parts {
		if c[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return c, fmt.Errorf("reading a cost: %w", err)
		}
	}
	return c, nil
}
