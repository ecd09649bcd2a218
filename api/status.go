package api

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"sluice"
	"sluice/fleet"
)

// Status is how the server is doing.
type Status struct {
	Version        string    `json:"version"`
	StartedAt      time.Time `json:"started_at"`
	Holds          int       `json:"holds" doc:"Calls that hold money now."`
	Queued         int       `json:"queued" doc:"Postings that wait for the ledger's writer."`
	Engines        int       `json:"engines"`
	EnginesServing int       `json:"engines_serving"`
}

// Version says what runs.
type Version struct {
	Version string `json:"version" example:"0.1.0"`
	Go      string `json:"go" example:"go1.26.0"`
}

// Me says who calls.
type Me struct {
	Role         sluice.Role `json:"role"`
	Local        bool        `json:"local" doc:"On the server's Unix socket."`
	Key          string      `json:"key,omitempty" doc:"The key's id."`
	Organisation string      `json:"organisation,omitempty"`
	Project      string      `json:"project,omitempty"`
}

func (s *Server) registerStatus() {
	register(s, route{
		id: "get-status", method: http.MethodGet, path: "/status", tag: "server",
		summary: "Get how the server is doing", roles: operators(),
	}, s.getStatus)
	register(s, route{
		id: "get-version", method: http.MethodGet, path: "/version", tag: "server",
		summary: "Get what runs", roles: anyone(),
	}, s.getVersion)
	register(s, route{
		id: "get-me", method: http.MethodGet, path: "/me", tag: "server",
		summary: "Get who the caller is", roles: anyone(),
	}, s.getMe)
	s.registerQueues()
	s.registerToday()
	s.registerPublic()
}

func (s *Server) getStatus(context.Context, *caller, *struct{}) (Status, error) {
	st := Status{Version: s.opt.Version, StartedAt: s.started, Holds: s.opt.Ledger.Holds(), Queued: s.opt.Ledger.Queued()}
	for _, e := range s.opt.Fleet.Status() {
		st.Engines++
		if e.Health == fleet.HealthServing || e.Health == fleet.HealthRecovering {
			st.EnginesServing++
		}
	}
	return st, nil
}

func (s *Server) getVersion(context.Context, *caller, *struct{}) (Version, error) {
	return Version{Version: s.opt.Version, Go: runtime.Version()}, nil
}

func (s *Server) getMe(_ context.Context, who *caller, _ *struct{}) (Me, error) {
	return Me{Role: who.role, Local: who.local, Key: who.key, Organisation: who.org, Project: who.project}, nil
}
