package seal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sluice"
	"sluice/money/seal"
	"sluice/money/statement"
)

func start() time.Time { return time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC) }

// call draws a call's transaction with its event.
func call(t *rapid.T, n int, at time.Time) *seal.Booked {
	word := rapid.StringN(0, 6, -1)
	amount := rapid.Int64Range(-1000, 1000)
	id := fmt.Sprint("call_", n)
	e := &sluice.Event{
		CallID: id, Org: word.Draw(t, "org"), Key: word.Draw(t, "key"), Model: word.Draw(t, "model"), Engine: word.Draw(t, "engine"), Book: "book_a",
		AdmittedAt: at.Add(-time.Second), EndedAt: at, Status: sluice.StatusCompleted, Currency: "USD",
		List: sluice.Pico(rapid.Int64Range(0, 1e12).Draw(t, "list")), Estimated: rapid.Bool().Draw(t, "estimated"),
	}
	e.Charge = e.List
	for i := range e.Usage {
		e.Usage[i] = rapid.Int64Range(0, 9).Draw(t, "units")
	}
	if rapid.Bool().Draw(t, "steps") {
		e.Steps = []sluice.StepUse{{Class: "input", Period: "day", Start: at.Truncate(time.Hour), Units: 3}}
	}
	group := seal.GroupOf(e)
	tx := sluice.Tx{ID: id, Kind: sluice.TxUsage, At: at}
	for range rapid.IntRange(0, 3).Draw(t, "entries") {
		tx.Entries = append(tx.Entries, sluice.Entry{
			Account: sluice.AccountID{Owner: word.Draw(t, "owner"), Kind: sluice.AccountPrepaid, Currency: "USD"},
			Amount:  sluice.Amount{Nano: amount.Draw(t, "nano"), Carry: rapid.Int64Range(0, 999).Draw(t, "carry")},
		})
	}
	return &seal.Booked{Seq: int64(n), Tx: tx, Event: e, Group: &group}
}

func gather(t interface{ Fatal(...any) }, open time.Time, until time.Time, parts ...[]*seal.Booked) []seal.Hour {
	var gatherers []*seal.Gatherer
	for _, part := range parts {
		rater, err := statement.NewRater(nil)
		if err != nil {
			t.Fatal(err)
		}
		g := seal.NewGatherer(open, rater, nil)
		for _, b := range part {
			if err := g.Add(b); err != nil {
				t.Fatal(err)
			}
		}
		gatherers = append(gatherers, g)
	}
	hours, err := seal.Merge(gatherers, open, until)
	if err != nil {
		t.Fatal(err)
	}
	return hours
}

// TestPath climbs from each leaf of trees of all sizes to the root, and nowhere
// else.
func TestPath(t *testing.T) {
	for n := 1; n <= 40; n++ {
		leaves := make([]seal.Hash, n)
		for i := range leaves {
			leaves[i][0] = byte(i + 1)
		}
		root := seal.Root(leaves)
		for i := range leaves {
			path := seal.Path(leaves, i)
			if got, ok := seal.Climb(leaves[i], i, n, path); !ok || got != root {
				t.Fatalf("leaf %d of %d does not lead to the root", i, n)
			}
			if got, ok := seal.Climb(leaves[i], (i+1)%n, n, path); n > 1 && ok && got == root {
				t.Fatalf("leaf %d of %d leads to the root from another place", i, n)
			}
			if _, ok := seal.Climb(leaves[i], i, n, append(slices.Clone(path), root)); ok {
				t.Fatalf("leaf %d of %d: a longer path is accepted", i, n)
			}
		}
	}
}

// TestRoot is the tree of RFC 6962 for its own test leaves, as its reference
// implementation gives it: of none it has SHA-256 of nothing, which no hour needs.
func TestRoot(t *testing.T) {
	a, b, c := seal.Hash{1}, seal.Hash{2}, seal.Hash{3}
	if seal.Root([]seal.Hash{a, b, c}) != seal.Root([]seal.Hash{seal.Root([]seal.Hash{a, b}), c}) {
		t.Error("three leaves part after the second")
	}
	if seal.Root([]seal.Hash{a, b}) == seal.Root([]seal.Hash{b, a}) {
		t.Error("the order of leaves does not count")
	}
	if seal.Root([]seal.Hash{a}) != a || !seal.Root(nil).IsZero() {
		t.Error("one leaf is its own root")
	}
}

