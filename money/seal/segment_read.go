package seal

import (
	"encoding/binary"
	"errors"
	"time"

	"sluice"
)

// ErrSegment is a segment that does not hold what was sealed.
var ErrSegment = errors.New("the segment does not hold what was sealed")

// SegmentReader reads segments. It is not safe for concurrent use.
type SegmentReader struct {
	in     cursor
	texts  []string
	known  map[string]string // texts of all segments, so that each is there once
	heads  []readHead
	all    []sluice.AccountID // of heads
	starts int                // where rows begin

	booked Booked
	event  sluice.Event
	idText []byte
	leaves []Hash
	buf    []byte
}

// readHead is what calls have in common.
type readHead struct {
	kind           sluice.TxKind
	memo, corrects string
	event          sluice.Event
	from, to       int // its accounts among all
}

// Read hands over the calls of a page in the order of their numbers, after it has
// made sure that the segment's rows make the page's hash. The group of what is handed
// over is nil, and all of it is used again. Errors: ErrSegment, before anything is handed
// over; that of take.
func (r *SegmentReader) Read(page int64, want Hash, data []byte, take func(*Booked) error) error {
	if err := r.open(data); err != nil {
		return err
	}
	r.leaves = r.leaves[:0]
	if len(r.buf) == 0 {
		r.buf = make([]byte, 1, 1024)
	}
	err := r.rows(func(b *Booked) error {
		r.buf = AppendTx(r.buf[:1], &b.Tx, b.Event)
		r.leaves = append(r.leaves, leaf(r.buf))
		return nil
	}, func(h Hash) { r.leaves = append(r.leaves, h) })
	if err != nil {
		return err
	}
	if PageHash(page, r.leaves) != want {
		return ErrSegment
	}
	return r.rows(take, func(Hash) {})
}

// open reads the texts and heads.
func (r *SegmentReader) open(data []byte) error {
	const most = 1 << 16 // texts that are kept
	r.in = cursor{b: data}
	if r.known == nil || len(r.known) > most {
		r.known = map[string]string{}
	}
	if r.in.byte() != segmentVersion {
		return ErrSegment
	}
	r.texts, r.heads, r.all = r.texts[:0], r.heads[:0], r.all[:0]
	for range r.in.size() {
		b := r.in.bytes(r.in.size())
		t, ok := r.known[string(b)]
		if !ok {
			t = string(b)
			r.known[t] = t
		}
		r.texts = append(r.texts, t)
	}
	for range r.in.size() {
		r.head()
	}
	r.starts = r.in.at
	if r.in.bad {
		return ErrSegment
	}
	return nil
}

func (r *SegmentReader) text() string {
	n := r.in.size()
	if n >= len(r.texts) {
		r.in.bad = true
		return ""
	}
	return r.texts[n]
}

func (r *SegmentReader) head() {
	h := readHead{kind: sluice.TxKind(r.text()), memo: r.text(), corrects: r.text(), from: len(r.all)}
	e := &h.event
	for _, to := range [...]*string{&e.Org, &e.Project, &e.Key, &e.Model, &e.Engine, &e.Endpoint, &e.ServiceTier, (*string)(&e.Status), (*string)(&e.Currency), &e.Book, &e.Subscription, &e.PlanVersion} {
		*to = r.text()
	}
	flags := r.in.byte()
	r.in.bad = r.in.bad || flags >= 1<<4
	for i, to := range [...]*bool{&e.Batch, &e.Thinking, &e.Estimated, &e.Simulated} {
		*to = flags&(1<<i) != 0
	}
	for range r.in.size() {
		r.all = append(r.all, sluice.AccountID{Owner: r.text(), Kind: sluice.AccountKind(r.text()), Currency: sluice.Currency(r.text()), Lot: r.text()})
	}
	h.to = len(r.all)
	r.heads = append(r.heads, h)
}

