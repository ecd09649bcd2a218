package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"sluice"
	"sluice/money/ledger"
)

// Organisation is a customer, with one balance in one currency.
type Organisation struct {
	ID        string          `json:"id" example:"org_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Name      string          `json:"name"`
	Currency  sluice.Currency `json:"currency" example:"USD"`
	Queue     sluice.Queueing `json:"queue,omitzero" doc:"What its calls are to the queue in front of the engines."`
	CreatedAt time.Time       `json:"created_at"`
}

// CreateOrganisation asks for a new organisation.
type CreateOrganisation struct {
	Name     string          `json:"name" minLength:"1" maxLength:"128" doc:"Unique among organisations."`
	Currency sluice.Currency `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"USD" doc:"Of its balance, for good."`
	Credit   *sluice.Amount  `json:"credit,omitempty" example:"10.00" doc:"Granted at once, more than zero."`
}

// UpdateOrganisation changes an organisation; what is absent stays.
type UpdateOrganisation struct {
	QueueClass  *string `json:"queue_class,omitempty" enum:"interactive,agent,batch" doc:"Of its calls where calls wait for an engine. Without it, that of its plan: agent, or interactive without a plan."`
	QueueWeight *int64  `json:"queue_weight,omitempty" minimum:"1" maximum:"1000" doc:"Its part of what engines can do while calls wait, in relation to other organisations'."`
	QueueFree   *bool   `json:"queue_free,omitempty" doc:"Its calls bring nothing in, whatever their prices: they go behind those that do."`
}

// Tenants keeps organisations and their projects. Lists are in order of ids.
type Tenants interface {
	Organisations(ctx context.Context) ([]*sluice.Organisation, error)
	CreateOrganisation(ctx context.Context, o *sluice.Organisation) error
	UpdateOrganisation(ctx context.Context, o *sluice.Organisation) error
	Projects(ctx context.Context) ([]*sluice.Project, error)
	CreateProject(ctx context.Context, p *sluice.Project) error
	UpdateProject(ctx context.Context, p *sluice.Project) error
}

func (s *Server) registerOrganisations() {
	const tag = "organisations"
	register(s, route{
		id: "list-organisations", method: http.MethodGet, path: "/organisations", tag: tag,
		summary: "List organisations; a tenant sees its own", roles: anyone(),
	}, s.listOrganisations)
	register(s, route{
		id: "create-organisation", method: http.MethodPost, path: "/organisations", tag: tag, status: http.StatusCreated,
		summary: "Create an organisation", roles: stewards(),
	}, s.createOrganisation)
	register(s, route{
		id: "update-organisation", method: http.MethodPatch, path: "/organisations/{organisation}", tag: tag,
		summary: "Change what an organisation's calls are to the queue in front of the engines", roles: stewards(),
	}, s.updateOrganisation)
	register(s, route{
		id: "get-organisation", method: http.MethodGet, path: "/organisations/{organisation}", tag: tag,
		summary: "Get an organisation", roles: anyone(),
	}, s.getOrganisation)
}

// inOrganisation is a request about one organisation.
type inOrganisation struct {
	Organisation string `path:"organisation" maxLength:"64"`
}

func (s *Server) listOrganisations(ctx context.Context, who *caller, in *Paging) (Page[Organisation], error) {
	orgs, err := s.organisations(ctx, who)
	if err != nil {
		return Page[Organisation]{}, err
	}
	all := make([]Organisation, len(orgs))
	for i, o := range orgs {
		all[i] = Organisation(*o)
	}
	return paged(all, func(o Organisation) string { return o.ID }, *in), nil
}

func (s *Server) getOrganisation(ctx context.Context, who *caller, in *inOrganisation) (Organisation, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Organisation{}, err
	}
	return Organisation(*o), nil
}

type inUpdateOrganisation struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Body         UpdateOrganisation
}

func (s *Server) updateOrganisation(ctx context.Context, who *caller, in *inUpdateOrganisation) (Organisation, error) {
	var o *sluice.Organisation
	err := s.change(ctx, func(ctx context.Context) error {
		var err error
		if o, err = s.organisation(ctx, who, in.Organisation); err != nil {
			return err
		}
		before := Organisation(*o)
		set(&o.Queue.Class, in.Body.QueueClass)
		set(&o.Queue.Weight, in.Body.QueueWeight)
		set(&o.Queue.Free, in.Body.QueueFree)
		if err := o.Queue.Valid(); err != nil {
			return err
		}
		who.changed(before, Organisation(*o))
		return s.opt.Tenants.UpdateOrganisation(ctx, o)
	})
	if err != nil {
		return Organisation{}, err
	}
	return Organisation(*o), nil
}

func (s *Server) createOrganisation(ctx context.Context, _ *caller, in *struct{ Body CreateOrganisation }) (Organisation, error) {
	name, err := checkName("name", in.Body.Name)
	if err != nil {
		return Organisation{}, err
	}
	now := s.opt.Now().UTC()
	o := &sluice.Organisation{ID: sluice.NewID(sluice.PrefixOrganisation, now), Name: name, Currency: in.Body.Currency, CreatedAt: now}
	var credit sluice.Tx
	if in.Body.Credit != nil { // checked before anything is written
		credit, err = ledger.Grant(sluice.Tx{ID: sluice.NewID(sluice.PrefixTx, now), At: now, Memo: "opening credit"}, o.ID, o.Currency, *in.Body.Credit)
		if err != nil {
			return Organisation{}, err
		}
	}
	err = s.change(ctx, func(ctx context.Context) error { return s.opt.Tenants.CreateOrganisation(ctx, o) })
	if err != nil {
		return Organisation{}, err
	}
	if in.Body.Credit != nil {
		if err := s.opt.Ledger.Post(context.WithoutCancel(ctx), credit); err != nil {
			return Organisation{}, &sluice.Error{
				Code: sluice.CodeOf(err), Err: err,
				Message: fmt.Sprintf("The organisation %s is there, but its credit could not be booked: add it by itself.", o.ID),
			}
		}
	}
	return Organisation(*o), nil
}

// organisations returns those that the caller may see.
func (s *Server) organisations(ctx context.Context, who *caller) ([]*sluice.Organisation, error) {
	orgs, err := s.opt.Tenants.Organisations(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(orgs, func(o *sluice.Organisation) bool { return !who.sees(o.ID) }), nil
}

// organisation returns one that the caller may see; any other is CodeNotFound.
func (s *Server) organisation(ctx context.Context, who *caller, id string) (*sluice.Organisation, error) {
	orgs, err := s.organisations(ctx, who)
	if err != nil {
		return nil, err
	}
	o, err := find(orgs, "organisation", id, func(o *sluice.Organisation) string { return o.ID })
	if err == nil {
		who.about(o.ID)
	}
	return o, err
}

// find returns the object with the id, among those that the caller may see.
func find[T any](among []*T, what, id string, idOf func(*T) string) (*T, error) {
	i := slices.IndexFunc(among, func(v *T) bool { return idOf(v) == id })
	if i < 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no %s %q.", what, id)
	}
	return among[i], nil
}

// checkName returns a name without space around it. Errors: CodeInvalid when it is
// empty or holds what cannot be shown in one line.
func checkName(param, name string) (string, error) {
	name = strings.TrimSpace(name)
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return "", &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: "A name needs characters that can be shown, in one line."}
	}
	return name, nil
}
