package api

import (
	"time"

	"sluice"
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
