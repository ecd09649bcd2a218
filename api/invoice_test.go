package api_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/money/invoice"
)

// past is an instant of a month that is over, with the month.
func past(w *apitest.World) (time.Time, string) {
	at := w.Now().UTC().AddDate(0, 0, -45)
	return at, at.Format("2006-01")
}

// invoiceRows are the operations of invoices, for TestRoles. Before each, every
// organisation has an issued invoice that is not corrected.
func invoiceRows(book string) map[string]row {
	live := map[string]string{} // by organisation
	month := ""
	before := func(t *testing.T, w *apitest.World) {
		var at time.Time
		at, month = past(w)
		if _, err := w.Local.PutSeller(t.Context(), api.PutBilling{Party: invoice.Party{Name: "Seller"}}); err != nil {
			t.Fatal(err)
		}
		orgs, err := w.Local.Organisations(t.Context(), api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range orgs.Data {
			if live[o.ID] == "" && strings.HasPrefix(o.Name, "made") {
				continue // another operation's
			}
			if live[o.ID] == "" {
				w.Call(sluice.Event{Org: o.ID, Key: "key_a", Model: "m", List: 1000, AdmittedAt: at, Book: book})
			}
			inv, err := w.Local.IssueInvoice(t.Context(), o.ID, month)
			if err != nil {
				t.Fatal(err)
			}
			live[o.ID] = inv.Number
		}
	}
	at := func(tail, body string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + strings.NewReplacer("NUMBER", live[n.org], "MONTH", month).Replace(tail), strings.ReplaceAll(body, "MONTH", month)
		}
	}
	seller := func(body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return "/seller", body }
	}
	return map[string]row{
		"get-billing":        {"oafs/oabdv", 404, 200, at("/billing", ""), nil},
		"put-billing":        {"of/oab", 404, 200, at("/billing", `{"name":"Acme GmbH"}`), nil},
		"get-seller":         {"oafs", 0, 200, seller(""), nil},
		"put-seller":         {"of", 0, 200, seller(`{"name":"Seller"}`), nil},
		"list-invoices":      {"oafs/oabdv", 404, 200, at("/invoices", ""), nil},
		"issue-invoice":      {"of", 404, 200, at("/invoices", `{"period":"MONTH"}`), before},
		"get-invoice":        {"oafs/oabdv", 404, 200, at("/invoices/NUMBER", ""), before},
		"get-invoice-file":   {"oafs/oabdv", 404, 200, at("/invoices/NUMBER/file", ""), before},
		"correct-invoice":    {"of", 404, 200, at("/invoices/NUMBER/correct", `{"reason":"x"}`), before},
		"draft-invoice":      {"oafs/oabdv", 404, 409, at("/invoice-drafts/MONTH", ""), before}, // it is issued
		"draft-invoice-file": {"oafs/oabdv", 404, 409, at("/invoice-drafts/MONTH/file", ""), before},
	}
}

