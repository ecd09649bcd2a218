package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"sluice"
	"sluice/billing/local"
	"sluice/money/localreport"
)

// Deployments takes up what sealed deployments at customers' report. Errors:
// CodeInvalid, CodeConflict, CodeNotFound.
type Deployments interface {
	Register(ctx context.Context, d localreport.Deployment) (*localreport.Deployment, error)
	Deployments(ctx context.Context) ([]localreport.Deployment, error)
	Import(ctx context.Context, file []byte) (*local.Imported, error)
}

// RegisterDeployment makes a deployment known.
type RegisterDeployment struct {
	Name         string          `json:"name" minLength:"1" maxLength:"64" pattern:"^[A-Za-z0-9._-]+$" patternDescription:"letters, digits, dots, dashes"`
	Organisation string          `json:"organisation" minLength:"1" maxLength:"64" doc:"The customer's."`
	PublicKey    string          `json:"public_key" minLength:"64" maxLength:"64" doc:"Ed25519, in hex: what its reports are signed with."`
	Currency     sluice.Currency `json:"currency,omitempty" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)"`
	Metered      bool            `json:"metered,omitempty" doc:"What it serves is owed by list prices. Or else a licence covers it."`
}

// ImportReport is a report's file.
type ImportReport struct {
	File string `json:"file" minLength:"1" maxLength:"1000000" doc:"JSON lines, as the deployment signed them."`
}

func (s *Server) registerDeployments() {
	const tag = "deployments"
	register(s, route{
		id: "list-deployments", method: http.MethodGet, path: "/deployments", tag: tag,
		summary: "List deployments at customers', which report what they serve", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *Paging) (Page[localreport.Deployment], error) {
		all, err := s.opt.Statements.Deployments.Deployments(ctx)
		if err != nil {
			return Page[localreport.Deployment]{}, err
		}
		return paged(all, func(d localreport.Deployment) string { return d.Name }, *in), nil
	})
	register(s, route{
		id: "register-deployment", method: http.MethodPost, path: "/deployments", tag: tag, status: http.StatusCreated,
		summary: "Register the key of a deployment at a customer's", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body RegisterDeployment }) (*localreport.Deployment, error) {
		b := &in.Body
		orgs, err := s.opt.Tenants.Organisations(ctx)
		if err != nil {
			return nil, err
		}
		org, err := find(orgs, "organisation", b.Organisation, func(o *sluice.Organisation) string { return o.ID })
		if err != nil {
			return nil, err
		}
		if b.Currency = cmp.Or(b.Currency, org.Currency); b.Currency != org.Currency {
			return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "currency", Message: fmt.Sprintf("%s is invoiced in %s: what its deployments report is as well.", org.ID, org.Currency)}
		}
		return s.opt.Statements.Deployments.Register(ctx, localreport.Deployment{Name: b.Name, Org: b.Organisation, Key: b.PublicKey, Currency: b.Currency, Metered: b.Metered})
	})
	register(s, route{
		id: "import-report", method: http.MethodPost, path: "/deployments/reports", tag: tag,
		summary: "Import what a deployment reports, whole or not at all", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body ImportReport }) (*local.Imported, error) {
		return s.opt.Statements.Deployments.Import(ctx, []byte(in.Body.File))
	})
}
