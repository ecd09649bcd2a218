package api_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/money/localreport"
	"sluice/money/statement"
)

// TestLocalReports: a sealed deployment reports by signed files, and what it served
// is in the segment local of the vendor's statement, and is owed.
func TestLocalReports(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("acme")
	if _, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: "glm", ClassPrices: prices(t, "1", "", "1")}}); err != nil {
		t.Fatal(err)
	}
	w.Advance(5 * time.Hour)
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32))
	register := api.RegisterDeployment{Name: "dc1", Organisation: org.ID, PublicKey: hex.EncodeToString(key.Public().(ed25519.PublicKey)), Currency: "USD", Metered: true}
	if _, err := w.Local.RegisterDeployment(ctx, register); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.RegisterDeployment(ctx, register); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("registered twice: %v", err)
	}
	hour := w.Now().UTC().Add(-2 * time.Hour).Truncate(time.Hour)
	sign := func(number int64, prev string, from time.Time, key ed25519.PrivateKey) ([]byte, string) {
		t.Helper()
		file, hash, err := localreport.Sign(localreport.Head{Deployment: "dc1", Number: number, Prev: prev, From: from, To: from.Add(time.Hour)},
			[]localreport.Row{{Hour: from, Model: "glm", Calls: 7, Units: sluice.Usage{1_000_000, 0, 0, 500_000}}}, key)
		if err != nil {
			t.Fatal(err)
		}
		return file, hash
	}
	file, hash := sign(1, "", hour, key)
	for n := range 3 { // the same report is imported once
		got, err := w.Local.ImportReport(ctx, file)
		if err != nil || got.Before != (n > 0) || got.Charge.String() != "1.50" || got.Rows != 1 {
			t.Fatalf("%d: %+v, %v", n, got, err)
		}
	}
	other, _ := sign(1, "", hour, key)
	other = bytes.Replace(other, []byte(`"calls":7`), []byte(`"calls":8`), 1)
	gap, _ := sign(3, hash, hour.Add(time.Hour), key)
	replay, _ := sign(1, "", hour.Add(time.Hour), key)
	twice, _ := sign(2, hash, hour, key)
	forged, _ := sign(2, hash, hour.Add(time.Hour), ed25519.NewKeyFromSeed(bytes.Repeat([]byte{8}, 32)))
	for name, c := range map[string]struct {
		file []byte
		code sluice.Code
		want string
	}{
		"altered": {other, sluice.CodeInvalid, "line 2"}, "a gap": {gap, sluice.CodeConflict, "2 comes next"}, "a replay": {replay, sluice.CodeConflict, "imported before"},
		"an hour twice": {twice, sluice.CodeInvalid, "twice"}, "another key": {forged, sluice.CodeInvalid, "line 3"}, "truncated": {file[:len(file)-20], sluice.CodeInvalid, "truncated"},
	} {
		if _, err := w.Local.ImportReport(ctx, c.file); sluice.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.Advance(3 * time.Hour)
	sealed(t, w)
	st, err := w.Local.Statement(ctx, api.StatementQuery{Day: hour.Format(time.DateOnly), Through: w.Now().UTC().Format(time.DateOnly), Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	if len(st.Segments) != 1 || st.Segments[0].Name != "local" || st.Segments[0].Recognised.Text(2) != "1.50" || st.Segments[0].Calls != 7 {
		t.Errorf("segments %+v", st.Segments)
	}
	for _, b := range st.Waterfall {
		if want := map[string]string{statement.BarDifference: "0.00", statement.BarRecognised: "1.50", statement.BarReceivable: "-1.50", statement.BarCash: "0.00"}[b.Name]; want != "" && b.Amount.Text(2) != want {
			t.Errorf("%s is %s", b.Name, b.Amount)
		}
	}
	all, err := w.Local.Deployments(ctx, api.Paging{})
	if err != nil || len(all.Data) != 1 || all.Data[0].Reports != 1 || all.Data[0].Head != hash {
		t.Errorf("%+v, %v", all, err)
	}
}
