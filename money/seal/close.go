package seal

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// CloseKind says what became of a day.
type CloseKind string

// The kinds.
const (
	Closed   CloseKind = "closed"
	Reopened CloseKind = "reopened"
)

// Close is the record that a day was closed, or opened again. Records make a
// chain of their own: each binds the one before it and, by Head, the chain of seals
// as it then was.
type Close struct {
	N        int64         `json:"n"`        // its number in the chain, from 1
	Day      string        `json:"day"`      // "2026-11-21"
	Zone     string        `json:"timezone"` // by whose clock it begins and ends,
	From     time.Time     `json:"from"`     // its first instant,
	To       time.Time     `json:"to"`       // and that of the next
	Kind     CloseKind     `json:"kind"`     //
	Revision int64         `json:"revision"` // how many times the day was closed, with this one
	At       time.Time     `json:"at"`
	By       string        `json:"by"`               // who closed or opened it
	Reason   string        `json:"reason,omitempty"` // why it was opened again
	Through  time.Time     `json:"through"`          // the last sealed hour that is in Head
	Head     Hash          `json:"head"`             // the hash of that hour's seal
	Late     []time.Time   `json:"late,omitempty"`   // later hours whose rows of the day it takes
	Costs    string        `json:"costs,omitempty"`  // the SHA-256 of what was then known of nodes and payments; empty: nothing
	Rows     int64         `json:"rows"`             // transactions in the day's hours
	Sums     []Sum         `json:"sums"`             // of its calls
	Checks   []Check       `json:"checks"`
	Notes    []Explanation `json:"explanations"`
	Prev     Hash          `json:"prev"` // the hash of the record before
	Hash     Hash          `json:"hash"`
}

// Check is one comparison that a close rests on.
type Check struct {
	Subject    string `json:"subject"`           // what is compared, and the name that an explanation takes: "engine:eng_…"
	Left       string `json:"left"`              // what is said on one side,
	Right      string `json:"right"`             // and on the other; empty: unknown
	Difference string `json:"difference"`        // empty when there is none
	Unknown    bool   `json:"unknown,omitempty"` // one side is not known: shown, and blocks nothing
	Explained  bool   `json:"explained,omitempty"`
	What       string `json:"what"` // in words
}

// Blocks reports whether the check keeps the day open.
func (c *Check) Blocks() bool { return c.Difference != "" && !c.Unknown && !c.Explained }

// Explanation is a durable note that says why a difference is as it is.
type Explanation struct {
	Day        string    `json:"day"`
	Subject    string    `json:"subject"`
	Difference string    `json:"difference"` // that it explains: another one needs another note
	Note       string    `json:"note"`
	By         string    `json:"by"`
	At         time.Time `json:"at"`
}

// Bind makes the record the one after prev. Errors: none that a well-formed
// record has.
func (c *Close) Bind(prev Hash) error {
	c.Prev = prev
	h, err := c.sum()
	c.Hash = h
	return err
}

func (c *Close) sum() (Hash, error) {
	of := *c
	of.Hash = Hash{}
	text, err := json.Marshal(&of)
	if err != nil {
		return Hash{}, fmt.Errorf("hashing the close of %s: %w", c.Day, err)
	}
	return sha256.Sum256(append([]byte{ofClose}, text...)), nil
}

// Check checks a record by itself and against the one before it, nil for the first.
func (c *Close) Check(before *Close) error {
	h, err := c.sum()
	if err != nil {
		return err
	}
	var prev Hash
	n := int64(1)
	if before != nil {
		prev, n = before.Hash, before.N+1
	}
	switch {
	case h != c.Hash:
		return fmt.Errorf("record %d, of %s, was altered: its hash is not that of what it says", c.N, c.Day)
	case c.Prev != prev || c.N != n:
		return fmt.Errorf("record %d, of %s, does not follow the one before it", c.N, c.Day)
	}
	return nil
}
