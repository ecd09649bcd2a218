package api

import (
	"time"

	"sluice"
)

// Limits bound the use of a key or of a project. Zero is no limit.
type Limits struct {
	RequestsPerMinute int64 `json:"requests_per_minute,omitempty" minimum:"0"`
	TokensPerMinute   int64 `json:"tokens_per_minute,omitempty" minimum:"0"`
	Concurrent        int64 `json:"concurrent,omitempty" minimum:"0" doc:"Calls at once."`
}

// ChangeLimits changes limits: what is absent stays, zero lifts the limit.
type ChangeLimits struct {
	RequestsPerMinute *int64 `json:"requests_per_minute,omitempty" minimum:"0"`
	TokensPerMinute   *int64 `json:"tokens_per_minute,omitempty" minimum:"0"`
	Concurrent        *int64 `json:"concurrent,omitempty" minimum:"0"`
}

// apply writes the changes into l.
func (c *ChangeLimits) apply(l *sluice.Limits) {
	if c == nil {
		return
	}
	set(&l.RequestsPerMinute, c.RequestsPerMinute)
	set(&l.TokensPerMinute, c.TokensPerMinute)
	set(&l.Concurrent, c.Concurrent)
}

// set writes a value that is there.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Project divides an organisation's use. Its limits hold over all its keys together.
type Project struct {
	ID           string    `json:"id"`
	Organisation string    `json:"organisation"`
	Name         string    `json:"name"`
	Limits       Limits    `json:"limits"`
	CreatedAt    time.Time `json:"created_at"`
}

// CreateProject asks for a new project.
type CreateProject struct {
	Organisation string `json:"organisation,omitempty" doc:"The caller's own when absent."`
	Name         string `json:"name" minLength:"1" maxLength:"128" doc:"Unique within the organisation."`
	Limits       Limits `json:"limits,omitzero"`
}

// UpdateProject changes a project; what is absent stays.
type UpdateProject struct {
	Name   *string       `json:"name,omitempty" minLength:"1" maxLength:"128"`
	Limits *ChangeLimits `json:"limits,omitempty"`
}