// TestEncodeEachField changes each field of an event, a transaction and a lot in
// turn: each makes another leaf.
func TestEncodeEachField(t *testing.T) {
	at := start()
	make1 := func() (*sluice.Tx, *sluice.Event) {
		return &sluice.Tx{
			ID: "call_1", Kind: sluice.TxUsage, At: at, Memo: "m", Corrects: "c",
			Lot:     &sluice.Lot{ID: "lot_1", CreatedAt: at, ExpiresAt: at, Models: []string{"a"}},
			Entries: []sluice.Entry{{Account: sluice.AccountID{Owner: "o", Kind: "k", Currency: "USD", Lot: "l"}, Amount: sluice.Amount{Nano: 1, Carry: 2}}},
		}, &sluice.Event{CallID: "call_1", AdmittedAt: at, FirstAt: at, EndedAt: at, Steps: []sluice.StepUse{{Start: at}}}
	}
	leaf := func(change func(*sluice.Tx, *sluice.Event)) seal.Hash {
		tx, e := make1()
		change(tx, e)
		return seal.Leaf(tx, e)
	}
	seen := map[seal.Hash]string{leaf(func(*sluice.Tx, *sluice.Event) {}): "nothing"}
	note := func(what string, h seal.Hash) {
		if other, ok := seen[h]; ok {
			t.Errorf("changing %s makes the leaf of changing %s", what, other)
		}
		seen[h] = what
	}
	for _, of := range []struct {
		name string
		get  func(*sluice.Tx, *sluice.Event) reflect.Value
	}{
		{"event", func(_ *sluice.Tx, e *sluice.Event) reflect.Value { return reflect.ValueOf(e).Elem() }},
		{"step", func(_ *sluice.Tx, e *sluice.Event) reflect.Value { return reflect.ValueOf(&e.Steps[0]).Elem() }},
		{"transaction", func(tx *sluice.Tx, _ *sluice.Event) reflect.Value { return reflect.ValueOf(tx).Elem() }},
		{"lot", func(tx *sluice.Tx, _ *sluice.Event) reflect.Value { return reflect.ValueOf(tx.Lot).Elem() }},
		{"account", func(tx *sluice.Tx, _ *sluice.Event) reflect.Value {
			return reflect.ValueOf(&tx.Entries[0].Account).Elem()
		}},
		{"amount", func(tx *sluice.Tx, _ *sluice.Event) reflect.Value {
			return reflect.ValueOf(&tx.Entries[0].Amount).Elem()
		}},
	} {
		tx, e := make1()
		fields := of.get(tx, e)
		for i := range fields.NumField() {
			name := fields.Type().Field(i).Name
			if of.name == "transaction" && name == "Redemption" {
				continue // it says of which code a lot came, beside the leaf: the store's keys keep it
			}
			note(of.name+"."+name, leaf(func(tx *sluice.Tx, e *sluice.Event) { alter(of.get(tx, e).Field(i)) }))
		}
	}
}

// alter makes a value another one.
func alter(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Int64:
		v.SetInt(v.Int() + 7)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Array:
		alter(v.Index(v.Len() - 1))
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
	case reflect.Pointer:
		v.SetZero()
	case reflect.Struct:
		if at, ok := reflect.TypeAssert[time.Time](v); ok {
			v.Set(reflect.ValueOf(at.Add(time.Microsecond)))
		} else {
			alter(v.Field(0))
		}
	default:
		panic(v.Kind())
	}
}

