package seal

import (
	"encoding/binary"
	"time"

	"sluice"
)

// AppendTx appends the one encoding of a transaction and, when it settles a
// call, its event: texts behind their lengths, whole numbers as zigzag varints,
// lists behind their numbers of items, instants in microseconds since 1970 and zero for
// none. Zeros at the end of units and of a cost are left out, so that what was
// written when there were fewer classes is encoded as it was.
func AppendTx(b []byte, tx *sluice.Tx, event *sluice.Event) []byte {
	b = text(b, tx.ID)
	b = text(b, string(tx.Kind))
	b = instant(b, tx.At)
	b = text(b, tx.Memo)
	b = text(b, tx.Corrects)
	b = number(b, int64(len(tx.Entries)))
	for i := range tx.Entries {
		e := &tx.Entries[i]
		b = account(b, &e.Account)
		b = number(b, e.Amount.Nano)
		b = number(b, e.Amount.Carry)
	}
	b = truth(b, tx.Lot != nil)
	if tx.Lot != nil {
		b = lot(b, tx.Lot)
	}
	b = truth(b, event != nil)
	if event != nil {
		b = AppendEvent(b, event)
	}
	return b
}

// AppendEvent appends the one encoding of an event, as AppendTx says.
func AppendEvent(b []byte, e *sluice.Event) []byte {
	for _, s := range [...]string{e.CallID, e.Org, e.Project, e.Key, e.Model, e.Engine, e.Endpoint} {
		b = text(b, s)
	}
	b = instant(instant(instant(b, e.AdmittedAt), e.FirstAt), e.EndedAt)
	b = truth(b, e.Batch)
	b = text(b, e.ServiceTier)
	b = truth(b, e.Thinking)
	b = text(b, string(e.Status))
	b = numbers(b, e.Usage[:])
	b = truth(truth(b, e.Estimated), e.Simulated)
	b = text(b, string(e.Currency))
	b = text(b, e.Book)
	b = number(number(b, int64(e.List)), int64(e.Charge))
	b = number(b, int64(len(e.Steps)))
	for i := range e.Steps {
		s := &e.Steps[i]
		b = text(text(b, s.Class), s.Period)
		b = number(number(instant(b, s.Start), s.Before), s.Units)
	}
	b = number(b, int64(e.Refund))
	b = text(text(b, e.Subscription), e.PlanVersion)
	return numbers(b, e.Cost[:])
}

func account(b []byte, a *sluice.AccountID) []byte {
	b = text(text(b, a.Owner), string(a.Kind))
	return text(text(b, string(a.Currency)), a.Lot)
}

func lot(b []byte, l *sluice.Lot) []byte {
	b = text(text(b, l.ID), l.Org)
	b = text(text(b, string(l.Kind)), string(l.Currency))
	b = number(number(b, l.Amount.Nano), l.Amount.Carry)
	b = instant(number(b, l.Priority), l.ExpiresAt)
	b = number(b, int64(len(l.Models)))
	for _, m := range l.Models {
		b = text(b, m)
	}
	b = text(text(b, l.Memo), string(l.Source))
	return instant(text(b, l.Reference), l.CreatedAt)
}

func text(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func number(b []byte, n int64) []byte { return binary.AppendVarint(b, n) }

func instant(b []byte, t time.Time) []byte { return number(b, micros(t)) }

// micros is an instant in microseconds since 1970, zero for none.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// ofMicros is the inverse of micros, in UTC.
func ofMicros(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

func truth(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func numbers(b []byte, all []int64) []byte {
	n := len(all)
	for n > 0 && all[n-1] == 0 {
		n--
	}
	b = number(b, int64(n))
	for _, v := range all[:n] {
		b = number(b, v)
	}
	return b
}
