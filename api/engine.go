package api

import (
	"time"

	"sluice"
	"sluice/fleet"
)

// Engine is an engine with its live state. Its secret is never shown.
type Engine struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Kind       sluice.EngineKind `json:"kind" example:"http"`
	URL        string            `json:"url,omitempty"`
	HasSecret  bool              `json:"has_secret"`
	Models     map[string]string `json:"models" doc:"From the public name of each model to the engine's own."`
	OnLeave    sluice.OnLeave    `json:"on_leave" example:"cancel"`
	Concurrent int64             `json:"concurrent,omitempty" doc:"Calls at once; absent is no limit."`
	CreatedAt  time.Time         `json:"created_at"`

	NoCacheSalt bool `json:"no_cache_salt,omitempty" doc:"Requests go without cache_salt; tenants share its prefix cache."`

	Status *EngineStatus `json:"status,omitempty" doc:"Absent while the fleet does not have it."`
}

// EngineStatus is the live state of an engine.
type EngineStatus struct {
	Health       fleet.Health `json:"health" example:"serving"`
	InFlight     int64        `json:"in_flight"`
	Failures     int          `json:"failures" doc:"Failed calls in a row."`
	EjectedUntil time.Time    `json:"ejected_until,omitzero"`
	LastError    string       `json:"last_error,omitempty"`
	LastErrorAt  time.Time    `json:"last_error_at,omitzero"`
	Served       int64        `json:"served" doc:"Calls given back since the engine joined, by outcome; like the three below."`
	Failed       int64        `json:"failed"`
	Left         int64        `json:"left"`
	Refused      int64        `json:"refused"`
}

// PutEngine adds an engine, or replaces the one of that name, which keeps its id.
type PutEngine struct {
	Kind        sluice.EngineKind `json:"kind,omitempty" yaml:"kind" enum:"http,embedded,simulated" doc:"By the URL when absent: simulated for sim:…, otherwise http."`
	URL         string            `json:"url,omitempty" yaml:"url" maxLength:"2048" example:"http://10.0.0.7:8000"`
	Secret      *string           `json:"secret,omitempty" yaml:"secret" maxLength:"4096" writeOnly:"true" doc:"Sent to the engine as a bearer token. The one it has stays when absent; empty removes it."`
	Models      map[string]string `json:"models" yaml:"models" minProperties:"1" maxProperties:"256" doc:"From the public name of each model to the engine's own; an empty one is the same name. Models that are new are added."`
	NoCacheSalt bool              `json:"no_cache_salt,omitempty" yaml:"no_cache_salt" doc:"For an engine that refuses unknown fields. Its prefix cache is then shared between tenants."`
	OnLeave     sluice.OnLeave    `json:"on_leave,omitempty" yaml:"on_leave" enum:"cancel,drain" doc:"What happens to its work when a client leaves; cancel when absent."`
	Concurrent  int64             `json:"concurrent,omitempty" yaml:"concurrent" minimum:"0" doc:"Calls at once; zero is no limit."`
}
