package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"sluice"
	"sluice/billing/closing"
	"sluice/money/seal"
)

// Closing seals hours, closes days and proves what is in them. Errors:
// CodeInvalid, CodeNotFound, CodeConflict.
type Closing interface {
	Head(ctx context.Context) (closing.Head, error)
	Day(ctx context.Context, day string) (*closing.Day, error)
	Close(ctx context.Context, day, by string) (*closing.Day, error)
	Reopen(ctx context.Context, day, by, reason string) (*closing.Day, error)
	Explain(ctx context.Context, day, subject, note, by string) (*closing.Day, error)
	Count(ctx context.Context, counters []seal.Counter) error
	Audit(ctx context.Context, since, until time.Time, rewrite bool) ([]seal.Fault, error)
	Receipt(ctx context.Context, org, call string) (*seal.Receipt, error)
}

// ReopenDay asks to open a closed day again.
type ReopenDay struct {
	Reason string `json:"reason" minLength:"1" maxLength:"2000" doc:"Why; it is kept in the record for good."`
}

// ExplainDifference says why something on a day does not agree.
type ExplainDifference struct {
	Subject string `json:"subject" minLength:"1" maxLength:"200" example:"engine:gpu1" doc:"The check that differs."`
	Note    string `json:"note" minLength:"1" maxLength:"2000" doc:"Why; it is kept for good, with who says so."`
}

// PutCounters is what engines themselves counted.
type PutCounters struct {
	Counters []seal.Counter `json:"counters" minItems:"1" maxItems:"10000"`
}

// Audit asks to compare what was sealed with what is stored now.
type Audit struct {
	Since   time.Time `json:"since,omitzero" doc:"From this hour on; all when absent."`
	Until   time.Time `json:"until,omitzero" doc:"Before this hour; all when absent."`
	Rewrite bool      `json:"rewrite,omitempty" doc:"Make the rows of hours without a fault again."`
}

// Audited is what an audit found.
type Audited struct {
	OK     bool         `json:"ok"`
	Faults []seal.Fault `json:"faults"`
}

func (s *Server) registerClosing() {
	const tag = "closing"
	const day = "/closing/days/{day}"
	register(s, route{
		id: "get-ledger-head", method: http.MethodGet, path: "/ledger/head", tag: tag,
		summary: "Get the heads of the chains of seals and of closes", roles: anyone(),
	}, func(ctx context.Context, _ *caller, _ *struct{}) (closing.Head, error) {
		return s.opt.Closing.Head(ctx)
	})
	register(s, route{
		id: "get-receipt", method: http.MethodGet, path: "/calls/{call}/receipt", tag: tag,
		summary: "Get the receipt of a call, which proves that it was booked as it says", roles: anyone(),
	}, func(ctx context.Context, who *caller, in *struct {
		Call string `path:"call" maxLength:"64"`
	},
	) (json.RawMessage, error) { // as `sluice receipt verify` reads it
		r, err := s.opt.Closing.Receipt(ctx, who.org, in.Call)
		if err != nil {
			return nil, err
		}
		text, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("writing a receipt: %w", err)
		}
		return text, nil
	})
	register(s, route{
		id: "get-day", method: http.MethodGet, path: day, tag: tag,
		summary: "Get where a day stands: what agrees, what does not, and its closes", roles: operators(),
	}, func(ctx context.Context, _ *caller, in *inDay) (*closing.Day, error) {
		return s.opt.Closing.Day(ctx, in.Day)
	})
	register(s, route{
		id: "close-day", method: http.MethodPost, path: day + "/close", tag: tag,
		summary: "Close a day whose figures agree", roles: treasurers(),
	}, func(ctx context.Context, who *caller, in *inDay) (*closing.Day, error) {
		return s.opt.Closing.Close(ctx, in.Day, by(who))
	})
	register(s, route{
		id: "reopen-day", method: http.MethodPost, path: day + "/reopen", tag: tag,
		summary: "Open a closed day again, for what was booked late", roles: treasurers(),
	}, func(ctx context.Context, who *caller, in *struct {
		Day  string `path:"day" maxLength:"10" example:"2026-11-21"`
		Body ReopenDay
	},
	) (*closing.Day, error) {
		return s.opt.Closing.Reopen(ctx, in.Day, by(who), in.Body.Reason)
	})
	register(s, route{
		id: "explain-difference", method: http.MethodPost, path: day + "/explanations", tag: tag,
		summary: "Say why something on a day does not agree, so that it can be closed", roles: treasurers(),
	}, func(ctx context.Context, who *caller, in *struct {
		Day  string `path:"day" maxLength:"10" example:"2026-11-21"`
		Body ExplainDifference
	},
	) (*closing.Day, error) {
		return s.opt.Closing.Explain(ctx, in.Day, in.Body.Subject, in.Body.Note, by(who))
	})
	registerEmpty(s, route{
		id: "put-counters", method: http.MethodPut, path: "/closing/counters", tag: tag,
		summary: "Store what engines themselves counted in whole hours", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body PutCounters }) error {
		return s.opt.Closing.Count(ctx, in.Body.Counters)
	})
	register(s, route{
		id: "audit-seals", method: http.MethodPost, path: "/closing/audit", tag: tag,
		summary: "Compare what was sealed with what is stored now, row by row", roles: treasurers(),
	}, func(ctx context.Context, _ *caller, in *struct{ Body Audit }) (Audited, error) {
		faults, err := s.opt.Closing.Audit(ctx, in.Body.Since, in.Body.Until, in.Body.Rewrite)
		return Audited{OK: len(faults) == 0, Faults: faults}, err
	})
}

type inDay struct {
	Day string `path:"day" maxLength:"10" example:"2026-11-21" doc:"In UTC."`
}

// by names a caller in what is kept for good.
func by(who *caller) string {
	if who.user != nil {
		return who.user.Email
	}
	return cmp.Or(who.key, "the operator, on the server itself")
}

// publishHead answers everybody with the heads: a receipt is worth what a head is
// that somebody else has kept.
func (s *Server) publishHead(w http.ResponseWriter, r *http.Request) {
	head, err := s.opt.Closing.Head(r.Context())
	if err != nil {
		s.opt.Log.ErrorContext(r.Context(), "the head could not be read", "error", err)
		writeProblem(w, sluice.Errorf(sluice.CodeUnavailable, "The head cannot be read at the moment."))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(head) // a caller who left
}
