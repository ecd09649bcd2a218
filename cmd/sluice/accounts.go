package main

import (
	"net/http"

	"sluice/api/browser"
	"sluice/api/signin"
	"sluice/console"
	"sluice/plug/passkey"
	"sluice/product/account"
)

// newAccounts makes the service that knows users and their sessions.
func (s *server) newAccounts() error {
	sources, err := readSources(s.cfg.OIDC)
	if err != nil {
		return err
	}
	o := account.Options{
		Store: s.store, Sealer: sealer{s.engines}, URL: func() string { return s.url }, Now: clock, Log: s.log,
		Sources: sources, Party: passkey.New(func() string { return s.url }), SessionIdle: s.cfg.SessionIdle, SessionLife: s.cfg.SessionLife,
	}
	if s.mailer != nil {
		o.Mailer = s.mailer
	}
	s.accounts = account.New(o)
	return nil
}

// browsers knows how browsers reach this server. Its URL must be known by now.
func (s *server) browsers() *browser.Browser {
	proxies, err := s.cfg.ProxyNetworks()
	if err != nil {
		panic(err) // Check refused it before
	}
	return browser.New(s.url, proxies)
}

// pages serves the pages on which people sign in.
func (s *server) pages(mux *http.ServeMux) {
	pages := signin.New(signin.Options{Home: console.Prefix, Accounts: s.accounts, Browser: s.browsers(), Now: clock, Log: s.log})
	for _, path := range pages.Paths() {
		mux.Handle(path, pages)
	}
}
