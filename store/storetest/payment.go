package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

func order(id, org string) *sluice.Payment {
	return &sluice.Payment{
		ID: id, Org: org, Provider: "stripe", Currency: "USD", Amount: sluice.Amount{Nano: 10, Carry: 1},
		CreatedAt: start(), ExpiresAt: start().Add(time.Hour),
	}
}

func testPayments(t *testing.T, db *store.DB) {
	for _, o := range []*sluice.Organisation{organisation("org_a", "A"), organisation("org_b", "B")} {
		if err := db.CreateOrganisation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	a, b, c := order("pay_1", "org_a"), order("pay_2", "org_a"), order("pay_3", "org_b")
	b.CheckoutURL, b.Reference = "https://pay.example/2", "pi_2"
	for _, p := range []*sluice.Payment{a, b, c} {
		if err := db.CreatePayment(t.Context(), p); err != nil || p.Version != 1 {
			t.Fatalf("%+v, %v", p, err)
		}
	}
	fails(t, "an id twice", db.CreatePayment(t.Context(), order("pay_1", "org_b")), sluice.CodeConflict)
	fails(t, "an unknown organisation", db.CreatePayment(t.Context(), order("pay_4", "org_c")), sluice.CodeNotFound)
	taken := order("pay_4", "org_a")
	taken.Reference = "pi_2"
	fails(t, "a reference twice", db.CreatePayment(t.Context(), taken), sluice.CodeConflict)
	taken.Provider = "manual"
	if err := db.CreatePayment(t.Context(), taken); err != nil {
		t.Errorf("another provider's reference: %v", err)
	}

	// Everything that changes, and nothing that binds.
	b.PaymentFacts = sluice.PaymentFacts{
		Pending: true, Paid: true, Failed: true, Expired: true,
		Refunded: sluice.Amount{Nano: 1, Carry: 2}, Disputed: sluice.Amount{Nano: 3, Carry: 4}, Dispute: sluice.DisputeWon,
	}
	b.RefundFrom, b.RefundTo = sluice.Amount{Nano: 5, Carry: 6}, sluice.Amount{Nano: 7, Carry: 8}
	b.Booked, b.Booking, b.Bookings = sluice.Amount{Nano: 9, Carry: 10}, sluice.Amount{Nano: -11, Carry: 12}, 13
	stale := *b
	if err := db.UpdatePayment(t.Context(), b); err != nil || b.Version != 2 {
		t.Fatalf("%+v, %v", b, err)
	}
	fails(t, "an old version", db.UpdatePayment(t.Context(), &stale), sluice.CodeConflict)
	bound := *b
	bound.Org, bound.Provider, bound.Currency, bound.Amount.Nano, bound.ExpiresAt = "org_b", "manual", "EUR", 1e9, start()
	if err := db.UpdatePayment(t.Context(), &bound); err != nil {
		t.Fatal(err)
	}
	b.Version = bound.Version
	a.Reference = "pi_2"
	fails(t, "a reference of another payment", db.UpdatePayment(t.Context(), a), sluice.CodeConflict)
	a.Reference = ""

	findPayments(t, db, a, b, c, taken)
}

// findPayments looks payments up in every way. b has a reference and work left.
func findPayments(t *testing.T, db *store.DB, a, b, c, other *sluice.Payment) {
	t.Helper()
	same := func(what string, want *sluice.Payment) func(*sluice.Payment, error) {
		return func(got *sluice.Payment, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", what, err)
			} else if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s (-want +got):\n%s", what, d)
			}
		}
	}
	missing := func(what string) func(*sluice.Payment, error) {
		return func(_ *sluice.Payment, err error) {
			t.Helper()
			fails(t, what, err, sluice.CodeNotFound)
		}
	}
	ctx := t.Context()
	same("by organisation", b)(db.Payment(ctx, "org_a", "pay_2"))
	missing("of another organisation")(db.Payment(ctx, "org_b", "pay_2"))
	missing("of nobody")(db.Payment(ctx, "", "pay_2"))
	same("by our id", a)(db.ProviderPayment(ctx, "stripe", "pay_1", ""))
	same("by our id, with a reference that is not known yet", a)(db.ProviderPayment(ctx, "stripe", "pay_1", "pi_2"))
	same("by reference", b)(db.ProviderPayment(ctx, "stripe", "", "pi_2"))
	missing("of another provider")(db.ProviderPayment(ctx, "manual", "pay_2", ""))
	missing("by no reference")(db.ProviderPayment(ctx, "stripe", "", ""))

	list := func(what string, want ...*sluice.Payment) func([]*sluice.Payment, error) {
		return func(got []*sluice.Payment, err error) {
			t.Helper()
			if d := cmp.Diff(want, got); err != nil || d != "" {
				t.Errorf("%s: %v (-want +got):\n%s", what, err, d)
			}
		}
	}
	list("all", other, b, a)(db.Payments(ctx, "org_a", "", 10))
	list("the first", other)(db.Payments(ctx, "org_a", "", 1))
	list("what follows", b, a)(db.Payments(ctx, "org_a", other.ID, 10))
	list("another organisation's", c)(db.Payments(ctx, "org_b", "", 10))
	list("unfinished", b)(db.UnfinishedPayments(ctx))
}
