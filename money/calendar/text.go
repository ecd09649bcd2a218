package calendar

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice"
)

// Date is a day, counted from 1970-01-01.
type Date int64

// DateOf returns the day of the instant by the wall clock of its own zone.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return Date(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// In returns the day's first instant in a zone.
func (d Date) In(zone *time.Location) time.Time {
	y, m, day := time.Unix(int64(d)*secondsPerDay, 0).UTC().Date()
	return time.Date(y, m, day, 0, 0, 0, 0, zone)
}

// String writes the day as 2026-10-01.
func (d Date) String() string { return d.In(time.UTC).Format(time.DateOnly) }

// weekday counts from Monday, 0, to Sunday, 6.
func (d Date) weekday() int { return int(((d+3)%7 + 7) % 7) } // 1970-01-01 was a Thursday

// ParseDates reads a day, "2026-10-01", or days from one to another,
// "2026-10-01..2026-10-07", at most a year of them. Errors: CodeInvalid.
func ParseDates(s string) ([]Date, error) {
	first, last, ranged := strings.Cut(s, "..")
	if !ranged {
		last = first
	}
	from, err := parseDate(first)
	if err != nil {
		return nil, err
	}
	to, err := parseDate(last)
	if err != nil {
		return nil, err
	}
	if to < from || to-from > 366 {
		return nil, sluice.Errorf(sluice.CodeInvalid, "the days %q are none or more than a year", s)
	}
	var all []Date
	for d := from; d <= to; d++ {
		all = append(all, d)
	}
	return all, nil
}

func parseDate(s string) (Date, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return 0, sluice.Errorf(sluice.CodeInvalid, "%q is not a day such as 2026-10-01", s)
	}
	return DateOf(t), nil
}

// String writes the workday as ParseWorkday reads it.
func (w Workday) String() string { return w.Date.String() + " as " + w.As.String()[:3] }

// ParseWorkday reads "2026-10-10 as Mon": the Saturday has Monday's arcs. Errors: CodeInvalid.
func ParseWorkday(s string) (Workday, error) {
	date, as, ok := strings.Cut(s, " as ")
	if !ok {
		return Workday{}, sluice.Errorf(sluice.CodeInvalid, "the workday %q is not written as 2026-10-10 as Mon", s)
	}
	d, err := parseDate(date)
	if err != nil {
		return Workday{}, err
	}
	kind, err := parseDay(as)
	return Workday{d, time.Weekday((kind + 1) % 7)}, err
}

// kindOf counts a weekday from Monday, 0, to Sunday, 6.
func kindOf(d time.Weekday) int { return int(d+6) % 7 }

// dayName writes a day of the week, counted from Monday, 0.
func dayName(kind int) string { return time.Weekday((kind + 1) % 7).String()[:3] }

func parseDay(s string) (int, error) {
	for kind := range 7 {
		if dayName(kind) == s {
			return kind, nil
		}
	}
	return 0, sluice.Errorf(sluice.CodeInvalid, "%q is not a day of the week (Mon, Tue, Wed, Thu, Fri, Sat, Sun)", s)
}

// String writes the arc as "Mon 09:00-12:00", or with both its days.
func (a Arc) String() string {
	from, to := a.From/minutesPerDay, a.To/minutesPerDay
	if a.To%minutesPerDay == 0 { // midnight is 24:00 of the day before
		to--
	}
	if from == to {
		return fmt.Sprintf("%s %s-%s", dayName(from), clock(a.From-from*minutesPerDay), clock(a.To-to*minutesPerDay))
	}
	return fmt.Sprintf("%s %s-%s %s", dayName(from), clock(a.From-from*minutesPerDay), dayName(to), clock(a.To-to*minutesPerDay))
}

func clock(minute int) string { return fmt.Sprintf("%02d:%02d", minute/60, minute%60) }

