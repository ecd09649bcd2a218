package main

import (
	"net/http"
	"strings"

	"sluice/console"
)

// console adds the web console to what the TCP address serves.
func (s *server) console(mux *http.ServeMux) {
	pages, err := console.New()
	if err != nil { // a build without it serves everything else
		s.log.Error("the console is not served", "error", err)
		return
	}
	mux.Handle(console.Prefix, pages)
	mux.Handle("GET "+strings.TrimSuffix(console.Prefix, "/"), http.RedirectHandler(console.Prefix, http.StatusFound))
}
