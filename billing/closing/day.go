package closing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// maxNote bounds what an explanation and a reason say, in bytes.
const maxNote = 2000

// Day is where a day stands: what agrees, what does not, and what was recorded.
type Day struct {
	Day    string       `json:"day"`
	Zone   string       `json:"timezone"` // by whose clock it begins and ends,
	From   time.Time    `json:"from"`     // its first instant,
	To     time.Time    `json:"to"`       // and that of the next
	State  string       `json:"state"`    // "open", "closed" or "reopened"
	Sealed int          `json:"sealed"`   // how many of its hours are
	Rows   int64        `json:"rows"`     // transactions in its hours
	Sums   []seal.Sum   `json:"sums"`
	Checks []seal.Check `json:"checks"`

	Notes  []seal.Explanation `json:"explanations"`
	Closes []seal.Close       `json:"closes"`
}

// The states of days.
const (
	stateOpen     = "open"
	stateClosed   = "closed"
	stateReopened = "reopened"
)

// examined is a day with the rows that its close takes.
type examined struct {
	Day
	window  seal.Window
	seals   []seal.Seal
	last    *seal.Seal // the last seal there is
	rows    []seal.Rollup
	entries []seal.EntrySum
	again   bool // also what is not compared again of a day that is closed
}

// Day returns where a day stands. Errors: CodeInvalid.
func (s *Service) Day(ctx context.Context, day string) (*Day, error) {
	e, err := s.examine(ctx, day, false)
	if err != nil {
		return nil, err
	}
	return &e.Day, nil
}

// Close closes a day whose hours are sealed and whose figures agree, or differ
// as was explained. Errors: CodeInvalid; CodeConflict when the day is closed, is not
// over, or has a difference that nobody explained, naming it.
func (s *Service) Close(ctx context.Context, day, by string) (*Day, error) {
	s.sealing.Lock()
	defer s.sealing.Unlock()
	e, err := s.examine(ctx, day, false)
	if err != nil {
		return nil, err
	}
	switch {
	case e.State == stateClosed:
		return nil, sluice.Errorf(sluice.CodeConflict, "%s is closed: open it again first, and say why.", day)
	case e.Sealed < e.hours():
		return nil, sluice.Errorf(sluice.CodeConflict, "%s cannot be closed yet: %d of its %d hours are sealed. The last one is some minutes after it is over.", day, e.Sealed, e.hours())
	}
	var blocks []string
	for i := range e.Checks {
		if c := &e.Checks[i]; c.Blocks() {
			blocks = append(blocks, fmt.Sprintf("%s (%s)", c.Subject, c.What))
		}
	}
	if len(blocks) > 0 {
		return nil, sluice.Errorf(sluice.CodeConflict, "%s cannot be closed: what must agree does not, and nobody explained it: %s.", day, strings.Join(blocks, "; "))
	}
	costs, err := s.opt.Costs(ctx, e.From, e.To)
	if err != nil {
		return nil, err
	}
	c := seal.Close{
		Day: day, Kind: seal.Closed, By: by, Costs: costs, Through: e.last.Hour, Head: e.last.Hash, Late: e.window.Late,
		Rows: e.Rows, Sums: e.Sums, Checks: e.Checks, Notes: e.Notes, Revision: 1 + e.revisions(),
	}
	return s.record(ctx, e, &c)
}

// Reopen opens a closed day again: for what was booked late, or to look at it
// once more. Its record stays, and verifiable. Errors: CodeInvalid; CodeConflict when it is not closed.
func (s *Service) Reopen(ctx context.Context, day, by, reason string) (*Day, error) {
	if err := checkNote("reason", reason); err != nil {
		return nil, err
	}
	s.sealing.Lock()
	defer s.sealing.Unlock()
	e, err := s.examine(ctx, day, false)
	if err != nil {
		return nil, err
	}
	if e.State != stateClosed {
		return nil, sluice.Errorf(sluice.CodeConflict, "%s is not closed.", day)
	}
	c := seal.Close{Day: day, Kind: seal.Reopened, By: by, Reason: reason, Through: e.last.Hour, Head: e.last.Hash, Revision: e.revisions(), Sums: []seal.Sum{}, Checks: []seal.Check{}, Notes: []seal.Explanation{}}
	return s.record(ctx, e, &c)
}

