package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/billing/budgeting"
	"sluice/money/budget"
	"sluice/plug/mail"
)

// Budget is what an organisation, or a project or key of it, may spend in a
// period, with what was spent.
type Budget struct {
	ID           string          `json:"id" example:"bud_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Organisation string          `json:"organisation"`
	Project      string          `json:"project,omitempty" doc:"Only its calls count."`
	Key          string          `json:"key,omitempty" doc:"Only its calls count."`
	Name         string          `json:"name"`
	Amount       sluice.Amount   `json:"amount" example:"100.00"`
	Currency     sluice.Currency `json:"currency" example:"USD"`
	Period       budget.Period   `json:"period" enum:"day,week,month,total"`
	Zone         string          `json:"zone" example:"Europe/Berlin"`
	Thresholds   []int           `json:"thresholds" example:"[50,80,100]" doc:"Percentages at which somebody is told."`
	Hard         bool            `json:"hard" doc:"Calls beyond it are refused."`
	Emails       []string        `json:"emails"`
	CreatedAt    time.Time       `json:"created_at"`

	Spent       sluice.Amount `json:"spent" example:"81.20" doc:"In the current period."`
	Held        sluice.Amount `json:"held" example:"0.40" doc:"Reserved for running calls, where it is hard."`
	PeriodStart time.Time     `json:"period_start,omitzero"`
	PeriodEnd   time.Time     `json:"period_end,omitzero" doc:"When it begins anew; absent of a total."`
}

// SetBudget asks for a budget.
type SetBudget struct {
	Project    string        `json:"project,omitempty" maxLength:"64" doc:"Only its calls count."`
	Key        string        `json:"key,omitempty" maxLength:"64" doc:"Only its calls count; not together with a project."`
	Name       string        `json:"name,omitempty" maxLength:"128"`
	Amount     sluice.Amount `json:"amount" example:"100.00" doc:"In the organisation's currency, more than zero."`
	Period     budget.Period `json:"period,omitempty" enum:"day,week,month,total" doc:"By the calendar; total never begins anew. A month when absent."`
	Zone       string        `json:"zone,omitempty" maxLength:"64" example:"Europe/Berlin" doc:"Where days, weeks and months begin at midnight; UTC when absent."`
	Thresholds []int         `json:"thresholds,omitempty" maxItems:"9" example:"[50,80,100]" doc:"Percentages at which somebody is told, 1 to 200; 50, 80 and 100 when absent. 100 always is one."`
	Hard       bool          `json:"hard,omitempty" doc:"Calls beyond it are refused; otherwise it only tells."`
	Emails     []string      `json:"emails,omitempty" maxItems:"20" doc:"Who is told by e-mail, besides the webhooks that hear of budget.*."`
}

// Budgeting sets budgets.
type Budgeting interface {
	Budgets(ctx context.Context, org string) ([]budgeting.Standing, error)
	Set(ctx context.Context, b budget.Budget) (budgeting.Standing, error)
	Remove(ctx context.Context, org, id string) error
}

func (s *Server) registerBudgets() {
	const tag, all, one = "budgets", "/organisations/{organisation}/budgets", "/organisations/{organisation}/budgets/{budget}"
	register(s, route{id: "list-budgets", method: http.MethodGet, path: all, tag: tag, summary: "List an organisation's budgets with what was spent", roles: anyone()}, s.listBudgets)
	register(s, route{
		id: "create-budget", method: http.MethodPost, path: all, tag: tag, status: http.StatusCreated,
		summary: "Make a budget", roles: treasurersAndAdmins(),
	}, s.createBudget)
	register(s, route{id: "get-budget", method: http.MethodGet, path: one, tag: tag, summary: "Get a budget with what was spent", roles: anyone()}, s.getBudget)
	register(s, route{id: "replace-budget", method: http.MethodPut, path: one, tag: tag, summary: "Change a budget as a whole", roles: treasurersAndAdmins()}, s.replaceBudget)
	registerEmpty(s, route{id: "delete-budget", method: http.MethodDelete, path: one, tag: tag, summary: "Remove a budget", roles: treasurersAndAdmins()}, s.deleteBudget)
}

// shownBudget writes a budget as it is shown.
func shownBudget(b *budgeting.Standing) Budget {
	return Budget{
		ID: b.ID, Organisation: b.Org, Project: b.Project, Key: b.Key, Name: b.Name, Amount: b.Amount, Currency: b.Currency,
		Period: b.Period, Zone: b.Zone, Thresholds: b.Thresholds, Hard: b.Hard, Emails: append([]string{}, b.Mails...), CreatedAt: b.CreatedAt,
		Spent: b.Spent, Held: b.Held, PeriodStart: inUTC(b.Start), PeriodEnd: inUTC(b.End),
	}
}

// inUTC keeps a zero instant zero.
func inUTC(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC()
}

type inBudgets struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Paging
}

func (s *Server) listBudgets(ctx context.Context, who *caller, in *inBudgets) (Page[Budget], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[Budget]{}, err
	}
	found, err := s.opt.Budgets.Budgets(ctx, o.ID)
	if err != nil {
		return Page[Budget]{}, err
	}
	all := make([]Budget, len(found))
	for i := range found {
		all[i] = shownBudget(&found[i])
	}
	return paged(all, func(b Budget) string { return b.ID }, in.Paging), nil
}

type inBudget struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Budget       string `path:"budget" maxLength:"64"`
}

func (s *Server) getBudget(ctx context.Context, who *caller, in *inBudget) (Budget, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Budget{}, err
	}
	found, err := s.opt.Budgets.Budgets(ctx, o.ID)
	if err != nil {
		return Budget{}, err
	}
	for i := range found {
		if found[i].ID == in.Budget {
			return shownBudget(&found[i]), nil
		}
	}
	return Budget{}, sluice.Errorf(sluice.CodeNotFound, "There is no budget %q.", in.Budget)
}

type inCreateBudget struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         SetBudget
}

func (s *Server) createBudget(ctx context.Context, who *caller, in *inCreateBudget) (Budget, error) {
	return s.setBudget(ctx, who, in.Organisation, "", &in.Body)
}

type inReplaceBudget struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Budget       string `path:"budget" maxLength:"64"`
	Body         SetBudget
}

func (s *Server) replaceBudget(ctx context.Context, who *caller, in *inReplaceBudget) (Budget, error) {
	return s.setBudget(ctx, who, in.Organisation, in.Budget, &in.Body)
}

// setBudget makes a budget, or changes the one of the id.
func (s *Server) setBudget(ctx context.Context, who *caller, org, id string, in *SetBudget) (Budget, error) {
	o, err := s.organisation(ctx, who, org)
	if err != nil {
		return Budget{}, err
	}
	b := budget.Budget{
		ID: id, Org: o.ID, Project: in.Project, Key: in.Key, Name: in.Name, Amount: in.Amount, Currency: o.Currency,
		Period: in.Period, Zone: in.Zone, Thresholds: in.Thresholds, Hard: in.Hard, Mails: in.Emails,
	}
	if b.Period == "" {
		b.Period = budget.Monthly
	}
	if b.Name != "" {
		if b.Name, err = checkName("name", b.Name); err != nil {
			return Budget{}, err
		}
	}
	if err := s.checkBudgetOf(ctx, who, &b); err != nil {
		return Budget{}, err
	}
	for _, to := range b.Mails {
		if err := mail.CheckAddress(to); err != nil {
			return Budget{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "emails", Message: sluice.ErrorOf(err).Message}
		}
	}
	if len(b.Mails) > 0 && !s.opt.Notifier.Mails() {
		return Budget{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "emails", Message: "This server sends no e-mails: no mail server is set up. Webhooks are told."}
	}
	made, err := s.opt.Budgets.Set(ctx, b)
	if err != nil {
		return Budget{}, err
	}
	return shownBudget(&made), nil
}

// checkBudgetOf returns an error unless the budget's project and key are of its
// organisation: CodeNotFound.
func (s *Server) checkBudgetOf(ctx context.Context, who *caller, b *budget.Budget) error {
	if b.Project != "" {
		p, err := s.project(ctx, who, b.Project)
		if err != nil || p.Org != b.Org {
			return noneOf("project", b.Project, err)
		}
	}
	if b.Key != "" {
		k, err := s.key(ctx, who, b.Key)
		if err != nil || k.Org != b.Org {
			return noneOf("key", b.Key, err)
		}
	}
	return nil
}

// noneOf is the error of an object that is another organisation's, or that could not be read.
func noneOf(what, id string, err error) error {
	if err != nil {
		return err
	}
	return sluice.Errorf(sluice.CodeNotFound, "There is no %s %q.", what, id)
}

func (s *Server) deleteBudget(ctx context.Context, who *caller, in *inBudget) error {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return err
	}
	return s.opt.Budgets.Remove(ctx, o.ID, in.Budget)
}
