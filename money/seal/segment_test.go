package seal_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

// kept is the segments of what is gathered, with the hashes of their pages.
type kept struct {
	seal.Segment
	hash seal.Hash
}

func segments(t interface{ Fatal(...any) }, all []*seal.Booked) []kept {
	rater, err := statement.NewRater(nil)
	if err != nil {
		t.Fatal(err)
	}
	var found []kept
	g := seal.NewGatherer(start(), rater, func(s seal.Segment) error {
		found = append(found, kept{Segment: s})
		return nil
	})
	for _, b := range all {
		if err := g.Add(b); err != nil {
			t.Fatal(err)
		}
	}
	hours, err := seal.Merge([]*seal.Gatherer{g}, start(), start().Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		hour := hours[found[i].Hour.Sub(start())/time.Hour]
		at := slices.IndexFunc(hour.Pages, func(p seal.Page) bool { return p.Number == found[i].Page })
		found[i].hash = hour.Pages[at].Hash
	}
	return found
}

// odd makes a call one of those that are rare.
func odd(t *rapid.T, b *seal.Booked) {
	e := b.Event
	switch rapid.IntRange(0, 8).Draw(t, "odd") {
	case 1:
		e.Refund, e.Cost = 7, sluice.Cost{1, 0, 2}
	case 2:
		b.Tx.ID = sluice.NewID("call", e.EndedAt)
		e.CallID = b.Tx.ID
	case 3:
		b.Tx.Memo, b.Tx.Corrects = "a memo", "call_0"
	case 4:
		b.Event, b.Group = nil, nil
	case 5:
		e.List, e.Charge = 1<<63-1, -1<<63
	case 6:
		e.AdmittedAt, e.FirstAt, e.EndedAt = time.Time{}, time.Unix(-1e9, 0).UTC(), time.Time{}
	case 7:
		b.Tx.Entries = append(b.Tx.Entries, sluice.Entry{Amount: sluice.Amount{Nano: -1 << 63, Carry: 999}}, sluice.Entry{Amount: sluice.Amount{Nano: 1<<63 - 1, Carry: 1}})
	case 8:
		e.Subscription, e.PlanVersion, e.Endpoint, e.Batch, e.Thinking = "sub", "plan", "/v1/x", true, true
	}
}

// calls draws a page's transactions or more, in the order of their numbers.
func calls(t *rapid.T) []*seal.Booked {
	n := rapid.IntRange(1, 40).Draw(t, "calls")
	gap := rapid.IntRange(1, 100).Draw(t, "gap")
	var all []*seal.Booked
	for i := range n {
		b := call(t, i*gap, start().Add(time.Duration(rapid.IntRange(0, 3*3600e6-1).Draw(t, "at"))*time.Microsecond))
		odd(t, b)
		if i > 0 && all[i-1].Event != nil && b.Event != nil && rapid.Bool().Draw(t, "same") { // a call like the one before
			last := all[i-1]
			e := *last.Event
			e.CallID, e.AdmittedAt, e.FirstAt, e.EndedAt, e.Usage = b.Event.CallID, b.Event.AdmittedAt, b.Event.FirstAt, b.Event.EndedAt, b.Event.Usage
			b.Event, b.Group = &e, last.Group
			b.Tx.Entries, b.Tx.Memo, b.Tx.Corrects = last.Tx.Entries, last.Tx.Memo, last.Tx.Corrects
		}
		all = append(all, b)
	}
	return all
}