// rows reads the rows from the first on: call is shown each call, other the leaf
// of what is none.
func (r *SegmentReader) rows(call func(*Booked) error, other func(Hash)) error {
	r.in.at = r.starts
	b := &r.booked
	b.Seq = 0
	var at int64
	for range r.in.size() {
		step := r.in.uvarint()
		b.Seq += int64(step >> 1)
		if step&1 == 0 {
			if h := r.in.bytes(len(Hash{})); h != nil {
				other(Hash(h))
			}
			continue
		}
		r.call(&at)
		if r.in.bad {
			return ErrSegment
		}
		if err := call(b); err != nil {
			return err
		}
	}
	if r.in.bad || r.in.at != len(r.in.b) {
		return ErrSegment
	}
	return nil
}

// call reads one call into r.booked. last is the instant of the one before, and
// becomes that of this one.
func (r *SegmentReader) call(last *int64) {
	n := r.in.size()
	if n>>1 >= len(r.heads) {
		r.in.bad = true
		return
	}
	h := &r.heads[n>>1]
	b, e := &r.booked, &r.event
	*e = h.event
	b.Event = e
	e.CallID = r.id()
	b.Tx.ID, b.Tx.Kind, b.Tx.Memo, b.Tx.Corrects = e.CallID, h.kind, h.memo, h.corrects
	at := *last + r.in.number()
	*last = at
	b.Tx.At = ofMicros(at)
	for _, to := range [...]*time.Time{&e.EndedAt, &e.AdmittedAt, &e.FirstAt} {
		*to = ofMicros(at - r.in.number())
	}
	r.in.numbers(e.Usage[:])
	e.List = sluice.Pico(r.in.number())
	e.Charge = e.List - sluice.Pico(r.in.number())
	likely := likelyEntry(e)
	b.Tx.Entries = b.Tx.Entries[:0]
	for _, account := range r.all[h.from:h.to] {
		a := sluice.Amount{Nano: likely.Nano + r.in.number(), Carry: likely.Carry + r.in.number()}
		b.Tx.Entries = append(b.Tx.Entries, sluice.Entry{Account: account, Amount: a})
		likely = opposite(a)
	}
	if n&1 == 0 {
		return
	}
	e.Refund = sluice.Pico(r.in.number())
	e.Steps = nil // they may be kept by whom they were shown to, as the texts
	for range r.in.size() {
		u := sluice.StepUse{Class: r.text(), Period: r.text(), Start: ofMicros(r.in.number())}
		u.Before, u.Units = r.in.number(), r.in.number()
		e.Steps = append(e.Steps, u)
	}
	r.in.numbers(e.Cost[:])
}

func (r *SegmentReader) id() string {
	n := r.in.size()
	if n == 0 {
		return string(r.in.bytes(r.in.size()))
	}
	u := r.in.bytes(16)
	if u == nil || n > len(r.texts) {
		r.in.bad = true
		return ""
	}
	r.idText = sluice.JoinID(r.idText[:0], r.texts[n-1], [16]byte(u))
	return string(r.idText)
}

// cursor reads bytes. Whatever they are, it does not fail but turns bad, and
// gives zeros from then on.
type cursor struct {
	b   []byte
	at  int
	bad bool
}

func (c *cursor) byte() byte {
	if c.bad || c.at >= len(c.b) {
		c.bad = true
		return 0
	}
	c.at++
	return c.b[c.at-1]
}

func (c *cursor) uvarint() uint64 {
	if c.bad {
		return 0
	}
	if c.at < len(c.b) && c.b[c.at] < 0x80 {
		c.at++
		return uint64(c.b[c.at-1])
	}
	v, n := binary.Uvarint(c.b[c.at:])
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.at += n
	return v
}

// number reads a zigzag varint.
func (c *cursor) number() int64 {
	v := c.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// size reads how many of something follow: at most as many as there are bytes,
// or the number of something, which is smaller as well.
func (c *cursor) size() int {
	v := c.uvarint()
	if v > uint64(len(c.b)) {
		c.bad = true
		return 0
	}
	return int(v)
}

// bytes reads n bytes, nil where they are not there.
func (c *cursor) bytes(n int) []byte {
	if c.bad || n > len(c.b)-c.at {
		c.bad = true
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at]
}

// numbers is the inverse of the function of that name.
func (c *cursor) numbers(to []int64) {
	clear(to)
	n := c.number()
	if n < 0 || n > int64(len(to)) {
		c.bad = true
		return
	}
	for i := range to[:n] {
		to[i] = c.number()
	}
}
