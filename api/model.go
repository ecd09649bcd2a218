package api

import "time"

// Model is what is sold.
type Model struct {
	Name          string    `json:"name" example:"glm-4.6"`
	Description   string    `json:"description,omitempty"`
	OwnedBy       string    `json:"owned_by,omitempty"`
	ContextLength int64     `json:"context_length,omitempty" doc:"In tokens; absent when unknown."`
	CreatedAt     time.Time `json:"created_at"`
}

// PutModel adds a model, or replaces what is known of it.
type PutModel struct {
	Description   string `json:"description,omitempty" yaml:"description" maxLength:"4096"`
	OwnedBy       string `json:"owned_by,omitempty" yaml:"owned_by" maxLength:"128"`
	ContextLength int64  `json:"context_length,omitempty" yaml:"context_length" minimum:"0"`
}
