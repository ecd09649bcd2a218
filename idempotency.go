package sluice

import "time"

// IdempotentRequest is a request to the management API under an idempotency
// key, and what it was answered.
type IdempotentRequest struct {
	Principal string // who asked: the id of a key or a user
	Key       string // SHA-256 of the idempotency key, in hex
	Request   string // SHA-256 of what was asked for, in hex
	BegunAt   time.Time

	Status      int // of the answer; zero: there is none yet
	ContentType string
	Answer      string // sealed
}
