package gateway

import (
	"context"
	"time"

	"sluice"
)

// Errand is a call that Sluice makes in a customer's name: a line of a batch,
// an answer in the background. It is admitted, metered and billed like the
// customer's own.
type Errand struct {
	Key    string // the id of the API key that it runs as
	CallID string // names the call, so that it cannot be booked twice; empty for a new one
	Batch  bool   // rated as a batch
	Model  string // asked for in place of the one that the request names; empty: that one
	Keep   Keeper // nil: the answer is only sent

	// Of a call that was admitted before (see Commission): the instant by which it
	// is priced, that its hold is there and how much it covers, and who follows the
	// making of a video.
	At      time.Time
	Held    bool
	Granted sluice.Pico
	Maker   Maker
}

// Keeper keeps the answer of an errand, so that it is not lost once it is billed.
type Keeper interface {
	// Keep is handed an answer that does not stream, whole and as it will be sent,
	// with its event, before it is billed. An error ends the call, which then is not
	// billed. It may be handed an answer that is never billed after all: because
	// the ledger fails or the process dies. The ledger knows, by the call's id.
	Keep(ctx context.Context, event sluice.Event, answer []byte) error
}

// keep hands the answer to the errand's keeper, if it has one.
func (c *call) keep(event sluice.Event) error {
	if c.errand.Keep == nil || c.request.Stream {
		return nil
	}
	c.event = event // of which the answer tells the usage
	answer, err := c.wholeAnswer()
	c.event = sluice.Event{}
	if err != nil {
		return err
	}
	// The answer is there, whether or not somebody still waits for it.
	return c.errand.Keep.Keep(context.WithoutCancel(c.r.Context()), event, answer)
}

type errandKey struct{}

// WithErrand makes the requests under a context an errand. Their own
// credentials are not looked at.
func WithErrand(ctx context.Context, e Errand) context.Context {
	return context.WithValue(ctx, errandKey{}, e)
}

func errandOf(ctx context.Context) Errand {
	e, _ := ctx.Value(errandKey{}).(Errand)
	return e
}