// ParseArcs reads arcs as "Mon-Fri 09:00-12:00 14:00-18:00": days, then the
// times on each of them. Days are one, a range (which may pass Sunday) or a
// list with commas. A time that ends at or before it begins ends on the next
// day; 24:00 is the day's end. Errors: CodeInvalid.
func ParseArcs(s string) ([]Arc, error) {
	words := strings.Fields(s)
	if len(words) < 2 {
		return nil, sluice.Errorf(sluice.CodeInvalid, "the arcs %q are not written as Mon-Fri 09:00-12:00", s)
	}
	days, err := parseDays(words[0])
	if err != nil {
		return nil, err
	}
	var arcs []Arc
	for _, times := range words[1:] {
		from, to, err := parseTimes(times)
		if err != nil {
			return nil, err
		}
		for _, d := range days {
			a := Arc{d*minutesPerDay + from, d*minutesPerDay + to}
			if a.To > MinutesPerWeek { // from Sunday night into Monday
				arcs = append(arcs, Arc{0, a.To - MinutesPerWeek})
				a.To = MinutesPerWeek
			}
			arcs = append(arcs, a)
		}
	}
	return arcs, nil
}

func parseDays(s string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(s, ",") {
		first, last, ranged := strings.Cut(part, "-")
		if !ranged {
			last = first
		}
		from, err := parseDay(first)
		if err != nil {
			return nil, err
		}
		to, err := parseDay(last)
		if err != nil {
			return nil, err
		}
		for d := from; ; d = (d + 1) % 7 {
			all = append(all, d)
			if d == to {
				break
			}
		}
	}
	return all, nil
}

// parseTimes reads minutes of a day; the end may lie on the next.
func parseTimes(s string) (from, to int, err error) {
	bad := sluice.Errorf(sluice.CodeInvalid, "the times %q are not written as 09:00-12:00", s)
	first, last, ok := strings.Cut(s, "-")
	if !ok {
		return 0, 0, bad
	}
	from, ok = parseClock(first)
	to, okTo := parseClock(last)
	if !ok || !okTo || from == minutesPerDay {
		return 0, 0, bad
	}
	if from == to {
		return 0, 0, sluice.Errorf(sluice.CodeInvalid, "the times %q are empty; the whole day is 00:00-24:00", s)
	}
	if to < from {
		to += minutesPerDay
	}
	return from, to, nil
}

func parseClock(s string) (minute int, ok bool) {
	hour, minutes, found := strings.Cut(s, ":")
	h, errHour := strconv.ParseUint(hour, 10, 8)
	m, errMin := strconv.ParseUint(minutes, 10, 8)
	if !found || len(hour) != 2 || len(minutes) != 2 || errHour != nil || errMin != nil || m > 59 || h > 24 || (h == 24 && m > 0) {
		return 0, false
	}
	return int(h*60 + m), true
}

// FormatArcs writes arcs as ParseArcs reads them, one text for each run of days
// that have the same times. An arc over midnight is written as one for each day.
func FormatArcs(arcs []Arc) []string {
	var days [7]string
	for _, a := range arcs {
		for from := a.From; from < a.To; {
			d := from / minutesPerDay
			to := min(a.To, (d+1)*minutesPerDay)
			days[d] += " " + clock(from-d*minutesPerDay) + "-" + clock(to-d*minutesPerDay)
			from = to
		}
	}
	var all []string
	for d := 0; d < 7; {
		end := d + 1
		for end < 7 && days[end] == days[d] {
			end++
		}
		switch {
		case days[d] == "":
		case end == d+1:
			all = append(all, dayName(d)+days[d])
		default:
			all = append(all, dayName(d)+"-"+dayName(end-1)+days[d])
		}
		d = end
	}
	return all
}

// FormatDates writes days, which are in order, as ParseDates reads them, one
// text for each run of days of at most a year.
func FormatDates(dates []Date) []string {
	var all []string
	for i := 0; i < len(dates); {
		end := i + 1
		for end < len(dates) && dates[end] == dates[end-1]+1 && end-i < 366 {
			end++
		}
		s := dates[i].String()
		if end > i+1 {
			s += ".." + dates[end-1].String()
		}
		all = append(all, s)
		i = end
	}
	return all
}
