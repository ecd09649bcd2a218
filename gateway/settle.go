package gateway

import (
	"context"
	"errors"

	"sluice"
	"sluice/money/price"
	"sluice/wire/openai"
	"sluice/wire/sse"
)

// settle ends the call. What was produced is billed and durable before the
// last bytes go out: the answer of a request, the [DONE] of a stream. A call
// that produced nothing is free.
func (c *call) settle(err error) {
	// Until the body is read, the context also ends when the body comes too slowly.
	kept := err == nil && c.errand.Keep != nil // whoever waits for it, the answer is not lost
	if c.request != nil && c.r.Context().Err() != nil && !kept {
		c.left = true
		if err != nil {
			err = errLeft
		}
	}
	if err == nil || c.produced() {
		if settleErr := c.bill(c.status(err)); settleErr != nil {
			err = settleErr
		}
	}
	c.out.stopKeepAlive()
	switch {
	case errors.Is(err, errLeft) || (err == nil && c.left):
	case err != nil:
		c.fail(sluice.ErrorOf(err))
	case c.media != nil:
		c.finishMedia()
	case c.request.Stream:
		c.finishStream()
	default:
		c.sendWhole()
	}
}

// produced reports whether a broken call has output that is billed: what passed,
// or what the engine counted before the call broke. An answer that says nothing,
// since its first token ended it, is known by the count alone.
func (c *call) produced() bool {
	if c.media != nil {
		return c.held && c.left && c.media.delivered // of a broken answer there is nothing to count by
	}
	return c.held && c.request != nil && c.request.Stream && (c.stream.Tokens > 0 || c.stream.Counted.Usage.Completion() > 0)
}

// status says how the call ended.
func (c *call) status(err error) sluice.Status {
	switch {
	case c.left:
		return sluice.StatusCancelled
	case err != nil:
		return sluice.StatusFailed
	case c.cutOff:
		return sluice.StatusCutOff
	}
	return sluice.StatusCompleted
}

// bill settles the call at the ledger.
func (c *call) bill(status sluice.Status) error {
	event, err := c.eventNow(status)
	if err != nil {
		return err
	}
	if err := c.keep(event); err != nil {
		return err
	}
	// The client's leaving must not stop a booking.
	settled, err := c.g.Ledger.Settle(context.WithoutCancel(c.r.Context()), event)
	if err != nil {
		return err
	}
	c.held = false
	c.event = settled
	return nil
}

// eventNow is the call's event as it stands: what it used and what that costs.
// Where a price has steps, the ledger rates it again, from where its organisation
// stands.
func (c *call) eventNow(status sluice.Status) (sluice.Event, error) {
	usage, estimated := c.usage()
	book := c.book()
	ev := sluice.Event{
		CallID: c.id, Org: c.principal.Org.ID, Key: c.principal.Key.ID, Project: c.principal.Key.Project,
		Model: c.request.Model, Engine: c.taken.Engine.Name, Endpoint: c.path(),
		AdmittedAt: c.admitted, FirstAt: c.firstAt, EndedAt: c.g.Now(),
		Batch: c.errand.Batch, ServiceTier: c.request.ServiceTier, Thinking: c.request.Thinking,
		Status: status, Usage: usage, Estimated: estimated, Simulated: c.taken.Engine.Simulated(),
		Currency: book.Currency, Book: book.ID,
	}
	list, err := book.Charge(price.QueryOfEvent(&ev))
	ev.List = list.Total
	return ev, err
}

// usage is what the call consumed: as the engine counted it, or else as we
// counted what passed. estimated says that the engine did not count all of it.
//
// A stream that breaks off is counted by its chunks. Engines that announce the
// prompt's length send a token in each, so that this is exact; others may put
// several into one, and are billed for less than they produced, never for more.
func (c *call) usage() (u sluice.Usage, estimated bool) {
	switch {
	case c.media != nil:
		return c.media.usage()
	case c.parsed.HasUsage:
		return c.parsed.Usage, false
	case c.stream.HasUsage:
		return c.countedSoFar()
	}
	cached := min(max(c.reply.CachedTokens, 0), c.budget.promptLikely)
	u[sluice.ClassInput] = c.budget.promptLikely - cached
	u[sluice.ClassCached] = cached
	if c.request.Stream {
		u[sluice.ClassOutput] = c.stream.Tokens
		return u, c.reply.PromptTokens < 0
	}
	u[sluice.ClassOutput] = openai.EstimateTokens(c.parsed.TextBytes)
	return u, true
}

// countedSoFar is the stream's usage as the engine counted it. Some engines
// count in every chunk, or once at the beginning: of an answer that did not come
// to its end, what passed after the count is added.
func (c *call) countedSoFar() (u sluice.Usage, estimated bool) {
	u = c.stream.Counted.Usage
	if after := c.stream.Tokens - u.Completion(); after > 0 && !c.stream.Finished() {
		u[sluice.ClassOutput] += after
		return u, true
	}
	return u, false
}

// finishStream sends what was kept back until the call was paid for.
func (c *call) finishStream() {
	if c.speech != nil {
		c.finishSpeech()
		return
	}
	var last []byte
	if c.cutOff {
		last = c.stream.CutOff(c.request.Choices, c.event.Usage)
	} else {
		last = c.stream.Tail()
	}
	c.deliver(append(last, sse.Done...))
}

// sendWhole sends an answer that was not streamed, byte for byte as the engine
// gave it. When its first token came is not known: the event does not say, and
// the report says when it was delivered.
func (c *call) sendWhole() {
	c.firstAt = c.event.EndedAt
	whole, err := c.wholeAnswer()
	if err != nil {
		c.fail(sluice.ErrorOf(err))
		return
	}
	if c.out.sendWhole(whole) != nil {
		c.left = true
	}
}

// fail tells the client of an error: as the answer or, when a stream has
// begun, as an event, after which there is never a [DONE].
func (c *call) fail(e *sluice.Error) {
	c.failed = e
	if e.Code == sluice.CodeInternal {
		c.g.Log.Error("a call failed by a fault of ours", "call", c.id, "error", e)
	}
	if c.dialect != nil {
		c.failSpeech(e)
		return
	}
	c.failMedia()
	if c.out.started() {
		_ = c.out.send(sse.AppendData(nil, openai.ErrorObject(e))) // the client may be gone
		return
	}
	if r, ok := errors.AsType[*sluice.QuotaRefusal](e); ok {
		c.writeRefusal(e, r)
		return
	}
	openai.WriteError(c.w, e)
}
