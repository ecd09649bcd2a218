package statement

import (
	"fmt"
	"slices"
	"time"

	"sluice"
)

// Days says when the days of the books begin: at midnight by the clock of a
// timezone, which may be another from some day on. No hour is left out and none
// is twice: the first day of another zone begins where the day before it ends, and
// is shorter or longer for that. The zero value has days in UTC.
type Days []Clock

// Clock is the timezone from a day on.
type Clock struct {
	From string `json:"from"` // the first day; empty for the first clock
	Zone string `json:"zone"` // such as "Asia/Shanghai"
}

// Check refuses what says no days. Errors: CodeInvalid.
func (d Days) Check() error {
	for i, c := range d {
		if (c.From == "") != (i == 0) || i > 1 && c.From <= d[i-1].From {
			return sluice.Errorf(sluice.CodeInvalid, "The clock of %s stands out of order.", c.Zone)
		}
		if c.From != "" {
			if _, err := parseDay(c.From); err != nil {
				return err
			}
		}
		if err := CheckZone(c.Zone); err != nil {
			return err
		}
	}
	return nil
}

// CheckZone refuses a timezone in which days do not begin with a whole hour in
// UTC, since hours are what is sealed. Errors: CodeInvalid.
func CheckZone(name string) error {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return sluice.Errorf(sluice.CodeInvalid, "%q is no timezone such as Asia/Shanghai.", name)
	}
	for month := range 24 { // as far as rules are stable
		_, offset := time.Date(2026, time.Month(1+month), 1, 0, 0, 0, 0, zone).Zone()
		if offset%3600 != 0 {
			return sluice.Errorf(sluice.CodeInvalid, "In %s days do not begin with a whole hour of UTC, in which the books are sealed.", name)
		}
	}
	return nil
}

// Zone is the timezone of a day.
func (d Days) Zone(day string) string {
	zone := "UTC"
	for _, c := range d {
		if c.From <= day {
			zone = c.Zone
		}
	}
	return zone
}

// Bounds returns the first instant of a day and that of the next, in UTC. Errors:
// CodeInvalid.
func (d Days) Bounds(day string) (since, until time.Time, err error) {
	date, err := parseDay(day)
	if err != nil {
		return since, until, err
	}
	if since, err = d.end(date.AddDate(0, 0, -1)); err == nil {
		until, err = d.end(date)
	}
	if err == nil && !until.After(since) {
		err = sluice.Errorf(sluice.CodeInvalid, "On %s the clock of the books changed from %s to %s, and nothing is left of the day.", day, d.Zone(date.AddDate(0, 0, -1).Format(time.DateOnly)), d.Zone(day))
	}
	return since, until, err
}

// end is the instant at which a day ends.
func (d Days) end(date time.Time) (time.Time, error) {
	name := d.Zone(date.Format(time.DateOnly))
	zone, err := time.LoadLocation(name)
	if err != nil {
		return date, fmt.Errorf("reading the timezone %q: %w", name, err)
	}
	return time.Date(date.Year(), date.Month(), date.Day()+1, 0, 0, 0, 0, zone).UTC(), nil
}

// Of returns the day that an instant is of. Errors: a timezone that is not known.
func (d Days) Of(at time.Time) (string, error) {
	for _, by := range []int{0, -1, 1, 2, -2} {
		day := at.UTC().AddDate(0, 0, by).Format(time.DateOnly)
		since, until, err := d.Bounds(day)
		if err != nil && sluice.CodeOf(err) != sluice.CodeInvalid {
			return "", err
		}
		if err == nil && !at.Before(since) && at.Before(until) {
			return day, nil
		}
	}
	return "", fmt.Errorf("no day of the books has %s", at)
}

// Change returns the days with another timezone from a day on. Clocks that were to
// begin on that day or later are dropped. Errors: CodeInvalid, also where the day
// would have no hour.
func (d Days) Change(from, zone string) (Days, error) {
	if _, err := parseDay(from); err != nil {
		return nil, err
	}
	changed := slices.Clone(d)
	if len(changed) == 0 {
		changed = Days{{Zone: "UTC"}}
	}
	for i := range changed {
		if i > 0 && changed[i].From >= from {
			changed = changed[:i]
			break
		}
	}
	if changed[len(changed)-1].Zone != zone {
		changed = append(changed, Clock{From: from, Zone: zone})
	}
	if err := changed.Check(); err != nil {
		return nil, err
	}
	if _, _, err := changed.Bounds(from); err != nil { // nothing would be left of the day
		return nil, err
	}
	return changed, nil
}

func parseDay(day string) (time.Time, error) {
	date, err := time.Parse(time.DateOnly, day)
	if err != nil {
		return date, &sluice.Error{Code: sluice.CodeInvalid, Param: "day", Message: fmt.Sprintf("%q is not a day such as 2026-11-21.", day)}
	}
	return date, nil
}
