package sluice

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"time"
)

// Organisation is a customer: the owner of projects, keys and one balance.
type Organisation struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Currency  Currency  `json:"currency"`
	Queue     Queueing  `json:"queue,omitzero"`
	CreatedAt time.Time `json:"created_at"`
}

// Project divides an organisation's use. Its limits hold over all its keys together.
type Project struct {
	ID        string    `json:"id"`
	Org       string    `json:"organisation"`
	Name      string    `json:"name"`
	Limits    Limits    `json:"limits"`
	CreatedAt time.Time `json:"created_at"`
}

// Limits bound the use of a key or of a project. Zero is no limit.
type Limits struct {
	RequestsPerMinute int64 `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int64 `json:"tokens_per_minute,omitempty"`
	Concurrent        int64 `json:"concurrent,omitempty"`

	// QueueClass is the highest queue class of its calls; empty sets none.
	QueueClass string `json:"queue_class,omitempty"`
}

// Valid reports whether no limit is negative and the queue class is one.
func (l Limits) Valid() bool {
	return l.RequestsPerMinute >= 0 && l.TokensPerMinute >= 0 && l.Concurrent >= 0 && ValidQueueClass(l.QueueClass) == nil
}

// Key is an API key. The secret itself is shown once, when it is made, and is
// not kept: only its hash is.
type Key struct {
	ID        string    `json:"id"`
	Org       string    `json:"organisation,omitempty"` // empty for a key of the operator
	Project   string    `json:"project,omitempty"`
	Name      string    `json:"name"`
	Role      Role      `json:"role"`
	Hash      KeyHash   `json:"-"`
	Last4     string    `json:"last4"`
	Models    []string  `json:"models,omitempty"` // empty: every model
	Limits    Limits    `json:"limits"`
	Cap       *Amount   `json:"spending_cap,omitempty"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	CreatedAt time.Time `json:"created_at"`
}

// KeyHash is the SHA-256 of a key's secret. Lookup is by hash, which takes
// the same time for any wrong key.
type KeyHash [sha256.Size]byte

// HashKey hashes a secret.
func HashKey(secret string) KeyHash { return sha256.Sum256([]byte(secret)) }

// NewSecret returns a fresh secret: "sk-" and 256 random bits.
func NewSecret() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // documented never to fail
	return "sk-" + base64.RawURLEncoding.EncodeToString(b[:])
}

// Usable returns nil, or why the key cannot be used at the instant:
// CodeUnauthenticated when it is revoked or expired.
func (k *Key) Usable(now time.Time) error {
	if !k.RevokedAt.IsZero() {
		return Errorf(CodeUnauthenticated, "The API key ending in %s was revoked.", k.Last4)
	}
	if !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt) {
		return Errorf(CodeUnauthenticated, "The API key ending in %s expired at %s.", k.Last4, k.ExpiresAt.UTC().Format(time.RFC3339))
	}
	return nil
}

// Allows reports whether the key's scope has the model.
func (k *Key) Allows(model string) bool {
	return len(k.Models) == 0 || slices.Contains(k.Models, model)
}

// Principal is who makes a call: a key with its project and organisation.
// Project is nil for a key that belongs to none. It is shared and read-only.
type Principal struct {
	Key     *Key
	Project *Project
	Org     *Organisation
}
