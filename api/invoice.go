package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"sluice"
	"sluice/money/invoice"
)

// Billing is an organisation's data for invoices and how it is taxed.
type Billing struct {
	invoice.Party
	Tax invoice.TaxTerms `json:"tax"`
}

// PutBilling replaces the data for the invoices that are issued from now on.
type PutBilling struct {
	invoice.Party
	Tax *invoice.TaxTerms `json:"tax,omitempty" doc:"Kept as it is when absent. The operator alone may give it."`
}

// InvoiceSummary is an issued document in a list.
type InvoiceSummary struct {
	Number   string          `json:"number" example:"2026-000017"`
	Kind     invoice.Kind    `json:"kind" enum:"invoice,correction"`
	Period   invoice.Period  `json:"period" example:"2026-11"`
	Corrects string          `json:"corrects,omitempty"`
	Replaces string          `json:"replaces,omitempty"`
	IssuedAt time.Time       `json:"issued_at"`
	Currency sluice.Currency `json:"currency"`
	Total    sluice.Amount   `json:"total"`
	Due      sluice.Amount   `json:"due"`
}

// IssueInvoice asks for the invoice of a month.
type IssueInvoice struct {
	Period string `json:"period" example:"2026-11" doc:"A calendar month that is over. Asked again, the same invoice is answered."`
}

// CorrectInvoice asks to take an invoice back and issue its month anew.
type CorrectInvoice struct {
	Reason string `json:"reason" minLength:"1" maxLength:"500" doc:"Printed on both documents."`
}

// CorrectedInvoice is the correction and the invoice that stands in for the one it takes back.
type CorrectedInvoice struct {
	Correction  *invoice.Invoice `json:"correction"`
	Replacement *invoice.Invoice `json:"replacement"`
}

// Invoices makes invoices and keeps them. Errors: CodeNotFound, CodeConflict, CodeInvalid.
type Invoices interface {
	Draft(ctx context.Context, org *sluice.Organisation, period invoice.Period) (*invoice.Invoice, error)
	Issue(ctx context.Context, org *sluice.Organisation, period invoice.Period) (*invoice.Invoice, error)
	Correct(ctx context.Context, org *sluice.Organisation, number, reason string) (correction, replacement *invoice.Invoice, err error)
	List(ctx context.Context, org string) ([]*invoice.Invoice, error)
	Get(ctx context.Context, org, number string) (*invoice.Invoice, error)
	Party(ctx context.Context, owner string) (invoice.Party, invoice.TaxTerms, error)
	SetParty(ctx context.Context, owner string, p invoice.Party, terms invoice.TaxTerms) error
}

// InvoicePrinter prints an invoice as a PDF file. Errors: CodeInvalid for what it cannot show.
type InvoicePrinter interface {
	Invoice(w io.Writer, inv *invoice.Invoice) error
}

