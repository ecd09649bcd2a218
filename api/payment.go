package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/billing/payment"
)

// Payment is money that an organisation was asked for.
type Payment struct {
	ID           string              `json:"id" example:"pay_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Organisation string              `json:"organisation"`
	Provider     string              `json:"provider" example:"stripe"`
	State        sluice.PaymentState `json:"state" enum:"created,pending,paid,failed,expired,partly_refunded,refunded,disputed" doc:"created: nothing was heard. pending: the money is on its way. paid: it is there. disputed: the payer's bank took it back."`
	Amount       sluice.Amount       `json:"amount" example:"100.00"`
	Currency     sluice.Currency     `json:"currency" example:"USD"`
	Refunded     sluice.Amount       `json:"refunded" example:"0.00" doc:"Given back in all."`
	Booked       sluice.Amount       `json:"booked" example:"100.00" doc:"What of it is in the organisation's accounts."`
	CheckoutURL  string              `json:"checkout_url,omitempty" doc:"Where the customer pays; absent for a bank transfer."`
	Reference    string              `json:"reference,omitempty" doc:"The provider's own id of the payment, or the bank's of the transfer."`
	CreatedAt    time.Time           `json:"created_at"`
	ExpiresAt    time.Time           `json:"expires_at" doc:"Nobody is asked to pay it any more from then on."`
}

// CreatePayment asks for a payment into an organisation's balance.
type CreatePayment struct {
	Amount   sluice.Amount `json:"amount" example:"100.00" doc:"In the organisation's currency, more than zero."`
	Provider string        `json:"provider" minLength:"1" maxLength:"32" example:"stripe" doc:"Who takes the money: stripe, where it is set up, or manual for a bank transfer."`
}

// ConfirmPayment says that a bank transfer has arrived.
type ConfirmPayment struct {
	Amount    sluice.Amount `json:"amount" example:"100.00" doc:"As on the bank's statement: it must be the payment's."`
	Reference string        `json:"reference" minLength:"1" maxLength:"128" example:"statement 2026-10-07, line 3" doc:"The bank's for this transfer. One transfer confirms one payment."`
}

// RefundPayment asks to give money back.
type RefundPayment struct {
	Total *sluice.Amount `json:"total,omitempty" example:"25.00" doc:"How much of the payment is to be given back in all, with what was given back before; all of it when absent. The same total again changes nothing."`
}

// PaymentMethod is a way to pay into a balance.
type PaymentMethod struct {
	Provider string `json:"provider" example:"stripe" doc:"As create-payment takes it."`
	Checkout bool   `json:"checkout" doc:"A payment has a page where it is paid at once; otherwise it is a bank transfer that a person confirms."`
}

// Payments takes payments.
type Payments interface {
	// Providers are who takes money, by name; one of them is manual.
	Providers() []string

	// Create makes a payment at a provider.
	Create(ctx context.Context, o *sluice.Organisation, provider string, amount sluice.Amount) (*sluice.Payment, error)

	// Payment and Payments find those of an organisation, the latest first.
	Payment(ctx context.Context, org, id string) (*sluice.Payment, error)
	Payments(ctx context.Context, org, after string, limit int) ([]*sluice.Payment, error)

	// Confirm says that a bank transfer has arrived.
	Confirm(ctx context.Context, org, id string, amount sluice.Amount, reference string) (*sluice.Payment, error)

	// Refund gives back until total is given back in all; nil is everything.
	Refund(ctx context.Context, org, id string, total *sluice.Amount) (*sluice.Payment, error)
}

func (s *Server) registerPayments() {
	const tag, all, one = "payments", "/organisations/{organisation}/payments", "/organisations/{organisation}/payments/{payment}"
	register(s, route{
		id: "list-payments", method: http.MethodGet, path: all, tag: tag,
		summary: "List an organisation's payments, the latest first", roles: anyone(),
	}, s.listPayments)
	register(s, route{
		id: "list-payment-methods", method: http.MethodGet, path: "/payment-methods", tag: tag,
		summary: "List the ways to pay into a balance", roles: anyone(),
	}, func(_ context.Context, _ *caller, in *Paging) (Page[PaymentMethod], error) {
		var all []PaymentMethod
		for _, name := range s.opt.Payments.Providers() {
			all = append(all, PaymentMethod{Provider: name, Checkout: name != payment.Manual})
		}
		return paged(all, func(m PaymentMethod) string { return m.Provider }, *in), nil
	})
	register(s, route{
		id: "create-payment", method: http.MethodPost, path: all, tag: tag, status: http.StatusCreated,
		summary: "Ask for a payment into an organisation's balance", roles: treasurersAndAdmins(),
	}, s.createPayment)
	register(s, route{
		id: "get-payment", method: http.MethodGet, path: one, tag: tag,
		summary: "Get a payment", roles: anyone(),
	}, s.getPayment)
	register(s, route{
		id: "confirm-payment", method: http.MethodPost, path: one + "/confirm", tag: tag,
		summary: "Say that a bank transfer has arrived", roles: treasurers(),
	}, s.confirmPayment)
	register(s, route{
		id: "refund-payment", method: http.MethodPost, path: one + "/refund", tag: tag,
		summary: "Give money back", roles: treasurers(), proof: true,
	}, s.refundPayment)
}

// payment writes a payment as it is shown.
func (s *Server) payment(p *sluice.Payment) Payment {
	return Payment{
		ID: p.ID, Organisation: p.Org, Provider: p.Provider, State: p.State(s.opt.Now()), Amount: p.Amount, Currency: p.Currency,
		Refunded: p.Refunded, Booked: p.Booked, CheckoutURL: p.CheckoutURL, Reference: p.Reference, CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
	}
}

// shownPayment is payment for what may have failed.
func (s *Server) shownPayment(p *sluice.Payment, err error) (Payment, error) {
	if err != nil {
		return Payment{}, err
	}
	return s.payment(p), nil
}

type inPayments struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Paging
}

func (s *Server) listPayments(ctx context.Context, who *caller, in *inPayments) (Page[Payment], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[Payment]{}, err
	}
	found, err := s.opt.Payments.Payments(ctx, o.ID, in.Cursor, in.limit()+1)
	if err != nil {
		return Page[Payment]{}, err
	}
	page := Page[Payment]{Data: []Payment{}}
	for i, p := range found {
		if i == in.limit() {
			page.Next = found[i-1].ID
			break
		}
		page.Data = append(page.Data, s.payment(p))
	}
	return page, nil
}

type inCreatePayment struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         CreatePayment
}

func (s *Server) createPayment(ctx context.Context, who *caller, in *inCreatePayment) (Payment, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Payment{}, err
	}
	return s.shownPayment(s.opt.Payments.Create(ctx, o, in.Body.Provider, in.Body.Amount))
}

// inPayment is a request about one payment.
type inPayment struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Payment      string `path:"payment" maxLength:"64"`
}

func (s *Server) getPayment(ctx context.Context, who *caller, in *inPayment) (Payment, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Payment{}, err
	}
	return s.shownPayment(s.opt.Payments.Payment(ctx, o.ID, in.Payment))
}

type inConfirmPayment struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Payment      string `path:"payment" maxLength:"64"`
	Body         ConfirmPayment
}

func (s *Server) confirmPayment(ctx context.Context, who *caller, in *inConfirmPayment) (Payment, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Payment{}, err
	}
	return s.shownPayment(s.opt.Payments.Confirm(ctx, o.ID, in.Payment, in.Body.Amount, in.Body.Reference))
}

type inRefundPayment struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Payment      string `path:"payment" maxLength:"64"`
	Body         RefundPayment
}

func (s *Server) refundPayment(ctx context.Context, who *caller, in *inRefundPayment) (Payment, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Payment{}, err
	}
	return s.shownPayment(s.opt.Payments.Refund(ctx, o.ID, in.Payment, in.Body.Total))
}
