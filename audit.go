package sluice

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// ActorKind is what kind of actor did something.
type ActorKind string

// The kinds of actors.
const (
	ActorUser     ActorKind = "user"
	ActorKey      ActorKind = "key"
	ActorOperator ActorKind = "operator" // on this machine, through the socket
	ActorNobody   ActorKind = "nobody"   // who has not signed in
)

// AuditDone is the outcome of what was done. That of what failed is the error's code.
const AuditDone = "done"

// AuditEntry is one change, or an attempt to sign in, in the audit log. Entries
// are never changed, and each one's hash takes up the one before.
type AuditEntry struct {
	Seq     int64     `json:"seq"` // from 1 on, without gaps
	At      time.Time `json:"at"`
	Actor   ActorKind `json:"actor"`
	ActorID string    `json:"actor_id,omitempty"`
	Name    string    `json:"actor_name,omitempty"`   // a user's e-mail address, or a key's name
	Acting  string    `json:"acting,omitempty"`       // the organisation for which it was done, or "operator"
	Org     string    `json:"organisation,omitempty"` // whose object it was; empty: the operator's
	Action  string    `json:"action"`                 // an operation's id, or a word such as sign-in
	Object  string    `json:"object,omitempty"`       // the ids of what it was about, with spaces between
	Outcome string    `json:"outcome"`
	Address string    `json:"address,omitempty"`
	Agent   string    `json:"agent,omitempty"`
	Detail  string    `json:"detail,omitempty"` // JSON: what was asked, what was before and after, without secrets
	Hash    KeyHash   `json:"-"`                // see Chain
}

// Chain returns the entry's hash, which follows from what it says and from the
// hash of the entry before: SHA-256 over that hash and the entry's members in
// the order of their declaration, numbers as 64 bits, texts after their lengths.
func (e *AuditEntry) Chain(before KeyHash) KeyHash {
	b := append(make([]byte, 0, 512), before[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(e.Seq))
	b = binary.BigEndian.AppendUint64(b, uint64(e.At.UnixMicro()))
	for _, text := range []string{string(e.Actor), e.ActorID, e.Name, e.Acting, e.Org, e.Action, e.Object, e.Outcome, e.Address, e.Agent, e.Detail} {
		b = binary.BigEndian.AppendUint64(b, uint64(len(text)))
		b = append(b, text...)
	}
	return sha256.Sum256(b)
}