func (s *Server) registerInvoices() {
	const tag = "invoices"
	const org = "/organisations/{organisation}"
	register(s, route{
		id: "get-billing", method: http.MethodGet, path: org + "/billing", tag: tag,
		summary: "Get an organisation's data for invoices", roles: anyone(),
	}, s.getBilling)
	register(s, route{
		id: "put-billing", method: http.MethodPut, path: org + "/billing", tag: tag,
		summary: "Replace an organisation's data for invoices", roles: treasurersAndAdmins(),
	}, s.putBilling)
	register(s, route{
		id: "get-seller", method: http.MethodGet, path: "/seller", tag: tag,
		summary: "Get the operator's data for invoices", roles: operators(),
	}, s.getSeller)
	register(s, route{
		id: "put-seller", method: http.MethodPut, path: "/seller", tag: tag,
		summary: "Replace the operator's data for invoices, and how customers are taxed who have none of their own", roles: treasurers(),
	}, s.putSeller)
	register(s, route{
		id: "list-invoices", method: http.MethodGet, path: org + "/invoices", tag: tag,
		summary: "List an organisation's invoices and corrections, in order of their numbers", roles: anyone(),
	}, s.listInvoices)
	register(s, route{
		id: "issue-invoice", method: http.MethodPost, path: org + "/invoices", tag: tag,
		summary: "Issue the invoice of a month, once", roles: treasurers(),
	}, s.issueInvoice)
	register(s, route{
		id: "get-invoice", method: http.MethodGet, path: org + "/invoices/{number}", tag: tag,
		summary: "Get an invoice or a correction", roles: anyone(),
	}, s.getInvoice)
	add(s, route{
		id: "get-invoice-file", method: http.MethodGet, path: org + "/invoices/{number}/file", tag: tag,
		summary: "Get an invoice or a correction as a file", roles: anyone(),
	}, s.getInvoiceFile)
	register(s, route{
		id: "correct-invoice", method: http.MethodPost, path: org + "/invoices/{number}/correct", tag: tag,
		summary: "Take an invoice back by a correction, and issue its month anew", roles: treasurers(),
	}, s.correctInvoice)
	register(s, route{
		id: "draft-invoice", method: http.MethodGet, path: org + "/invoice-drafts/{period}", tag: tag,
		summary: "Get the invoice of a month as it would be issued now", roles: anyone(),
	}, s.draftInvoice)
	add(s, route{
		id: "draft-invoice-file", method: http.MethodGet, path: org + "/invoice-drafts/{period}/file", tag: tag,
		summary: "Get the invoice of a month as it would be issued now, as a file", roles: anyone(),
	}, s.draftInvoiceFile)
}

func (s *Server) getBilling(ctx context.Context, who *caller, in *inOrganisation) (Billing, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Billing{}, err
	}
	p, terms, err := s.opt.Invoices.Party(ctx, o.ID)
	return Billing{p, terms}, err
}

func (s *Server) putBilling(ctx context.Context, who *caller, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         PutBilling
},
) (Billing, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Billing{}, err
	}
	if in.Body.Tax != nil && !who.operator() {
		return Billing{}, &sluice.Error{Code: sluice.CodeForbidden, Param: "tax", Message: "How an organisation is taxed is the operator's to say."}
	}
	return s.setParty(ctx, o.ID, &in.Body)
}

func (s *Server) getSeller(ctx context.Context, _ *caller, _ *struct{}) (Billing, error) {
	p, terms, err := s.opt.Invoices.Party(ctx, sluice.Operator)
	return Billing{p, terms}, err
}

func (s *Server) putSeller(ctx context.Context, _ *caller, in *struct{ Body PutBilling }) (Billing, error) {
	return s.setParty(ctx, sluice.Operator, &in.Body)
}

// setParty stores data for invoices; without tax it keeps the one that is in force.
func (s *Server) setParty(ctx context.Context, owner string, in *PutBilling) (Billing, error) {
	ctx = context.WithoutCancel(ctx)
	s.changing.Lock() // between reading the tax and writing it
	defer s.changing.Unlock()
	terms := in.Tax
	if terms == nil {
		_, kept, err := s.opt.Invoices.Party(ctx, owner)
		if err != nil {
			return Billing{}, err
		}
		terms = &kept
	}
	return Billing{in.Party, *terms}, s.opt.Invoices.SetParty(ctx, owner, in.Party, *terms)
}

func (s *Server) listInvoices(ctx context.Context, who *caller, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Paging
},
) (Page[InvoiceSummary], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[InvoiceSummary]{}, err
	}
	issued, err := s.opt.Invoices.List(ctx, o.ID)
	if err != nil {
		return Page[InvoiceSummary]{}, err
	}
	all := make([]InvoiceSummary, len(issued))
	for i, inv := range issued {
		all[i] = InvoiceSummary{
			Number: inv.Number, Kind: inv.Kind, Period: inv.Period, Corrects: inv.Corrects, Replaces: inv.Replaces,
			IssuedAt: inv.IssuedAt, Currency: inv.Currency, Total: inv.Total, Due: inv.Due,
		}
	}
	return paged(all, func(i InvoiceSummary) string { return i.Number }, in.Paging), nil
}

