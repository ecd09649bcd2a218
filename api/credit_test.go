package api_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// together runs fn n times at once and returns what it returned.
func together[T any](n int, fn func(i int) T) []T {
	got := make([]T, n)
	var start, end sync.WaitGroup
	start.Add(1)
	for i := range n {
		end.Go(func() {
			start.Wait()
			got[i] = fn(i)
		})
	}
	start.Done()
	end.Wait()
	return got
}

type posted struct {
	status int
	body   string
}

func post(t *testing.T, w *apitest.World, org, key, body string) posted {
	t.Helper()
	resp, got := do(t, w, "POST", "/organisations/"+org+"/credits", key, body, "Idempotency-Key", "invoice 7")
	return posted{resp.StatusCode, got}
}

// TestCreditOnce posts one credit 50 times at once: one booking, one answer.
func TestCreditOnce(t *testing.T) {
	w := apitest.New(t)
	key, org := keyOf(t, w, sluice.RoleFinance), w.Org("a").ID
	got := together(50, func(int) posted {
		return post(t, w, org, key, `{"amount":"10.00","kind":"payment","memo":"invoice 7"}`)
	})
	for i, g := range got {
		if g != got[0] || g.status != http.StatusCreated {
			t.Errorf("answer %d is %v, the first %v", i, g, got[0])
		}
	}
	if again := post(t, w, org, key, `{"memo":"invoice 7","kind":"payment","amount":"10"}`); again != got[0] {
		t.Errorf("the same, written otherwise: %v, want %v", again, got[0])
	}
	wantBalance(t, w, org, "10.00")
	for name, body := range map[string]string{
		"amount": `{"amount":"10.01","kind":"payment","memo":"invoice 7"}`,
		"kind":   `{"amount":"10.00","kind":"grant","memo":"invoice 7"}`,
		"memo":   `{"amount":"10.00","kind":"payment"}`,
	} {
		if g := post(t, w, org, key, body); g.status != http.StatusConflict {
			t.Errorf("another %s with the same key: %v, want 409", name, g)
		}
	}
	wantBalance(t, w, org, "10.00")

	other := w.Org("b").ID
	if g := post(t, w, other, key, `{"amount":"3.00","kind":"grant"}`); g.status != http.StatusCreated {
		t.Errorf("the same key in another organisation: %v", g)
	}
	wantBalance(t, w, other, "3.00")
	wantBalance(t, w, org, "10.00")
}

// TestCreditRace posts 50 different credits at once under one key: one is
// booked, the others are conflicts.
func TestCreditRace(t *testing.T) {
	w := apitest.New(t)
	key, org := keyOf(t, w, sluice.RoleFinance), w.Org("a").ID
	booked := ""
	for i, g := range together(50, func(i int) posted {
		return post(t, w, org, key, fmt.Sprintf(`{"amount":"%d.00","kind":"grant"}`, i+1))
	}) {
		switch {
		case g.status == http.StatusCreated && booked == "":
			booked = fmt.Sprintf("%d.00", i+1)
		case g.status != http.StatusConflict:
			t.Errorf("credit %d: %v, want 409", i+1, g)
		}
	}
	wantBalance(t, w, org, booked)
}

func wantBalance(t *testing.T, w *apitest.World, org, available string) {
	t.Helper()
	b, err := w.Local.Balance(t.Context(), org)
	if err != nil || b.Available.String() != available || b.Held.String() != "0.00" || b.Currency != "USD" {
		t.Errorf("the balance is %v, %v; want %s USD", b, err, available)
	}
}

func TestOpeningCredit(t *testing.T) {
	w := apitest.New(t)
	ten := amount(t, "10.00")
	o, err := w.Local.CreateOrganisation(t.Context(), api.CreateOrganisation{Name: "a", Currency: "USD", Credit: &ten})
	if err != nil {
		t.Fatal(err)
	}
	wantBalance(t, w, o.ID, "10.00")
	if _, err := w.Local.CreateOrganisation(t.Context(), api.CreateOrganisation{Name: "a", Currency: "USD", Credit: &ten}); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("the name again: %v", err)
	}
	txs, err := w.Local.Transactions(t.Context(), o.ID, api.Paging{})
	if err != nil || len(txs.Data) != 1 {
		t.Fatalf("transactions %v, %v", txs, err)
	}
	tx := txs.Data[0]
	if tx.Kind != sluice.TxGrant || tx.Memo != "opening credit" || len(tx.Entries) != 2 ||
		tx.Entries[0].Account != sluice.AccountPromotion || tx.Entries[0].Amount.String() != "-10.00" ||
		tx.Entries[1].Account != sluice.AccountPromotional || tx.Entries[1].Owner != o.ID || tx.Entries[1].Amount != ten {
		t.Errorf("the transaction is %+v", tx)
	}
}

func amount(t *testing.T, s string) sluice.Amount {
	t.Helper()
	a, err := sluice.ParseAmount(s)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
