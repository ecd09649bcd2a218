package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"sluice"
	"sluice/api"
	"sluice/gateway"
	"sluice/product/assist"
	"sluice/store"
	"sluice/wire/openai"
)

// newAssist makes ready what keeps and answers chats.
func (s *server) newAssist(ctx context.Context) error {
	s.inferring = &inferring{server: s, known: map[string]bool{}}
	s.chats = assist.New(assist.Options{Chats: s.store, Messages: s.store, Models: s.inferring, Log: s.log, Now: clock})
	return s.chats.Start(ctx)
}

// inferring lets people who are signed in call models, each in the name of their
// organisation: with a key that belongs to it and whose secret nobody has. Revoking that
// key keeps them from it.
type inferring struct {
	*server

	mu    sync.Mutex
	known map[string]bool // organisations whose key is there
}

// peopleKey names the keys that people call models with.
const peopleKey = "console and chat"

// key returns the id of the key of an organisation, and makes it where there is none.
func (i *inferring) key(ctx context.Context, org string) (string, error) {
	id := sluice.DeriveID(sluice.PrefixKey, peopleKey+" "+org, org)
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.known[org] {
		return id, nil
	}
	secret, now := sluice.NewSecret(), clock()
	err := i.store.CreateKey(ctx, &sluice.Key{
		ID: id, Org: org, Name: peopleKey, Role: sluice.RoleDeveloper, Hash: sluice.HashKey(secret), Last4: "none", CreatedAt: now,
	})
	if err != nil && sluice.CodeOf(err) != sluice.CodeConflict {
		return "", err
	}
	if err == nil {
		if err := i.reload(ctx); err != nil {
			return "", err
		}
	}
	i.known[org] = true
	return id, nil
}

// Infer implements api.Inference.
func (i *inferring) Infer(w http.ResponseWriter, r *http.Request, org string) {
	i.Complete(w, r, org, "")
}

// Complete implements assist.Models. Calls come in by the same door as everybody's,
// so that a server which stops lets them finish and begins no more.
func (i *inferring) Complete(w http.ResponseWriter, r *http.Request, org, callID string) {
	if !i.calls.enter() {
		openai.WriteError(w, &sluice.Error{Code: sluice.CodeUnavailable, RetryAfter: time.Second, Message: "The server is stopping."})
		return
	}
	defer i.calls.leave()
	key, err := i.key(r.Context(), org)
	if err != nil {
		openai.WriteError(w, sluice.ErrorOf(err))
		return
	}
	i.inference().ServeHTTP(w, r.WithContext(gateway.WithErrand(r.Context(), gateway.Errand{Key: key, CallID: callID})))
}

// Booked implements assist.Models.
func (i *inferring) Booked(ctx context.Context, callID string) (*sluice.Event, error) {
	events, _, err := i.store.Events(ctx, store.EventQuery{Call: callID, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(events) == 0 {
		return nil, sluice.Errorf(sluice.CodeNotFound, "There is no call %q.", callID)
	}
	return &events[0], nil
}

var _ api.Inference = (*inferring)(nil)
