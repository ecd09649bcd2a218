package api

import (
	"context"
	"net/http"

	"sluice/fleet/offer"
)

func (s *Server) registerOffers() {
	register(s, route{
		id: "list-engine-offers", method: http.MethodGet, path: "/engine-offers", tag: "engines",
		summary: "List engines of the server's machine that it could use: llama-server, ollama", roles: operators(),
	}, s.listOffers)
}

func (s *Server) listOffers(ctx context.Context, _ *caller, in *Paging) (Page[offer.Offer], error) {
	var found []offer.Offer
	if s.opt.Offers != nil {
		var err error
		if found, err = s.opt.Offers(ctx); err != nil {
			return Page[offer.Offer]{}, err
		}
	}
	return paged(found, func(o offer.Offer) string { return o.Engine }, *in), nil
}