// TestSegments writes random calls and reads them back: each as it was. With
// one byte altered, or one that is missing, nothing is handed over at all.
func TestSegments(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := calls(t)
		want := map[int64]*seal.Booked{}
		for _, b := range all {
			if b.Event != nil {
				want[b.Seq] = b
			}
		}
		var r seal.SegmentReader
		found := segments(t, all)
		for _, s := range found {
			err := r.Read(s.Page, s.hash, s.Data, func(b *seal.Booked) error {
				w := want[b.Seq]
				if w == nil || !reflect.DeepEqual(w.Event, b.Event) || seal.Leaf(&w.Tx, w.Event) != seal.Leaf(&b.Tx, b.Event) {
					t.Fatalf("of %+v came %+v, %+v", w, b.Tx, b.Event)
				}
				delete(want, b.Seq)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if len(want) > 0 {
			t.Fatalf("%d calls were lost", len(want))
		}
		s := found[rapid.IntRange(0, len(found)-1).Draw(t, "segment")]
		i := rapid.IntRange(0, len(s.Data)-1).Draw(t, "byte")
		altered := slices.Clone(s.Data)
		altered[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		for what, data := range map[string][]byte{"altered": altered, "cut off": s.Data[:i], "longer": append(slices.Clone(s.Data), 0)} {
			calls := 0
			err := r.Read(s.Page, s.hash, data, func(*seal.Booked) error { calls++; return nil })
			if err == nil && what == "altered" && sameCalls(t, &r, s, altered) {
				continue // another of two heads that are the same
			}
			if err == nil || calls > 0 {
				t.Fatalf("%s at byte %d of %d: %d calls, %v", what, i, len(s.Data), calls, err)
			}
		}
	})
}

// sameCalls reports whether a segment says the same as s.
func sameCalls(t *rapid.T, r *seal.SegmentReader, s kept, data []byte) bool {
	read := func(data []byte) (all []string) {
		if err := r.Read(s.Page, s.hash, data, func(b *seal.Booked) error {
			all = append(all, fmt.Sprintf("%+v %+v", b.Tx, *b.Event))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return all
	}
	return slices.Equal(read(s.Data), read(data))
}

// TestSegmentOfLot is a page with what segments have no place for: it has none.
func TestSegmentOfLot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := call(t, 1, start())
		b.Tx.Lot = &sluice.Lot{ID: "lot_1"}
		if found := segments(t, []*seal.Booked{b, call(t, 2, start()), call(t, seal.PageRows, start())}); len(found) != 1 || found[0].Page != 1 {
			t.Fatalf("%d segments", len(found))
		}
	})
}

// FuzzSegment reads what is no segment: it says so, and does not fail.
func FuzzSegment(f *testing.F) {
	var some []byte
	at := start()
	e := &sluice.Event{CallID: "call_1", Org: "o", EndedAt: at, AdmittedAt: at, Usage: sluice.Usage{1, 2}, Steps: []sluice.StepUse{{Class: "input", Start: at}}}
	group := seal.GroupOf(e)
	for _, s := range segments(f, []*seal.Booked{{Seq: 1, Tx: sluice.Tx{ID: "call_1", At: at, Entries: make([]sluice.Entry, 2)}, Event: e, Group: &group}}) {
		some = s.Data
	}
	f.Add(some)
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Add([]byte{1, 1, 0, 1, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r seal.SegmentReader
		if err := r.Read(0, seal.Hash{1}, data, func(*seal.Booked) error { return nil }); err == nil {
			t.Error("it has any hash")
		}
	})
}

// BenchmarkSegment reads a page of a thousand calls of 200 organisations.
func BenchmarkSegment(b *testing.B) {
	var all []*seal.Booked
	groups := map[seal.Group]*seal.Group{}
	for i := range seal.PageRows {
		at := start().Add(time.Duration(i) * 8640 * time.Microsecond)
		id := sluice.NewID("call", at)
		org := fmt.Sprintf("org_%026d", i*31%200)
		e := &sluice.Event{
			CallID: id, Org: org, Project: "proj" + org[3:], Key: "key" + org[3:], Model: fmt.Sprint("model-", i%2), Engine: fmt.Sprint("eng_", i%4), Endpoint: "/v1/chat/completions",
			AdmittedAt: at.Add(-9 * time.Second), FirstAt: at.Add(-8 * time.Second), EndedAt: at, Status: sluice.StatusCompleted, Usage: sluice.Usage{812, 3072, 0, 420},
			Currency: "USD", Book: "book_00000000000000000000000001", List: sluice.Pico(i*7919 + 1e9), Charge: sluice.Pico(i*7919 + 1e9),
		}
		g := seal.GroupOf(e)
		if groups[g] == nil {
			groups[g] = &g
		}
		all = append(all, &seal.Booked{Seq: int64(i), Event: e, Group: groups[g], Tx: sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at, Entries: []sluice.Entry{
			{Account: sluice.AccountID{Owner: org, Kind: sluice.AccountPrepaid, Currency: "USD"}, Amount: (-e.Charge).Amount()},
			{Account: sluice.AccountID{Owner: sluice.Operator, Kind: sluice.AccountRevenueAPI, Currency: "USD"}, Amount: e.Charge.Amount()},
		}}})
	}
	s := segments(b, all)[0]
	var r seal.SegmentReader
	b.ResetTimer()
	for range b.N {
		if err := r.Read(s.Page, s.hash, s.Data, func(*seal.Booked) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(all)), "ns/call")
	b.ReportMetric(float64(len(s.Data))/float64(len(all)), "B/call")
}