// TestReceipts seals random hours, in one stretch and in several: the seals are
// the same, and each call's receipt leads to the head; with one byte altered it
// does not.
func TestReceipts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 60).Draw(t, "calls")
		gap := rapid.IntRange(1, 700).Draw(t, "gap") // between numbers, so that there are several pages
		var all []*seal.Booked
		for i := range n {
			at := start().Add(time.Duration(rapid.IntRange(0, 3*60-1).Draw(t, "minute")) * time.Minute)
			all = append(all, call(t, i*gap, at))
		}
		until := start().Add(3 * time.Hour)
		hours := gather(t, start(), until, all)
		cut := seal.PageRows * int64(rapid.IntRange(0, n*gap/seal.PageRows+1).Draw(t, "cut"))
		at, _ := slices.BinarySearchFunc(all, cut, func(b *seal.Booked, seq int64) int { return int(b.Seq - seq) })
		if parts := gather(t, start(), until, all[:at], all[at:]); !reflect.DeepEqual(hours, parts) {
			t.Fatalf("parted at %d: %+v, in one: %+v", cut, parts, hours)
		}
		seals := chain(t, hours)
		b := all[rapid.IntRange(0, n-1).Draw(t, "call")]
		r := receiptOf(hours, seals, all, b)
		if err := r.Verify(seals[2].Hash); err != nil {
			t.Fatal(err)
		}
		if err := r.Verify(seal.Hash{1}); err == nil {
			t.Fatal("it leads to any head")
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "byte")
		altered := slices.Clone(text)
		altered[i] ^= 1 << rapid.IntRange(0, 6).Draw(t, "bit")
		other, err := seal.ReadReceipt(altered)
		if err != nil || other.Verify(seals[2].Hash) != nil {
			return // found
		}
		// What is still right must say the same: a name in other case, a space.
		again, err := json.Marshal(other)
		if err != nil || !bytes.Equal(again, text) {
			t.Fatalf("altered to %s, and still right", altered)
		}
	})
}

func chain(t interface{ Fatal(...any) }, hours []seal.Hour) []seal.Seal {
	var seals []seal.Seal
	var prev seal.Hash
	for i := range hours {
		s, err := hours[i].Seal(start().Add(4*time.Hour), start(), 0, 1_000_000)
		if err != nil {
			t.Fatal(err)
		}
		s.Bind(prev)
		prev = s.Hash
		seals = append(seals, s)
		var before *seal.Seal
		if i > 0 {
			before = &seals[i-1]
		}
		if err := s.Check(before); err != nil {
			t.Fatal(err)
		}
	}
	return seals
}

// receiptOf makes the receipt of a call.
func receiptOf(hours []seal.Hour, seals []seal.Seal, all []*seal.Booked, b *seal.Booked) *seal.Receipt {
	h := int(b.Tx.At.Sub(start()) / time.Hour)
	r := &seal.Receipt{Version: seal.Version, Transaction: b.Tx, Event: b.Event, Leaf: seal.Leaf(&b.Tx, b.Event), Seal: seals[h], Links: []seal.Hash{}, Head: seals[2].Hash, Hour: seals[2].Hour}
	for i := h + 1; i < len(seals); i++ {
		r.Links = append(r.Links, seals[i].Body())
	}
	leaves := map[int64]seal.Hash{}
	for _, b := range all {
		leaves[b.Seq] = seal.Leaf(&b.Tx, b.Event)
	}
	var pages []seal.Hash
	for i, p := range hours[h].Pages {
		pages = append(pages, p.Hash)
		if p.Number != b.Seq/seal.PageRows {
			continue
		}
		var in []seal.Hash
		for j, row := range p.Rows {
			in = append(in, leaves[row.Seq])
			if row.Seq == b.Seq {
				r.Row = j
			}
		}
		r.Page, r.PageRows, r.RowPath, r.PagePlace = p.Number, len(p.Rows), seal.Path(in, r.Row), i
	}
	r.PagePath = seal.Path(pages, r.PagePlace)
	return r
}

// TestLate gathers what took effect before the first open hour: it goes there,
// and its row says when it was.
func TestLate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		late, own := call(t, 1, start().Add(-90*time.Minute)), call(t, 2, start())
		hours := gather(t, start(), start().Add(time.Hour), []*seal.Booked{late, own})
		if h := hours[0]; len(hours) != 1 || h.Rows != 2 || h.Late != 1 || len(h.Rollups) != 2 || !h.Rollups[0].Of.Equal(start().Add(-2*time.Hour)) {
			t.Fatalf("%+v", hours)
		}
	})
}

