package seal

import (
	"encoding/binary"
	"slices"
	"strings"

	"sluice"
)

// segmentVersion is the first byte of a segment, and says how the rest is written.
const segmentVersion = 1

// segment writes a page in a compact form, from which its calls are read many
// times faster than row by row. It is a copy: the page's hash, which the seal binds, is that
// of the rows, and SegmentReader.Read gives out nothing that does not make it.
//
// After the version stand the texts, each once; the heads, which are what calls have
// in common, each once and in numbers of texts; and the rows in the order of their
// numbers. Whole numbers are varints, most of them as a difference to what is likely: the
// row before, the instant at which the call ended, what was charged. Of what is no call
// only the leaf is kept.
type segment struct {
	texts   []byte
	places  map[string]int // of texts
	heads   []byte
	known   []head
	byGroup map[*Group]int // the last of known with that group, plus one

	rows    []byte
	count   int
	seq, at int64 // of the row before
	unfit   bool  // the form has no place for something in the page
}

// head is what calls have in common beside their group.
type head struct {
	kind                            sluice.TxKind
	memo, corrects                  string
	endpoint, subscription, version string
	accounts                        []sluice.AccountID
	next                            int // the one before with the same group, plus one
}

// reset begins another page.
func (s *segment) reset() {
	if s.places == nil {
		s.places, s.byGroup = map[string]int{}, map[*Group]int{}
	}
	clear(s.places)
	clear(s.byGroup)
	s.texts, s.heads, s.rows, s.known = s.texts[:0], s.heads[:0], s.rows[:0], s.known[:0]
	s.count, s.seq, s.at, s.unfit = 0, 0, 0, false
}

// bytes returns the page's segment, nil when it has none.
func (s *segment) bytes() []byte {
	if s.unfit {
		return nil
	}
	b := make([]byte, 0, len(s.texts)+len(s.heads)+len(s.rows)+16)
	b = append(b, segmentVersion)
	b = append(size(b, len(s.places)), s.texts...)
	b = append(size(b, len(s.known)), s.heads...)
	return append(size(b, s.count), s.rows...)
}

func size(b []byte, n int) []byte { return binary.AppendUvarint(b, uint64(n)) }

// place returns the number of a text in the page.
func (s *segment) place(t string) int {
	n, ok := s.places[t]
	if !ok {
		n = len(s.places)
		s.places[strings.Clone(t)] = n
		s.texts = text(s.texts, t)
	}
	return n
}

// add writes one row.
func (s *segment) add(b *Booked, leaf *Hash) {
	step := uint64(b.Seq-s.seq) << 1
	s.seq = b.Seq
	s.count++
	if b.Event == nil {
		s.rows = append(binary.AppendUvarint(s.rows, step), leaf[:]...)
		return
	}
	e := b.Event
	if b.Tx.Lot != nil || e.CallID != b.Tx.ID {
		s.unfit = true
		return
	}
	s.rows = binary.AppendUvarint(s.rows, step|1)
	further := 0
	if e.Refund != 0 || len(e.Steps) > 0 || e.Cost != (sluice.Cost{}) {
		further = 1
	}
	s.rows = size(s.rows, s.head(b)<<1|further)
	s.id(b.Tx.ID)
	at := micros(b.Tx.At)
	s.rows = number(s.rows, at-s.at)
	s.at = at
	for _, t := range [...]int64{micros(e.EndedAt), micros(e.AdmittedAt), micros(e.FirstAt)} {
		s.rows = number(s.rows, at-t)
	}
	s.rows = numbers(s.rows, e.Usage[:])
	s.rows = number(number(s.rows, int64(e.List)), int64(e.List-e.Charge))
	likely := likelyEntry(e)
	for i := range b.Tx.Entries {
		a := b.Tx.Entries[i].Amount
		s.rows = number(number(s.rows, a.Nano-likely.Nano), a.Carry-likely.Carry)
		likely = opposite(a)
	}
	if further == 0 {
		return
	}
	s.rows = number(s.rows, int64(e.Refund))
	s.rows = size(s.rows, len(e.Steps))
	for i := range e.Steps {
		u := &e.Steps[i]
		s.rows = size(size(s.rows, s.place(u.Class)), s.place(u.Period))
		s.rows = number(number(instant(s.rows, u.Start), u.Before), u.Units)
	}
	s.rows = numbers(s.rows, e.Cost[:])
}

// likelyEntry is what the first entry of a call most likely is: what the wallet
// paid. The next one is most likely the opposite of it.
func likelyEntry(e *sluice.Event) sluice.Amount { return opposite(e.Charge.Amount()) }

// opposite is -a, also where that overflows: it need only be the same when it is read.
func opposite(a sluice.Amount) sluice.Amount {
	if a.Carry == 0 {
		return sluice.Amount{Nano: -a.Nano}
	}
	return sluice.Amount{Nano: -a.Nano - 1, Carry: sluice.PicoPerNano - a.Carry}
}

// id writes a transaction's id: a text's number and 16 bytes for what
// sluice.NewID makes, zero and the text for anything else.
func (s *segment) id(id string) {
	if prefix, u, ok := sluice.CutID(id); ok {
		s.rows = size(s.rows, 1+s.place(prefix))
		s.rows = append(s.rows, u[:]...)
		return
	}
	s.rows = text(append(s.rows, 0), id)
}

// head returns the number of a call's head in the page.
func (s *segment) head(b *Booked) int {
	for i := s.byGroup[b.Group]; i > 0; i = s.known[i-1].next {
		if s.known[i-1].of(b) {
			return i - 1
		}
	}
	e := b.Event
	h := head{kind: b.Tx.Kind, memo: b.Tx.Memo, corrects: b.Tx.Corrects, endpoint: e.Endpoint, subscription: e.Subscription, version: e.PlanVersion, next: s.byGroup[b.Group]}
	for _, t := range [...]string{
		string(h.kind), h.memo, h.corrects, e.Org, e.Project, e.Key, e.Model, e.Engine, e.Endpoint, e.ServiceTier, string(e.Status), string(e.Currency), e.Book,
		e.Subscription, e.PlanVersion,
	} {
		s.heads = size(s.heads, s.place(t))
	}
	flags := byte(0)
	for i, set := range [...]bool{e.Batch, e.Thinking, e.Estimated, e.Simulated} {
		if set {
			flags |= 1 << i
		}
	}
	s.heads = size(append(s.heads, flags), len(b.Tx.Entries))
	for i := range b.Tx.Entries {
		a := b.Tx.Entries[i].Account
		h.accounts = append(h.accounts, a)
		for _, t := range [...]string{a.Owner, string(a.Kind), string(a.Currency), a.Lot} {
			s.heads = size(s.heads, s.place(t))
		}
	}
	s.known = append(s.known, h)
	s.byGroup[b.Group] = len(s.known)
	return len(s.known) - 1
}

// of reports whether the head is that of a call of the same group.
func (h *head) of(b *Booked) bool {
	e := b.Event
	return h.kind == b.Tx.Kind && h.memo == b.Tx.Memo && h.corrects == b.Tx.Corrects && h.endpoint == e.Endpoint && h.subscription == e.Subscription && h.version == e.PlanVersion &&
		slices.EqualFunc(h.accounts, b.Tx.Entries, func(a sluice.AccountID, x sluice.Entry) bool { return a == x.Account })
}
