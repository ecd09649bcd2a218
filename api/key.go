package api

import (
	"time"

	"sluice"
)

// Key is an API key without its secret.
type Key struct {
	ID           string         `json:"id"`
	Organisation string         `json:"organisation,omitempty" doc:"Absent for a key of the operator."`
	Project      string         `json:"project,omitempty"`
	Name         string         `json:"name"`
	Role         sluice.Role    `json:"role" example:"developer"`
	Last4        string         `json:"last4" doc:"The end of the secret."`
	Models       []string       `json:"models" doc:"What it may call; empty is every model."`
	Limits       Limits         `json:"limits"`
	SpendingCap  *sluice.Amount `json:"spending_cap,omitempty" example:"25.00" doc:"The most that it can ever be charged."`
	Spent        sluice.Amount  `json:"spent" example:"1.20" doc:"What it was charged in all."`
	ExpiresAt    time.Time      `json:"expires_at,omitzero"`
	RevokedAt    time.Time      `json:"revoked_at,omitzero"`
	LastUsedAt   time.Time      `json:"last_used_at,omitzero"`
	CreatedAt    time.Time      `json:"created_at"`
}

// NewKey is a key that was just made: the only answer that shows its secret.
type NewKey struct {
	Key
	Secret string `json:"key" example:"sk-…" doc:"The secret. It is shown this once and not kept."`
}

// CreateKey asks for a new key.
type CreateKey struct {
	Organisation string         `json:"organisation,omitempty" doc:"The caller's own when absent; for the operator an absent one makes a key of the operator."`
	Project      string         `json:"project,omitempty" doc:"One of the organisation."`
	Name         string         `json:"name,omitempty" maxLength:"128"`
	Role         sluice.Role    `json:"role,omitempty" enum:"owner,finance,support,admin,developer" doc:"developer when absent; a key of the operator needs owner, finance or support."`
	Models       []string       `json:"models,omitempty" maxItems:"256" doc:"What it may call; empty is every model."`
	Limits       Limits         `json:"limits,omitzero"`
	SpendingCap  *sluice.Amount `json:"spending_cap,omitempty" example:"25.00"`
	ExpiresAt    *time.Time     `json:"expires_at,omitempty"`
}

// UpdateKey changes a key; what is absent stays.
type UpdateKey struct {
	Name          *string        `json:"name,omitempty" maxLength:"128"`
	Models        *[]string      `json:"models,omitempty" maxItems:"256" doc:"Empty is every model."`
	Limits        *ChangeLimits  `json:"limits,omitempty"`
	SpendingCap   *sluice.Amount `json:"spending_cap,omitempty" example:"25.00"`
	NoSpendingCap bool           `json:"no_spending_cap,omitempty" doc:"Lifts the cap."`
	ExpiresAt     *time.Time     `json:"expires_at,omitempty"`
	NoExpiry      bool           `json:"no_expiry,omitempty" doc:"Lifts the expiry."`
}