// TestLocate alters, takes away and adds a row: it is named.
func TestLocate(t *testing.T) {
	var leaves []seal.Hash
	p := seal.Page{Number: 1}
	found := map[int64]seal.Hash{}
	for i := range 20 {
		h := seal.Hash{byte(i + 1)}
		leaves = append(leaves, h)
		p.Rows = append(p.Rows, seal.Row{Seq: seal.PageRows + 2*int64(i), Mark: h.Mark()})
		found[seal.PageRows+2*int64(i)] = h
	}
	p.Hash = seal.PageHash(1, leaves)
	if faults := seal.Locate(start(), &p, found); len(faults) != 0 {
		t.Errorf("nothing was altered: %v", faults)
	}
	found[seal.PageRows+4] = seal.Hash{9, 9}
	delete(found, seal.PageRows+6)
	found[seal.PageRows+7] = seal.Hash{7}
	var seqs []int64
	for _, f := range seal.Locate(start(), &p, found) {
		seqs = append(seqs, f.Seq-seal.PageRows)
	}
	if !slices.Equal(seqs, []int64{4, 6, 7}) {
		t.Errorf("rows %v are named", seqs)
	}
	// A row that keeps its mark, of a page that does not keep its hash.
	clear(found)
	for i := range 20 {
		found[seal.PageRows+2*int64(i)] = seal.Hash{byte(i + 1)}
	}
	altered := found[seal.PageRows]
	altered[31] = 1
	found[seal.PageRows] = altered
	if faults := seal.Locate(start(), &p, found); len(faults) != 1 || faults[0].Seq != 0 {
		t.Errorf("the page is named: %v", faults)
	}
}

// TestCloses binds records, and alters each field of one.
func TestCloses(t *testing.T) {
	var records []seal.Close
	var prev seal.Hash
	for n := range 3 {
		c := seal.Close{N: int64(n + 1), Day: "2026-11-20", Kind: seal.Closed, Revision: 1, At: start(), Through: start(), Checks: []seal.Check{{Subject: "a"}}}
		if err := c.Bind(prev); err != nil {
			t.Fatal(err)
		}
		prev = c.Hash
		records = append(records, c)
	}
	if err := records[0].Check(nil); err != nil {
		t.Error(err)
	}
	if err := records[1].Check(&records[0]); err != nil {
		t.Error(err)
	}
	if err := records[2].Check(&records[0]); err == nil {
		t.Error("a record was left out, and nobody sees it")
	}
	var read seal.Close
	text, err := json.Marshal(&records[1])
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if err != nil || read.Check(&records[0]) != nil {
		t.Errorf("read back: %v, %v", err, read.Check(&records[0]))
	}
	fields := reflect.ValueOf(&read).Elem()
	for i := range fields.NumField() {
		altered := records[1]
		v := reflect.ValueOf(&altered).Elem().Field(i)
		if _, ok := reflect.TypeAssert[seal.Hash](v); ok {
			v.Index(3).SetUint(v.Index(3).Uint() ^ 1)
		} else {
			alter(v)
		}
		if altered.Check(&records[0]) == nil {
			t.Errorf("%s was altered, and nobody sees it", fields.Type().Field(i).Name)
		}
	}
}

// TestKeptReceipt checks a receipt that was made when receipts were new: what
// customers have kept stays right, whatever fields events get.
func TestKeptReceipt(t *testing.T) {
	text, err := os.ReadFile("testdata/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := seal.ReadReceipt(text)
	if err != nil {
		t.Fatal(err)
	}
	var head seal.Hash
	if err := head.UnmarshalText([]byte("d0e6145ea868b02ff68e617d05b8f3c1f49317d54110a1b85e817b0b576c9894")); err != nil {
		t.Fatal(err)
	}
	if err := r.Verify(head); err != nil {
		t.Error(err)
	}
	r.Event.Usage[sluice.ClassOutput]--
	if err := r.Verify(head); err == nil || !strings.Contains(err.Error(), "the call was altered") {
		t.Errorf("a token less: %v", err)
	}
}

// FuzzReceipt gives Verify what is no receipt: it says so and does not fail.
func FuzzReceipt(f *testing.F) {
	f.Add([]byte(`{"version":1,"page_rows":3,"row":2,"row_path":["aa"],"seal":{"pages":-1}}`))
	f.Add([]byte(`{"version":1,"event":{"id":"x"},"transaction":{"id":"x"},"page_rows":9223372036854775807,"row":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := seal.ReadReceipt(text)
		if err != nil {
			return
		}
		if err := r.Verify(seal.Hash{1}); err == nil {
			t.Errorf("%s is right", text)
		}
	})
}