// record binds a record to the chain, stores it and returns where the day then stands.
func (s *Service) record(ctx context.Context, e *examined, c *seal.Close) (*Day, error) {
	all, err := s.opt.Days.Closes(ctx, "")
	if err != nil {
		return nil, err
	}
	var prev seal.Hash
	c.N, c.At = 1, s.opt.Now().UTC().Truncate(time.Microsecond)
	c.Zone, c.From, c.To = e.Zone, e.From, e.To
	if n := len(all); n > 0 {
		prev, c.N = all[n-1].Hash, all[n-1].N+1
	}
	if err := c.Bind(prev); err != nil {
		return nil, err
	}
	err = s.opt.Days.PutClose(ctx, c, e.window.Since, e.rows, e.entries)
	s.forget()
	if err != nil {
		return nil, err
	}
	e.Closes = append(e.Closes, *c)
	e.State = stateOf(e.Closes)
	return &e.Day, nil
}

// Explain notes, for good, why a difference of a day is as it is: as it is now,
// since another one needs another note. Errors: CodeInvalid; CodeNotFound when nothing of that
// subject differs.
func (s *Service) Explain(ctx context.Context, day, subject, note, by string) (*Day, error) {
	if err := checkNote("note", note); err != nil {
		return nil, err
	}
	e, err := s.examine(ctx, day, false)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(e.Checks, func(c seal.Check) bool { return c.Subject == subject && c.Difference != "" })
	if i < 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "Nothing called %q differs on %s.", subject, day)
	}
	x := seal.Explanation{Day: day, Subject: subject, Difference: e.Checks[i].Difference, Note: note, By: by, At: s.opt.Now().UTC().Truncate(time.Microsecond)}
	if err := s.opt.Notes.PutExplanation(ctx, &x); err != nil {
		return nil, err
	}
	e.Checks[i].Explained = true
	e.Notes = append(e.Notes, x)
	return &e.Day, nil
}

func checkNote(param, text string) error {
	if strings.TrimSpace(text) == "" || len(text) > maxNote {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf("Say why, in at most %d bytes.", maxNote)}
	}
	return nil
}

// Count stores what engines themselves counted. Errors: CodeInvalid.
func (s *Service) Count(ctx context.Context, counters []seal.Counter) error {
	now := s.opt.Now().UTC().Truncate(time.Microsecond)
	for i := range counters {
		c := &counters[i]
		if c.Engine == "" || c.Prompt < 0 || c.Completion < 0 || c.Hour.IsZero() || !c.Hour.Equal(c.Hour.Truncate(time.Hour)) {
			return sluice.Errorf(sluice.CodeInvalid, "Counter %d is not one of an engine in a whole hour, with counts of at least zero.", i+1)
		}
		c.Hour, c.At = c.Hour.UTC(), now
	}
	return s.opt.Notes.PutEngineCounters(ctx, counters)
}

func (e *examined) revisions() int64 {
	var n int64
	for i := range e.Closes {
		n = max(n, e.Closes[i].Revision)
	}
	return n
}

func stateOf(closes []seal.Close) string {
	switch {
	case len(closes) == 0:
		return stateOpen
	case closes[len(closes)-1].Kind == seal.Closed:
		return stateClosed
	}
	return stateReopened
}

// hours is how many hours the day has: 24, but where its clock is changed.
func (d *Day) hours() int { return int(d.To.Sub(d.From) / time.Hour) }

