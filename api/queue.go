package api

import (
	"context"
	"net/http"

	"sluice/fleet"
)

// Queue is what waits for a model in one class, and what became of those that did.
type Queue = fleet.QueueStatus

func (s *Server) registerQueues() {
	register(s, route{
		id: "list-queues", method: http.MethodGet, path: "/queues", tag: "engines",
		summary: "List what waits for engines, by model and class, and what was turned away since the server began", roles: operators(),
	}, s.listQueues)
}

func (s *Server) listQueues(_ context.Context, _ *caller, in *Paging) (Page[Queue], error) {
	return paged(s.opt.Fleet.Queues(), func(q Queue) string { // by model, and in the order in which they are served
		order := map[bool]string{false: " paid ", true: " unpaid "}[q.Free]
		return q.Model + order + map[string]string{"interactive": "1", "agent": "2", "batch": "3"}[q.Class]
	}, *in), nil
}
