package main

import (
	"net/http"

	"sluice/api/browser"
	"sluice/api/signin"
	"sluice/console"
	"sluice/product/account"
)

// newAccounts makes the service that knows users and their sessions.
func (s *server) newAccounts() {
	s.accounts = account.New(account.Options{
		Store: s.store, Sealer: sealer{s.engines}, URL: func() string { return s.url }, Now: clock, Log: s.log,
	})
}

// browsers knows how browsers reach this server. Its URL must be known by now.
func (s *server) browsers() *browser.Browser { return browser.New(s.url, nil) }

// pages serves the pages on which people sign in.
func (s *server) pages(mux *http.ServeMux) {
	pages := signin.New(signin.Options{Home: console.Prefix, Accounts: s.accounts, Browser: s.browsers(), Now: clock, Log: s.log})
	for _, path := range pages.Paths() {
		mux.Handle(path, pages)
	}
}