// examine reads a day and compares what must agree; again, even where that was
// compared when the day was closed and takes long.
func (s *Service) examine(ctx context.Context, day string, again bool) (*examined, error) {
	days, err := s.opt.Days.BookDays(ctx)
	if err != nil {
		return nil, err
	}
	since, until, err := days.Bounds(day)
	if err != nil {
		return nil, err
	}
	e := &examined{Day: Day{Day: day, Zone: days.Zone(day), From: since, To: until, Sums: []seal.Sum{}, Checks: []seal.Check{}}, window: seal.Window{Since: since, Until: until}, again: again}
	all, err := s.opt.Days.Closes(ctx, "")
	if err == nil {
		e.seals, err = s.opt.Hours.Seals(ctx, since, until)
	}
	if err == nil {
		e.Notes, err = s.opt.Notes.Explanations(ctx, day)
	}
	if err != nil {
		return nil, err
	}
	e.Notes = append([]seal.Explanation{}, e.Notes...)
	e.Closes = ofDay(all, day)
	e.State = stateOf(e.Closes)
	e.Sealed = sealedOf(e.seals, since, until)
	for i := range e.seals {
		e.Rows += e.seals[i].Rows
	}
	p, err := s.opt.Hours.SealPoint(ctx)
	if err != nil {
		return nil, err
	}
	e.last = p.Last
	if err := s.frame(ctx, e, all, days); err != nil {
		return nil, err
	}
	if e.rows, err = s.opt.Days.DayRollups(ctx, &e.window); err == nil {
		e.entries, err = s.opt.Days.DayEntrySums(ctx, &e.window)
	}
	if err == nil {
		e.Sums, err = seal.SumsOf(e.rows)
	}
	if err == nil {
		err = s.compare(ctx, e)
	}
	return e, err
}

// ofDay returns the records of one day.
func ofDay(all []seal.Close, day string) []seal.Close {
	of := []seal.Close{}
	for i := range all {
		if all[i].Day == day {
			of = append(of, all[i])
		}
	}
	return of
}

// ClosedThrough returns the instant up to which all days are closed, from the first
// that has a sealed hour on; zero where that one is not.
func (s *Service) ClosedThrough(ctx context.Context) (through time.Time, err error) {
	all, err := s.opt.Days.Closes(ctx, "")
	if err != nil || len(all) == 0 {
		return through, err
	}
	seals, err := s.opt.Hours.Seals(ctx, time.Time{}, time.Time{})
	if err != nil || len(seals) == 0 {
		return through, err
	}
	days, err := s.opt.Days.BookDays(ctx)
	if err != nil {
		return through, err
	}
	closed := map[string]bool{}
	for i := range all {
		closed[all[i].Day] = all[i].Kind == seal.Closed
	}
	for at := seals[0].Hour; ; at = through {
		day, err := days.Of(at)
		if err != nil || !closed[day] {
			return through, err
		}
		if _, through, err = days.Bounds(day); err != nil {
			return through, err
		}
	}
}

// lastClosed returns the last record by which a day was closed, or nil.
func lastClosed(closes []seal.Close) *seal.Close {
	for _, c := range slices.Backward(closes) {
		if c.Kind == seal.Closed {
			return &c
		}
	}
	return nil
}

// frame finds out what belongs to a day besides its hours: what was booked late
// for it, if it was closed before, and what closes of other days took from its hours.
func (s *Service) frame(ctx context.Context, e *examined, all []seal.Close, days statement.Days) error {
	byDay := map[string][]seal.Close{}
	for i := range all {
		byDay[all[i].Day] = append(byDay[all[i].Day], all[i])
	}
	for day, closes := range byDay {
		if day == e.Day.Day {
			continue
		}
		c := lastClosed(closes) // also of a day that is open again: it will take the same
		if c == nil {
			continue
		}
		for _, h := range c.Late {
			if !h.Before(e.window.Since) && h.Before(e.window.Until) {
				e.window.Without = append(e.window.Without, seal.Taken{Hour: h, Since: c.From, Until: c.To})
			}
		}
	}
	slices.SortFunc(e.window.Without, func(a, b seal.Taken) int { return a.Hour.Compare(b.Hour) })
	before := lastClosed(e.Closes)
	if before == nil || e.last == nil {
		return nil
	}
	e.window.Late = slices.Clone(before.Late)
	if e.State != stateReopened {
		return nil
	}
	late, err := s.opt.Days.LateHours(ctx, e.window.Since, e.window.Until, e.last.Hour.Add(time.Hour))
	if err != nil {
		return err
	}
	for _, h := range late { // unless a day that is closed has it
		day, err := days.Of(h)
		if err != nil {
			return err
		}
		if stateOf(byDay[day]) != stateClosed && !slices.ContainsFunc(e.window.Late, h.Equal) {
			e.window.Late = append(e.window.Late, h)
		}
	}
	slices.SortFunc(e.window.Late, time.Time.Compare)
	return nil
}
