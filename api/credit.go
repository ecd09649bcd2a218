package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"sluice"
	"sluice/billing/credit"
)

// Credit is one credit of an organisation with terms of its own, and what is
// left of it.
type Credit struct {
	ID        string             `json:"id" example:"lot_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Kind      sluice.AccountKind `json:"kind" enum:"prepaid,promotional" doc:"prepaid: it was paid for. promotional: it was given."`
	State     string             `json:"state" enum:"active,used,expired"`
	Currency  sluice.Currency    `json:"currency" example:"USD"`
	Amount    sluice.Amount      `json:"amount" example:"5.00" doc:"What it began with."`
	Left      sluice.Amount      `json:"left" example:"3.20" doc:"What is left of it, held or not."`
	Place     int                `json:"place,omitempty" doc:"In which order it is used up among the organisation's active credits: 1 is the first. Absent where it is not active."`
	Priority  int64              `json:"priority" example:"100" doc:"The smaller is used up first."`
	ExpiresAt time.Time          `json:"expires_at,omitzero" doc:"Calls that are admitted from then on are not paid by it; absent: it lasts."`
	Models    []string           `json:"models" doc:"The only ones whose calls it pays; empty is every model."`
	Memo      string             `json:"memo,omitempty"`
	Source    sluice.LotSource   `json:"source" enum:"grant,redemption,payment,refund"`
	Reference string             `json:"reference,omitempty" doc:"The id of what it came of, such as a code's."`
	CreatedAt time.Time          `json:"created_at"`
}

// RedeemCode asks for what a code is good for.
type RedeemCode struct {
	Code string `json:"code" minLength:"1" maxLength:"128" example:"7H2K-…" doc:"Case, spaces and hyphens do not matter."`
}

// RefundCall asks to give a call's charge back.
type RefundCall struct {
	Total  *sluice.Amount `json:"total,omitempty" example:"0.25" doc:"How much of the charge is to be given back in all, with what was given back before; all that can be when absent. The same total again changes nothing."`
	Reason string         `json:"reason,omitempty" maxLength:"160" doc:"Shown on the statement and the invoice."`
}

// CallRefund is what was given back of a call.
type CallRefund struct {
	Call         string        `json:"call"`
	Charged      sluice.Amount `json:"charged" example:"0.50"`
	Refundable   sluice.Amount `json:"refundable" example:"0.50" doc:"How much can be given back in all: the charge, but for what steps of a volume price give back, or may do so yet."`
	Refunded     sluice.Amount `json:"refunded" example:"0.25" doc:"Given back in all."`
	Transactions []Transaction `json:"transactions" doc:"Those that gave back, the first first."`
}

// Credits gives credit that is no payment.
type Credits interface {
	// NewCodes makes codes of the same terms.
	NewCodes(ctx context.Context, terms sluice.CreditCode, count int) ([]credit.Code, error)

	// Codes returns codes in order of their ids: at most limit of those after an id.
	Codes(ctx context.Context, after string, limit int) ([]*sluice.CreditCode, error)

	// Revoke ends a code.
	Revoke(ctx context.Context, id string) (*sluice.CreditCode, error)

	// Redeem gives an organisation what a code is good for. key is who asks.
	Redeem(ctx context.Context, org *sluice.Organisation, key, code string) (*sluice.Lot, error)

	// Refund gives a call's charge back until total is given back in all; nil is all that can be.
	Refund(ctx context.Context, call string, total *sluice.Amount, reason string) (*credit.Refunded, error)

	// Refunds returns what was given back of a call.
	Refunds(ctx context.Context, call string) (*credit.Refunded, error)
}

// redeemers are who may redeem a code for an organisation.
func redeemers() access {
	return access{operator: treasurers().operator, organisation: []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin, sluice.RoleBilling, sluice.RoleDeveloper}}
}

func (s *Server) registerCredits() {
	const tag = "balance"
	register(s, route{
		id: "list-credits", method: http.MethodGet, path: "/organisations/{organisation}/credits", tag: tag,
		summary: "List an organisation's credits that have terms of their own, used up and expired ones included", roles: anyone(),
	}, s.listCredits)
	register(s, route{
		id: "redeem-code", method: http.MethodPost, path: "/organisations/{organisation}/redemptions", tag: tag, status: http.StatusCreated,
		summary: "Redeem a code for credit", roles: redeemers(),
	}, s.redeemCode)
	register(s, route{
		id: "get-refund", method: http.MethodGet, path: "/calls/{call}/refund", tag: "usage",
		summary: "Get what was given back of a call", roles: anyone(),
	}, s.getRefund)
	register(s, route{
		id: "refund-call", method: http.MethodPost, path: "/calls/{call}/refund", tag: "usage",
		summary: "Give a call's charge back", roles: treasurers(), proof: true,
	}, s.refundCall)
	s.registerCodes()
}

// credit writes a lot as it is shown.
func (s *Server) credit(l *sluice.LotBalance, place int) Credit {
	c := Credit{
		ID: l.ID, Kind: l.Kind, State: "active", Currency: l.Currency, Amount: l.Amount, Left: l.Left, Place: place,
		Priority: l.Priority, ExpiresAt: l.ExpiresAt, Models: append([]string{}, l.Models...), Memo: l.Memo,
		Source: l.Source, Reference: l.Reference, CreatedAt: l.CreatedAt,
	}
	switch {
	case l.Expired(s.opt.Now()):
		c.State, c.Place = "expired", 0
	case l.Left.Sign() == 0:
		c.State, c.Place = "used", 0
	}
	return c
}

func (s *Server) listCredits(ctx context.Context, who *caller, in *inPayments) (Page[Credit], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[Credit]{}, err
	}
	lots := s.opt.Ledger.Lots(o.ID)
	all := make([]Credit, len(lots))
	place := 0
	for i := range lots {
		all[i] = s.credit(&lots[i], place+1)
		place = max(place, all[i].Place)
	}
	return paged(all, func(c Credit) string { return c.ID }, in.Paging), nil
}

type inRedeem struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         RedeemCode
}

func (s *Server) redeemCode(ctx context.Context, who *caller, in *inRedeem) (Credit, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Credit{}, err
	}
	lot, err := s.opt.Credits.Redeem(ctx, o, who.key, in.Body.Code)
	if err != nil {
		return Credit{}, err
	}
	lots := s.opt.Ledger.Lots(o.ID)
	i := slices.IndexFunc(lots, func(l sluice.LotBalance) bool { return l.ID == lot.ID })
	if i < 0 {
		return Credit{}, fmt.Errorf("the lot %s was redeemed and is not there", lot.ID)
	}
	return s.credit(&lots[i], i+1), nil
}

// getRefund finds a call within what the caller may see.
func (s *Server) getRefund(ctx context.Context, who *caller, in *inCall) (CallRefund, error) {
	if _, err := s.getCall(ctx, who, in); err != nil {
		return CallRefund{}, err
	}
	r, err := s.opt.Credits.Refunds(ctx, in.Call)
	if err != nil {
		return CallRefund{}, err
	}
	return callRefund(r), nil
}

type inRefund struct {
	Call string `path:"call" maxLength:"64"`
	Body RefundCall
}

func (s *Server) refundCall(ctx context.Context, _ *caller, in *inRefund) (CallRefund, error) {
	reason := in.Body.Reason
	if reason != "" {
		var err error
		if reason, err = checkName("reason", reason); err != nil {
			return CallRefund{}, err
		}
	}
	r, err := s.opt.Credits.Refund(ctx, in.Call, in.Body.Total, reason)
	if err != nil {
		return CallRefund{}, err
	}
	return callRefund(r), nil
}

func callRefund(r *credit.Refunded) CallRefund {
	out := CallRefund{Call: r.Call, Charged: r.Charged, Refundable: r.Most, Refunded: r.Total, Transactions: make([]Transaction, len(r.Bookings))}
	for i := range r.Bookings {
		out.Transactions[i] = transaction(&r.Bookings[i])
	}
	return out
}
