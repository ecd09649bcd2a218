package api

import (
	"context"
	"net/http"
	"time"

	"sluice/fleet/chip"
)

// Chips are the accelerators of the server's machine, and where was looked for them.
type Chips struct{ chip.Report }

// chipsFor is for how long what was found of chips is answered again: each look
// runs the vendors' tools.
const chipsFor = 5 * time.Second

func (s *Server) registerChips() {
	s.chips.load, s.chips.keep = func(ctx context.Context) (Chips, error) { return Chips{*s.opt.Chips(ctx)}, nil }, chipsFor
	register(s, route{
		id: "get-chips", method: http.MethodGet, path: "/chips", tag: "engines",
		summary: "Get the accelerators of the server's machine: memory, use, power, health", roles: operators(),
	}, func(ctx context.Context, _ *caller, _ *struct{}) (Chips, error) { return s.chips.get(ctx, s.opt.Now()) })
}
