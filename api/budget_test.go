package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// budgetRows are the operations of budgets, for TestRoles. Before each, every
// organisation has one budget.
func budgetRows() map[string]row {
	budgets := map[string]string{} // by organisation
	before := func(t *testing.T, w *apitest.World) {
		orgs, err := w.Local.Organisations(t.Context(), api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs.Data {
			old, err := w.Local.Budgets(t.Context(), o.ID, api.Paging{})
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range old.Data {
				if err := w.Local.DeleteBudget(t.Context(), o.ID, b.ID); err != nil {
					t.Fatal(err)
				}
			}
			b, err := w.Local.CreateBudget(t.Context(), o.ID, api.SetBudget{Amount: amount(t, "5.00")})
			if err != nil {
				t.Fatal(err)
			}
			budgets[o.ID] = b.ID
		}
	}
	one := func(body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/budgets/" + budgets[n.org], body
		}
	}
	all := func(body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/organisations/" + n.org + "/budgets", body }
	}
	return map[string]row{
		"list-budgets":   {"oafs/oabdv", 404, 200, all(""), nil},
		"create-budget":  {"of/oab", 404, 201, all(`{"amount":"1.00"}`), before},
		"get-budget":     {"oafs/oabdv", 404, 200, one(""), before},
		"replace-budget": {"of/oab", 404, 200, one(`{"amount":"2.00"}`), before},
		"delete-budget":  {"of/oab", 404, 204, one(""), before},
	}
}

func TestBudgets(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org, other := w.Org("a").ID, w.Org("b").ID
	w.Credit(org, "1.00")
	k := w.Key(sluice.RoleDeveloper, org)
	w.Call(sluice.Event{Org: org, Key: k.ID, Model: "m", List: 2e11}) // 0.20
	made, err := w.Local.CreateBudget(ctx, org, api.SetBudget{
		Key: k.ID, Name: "tests", Amount: amount(t, "0.40"), Period: "day", Zone: "Asia/Shanghai", Hard: true, Emails: []string{"ada@example.com"},
	})
	if err != nil || made.Spent != amount(t, "0.20") || made.Currency != "USD" || fmt.Sprint(made.Thresholds) != "[50 80 100]" || made.PeriodEnd.Sub(made.PeriodStart) != 24*time.Hour {
		t.Fatalf("%+v, %v", made, err)
	}
	hold := sluice.HoldRequest{CallID: "call_big", Org: org, Key: k.ID, Currency: "USD", Want: 3e11, Least: 3e11, At: w.Now()}
	if _, err := w.Ledger.Hold(ctx, hold); sluice.CodeOf(err) != sluice.CodeBudget || !strings.Contains(err.Error(), "The budget tests of 0.40 USD for the key "+k.ID) {
		t.Errorf("a call beyond it: %v", err)
	}
	changed, err := w.Local.ReplaceBudget(ctx, org, made.ID, api.SetBudget{Amount: amount(t, "9.00"), Period: "total", Thresholds: []int{10}})
	if err != nil || changed.Key != "" || changed.Period != "total" || changed.Hard || !changed.CreatedAt.Equal(made.CreatedAt) || !changed.PeriodEnd.IsZero() || fmt.Sprint(changed.Thresholds) != "[10 100]" {
		t.Errorf("%+v, %v", changed, err)
	}
	page, err := w.Local.Budgets(ctx, org, api.Paging{})
	if err != nil || len(page.Data) != 1 || page.Data[0].Amount != amount(t, "9.00") || len(page.Data[0].Emails) != 0 {
		t.Errorf("%+v, %v", page, err)
	}
	theirs := w.Key(sluice.RoleDeveloper, other)
	for what, c := range map[string]struct {
		in   api.SetBudget
		code sluice.Code
	}{
		"no amount":          {api.SetBudget{}, sluice.CodeInvalid},
		"a year":             {api.SetBudget{Amount: amount(t, "1"), Period: "year"}, sluice.CodeInvalid},
		"a zone there isn't": {api.SetBudget{Amount: amount(t, "1"), Zone: "Mars"}, sluice.CodeInvalid},
		"no address":         {api.SetBudget{Amount: amount(t, "1"), Emails: []string{"Ada <ada@example.com>"}}, sluice.CodeInvalid},
		"an injected header": {api.SetBudget{Amount: amount(t, "1"), Emails: []string{"a@example.com\r\nBcc: b@example.com"}}, sluice.CodeInvalid},
		"a name of lines":    {api.SetBudget{Amount: amount(t, "1"), Name: "a\nb"}, sluice.CodeInvalid},
		"another's key":      {api.SetBudget{Amount: amount(t, "1"), Key: theirs.ID}, sluice.CodeNotFound},
		"no project":         {api.SetBudget{Amount: amount(t, "1"), Project: "proj_x"}, sluice.CodeNotFound},
		"both":               {api.SetBudget{Amount: amount(t, "1"), Project: project(t, w, org), Key: k.ID}, sluice.CodeInvalid},
	} {
		if _, err := w.Local.CreateBudget(ctx, org, c.in); sluice.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
	if err := w.Local.DeleteBudget(ctx, other, made.ID); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("another's: %v", err)
	}
	if err := w.Local.DeleteBudget(ctx, org, made.ID); err != nil {
		t.Error(err)
	}
}

func project(t *testing.T, w *apitest.World, org string) string {
	t.Helper()
	p, err := w.Local.CreateProject(t.Context(), api.CreateProject{Organisation: org, Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	return p.ID
}
