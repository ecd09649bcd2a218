package api_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/client"
)

func TestUsage(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("a").ID
	w.Credit(org, "1.00")
	one := price(t, "0.60")
	book, err := w.Local.PublishPriceBook(ctx, api.PublishPriceBook{PriceList: api.PriceList{Currency: "USD", Models: []api.ModelPrices{{Model: "glm", ClassPrices: api.ClassPrices{Input: &one, Output: &one}}}}})
	if err != nil {
		t.Fatal(err)
	}
	k, k2 := w.Key(sluice.RoleDeveloper, org), w.Key(sluice.RoleDeveloper, org)
	begin := w.Now().UTC().Truncate(time.Microsecond)
	ev := sluice.Event{
		Org: org, Key: k.ID, Model: "glm", Engine: "eng_1", Book: book.ID, AdmittedAt: begin, FirstAt: begin.Add(250 * time.Millisecond),
		Usage: sluice.Usage{1, 2, 3, 4, 5}, List: 15 * 600_000, Estimated: true, Simulated: true,
	}
	first := w.Call(ev)
	var want []string
	for i := range 4 {
		ev.AdmittedAt, ev.FirstAt, ev.EndedAt = begin.Add(time.Duration(i+1)*time.Minute), time.Time{}, time.Time{}
		ev.Key = []string{k.ID, k2.ID}[i%2]
		want = append(want, w.Call(ev).CallID)
	}
	slices.Reverse(want)
	want = append(want, first.CallID)

	walk := func(q api.UsageQuery) (ids []string) {
		t.Helper()
		for c, err := range client.All(func(cursor string) (api.Page[api.Call], error) {
			q.Cursor = cursor
			return w.Local.Usage(ctx, org, q)
		}) {
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, c.ID)
		}
		return ids
	}
	for name, c := range map[string]struct {
		q    api.UsageQuery
		want []string
	}{
		"all":           {api.UsageQuery{}, want},
		"in pages":      {api.UsageQuery{Paging: api.Paging{Limit: 2}}, want},
		"of a key":      {api.UsageQuery{UsageFilter: api.UsageFilter{Key: k2.ID}}, []string{want[0], want[2]}},
		"of a model":    {api.UsageQuery{UsageFilter: api.UsageFilter{Model: "other"}}, nil},
		"since":         {api.UsageQuery{UsageFilter: api.UsageFilter{Since: begin.Add(3 * time.Minute)}}, want[:2]},
		"until":         {api.UsageQuery{UsageFilter: api.UsageFilter{Until: begin.Add(time.Minute)}}, want[4:]},
		"since = until": {api.UsageQuery{UsageFilter: api.UsageFilter{Since: begin, Until: begin}}, nil},
	} {
		if d := cmp.Diff(c.want, walk(c.q)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}

	got, err := w.Client(k.Secret).Call(ctx, first.CallID)
	if err != nil {
		t.Fatal(err)
	}
	ms := int64(250)
	charge := amount(t, "0.000009")
	wantCall := api.Call{
		ID: first.CallID, Time: begin, Organisation: org, Key: k.ID, Model: "glm", Engine: "eng_1", Endpoint: "/v1/chat/completions",
		Receipt: "/api/v1/calls/" + first.CallID + "/receipt",
		Status:  sluice.StatusCompleted, Tokens: api.Tokens{Input: 1, Cached: 2, CacheWrite: 3, Output: 4, Reasoning: 5},
		Estimated: true, Simulated: true, Currency: "USD", List: charge, Charge: charge, PriceBook: book.ID,
		EndedAt: begin.Add(1500 * time.Millisecond), FirstTokenMS: &ms, DurationMS: 1500,
	}
	if d := cmp.Diff(wantCall, got.Call); d != "" {
		t.Errorf("the call (-want +got):\n%s", d)
	}
	if tx := got.Transaction; tx.ID != first.CallID || len(tx.Entries) != 2 || tx.Entries[0].Owner != org || tx.Entries[0].Amount.String() != "-0.000009" {
		t.Errorf("its transaction is %+v", tx)
	}
	report, err := w.Local.VerifyLedger(ctx)
	if err != nil || !report.OK || report.Events != 5 || report.Transactions != 6 {
		t.Errorf("the ledger: %+v, %v", report, err)
	}
	if _, err := w.Local.Usage(ctx, org, api.UsageQuery{Paging: api.Paging{Cursor: "nonsense"}}); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a cursor of one's own: %v", err)
	}
}

// TestCallNotFound asks for calls that are none.
func TestCallNotFound(t *testing.T) {
	w := apitest.New(t)
	org := w.Org("a").ID
	w.Credit(org, "1.00")
	txs, err := w.Local.Transactions(t.Context(), org, api.Paging{})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"call_1", "%", "../me", txs.Data[0].ID} {
		if _, err := w.Local.Call(t.Context(), id); sluice.CodeOf(err) != sluice.CodeNotFound {
			t.Errorf("call %q: %v, want not found", id, err)
		}
	}
	free := w.Call(sluice.Event{Org: org, Key: "key_1", Model: "m"}) // no entry names its wallet
	if got, err := w.Local.Call(t.Context(), free.CallID); err != nil || got.Organisation != org || len(got.Transaction.Entries) != 0 {
		t.Errorf("a call that cost nothing: %+v, %v", got, err)
	}
}

func price(t *testing.T, s string) api.Price {
	t.Helper()
	var p api.Price
	if err := p.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return p
}
