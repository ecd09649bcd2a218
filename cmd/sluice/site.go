package main

import (
	"net/http"

	"sluice/api"
	"sluice/api/site"
	"sluice/console"
)

// publicPages serves what everybody may see: what there is, what it costs and
// how it does.
func (s *server) publicPages(mux *http.ServeMux, management *api.Server) {
	pages := site.New(site.Options{Source: management, Browser: s.browsers(), URL: s.url, Console: console.Prefix, Now: clock, Log: s.log})
	for _, path := range pages.Paths() {
		mux.Handle(path, pages)
	}
	s.warm = pages.Warm
}
