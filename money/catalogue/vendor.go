package catalogue

import (
	"errors"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"sluice/money/calendar"
)

// loadVendor reads one file. Later parts refer to earlier ones: sources, then
// calendars, then prices and plans.
func loadVendor(name string, data []byte) (*Vendor, error) {
	r := &reader{file: name}
	v := &Vendor{File: name, Sources: map[string]string{}}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		r.failAt(yamlLine(err), "it is not YAML: "+err.Error())
		return nil, errors.Join(r.faults...)
	}
	if len(doc.Content) != 1 {
		r.failAt(1, "it is empty")
		return nil, errors.Join(r.faults...)
	}
	parts := map[string]*yaml.Node{}
	part := func(name string) func(*yaml.Node) { return func(n *yaml.Node) { parts[name] = n } }
	r.mapping(doc.Content[0], fields{
		"vendor": r.into(&v.Name), "reviewed": r.instant(&v.Reviewed),
		"sources": part("sources"), "calendars": part("calendars"), "prices": part("prices"), "plans": part("plans"),
	}, nil)
	if v.Name == "" || v.Reviewed.IsZero() {
		r.failAt(1, "it needs a vendor and the day on which it was reviewed")
	}
	if n := parts["sources"]; n != nil {
		r.mapping(n, nil, func(key, value *yaml.Node) { v.Sources[key.Value] = r.text(value) })
	}
	if n := parts["calendars"]; n != nil {
		r.list(n, func(n *yaml.Node) { r.calendar(v, n) })
	}
	if n := parts["prices"]; n != nil {
		r.list(n, func(n *yaml.Node) { r.listing(v, n) })
		slices.SortFunc(v.Listings, order)
		if len(r.faults) == 0 {
			r.checkHistory(v)
			r.checkNeighbours(v)
		}
	}
	if n := parts["plans"]; n != nil {
		r.list(n, func(n *yaml.Node) { r.plan(v, n) })
	}
	return v, errors.Join(r.faults...)
}

// yamlLine is the line of a syntax error, or 1.
func yamlLine(err error) int {
	if at, ok := errors.AsType[*yaml.LoadError](err); ok && at.Mark.Line > 0 {
		return at.Mark.Line
	}
	return 1
}

// source returns a function that reads short names of the vendor's sources.
func (r *reader) source(v *Vendor, to *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		*to = r.text(n)
		for name := range strings.SplitSeq(*to, ",") {
			if v.Sources[strings.TrimSpace(name)] == "" {
				r.fail(n, "there is no source %q", strings.TrimSpace(name))
			}
		}
	}
}

func (r *reader) calendar(v *Vendor, n *yaml.Node) {
	var name, source, note string
	var versions []calendar.Version
	r.mapping(n, fields{
		"name": r.into(&name), "source": r.source(v, &source), "note": r.into(&note),
		"versions": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) { versions = append(versions, r.version(n)) })
		},
	}, nil)
	if source == "" {
		r.fail(n, "the calendar names no source")
	}
	for _, other := range v.Calendars {
		if other.Name() == name {
			r.fail(n, "the calendar %s is there twice", name)
		}
	}
	made, err := calendar.New(name, versions...)
	if err != nil {
		r.failWith(n, err)
		return
	}
	v.Calendars = append(v.Calendars, made)
}

func (r *reader) version(n *yaml.Node) (v calendar.Version) {
	r.mapping(n, fields{
		"since": r.instant(&v.From), "zone": r.into(&v.Zone),
		"arcs": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) {
				arcs, err := calendar.ParseArcs(r.text(n))
				r.failWith(n, err)
				v.Arcs = append(v.Arcs, arcs...)
			})
		},
		"holidays": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) {
				days, err := calendar.ParseDates(r.text(n))
				r.failWith(n, err)
				v.Holidays = append(v.Holidays, days...)
			})
		},
		"workdays": func(n *yaml.Node) {
			r.list(n, func(n *yaml.Node) {
				day, err := calendar.ParseWorkday(r.text(n))
				r.failWith(n, err)
				v.Workdays = append(v.Workdays, day)
			})
		},
	}, nil)
	return v
}
