package calendar

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"sluice"
)

// New checks the versions and makes a calendar of them. Errors are CodeInvalid
// and name the calendar and what is wrong: an unknown timezone, arcs that
// overlap or leave the week, versions out of order, a day that is listed twice
// or is both holiday and workday.
func New(name string, versions ...Version) (*Calendar, error) {
	if !validName(name) {
		return nil, sluice.Errorf(sluice.CodeInvalid, "calendar %q: a name has 1 to 64 small letters, digits, dots and hyphens", name)
	}
	c := &Calendar{name: name}
	if len(versions) == 0 {
		return nil, c.fault("it says nothing")
	}
	for i, in := range versions {
		if i > 0 && !in.From.After(versions[i-1].From) {
			return nil, c.fault("the version from %s does not come after the one before it", in.From.Format(time.RFC3339))
		}
		v, err := c.compile(in)
		if err != nil {
			return nil, err
		}
		c.versions = append(c.versions, v)
	}
	return c, nil
}

func validName(s string) bool {
	return s != "" && len(s) <= 64 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-") == "" && s[0] != '.' && s[0] != '-'
}

func (c *Calendar) fault(format string, args ...any) error {
	e := sluice.Errorf(sluice.CodeInvalid, format, args...)
	e.Message = "calendar " + c.name + ": " + e.Message
	return e
}

func (c *Calendar) compile(in Version) (version, error) {
	v := version{Version: in}
	v.Arcs, v.Holidays, v.Workdays = slices.Clone(in.Arcs), slices.Clone(in.Holidays), slices.Clone(in.Workdays)
	var err error
	if in.Zone == "" || in.Zone == "Local" { // what these mean depends on the machine
		return v, c.fault("the timezone %q is not an IANA name", in.Zone)
	}
	if v.zone, err = time.LoadLocation(in.Zone); err != nil {
		return v, c.fault("unknown timezone %q", in.Zone)
	}
	if err := c.compileArcs(&v); err != nil {
		return v, err
	}
	return v, c.compileDays(&v)
}

func (c *Calendar) compileArcs(v *version) error {
	slices.SortFunc(v.Arcs, func(a, b Arc) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To)) })
	for i, a := range v.Arcs {
		if a.From < 0 || a.From >= a.To || a.To > MinutesPerWeek {
			return c.fault("the arc from minute %d to %d is empty or leaves the week of %d minutes", a.From, a.To, MinutesPerWeek)
		}
		if i > 0 && a.From < v.Arcs[i-1].To {
			return c.fault("the arcs %s and %s overlap", v.Arcs[i-1], a)
		}
		for m := a.From; m < a.To; m++ {
			v.days[m/minutesPerDay][m%minutesPerDay/64] |= 1 << (m % minutesPerDay % 64)
		}
	}
	v.Arcs = joined(v.Arcs)
	return nil
}

// joined makes one arc of those that meet, so that a calendar is written in one way.
func joined(arcs []Arc) []Arc {
	var all []Arc
	for _, a := range arcs {
		if n := len(all); n > 0 && all[n-1].To == a.From {
			all[n-1].To = a.To
			continue
		}
		all = append(all, a)
	}
	return all
}

func (c *Calendar) compileDays(v *version) error {
	for _, d := range v.Holidays {
		v.special = append(v.special, special{d, noArcs})
	}
	for _, w := range v.Workdays {
		if w.As < time.Sunday || w.As > time.Saturday {
			return c.fault("the workday %s is as no weekday", w.Date)
		}
		v.special = append(v.special, special{w.Date, kindOf(w.As)})
	}
	slices.Sort(v.Holidays)
	slices.SortFunc(v.Workdays, func(a, b Workday) int { return cmp.Compare(a.Date, b.Date) })
	slices.SortFunc(v.special, func(a, b special) int { return cmp.Or(cmp.Compare(a.date, b.date), cmp.Compare(b.kind, a.kind)) })
	for i := 1; i < len(v.special); i++ {
		a, b := v.special[i-1], v.special[i]
		switch {
		case a.date != b.date:
		case (a.kind == noArcs) != (b.kind == noArcs):
			return c.fault("%s is both a holiday and a workday", a.date)
		default:
			return c.fault("%s is listed twice", a.date)
		}
	}
	return nil
}
