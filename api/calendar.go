package api

import (
	"time"

	"sluice"
	"sluice/money/calendar"
)

// Calendar is a named set of instants, such as peak hours, by which prices differ.
type Calendar struct {
	Name     string            `json:"name" yaml:"name" minLength:"1" maxLength:"64" example:"peak"`
	Versions []CalendarVersion `json:"versions" yaml:"versions" minItems:"1" maxItems:"64" doc:"In order of time; each holds until the next."`
}

// CalendarVersion is what a calendar says from an instant on, by the wall clock of a timezone.
type CalendarVersion struct {
	Since    *time.Time `json:"since,omitempty" yaml:"since" doc:"From ever when absent."`
	Zone     string     `json:"zone" yaml:"zone" maxLength:"64" example:"Asia/Shanghai" doc:"An IANA timezone."`
	Arcs     []string   `json:"arcs,omitempty" yaml:"arcs" maxItems:"64" example:"[\"Mon-Fri 09:00-12:00 14:00-18:00\"]" doc:"Days, then times on each of them; ends are exclusive."`
	Holidays []string   `json:"holidays,omitempty" yaml:"holidays" maxItems:"256" example:"[\"2026-10-01..2026-10-07\"]" doc:"Days without arcs."`
	Workdays []string   `json:"workdays,omitempty" yaml:"workdays" maxItems:"256" example:"[\"2026-10-10 as Mon\"]" doc:"Days with the arcs of another weekday."`
}

// calendars checks calendars and makes them. Errors: CodeInvalid.
func calendars(in []Calendar) ([]*calendar.Calendar, error) {
	var all []*calendar.Calendar
	for _, c := range in {
		var versions []calendar.Version
		for i := range c.Versions {
			v, err := c.Versions[i].version()
			if err != nil {
				return nil, sluice.Errorf(sluice.CodeInvalid, "calendar %s: %s", c.Name, sluice.ErrorOf(err).Message)
			}
			versions = append(versions, v)
		}
		made, err := calendar.New(c.Name, versions...)
		if err != nil {
			return nil, err
		}
		all = append(all, made)
	}
	return all, nil
}

func (in *CalendarVersion) version() (calendar.Version, error) {
	v := calendar.Version{Zone: in.Zone}
	if in.Since != nil {
		v.From = in.Since.UTC().Truncate(time.Microsecond) // as finely as admissions are kept
	}
	for _, s := range in.Arcs {
		arcs, err := calendar.ParseArcs(s)
		if err != nil {
			return v, err
		}
		v.Arcs = append(v.Arcs, arcs...)
	}
	for _, s := range in.Holidays {
		days, err := calendar.ParseDates(s)
		if err != nil {
			return v, err
		}
		v.Holidays = append(v.Holidays, days...)
	}
	for _, s := range in.Workdays {
		day, err := calendar.ParseWorkday(s)
		if err != nil {
			return v, err
		}
		v.Workdays = append(v.Workdays, day)
	}
	return v, nil
}

// showCalendars writes calendars as they are read.
func showCalendars(all []*calendar.Calendar) []Calendar {
	var shown []Calendar
	for _, c := range all {
		out := Calendar{Name: c.Name()}
		for _, v := range c.Versions() {
			out.Versions = append(out.Versions, showVersion(v))
		}
		shown = append(shown, out)
	}
	return shown
}

func showVersion(v calendar.Version) CalendarVersion {
	out := CalendarVersion{Zone: v.Zone, Arcs: calendar.FormatArcs(v.Arcs), Holidays: calendar.FormatDates(v.Holidays)}
	if !v.From.IsZero() {
		out.Since = &v.From
	}
	for _, w := range v.Workdays {
		out.Workdays = append(out.Workdays, w.String())
	}
	return out
}
