package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/money/plan"
)

// Subscription is an organisation's subscription to a plan.
type Subscription struct {
	ID           string          `json:"id" example:"sub_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Organisation string          `json:"organisation"`
	Status       plan.Status     `json:"status" enum:"trialing,active,past_due,suspended,cancelled" doc:"past_due: it serves on, its period is not paid. suspended: it does not serve until it is paid."`
	Plan         string          `json:"plan" example:"lite"`
	Version      string          `json:"version" doc:"The id of the plan's version that it was sold under."`
	Cycle        plan.Cycle      `json:"cycle" enum:"month,quarter,year"`
	Currency     sluice.Currency `json:"currency" example:"USD"`
	Price        sluice.Amount   `json:"price" example:"3.00" doc:"Of a period."`
	Owed         sluice.Amount   `json:"owed" example:"0.00" doc:"What is to be paid now."`
	PeriodStart  time.Time       `json:"period_start"`
	PeriodEnd    time.Time       `json:"period_end"`
	EndsAt       *time.Time      `json:"ends_at,omitempty" doc:"It was cancelled and ends then, or has ended."`
	Next         string          `json:"next,omitempty" doc:"The plan that it changes to when the period ends."`
	FallBack     bool            `json:"fall_back" doc:"Calls that the plan refuses are paid from the balance."`
}

// CreateSubscription asks for a subscription, paid from the prepaid balance.
type CreateSubscription struct {
	Organisation string     `json:"organisation" maxLength:"64"`
	Plan         string     `json:"plan" maxLength:"32" example:"lite"`
	Cycle        plan.Cycle `json:"cycle,omitempty" enum:"month,quarter,year" doc:"month when absent"`
	Trial        bool       `json:"trial,omitempty" doc:"Begin with the plan's trial. An organisation has one, with its first subscription."`
}

// ChangeSubscription asks for a change of a subscription.
type ChangeSubscription struct {
	Action  string     `json:"action" enum:"upgrade,downgrade,cancel,resume,pay,refund,fall_back,no_fall_back" doc:"upgrade: at once, the unused days are credited. downgrade, cancel: when the period ends. resume: take back a cancellation or a downgrade. pay: what is owed, from the prepaid balance. refund: end at once and give the unused days back. fall_back: pay from the balance what the plan refuses."`
	Plan    string     `json:"plan,omitempty" maxLength:"32" doc:"Of an upgrade or a downgrade."`
	Cycle   plan.Cycle `json:"cycle,omitempty" enum:"month,quarter,year" doc:"Of an upgrade or a downgrade; as it is when absent."`
	Preview bool       `json:"preview,omitempty" doc:"Only tell what would be."`
}

// SubscriptionChange is what came of a change, or would come.
type SubscriptionChange struct {
	Preview      bool          `json:"preview"`
	Subscription Subscription  `json:"subscription"`
	Transactions []Transaction `json:"transactions" doc:"What a preview would book."`
}

// ResetQuota asks to forgive what a subscription has used.
type ResetQuota struct {
	Window string `json:"window,omitempty" maxLength:"64" doc:"Its name; all windows when absent."`
}

// Plans is the live side of plans: versions, subscriptions and what they use.
type Plans interface {
	PlanVersions() []*plan.Version
	Subscribe(ctx context.Context, start func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error)) (plan.Subscription, error)
	Change(ctx context.Context, id string, t plan.Transition) (plan.Subscription, error)
	Preview(id string, t plan.Transition) (plan.Subscription, []sluice.Tx, error)
	Subscriptions(org string) []plan.Subscription
	Subscription(id string) (plan.Subscription, error)
	PlanMeter(org, model string, at time.Time) *sluice.PlanMeter
	ResetQuota(ctx context.Context, id, window string) error
}

func (s *Server) registerSubscriptions() {
	const tag, one = "subscriptions", "/subscriptions/{subscription}"
	register(s, route{
		id: "list-subscriptions", method: http.MethodGet, path: "/subscriptions", tag: tag,
		summary: "List subscriptions", roles: anyone(),
	}, s.listSubscriptions)
	register(s, route{
		id: "create-subscription", method: http.MethodPost, path: "/subscriptions", tag: tag, status: http.StatusCreated,
		summary: "Subscribe an organisation to a plan", roles: treasurersAndAdmins(),
	}, s.createSubscription)
	register(s, route{
		id: "get-subscription", method: http.MethodGet, path: one, tag: tag,
		summary: "Get a subscription", roles: anyone(),
	}, s.getSubscription)
	register(s, route{
		id: "change-subscription", method: http.MethodPost, path: one + "/change", tag: tag,
		summary: "Change a subscription, or see what that would do", roles: treasurersAndAdmins(),
	}, s.changeSubscription)
	register(s, route{
		id: "get-quota", method: http.MethodGet, path: one + "/quota", tag: tag,
		summary: "Get what a live subscription's windows show, in thousandths of their units", roles: anyone(),
	}, s.getQuota)
	registerEmpty(s, route{
		id: "reset-quota", method: http.MethodPost, path: one + "/quota/reset", tag: tag,
		summary: "Forgive what a subscription has used", roles: owners(),
	}, s.resetQuota)
}

// subscription writes a subscription as it is shown.
func subscription(v plan.Subscription) Subscription {
	out := Subscription{
		ID: v.ID, Organisation: v.Org, Status: v.Status, Plan: v.Terms.Plan, Version: v.Terms.Version, Cycle: v.Terms.Cycle,
		Currency: v.Terms.Currency, Price: v.Terms.Price, Owed: v.Owed(), PeriodStart: v.Period.Start, PeriodEnd: v.Period.End, FallBack: v.FallBack,
	}
	if !v.EndsAt.IsZero() {
		out.EndsAt = &v.EndsAt
	}
	if v.Next != nil {
		out.Next = v.Next.Plan
	}
	return out
}

type inSubscriptions struct {
	Organisation string `query:"organisation" maxLength:"64"`
	Paging
}

func (s *Server) listSubscriptions(_ context.Context, who *caller, in *inSubscriptions) (Page[Subscription], error) {
	if in.Organisation != "" && !who.sees(in.Organisation) {
		return Page[Subscription]{}, sluice.Errorf(sluice.CodeNotFound, "There is no organisation %q.", in.Organisation)
	}
	var all []Subscription
	for _, v := range s.opt.Plans.Subscriptions(in.Organisation) {
		if who.sees(v.Org) {
			all = append(all, subscription(v))
		}
	}
	return paged(all, func(v Subscription) string { return v.ID }, in.Paging), nil
}

// version returns the version of a plan that is sold now.
func (s *Server) version(name string, currency sluice.Currency) (*plan.Version, error) {
	v := plan.InForce(s.opt.Plans.PlanVersions(), name, currency, s.opt.Now())
	if v == nil {
		return nil, &sluice.Error{Code: sluice.CodeNotFound, Param: "plan", Message: "No plan " + name + " is sold in " + string(currency) + "."}
	}
	return v, nil
}

func (s *Server) createSubscription(ctx context.Context, who *caller, in *struct{ Body CreateSubscription }) (Subscription, error) {
	o, err := s.organisation(ctx, who, in.Body.Organisation)
	if err != nil {
		return Subscription{}, err
	}
	v, err := s.version(in.Body.Plan, o.Currency)
	if err != nil {
		return Subscription{}, err
	}
	if in.Body.Trial && len(s.opt.Plans.Subscriptions(o.ID)) > 0 {
		return Subscription{}, sluice.Errorf(sluice.CodeConflict, "The organisation has had a subscription: there is no second trial.")
	}
	cycle := in.Body.Cycle
	if cycle == "" {
		cycle = plan.Monthly
	}
	now := s.opt.Now()
	made, err := s.opt.Plans.Subscribe(context.WithoutCancel(ctx), func(r *plan.Rules) (plan.Subscription, []sluice.Tx, error) {
		return r.Start(sluice.NewID(sluice.PrefixSubscription, now), o.ID, v, cycle, in.Body.Trial, sluice.AccountPrepaid, now)
	})
	return subscription(made), err
}

// inSubscription is a request about one subscription.
type inSubscription struct {
	Subscription string `path:"subscription" maxLength:"64"`
}

// known returns a subscription that the caller may know of.
func (s *Server) known(who *caller, id string) (plan.Subscription, error) {
	v, err := s.opt.Plans.Subscription(id)
	if err == nil && !who.sees(v.Org) {
		err = sluice.Errorf(sluice.CodeNotFound, "There is no subscription %q.", id)
	}
	return v, err
}

func (s *Server) getSubscription(_ context.Context, who *caller, in *inSubscription) (Subscription, error) {
	v, err := s.known(who, in.Subscription)
	return subscription(v), err
}

type inChange struct {
	Subscription string `path:"subscription" maxLength:"64"`
	Body         ChangeSubscription
}

func (s *Server) changeSubscription(ctx context.Context, who *caller, in *inChange) (SubscriptionChange, error) {
	v, err := s.known(who, in.Subscription)
	if err != nil {
		return SubscriptionChange{}, err
	}
	if in.Body.Action == "refund" && !who.operator() {
		return SubscriptionChange{}, sluice.Errorf(sluice.CodeForbidden, "The role %s may not refund; cancel instead.", who.role)
	}
	t, err := s.transition(&v, &in.Body)
	if err != nil {
		return SubscriptionChange{}, err
	}
	out := SubscriptionChange{Preview: in.Body.Preview, Transactions: []Transaction{}}
	if !in.Body.Preview {
		v, err = s.opt.Plans.Change(context.WithoutCancel(ctx), v.ID, t)
		out.Subscription = subscription(v)
		return out, err
	}
	v, txs, err := s.opt.Plans.Preview(v.ID, t)
	out.Subscription = subscription(v)
	for i := range txs {
		out.Transactions = append(out.Transactions, transaction(&txs[i]))
	}
	return out, err
}

// transition is what an action does.
func (s *Server) transition(v *plan.Subscription, in *ChangeSubscription) (plan.Transition, error) {
	now := s.opt.Now()
	cycle := in.Cycle
	if cycle == "" {
		cycle = v.Terms.Cycle
	}
	switch in.Action {
	case "upgrade", "downgrade":
		to, err := s.version(in.Plan, v.Terms.Currency)
		if err != nil {
			return nil, err
		}
		if in.Action == "downgrade" {
			return func(r *plan.Rules, v plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
				return r.Downgrade(v, to, cycle, now)
			}, nil
		}
		return func(r *plan.Rules, v plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
			return r.Upgrade(v, to, cycle, sluice.AccountPrepaid, now)
		}, nil
	case "pay":
		return func(r *plan.Rules, v plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
			return r.Pay(v, sluice.AccountPrepaid, now)
		}, nil
	case "fall_back", "no_fall_back":
		return plan.SetFallBack(in.Action == "fall_back"), nil
	}
	change := map[string]func(*plan.Rules, plan.Subscription, time.Time) (plan.Subscription, []sluice.Tx, error){
		"cancel": (*plan.Rules).Cancel, "resume": (*plan.Rules).Resume, "refund": (*plan.Rules).Refund,
	}[in.Action]
	return func(r *plan.Rules, v plan.Subscription) (plan.Subscription, []sluice.Tx, error) {
		return change(r, v, now)
	}, nil
}

type inQuota struct {
	Subscription string `path:"subscription" maxLength:"64"`
	Model        string `query:"model" maxLength:"128" doc:"Of which the multipliers are told."`
}

func (s *Server) getQuota(_ context.Context, who *caller, in *inQuota) (sluice.PlanMeter, error) {
	v, err := s.known(who, in.Subscription)
	if err != nil {
		return sluice.PlanMeter{}, err
	}
	m := s.opt.Plans.PlanMeter(v.Org, in.Model, s.opt.Now())
	if m == nil || m.Subscription != v.ID {
		return sluice.PlanMeter{}, sluice.Errorf(sluice.CodeConflict, "The subscription has ended.")
	}
	return *m, nil
}

type inReset struct {
	Subscription string `path:"subscription" maxLength:"64"`
	Body         ResetQuota
}

func (s *Server) resetQuota(ctx context.Context, who *caller, in *inReset) error {
	v, err := s.known(who, in.Subscription)
	if err != nil {
		return err
	}
	return s.opt.Plans.ResetQuota(context.WithoutCancel(ctx), v.ID, in.Body.Window)
}