// TestInvoices goes from a draft to a correction, as JSON and as files.
func TestInvoices(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	o := w.Org("Acme")
	w.Credit(o.ID, "10")
	price := func(s string) *api.Price {
		p := new(api.Price)
		if err := p.UnmarshalText([]byte(s)); err != nil {
			t.Fatal(err)
		}
		return p
	}
	book, err := w.Local.PublishPriceBook(ctx, api.PublishPriceBook{PriceList: api.PriceList{Currency: "USD", Models: []api.ModelPrices{
		{Model: "m", ClassPrices: api.ClassPrices{Input: price("1.5"), Output: price("3")}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	at, month := past(w)
	w.Call(sluice.Event{Org: o.ID, Key: "key_a", Model: "m", Usage: sluice.Usage{10_003, 0, 0, 1, 0}, List: 10_003*1_500_000 + 3_000_000, AdmittedAt: at, Book: book.ID})
	if _, err := w.Local.IssueInvoice(ctx, o.ID, month); sluice.CodeOf(err) != sluice.CodeConflict || !strings.Contains(err.Error(), "legal name") {
		t.Errorf("without a seller: %v", err)
	}
	if _, err := w.Local.PutSeller(ctx, api.PutBilling{Party: invoice.Party{Name: "Seller"}, Tax: &invoice.TaxTerms{Rate: 600, Included: true}}); err != nil {
		t.Fatal(err)
	}
	if b, err := w.Local.Billing(ctx, o.ID); err != nil || b.Name != "" || b.Tax.Rate != 600 {
		t.Errorf("billing data by default: %+v, %v", b, err)
	}
	admin := w.Client(w.Key(sluice.RoleAdmin, o.ID).Secret)
	if _, err := admin.PutBilling(ctx, o.ID, api.PutBilling{Party: invoice.Party{Name: "Acme"}, Tax: &invoice.TaxTerms{}}); sluice.CodeOf(err) != sluice.CodeForbidden {
		t.Errorf("a tenant sets its own tax: %v", err)
	}
	if b, err := admin.PutBilling(ctx, o.ID, api.PutBilling{Party: invoice.Party{Name: "Acme GmbH", Address: "One\nTwo"}}); err != nil || b.Tax.Rate != 600 {
		t.Errorf("its address: %+v, %v", b, err)
	}
	draft, err := admin.DraftInvoice(ctx, o.ID, month)
	if err != nil || draft.Number != "" || draft.Customer.Name != "Acme GmbH" || len(draft.Lines) != 2 {
		t.Fatalf("drafted %+v, %v", draft, err)
	}
	inv, err := w.Local.IssueInvoice(ctx, o.ID, month)
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Local.IssueInvoice(ctx, o.ID, month)
	if err != nil || again.Number != inv.Number || inv.Total != draft.Total {
		t.Errorf("issued as %s, then %s, %v", inv.Number, again.Number, err)
	}
	var csv, pdf bytes.Buffer
	if err := admin.InvoiceFile(ctx, &csv, o.ID, inv.Number, "csv"); err != nil {
		t.Fatal(err)
	}
	if read, err := invoice.ReadCSV(&csv); err != nil || read.Number != inv.Number || read.Total != inv.Total || len(read.Lines) != len(inv.Lines) {
		t.Errorf("the CSV: %+v, %v", read, err)
	}
	if err := admin.InvoiceFile(ctx, &pdf, o.ID, inv.Number, "pdf"); err != nil || !bytes.HasPrefix(pdf.Bytes(), []byte("%PDF-")) {
		t.Errorf("the PDF: %.20q, %v", pdf.Bytes(), err)
	}
	key := w.Key(sluice.RoleFinance, "").Secret
	resp, _ := do(t, w, http.MethodGet, "/organisations/"+o.ID+"/invoices/"+inv.Number+"/file?format=csv", key, "")
	if resp.Header.Get("Content-Type") != "text/csv; charset=utf-8" || resp.Header.Get("Content-Disposition") != `attachment; filename="invoice-`+inv.Number+`.csv"` {
		t.Errorf("headers %v", resp.Header)
	}
	c, err := w.Local.CorrectInvoice(ctx, o.ID, inv.Number, "a wrong address")
	if err != nil || c.Correction.Corrects != inv.Number || c.Replacement.Replaces != inv.Number {
		t.Errorf("corrected: %+v, %v", c, err)
	}
	list, err := admin.Invoices(ctx, o.ID, api.Paging{Limit: 2})
	if err != nil || len(list.Data) != 2 || list.Next != c.Correction.Number || list.Data[1].Corrects != inv.Number {
		t.Errorf("listed: %+v, %v", list, err)
	}
	for name, ask := range map[string]struct {
		err  error
		code sluice.Code
	}{
		"no month":  {second(w.Local.IssueInvoice(ctx, o.ID, "2026-13")), sluice.CodeInvalid},
		"no number": {second(w.Local.Invoice(ctx, o.ID, "2026-999999")), sluice.CodeNotFound},
		"no format": {admin.InvoiceFile(ctx, &pdf, o.ID, inv.Number, "docx"), sluice.CodeInvalid},
		"no reason": {second(w.Local.CorrectInvoice(ctx, o.ID, c.Replacement.Number, " ")), sluice.CodeInvalid},
		"no font": {func() error {
			if _, err := w.Local.PutBilling(ctx, o.ID, api.PutBilling{Party: invoice.Party{Name: "智谱"}}); err != nil {
				return err
			}
			chinese, err := w.Local.CorrectInvoice(ctx, o.ID, c.Replacement.Number, "its own name")
			if err != nil {
				return err
			}
			return admin.InvoiceFile(ctx, &pdf, o.ID, chinese.Replacement.Number, "pdf")
		}(), sluice.CodeInvalid},
	} {
		if sluice.CodeOf(ask.err) != ask.code {
			t.Errorf("%s: %v, want %s", name, ask.err, ask.code)
		}
	}
}

func second[T any](_ T, err error) error { return err }
