// Package electricity holds what power costs and how it is shared: prices by
// the hour of the day, contracted power, and what engines drew in each quarter of
// an hour, made into kWh, joules a token and money. It is pure: no clock, no
// floats, no I/O.
//
// An engine that serves several models shares what it drew in a quarter of an
// hour between them by the tokens that it computed for each: prompt tokens that no
// cache held, and tokens of answers, each counted once, by when their call ended.
// What it drew in a quarter of an hour in which it computed none is idle and
// belongs to no model.
package electricity

import (
	"time"

	"sluice"
)

// Slot is the time by which power is metered, as utilities do it: a quarter of
// an hour. Slots begin at whole quarters in UTC, which are such in every zone.
const Slot = 15 * time.Minute

// Energy is in millijoules: watts are kept in thousandths too, and a second of
// one is the other.
type Energy int64

// PerKWh is a kWh.
const PerKWh Energy = 3_600_000_000

const wattsPerKW = 1000

// SlotOf returns the beginning of the slot that an instant lies in, in UTC.
func SlotOf(t time.Time) time.Time { return t.UTC().Truncate(Slot) }

// Source says how power is known.
type Source string

// The sources.
const (
	Measured  Source = "measured"  // by the chips themselves, or by a meter
	Estimated Source = "estimated" // from the chips' table, or the operator's figures, and the load
	Unknown   Source = "unknown"
)

// Drawn is what an engine drew in a slot, or in a part of it, by how it is
// known. What the two parts leave of the slot is not known, and no energy stands
// for it.
type Drawn struct {
	Slot      time.Time // its beginning
	Engine    string
	Measured  Part
	Estimated Part
}

// Part is the energy of a part of a slot.
type Part struct {
	Energy Energy
	For    time.Duration
}

// Add returns the sum.
func (p Part) Add(o Part) Part { return Part{p.Energy + o.Energy, p.For + o.For} }

// Worked is what an engine computed for a model in a slot.
type Worked struct {
	Slot   time.Time `json:"slot"`
	Engine string    `json:"engine"`
	Model  string    `json:"model"`
	Tokens Tokens    `json:"tokens"`
}

// Tokens are those that an engine computed.
type Tokens struct {
	Read    int64 `json:"read"`    // of prompts, without what its cache held
	Written int64 `json:"written"` // of answers
}

// TokensOf is what an engine computed of a call.
func TokensOf(u *sluice.Usage) Tokens {
	cached := u[sluice.ClassCached]
	return Tokens{Read: u.Prompt() - cached, Written: u.Completion()}
}

func (t Tokens) all() int64 { return t.Read + t.Written }

// Add returns the sum.
func (t Tokens) Add(o Tokens) Tokens { return Tokens{t.Read + o.Read, t.Written + o.Written} }

// Watched is from when until when an engine's power was watched. Between them,
// what is not covered by Drawn is not known.
type Watched struct {
	Engine string    `json:"engine"`
	Name   string    `json:"name"` // the last that it had
	First  time.Time `json:"first"`
	Last   time.Time `json:"last"`
}

// Batch is what a sampler hands to a store at once. A store that has taken one
// takes none of the same ID a second time.
type Batch struct {
	ID      string
	Drawn   []Drawn // added to what is there
	Worked  []Worked
	Watched []Watched // the First of one that is there stays
}