func (s *Server) issueInvoice(ctx context.Context, who *caller, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         IssueInvoice
},
) (*invoice.Invoice, error) {
	return s.ofMonth(ctx, who, in.Organisation, in.Body.Period, s.opt.Invoices.Issue)
}

type inDraft struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Period       string `path:"period" maxLength:"7" example:"2026-11"`
}

func (s *Server) draftInvoice(ctx context.Context, who *caller, in *inDraft) (*invoice.Invoice, error) {
	return s.ofMonth(ctx, who, in.Organisation, in.Period, s.opt.Invoices.Draft)
}

// ofMonth asks for the invoice of an organisation that the caller may see.
func (s *Server) ofMonth(ctx context.Context, who *caller, org, month string,
	ask func(context.Context, *sluice.Organisation, invoice.Period) (*invoice.Invoice, error),
) (*invoice.Invoice, error) {
	o, err := s.organisation(ctx, who, org)
	if err != nil {
		return nil, err
	}
	period, err := invoice.ParsePeriod(month)
	if err != nil {
		return nil, err
	}
	return ask(ctx, o, period)
}

// inInvoice is a request about one document.
type inInvoice struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Number       string `path:"number" maxLength:"32" example:"2026-000017"`
}

func (s *Server) getInvoice(ctx context.Context, who *caller, in *inInvoice) (*invoice.Invoice, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return nil, err
	}
	return s.opt.Invoices.Get(ctx, o.ID, in.Number)
}

func (s *Server) correctInvoice(ctx context.Context, who *caller, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Number       string `path:"number" maxLength:"32" example:"2026-000017"`
	Body         CorrectInvoice
},
) (CorrectedInvoice, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return CorrectedInvoice{}, err
	}
	reason, err := checkName("reason", in.Body.Reason)
	if err != nil {
		return CorrectedInvoice{}, err
	}
	c, r, err := s.opt.Invoices.Correct(ctx, o, in.Number, reason)
	return CorrectedInvoice{c, r}, err
}

// document is a file as an answer.
type document struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte
}

func (s *Server) getInvoiceFile(ctx context.Context, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Number       string `path:"number" maxLength:"32" example:"2026-000017"`
	Format       string `query:"format" enum:"pdf,csv" default:"pdf"`
},
) (*document, error) {
	inv, err := s.getInvoice(ctx, callerOf(ctx), &inInvoice{in.Organisation, in.Number})
	return s.invoiceFile(inv, in.Format, err)
}

func (s *Server) draftInvoiceFile(ctx context.Context, in *struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Period       string `path:"period" maxLength:"7" example:"2026-11"`
	Format       string `query:"format" enum:"pdf,csv" default:"pdf"`
},
) (*document, error) {
	inv, err := s.draftInvoice(ctx, callerOf(ctx), &inDraft{in.Organisation, in.Period})
	return s.invoiceFile(inv, in.Format, err)
}

// invoiceFile writes a document as a file, unless it could not be had.
func (s *Server) invoiceFile(inv *invoice.Invoice, format string, err error) (*document, error) {
	if err != nil {
		return nil, err
	}
	name := inv.Number
	if name == "" {
		name = "draft-" + string(inv.Period)
	}
	f := &document{ContentType: "application/pdf", Disposition: fmt.Sprintf("attachment; filename=%q", string(inv.Kind)+"-"+name+"."+format)}
	var b bytes.Buffer
	if format == "csv" {
		f.ContentType = "text/csv; charset=utf-8"
		err = inv.WriteCSV(&b)
	} else {
		err = s.opt.Printer.Invoice(&b, inv)
	}
	f.Body = b.Bytes()
	return f, err
}
