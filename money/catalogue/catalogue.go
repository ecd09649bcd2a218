// Package catalogue holds what model vendors publish: prices, the calendars
// that they go by, and coding plans. It is reviewed data, one YAML file for each
// vendor, every number with its source and the instant since which the source
// shows it. It sets no price by itself: a draft made from it is compared with
// the book in force and published by a person.
package catalogue

import (
	"cmp"
	"embed"
	"errors"
	"io/fs"
	"slices"
	"time"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/plan"
	"sluice/money/price"
)

//go:embed lists/*.yaml
var lists embed.FS

// Published returns the catalogue that is part of the program.
func Published() (*Catalogue, error) {
	sub, err := fs.Sub(lists, "lists")
	if err != nil {
		return nil, err
	}
	return Load(sub)
}

// Catalogue is what vendors published. It must not be changed.
type Catalogue struct {
	Vendors []*Vendor
}

// Vendor is one vendor's file.
type Vendor struct {
	Name     string
	File     string
	Reviewed time.Time         // the day on which a person last went through the file
	Sources  map[string]string // what the short names of sources stand for

	Calendars []*calendar.Calendar
	Listings  []*Listing
	Plans     []*Plan
}

// Listing is what one model costs in a currency from an instant on.
type Listing struct {
	Vendor   *Vendor
	Model    string
	Currency sluice.Currency
	Since    time.Time // the source shows it since; the vendor may have asked it before
	Until    time.Time // zero: until the next listing, or still
	Note     string    // what to know before it is used
	Line     int

	Rules   []price.Rule // with their lines in the vendor's file
	Derived []price.Derived

	source  string
	sources map[sluice.Class]string
	accept  string // why a jump in its prices is none
}

// Plan is a version of a coding plan as a vendor sells it.
type Plan struct {
	Vendor *Vendor
	Draft  plan.Draft // effective since its source shows it
	Source string
	Note   string
	Line   int
}

// Source returns where the prices of a class come from: short names of the
// vendor's sources, with commas.
func (l *Listing) Source(class sluice.Class) string {
	if s := l.sources[class]; s != "" {
		return s
	}
	return l.source
}

// Draft makes a price list of the listings in a currency that are in force at
// the instant and that keep accepts; a nil keep accepts all. It takes effect at
// the instant.
func (c *Catalogue) Draft(currency sluice.Currency, at time.Time, keep func(*Listing) bool) price.Draft {
	d := price.Draft{Currency: currency, EffectiveAt: at}
	for _, v := range c.Vendors {
		d.Calendars = append(d.Calendars, v.Calendars...)
		for _, l := range v.InForce(at) {
			if l.Currency == currency && (keep == nil || keep(l)) {
				d.Rules = append(d.Rules, l.Rules...)
				d.Derived = append(d.Derived, l.Derived...)
			}
		}
	}
	for i := range d.Rules { // a draft of several files has no lines
		d.Rules[i].Line = 0
	}
	for i := range d.Derived {
		d.Derived[i].Line = 0
	}
	return d
}

// Calendar returns the calendar of a name, or nil.
func (c *Catalogue) Calendar(name string) *calendar.Calendar {
	for _, v := range c.Vendors {
		for _, made := range v.Calendars {
			if made.Name() == name {
				return made
			}
		}
	}
	return nil
}

// Load reads the *.yaml files of a folder, one for each vendor. Errors are
// CodeInvalid and name the file, the line and the reason; all that are found
// are joined.
func Load(folder fs.FS) (*Catalogue, error) {
	names, err := fs.Glob(folder, "*.yaml")
	if err != nil {
		return nil, err
	}
	c := &Catalogue{}
	var faults []error
	for _, name := range names {
		data, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		v, err := loadVendor(name, data)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		c.Vendors = append(c.Vendors, v)
	}
	faults = append(faults, c.clashes()...)
	if len(faults) > 0 {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Message: "The catalogue cannot be used.", Err: errors.Join(faults...)}
	}
	return c, nil
}

// clashes finds models and calendars that two vendors claim.
func (c *Catalogue) clashes() (faults []error) {
	claimed := map[string]string{}
	claim := func(v *Vendor, line int, what string) {
		if other, ok := claimed[what]; ok && other != v.File {
			r := reader{file: v.File}
			r.failAt(line, "the "+what+" is also in "+other)
			faults = append(faults, r.faults...)
			return
		}
		claimed[what] = v.File
	}
	for _, v := range c.Vendors {
		for _, made := range v.Calendars {
			claim(v, 1, "calendar "+made.Name())
		}
		for _, l := range v.Listings {
			claim(v, l.Line, "model "+l.Model)
		}
	}
	return faults
}

// order sorts listings by instant, and those of one instant by their lines.
func order(a, b *Listing) int {
	return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Line, b.Line))
}

// InForce returns the listings that hold at the instant, by model and currency:
// of each the last that has begun, unless it has ended.
func (v *Vendor) InForce(at time.Time) []*Listing {
	var all []*Listing
	for _, listings := range v.history() {
		var latest *Listing
		for _, l := range listings {
			if !at.Before(l.Since) {
				latest = l
			}
		}
		if latest != nil && (latest.Until.IsZero() || at.Before(latest.Until)) {
			all = append(all, latest)
		}
	}
	slices.SortFunc(all, func(a, b *Listing) int {
		return cmp.Or(cmp.Compare(a.Model, b.Model), cmp.Compare(a.Currency, b.Currency))
	})
	return all
}

// history returns the listings of each model and currency, in order.
func (v *Vendor) history() [][]*Listing {
	type key struct {
		model    string
		currency sluice.Currency
	}
	at := map[key]int{}
	var all [][]*Listing
	for _, l := range v.Listings {
		k := key{l.Model, l.Currency}
		i, ok := at[k]
		if !ok {
			i = len(all)
			at[k] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], l)
	}
	for _, h := range all {
		slices.SortFunc(h, order)
	}
	return all
}
