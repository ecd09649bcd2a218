package api

import (
	"context"
	"net/http"

	"sluice/fleet/offer"
)

// Offers are engines on the server's machine that it could use, and does not.
type Offers struct {
	Data []offer.Offer `json:"data"`
}

func (s *Server) registerOffers() {
	register(s, route{
		id: "list-engine-offers", method: http.MethodGet, path: "/engine-offers", tag: "engines",
		summary: "List engines of the server's machine that it could use: llama-server, ollama", roles: operators(),
	}, s.listOffers)
}

func (s *Server) listOffers(ctx context.Context, _ *caller, _ *struct{}) (Offers, error) {
	all := Offers{Data: []offer.Offer{}}
	if s.opt.Offers == nil {
		return all, nil
	}
	found, err := s.opt.Offers(ctx)
	all.Data = append(all.Data, found...)
	return all, err
}
