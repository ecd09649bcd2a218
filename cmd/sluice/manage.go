package main

import (
	"context"
	"net/http"
	"net/url"

	"sluice"
	"sluice/api"
	"sluice/gateway"
	"sluice/gateway/tally"
	"sluice/infer/box"
)

// management is the management API over this server's parts.
func (s *server) management() *api.Server {
	return api.New(api.Options{
		Tenants: s.store, Keys: s.store, Catalogue: s.engines, Processes: s.processes, EngineStarts: s.store, Prober: s.prober, Prices: s.store, Books: s.store, Series: s.store, Requests: s.store, Traffic: traffic{s.seen.tally, s.gateway}, Sealer: sealer{s.engines}, Settings: s.store,
		Invoices: toldInvoices{s.invoices, s.letters}, Printer: s.printer,
		Ledger: s.ledger, Plans: s.ledger, PlanStore: s.store, Calendar: s.hasCalendar, Payments: s.payments, Credits: s.credits, Notifier: s.notifier, Budgets: s.budgets, Closing: s.closing, SealedHours: s.closing, Statements: s.bookkeeping(), Costs: s.statements, Files: s.files, Chats: s.chats, Answers: s.chats, SharedChats: s.chats, Inference: s.inferring, Batches: s.batches, Fleet: s.fleet, Accounts: s.accounts, Browser: s.browsers(), Journal: s.store, Identity: identity{s.gateway}, ModelFolder: s.models, Offers: s.offers, Reload: s.reload,
		Power: s.power, Version: version, URL: s.url, Log: s.log,
	})
}

// traffic is what goes on at the moment.
type traffic struct {
	*tally.Tally
	gateway *gateway.Gateway
}

// Running returns how many calls are under way.
func (t traffic) Running() int64 { return t.gateway.Running() }

// LimitUse returns what use is made of the limits of a key or a project.
func (t traffic) LimitUse(id string, limits sluice.Limits) sluice.LimitUse {
	return t.gateway.LimitUse(id, limits)
}

// identity knows the keys as the gateway does at the moment.
type identity struct{ gateway *gateway.Gateway }

// Identify returns who has the key with the hash.
func (i identity) Identify(hash sluice.KeyHash) (*sluice.Principal, bool) {
	return i.gateway.Directory().Identify(hash)
}

// operatorKey reports whether the request shows a usable key of the operator's.
func (s *server) operatorKey(r *http.Request) bool {
	_, secret, ok := r.BasicAuth()
	if !ok {
		secret = bearerOf(r)
	}
	p, found := identity{s.gateway}.Identify(sluice.HashKey(secret))
	return found && p.Key.Role.For("") && p.Key.Org == "" && p.Key.Usable(clock()) == nil
}

// bearerOf returns the bearer token of a request.
func bearerOf(r *http.Request) string {
	const scheme = "Bearer "
	if a := r.Header.Get("Authorization"); len(a) > len(scheme) && a[:len(scheme)] == scheme {
		return a[len(scheme):]
	}
	return ""
}

// ready is what the server says once it takes calls.
func (s *server) ready(ctx context.Context) ready {
	r := ready{Event: "ready", URL: s.url, TrialKey: s.first.trialKey}
	var err error
	if r.Offers, err = s.offers(ctx); err != nil {
		s.log.Error("looking for engines on this machine", "error", err)
	}
	if s.first.trialKey != "" {
		r.Model = box.Name
	}
	if s.first.setup != "" {
		r.SetupURL = s.url + "/setup?token=" + url.QueryEscape(s.first.setup)
	}
	return r
}
