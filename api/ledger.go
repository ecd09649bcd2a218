package api

import (
	"context"
	"net/http"

	"sluice/store"
)

// Verification is what a check of the whole ledger found.
type Verification struct {
	OK bool `json:"ok" doc:"Every invariant holds."`
	store.Report
}

func (s *Server) registerLedger() {
	register(s, route{
		id: "list-transactions", method: http.MethodGet, path: "/organisations/{organisation}/transactions", tag: "ledger",
		summary: "List what moved an organisation's balance, the latest first", roles: anyone(),
	}, s.listTransactions)
	register(s, route{
		id: "verify-ledger", method: http.MethodPost, path: "/ledger/verify", tag: "ledger",
		summary: "Check every invariant of the ledger", roles: operators(),
	}, s.verifyLedger)
}

func (s *Server) verifyLedger(ctx context.Context, _ *caller, _ *struct{}) (Verification, error) {
	r, err := s.opt.Books.Verify(ctx)
	return Verification{OK: r.OK(), Report: r}, err
}
