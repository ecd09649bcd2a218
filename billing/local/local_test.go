package local_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/billing/local"
	"sluice/money/localreport"
	"sluice/money/price"
	"sluice/money/statement"
	"sluice/store"
)

// vendor is a store, a ledger that can fail, and what takes reports.
type vendor struct {
	*local.Service
	t     *testing.T
	store *store.DB
	now   time.Time

	mu     sync.Mutex
	posted map[string]sluice.Tx
	left   int // how often it is booked before the ledger fails; negative: always
}

func (v *vendor) Post(_ context.Context, tx sluice.Tx) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.left == 0 {
		return errors.New("the ledger is away")
	}
	v.left--
	v.posted[tx.ID] = tx // each id once
	return nil
}

func key() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32)) }

// noon is in the middle of the hours that are reported.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func newVendor(t *testing.T) *vendor {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "ledger.db")+"?_pragma=synchronous(off)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	v := &vendor{t: t, store: db, now: noon().Add(12 * time.Hour), posted: map[string]sluice.Tx{}, left: -1}
	v.Service = local.New(local.Options{Store: db, Ledger: v, Now: func() time.Time { return v.now }})
	for i, p := range []sluice.Pico{1_000_000, 3_000_000} { // the second from noon on
		b, err := price.Publish([]string{"book_1", "book_2"}[i], price.Draft{Currency: "USD", EffectiveAt: noon().AddDate(0, 0, i-1), Rules: []price.Rule{
			{Model: "glm", Class: sluice.ClassInput, Price: p}, {Model: "glm", Class: sluice.ClassOutput, Price: 2 * p},
		}}, noon().AddDate(0, 0, -1))
		if err == nil {
			err = db.PublishBook(t.Context(), b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, metered := range map[string]bool{"metered": true, "licensed": false} {
		if _, err := v.Register(t.Context(), localreport.Deployment{Name: name, Org: "org_a", Currency: "USD", Key: hex.EncodeToString(key().Public().(ed25519.PublicKey)), Metered: metered}); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// report is one of some hours from an instant on, each of a million tokens in.
func (v *vendor) report(name string, number int64, prev string, from time.Time, hours int, models ...string) (file []byte, hash string) {
	v.t.Helper()
	var rows []localreport.Row
	for h := range hours {
		for _, m := range models {
			rows = append(rows, localreport.Row{Hour: from.Add(time.Duration(h) * time.Hour), Model: m, Calls: 2, Units: sluice.Usage{1_000_000}})
		}
	}
	file, hash, err := localreport.Sign(localreport.Head{Deployment: name, Number: number, Prev: prev, From: from, To: from.Add(time.Duration(hours) * time.Hour)}, rows, key())
	if err != nil {
		v.t.Fatal(err)
	}
	return file, hash
}

func (v *vendor) rows() []statement.Row {
	v.t.Helper()
	rows, err := v.store.LocalRows(v.t.Context(), noon().AddDate(0, 0, -2), noon().AddDate(0, 0, 2))
	if err != nil {
		v.t.Fatal(err)
	}
	return rows
}

// TestImport rates reports at the prices that were in force in each hour, and owes
// what is metered alone.
func TestImport(t *testing.T) {
	v := newVendor(t)
	file, _ := v.report("metered", 1, "", noon().Add(-time.Hour), 2, "glm")
	got, err := v.Import(t.Context(), file)
	if err != nil || got.Rows != 2 || got.Charge.String() != "4.00" || got.Late != 0 || got.Before {
		t.Errorf("%+v, %v", got, err)
	}
	licence, _ := v.report("licensed", 1, "", noon().Add(-time.Hour), 1, "glm")
	if got, err := v.Import(t.Context(), licence); err != nil || got.List.String() != "1.00" || got.Charge.Sign() != 0 {
		t.Errorf("a licence: %+v, %v", got, err)
	}
	if len(v.posted) != 2 {
		t.Errorf("posted %v", v.posted)
	}
	for _, tx := range v.posted {
		owed := map[bool]string{true: "-1.00", false: "-3.00"}[tx.At.Before(noon())]
		if len(tx.Entries) != 2 || tx.Kind != sluice.TxLocal || tx.Entries[0].Account.Owner != "org_a" || tx.Entries[0].Amount.String() != owed {
			t.Errorf("%+v", tx)
		}
	}
	v.now = noon().AddDate(0, 0, 3)
	dear, _ := v.report("licensed", 2, must(localreport.Read(licence, func(string) (ed25519.PublicKey, error) { return key().Public().(ed25519.PublicKey), nil })).Hash, noon().Add(25*time.Hour), 1, "glm")
	if got, err := v.Import(t.Context(), dear); err != nil || got.List.String() != "3.00" {
		t.Errorf("at later prices: %+v, %v", got, err)
	}
}

func must(r *localreport.Report, err error) *localreport.Report {
	if err != nil {
		panic(err)
	}
	return r
}

// TestRefused takes nothing of a report that cannot be taken as a whole.
func TestRefused(t *testing.T) {
	v := newVendor(t)
	unknown, _ := v.report("metered", 1, "", noon(), 2, "glm", "nobody's")
	future, _ := v.report("metered", 1, "", v.now, 1, "glm")
	unpriced, _ := v.report("metered", 1, "", noon().AddDate(0, 0, -2), 1, "glm")
	elsewhere, _ := v.report("unheard-of", 1, "", noon(), 1, "glm")
	for name, c := range map[string]struct {
		file []byte
		code sluice.Code
	}{
		"a model without a price": {unknown, sluice.CodeInvalid}, "hours to come": {future, sluice.CodeInvalid}, "before there were prices": {unpriced, sluice.CodeInvalid},
		"an unknown deployment": {elsewhere, sluice.CodeNotFound},
	} {
		if got, err := v.Import(t.Context(), c.file); sluice.CodeOf(err) != c.code {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if len(v.rows()) != 0 || len(v.posted) != 0 {
		t.Errorf("taken: %v, %v", v.rows(), v.posted)
	}
}

// TestBrokenOff dies while a report is booked: imported again it is finished, and
// each hour is booked once.
func TestBrokenOff(t *testing.T) {
	v := newVendor(t)
	file, _ := v.report("metered", 1, "", noon().Add(-time.Hour), 4, "glm")
	v.left = 2
	if _, err := v.Import(t.Context(), file); err == nil || len(v.posted) != 2 {
		t.Fatalf("%v, posted %d", err, len(v.posted))
	}
	v.left = -1
	for range 2 {
		got, err := v.Import(t.Context(), file)
		if err != nil || !got.Before || got.Charge.String() != "10.00" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if len(v.posted) != 4 || len(v.rows()) != 4 {
		t.Errorf("%d rows, posted %d", len(v.rows()), len(v.posted))
	}
}

// TestAtOnce imports a report from many sides at once: it is taken once.
func TestAtOnce(t *testing.T) {
	v := newVendor(t)
	file, _ := v.report("metered", 1, "", noon(), 3, "glm")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := v.Import(context.WithoutCancel(t.Context()), file); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if len(v.posted) != 3 || len(v.rows()) != 3 {
		t.Errorf("%d rows, posted %d", len(v.rows()), len(v.posted))
	}
}
