package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"sluice"
	"sluice/wire/openai"
)

// route finds an engine and brings the call to the engine's first bytes. An
// engine that fails before them has delivered nothing, so the call goes to
// another one; after them it never does. One that says that it is full is no
// failure: the call waits on. Errors: CodeUnavailable, CodeOverloaded,
// CodeConcurrency, CodeEngineFailed, CodeTimeout, CodeInvalid (the engine refuses
// the request itself, or none can do what it asks for), or errLeft.
func (c *call) route() error {
	if err := c.attach(); err != nil {
		return err
	}
	if c.request.Stream {
		c.out.startKeepAlive()
	}
	tried := c.elsewhere() // and those that cannot do what is asked
	var failed []sluice.Route
	var failure, unable error
	for attempts := 0; attempts < c.g.Attempts; {
		taken, err := c.g.Fleet.Route(c.r.Context(), c.routeRequest(tried))
		if err != nil {
			if c.r.Context().Err() != nil {
				return c.clientLeft()
			}
			failure = cmp.Or(failure, c.noEngine(err, unable)) // why others failed says more
			break
		}
		if refusal := c.unable(taken.Engine); refusal != nil {
			c.g.Fleet.Done(taken, sluice.OutcomeLeft, sluice.Usage{})
			tried, unable = append(tried, taken.Engine.ID), refusal
			continue
		}
		c.taken, c.outcome = taken, sluice.OutcomeServed
		c.out.answeredBy(taken.Engine.Simulated())
		if failure = c.attempt(); failure == nil {
			break
		}
		if !c.retryable(failure) {
			return failure
		}
		full := c.outcome == sluice.OutcomeRefused
		c.abandon()
		if full && c.waitLeft() > 0 {
			c.waiting.again = true
			continue
		}
		attempts++
		c.g.Log.Warn("an engine failed before its first byte", "call", c.id, "engine", taken.Engine.Name, "error", failure)
		tried, failed = append(tried, taken.Engine.ID), append(failed, taken)
	}
	c.compare(failed, failure == nil)
	return failure
}

// compare tells the fleet how a call went on that engines failed. Of one that
// failed on a single engine, nothing is known.
func (c *call) compare(failed []sluice.Route, served bool) {
	if len(failed) > 1 || len(failed) == 1 && served {
		c.g.Fleet.Compared(failed, served)
	}
}

// routeRequest is what an engine is chosen by. What is no text says nothing
// about where it should go.
func (c *call) routeRequest(tried []string) sluice.RouteRequest {
	w := &c.waiting
	req := sluice.RouteRequest{
		Model: c.request.Model, Tried: tried,
		Wait: c.waitLeft(), Tenant: c.principal.Org.ID, Weight: c.principal.Org.Queue.Weight,
		Class: w.class, Free: w.free, Output: c.budget.outputLikely, Again: w.again,
	}
	if c.media != nil || !c.endpoint.Generates() {
		return req
	}
	req.Prompt, req.Tokens = c.request.Prompt(), c.budget.promptLikely
	req.Scope = c.directory.salts[c.principal.Org.ID]
	req.Session = c.session()
	return req
}

// counted is what the engine said that the call used; zero when it did not say.
func (c *call) counted() (u sluice.Usage) {
	switch {
	case c.parsed.HasUsage:
		return c.parsed.Usage
	case c.stream.HasUsage:
		return c.stream.Counted.Usage
	}
	return u
}

// unable says why an engine cannot be asked, naming the parameter; nil when it can.
func (c *call) unable(e *sluice.Engine) error {
	missing := e.Missing()
	if missing == 0 || c.media != nil {
		return nil
	}
	feature, param := c.request.Uses(missing)
	if feature == 0 {
		return nil
	}
	message := fmt.Sprintf("The request asks for %s, which no engine of the model %q can do.", feature, c.request.Model)
	if c.speech != nil {
		param = "" // the client's dialect has other names
	} else {
		message += fmt.Sprintf(" Leave out '%s'.", param)
	}
	return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: message}
}

// noEngine is the error where none can be had: that none is able to do what is
// asked, unless one that is may be had later.
func (c *call) noEngine(err, unable error) error {
	if unable != nil && sluice.ErrorOf(err).RetryAfter == 0 {
		return unable
	}
	return err
}

// retryable reports whether the same request may succeed at another engine.
func (c *call) retryable(err error) bool {
	switch sluice.CodeOf(err) {
	case sluice.CodeEngineFailed, sluice.CodeTimeout, sluice.CodeOverloaded:
		return c.r.Context().Err() == nil
	}
	return false
}

// abandon gives the engine back after a failed attempt.
func (c *call) abandon() {
	if c.reply != nil {
		_ = c.reply.Body.Close() // nothing of it is wanted
		c.reply = nil
	}
	c.stream = openai.Stream{} // nor is it billed, where the engine had counted something
	c.cancel()
	c.cancel = nil
	c.g.Fleet.Done(c.taken, c.outcome, sluice.Usage{})
	c.taken = sluice.Route{}
}

// attempt asks one engine and reads its first bytes, or its whole answer when
// it does not stream.
func (c *call) attempt() error {
	c.engineCtx, c.cancel = c.g.engineContext(c.r.Context(), c.onLeave())
	c.boundFirstBytes()
	if c.endpoint.Path == openai.PathVideos {
		return c.makeVideo()
	}
	reply, err := c.g.Fleet.Send(c.engineCtx, c.taken, c.engineRequest())
	if err != nil {
		return c.engineFault(err)
	}
	c.reply = reply
	c.budget.promptCounted(reply.PromptTokens)
	if reply.Status != http.StatusOK {
		return c.refused()
	}
	if c.media != nil {
		return c.beginMedia()
	}
	if !c.request.Stream {
		return c.readWhole()
	}
	if t := reply.ContentType; t != "" && !strings.HasPrefix(t, "text/event-stream") {
		return c.engineFault(fmt.Errorf("it answers %.80q in place of an event stream", t))
	}
	return c.firstBytes()
}

// onLeave is what becomes of the engine's work when the client leaves. Nobody
// leaves a job but who ends it.
func (c *call) onLeave() sluice.OnLeave {
	if c.errand.Held {
		return sluice.LeaveCancel
	}
	return c.taken.Engine.OnLeave
}

// engineRequest is the request as the engine is to get it.
func (c *call) engineRequest() *sluice.EngineRequest {
	if c.patched == nil {
		c.patched = c.g.bodies.get(len(c.body) + 256)
	}
	req := &sluice.EngineRequest{CallID: c.id, Path: c.endpoint.Path, Stream: c.request.Stream}
	if c.media != nil {
		c.patched, req.ContentType = c.media.request.Body(c.patched[:0], c.taken.Model)
	} else {
		patch := openai.Patch{Model: c.taken.Model, MaxTokens: c.budget.maxTokens(), Thoughts: c.renames()}
		if !c.taken.Engine.NoCacheSalt {
			patch.CacheSalt = c.directory.salts[c.principal.Org.ID]
		}
		c.patched = c.request.Patched(c.patched[:0], patch)
	}
	req.Body = c.patched
	return req
}

// engineContext bounds the engine's work: it ends with the client's leaving
// or, where the policy is to drain, a while after it.
func (g *Gateway) engineContext(client context.Context, policy sluice.OnLeave) (context.Context, context.CancelFunc) {
	if policy != sluice.LeaveDrain {
		return context.WithCancel(client)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(client))
	stop := context.AfterFunc(client, func() {
		limit := time.NewTimer(g.DrainLimit)
		defer limit.Stop()
		select {
		case <-limit.C:
			cancel()
		case <-ctx.Done():
		}
	})
	return ctx, func() { stop(); cancel() }
}

// errLeft says that the client left. Nobody is there to be told.
var errLeft = errors.New("the client left")

// clientLeft notes that the client left before the engine was done.
func (c *call) clientLeft() error {
	c.left, c.outcome = true, sluice.OutcomeLeft
	return errLeft
}

// engineFault notes an attempt's failure for the engine's health and returns
// it; a failure that came from the client's leaving is errLeft.
func (c *call) engineFault(err error) error {
	switch {
	case errors.Is(context.Cause(c.engineCtx), errLate):
		err = &sluice.Error{Code: sluice.CodeTimeout, Message: "The engine took too long to begin.", Err: errLate}
	case c.engineCtx.Err() != nil:
		return c.clientLeft()
	}
	c.outcome = sluice.OutcomeFailed
	switch sluice.CodeOf(err) {
	case sluice.CodeEngineFailed, sluice.CodeTimeout:
		return err
	case sluice.CodeOverloaded:
		c.outcome = sluice.OutcomeRefused
		return err
	case sluice.CodeInvalid: // the engine is well: it blames the request, as it may with a 400
		c.outcome = sluice.OutcomeServed
		return err
	}
	return &sluice.Error{Code: sluice.CodeEngineFailed, Message: "The engine broke off.", Err: err}
}

// refused turns an engine's error status into the client's error. The text of
// an engine is passed on only where it is about the request itself.
func (c *call) refused() error {
	status := c.reply.Status
	raw, _ := io.ReadAll(io.LimitReader(c.reply.Body, 64<<10)) // a text that cannot be read is left out
	message, param := openai.EngineError(raw)
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		if message == "" {
			message = fmt.Sprintf("The engine refused the request with status %d.", status)
		}
		code := sluice.CodeInvalid
		if status == http.StatusRequestEntityTooLarge {
			code = sluice.CodeTooLarge
		}
		return &sluice.Error{Code: code, Message: message, Param: param}
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotImplemented:
		if c.media != nil {
			return c.notServed()
		}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		c.outcome = sluice.OutcomeRefused
		return &sluice.Error{
			Code: sluice.CodeOverloaded, RetryAfter: retryAfter(c.reply.RetryAfter),
			Message: "The model is overloaded. Try again in a moment.", Err: fmt.Errorf("status %d: %s", status, message),
		}
	}
	c.outcome = sluice.OutcomeFailed
	return &sluice.Error{Code: sluice.CodeEngineFailed, Message: "The engine failed.", Err: fmt.Errorf("status %d: %s", status, message)}
}

// retryAfter reads an engine's Retry-After in seconds, within what SDKs obey; otherwise one second.
func retryAfter(s string) time.Duration {
	d, err := time.ParseDuration(s + "s")
	if err != nil || d <= 0 {
		return time.Second
	}
	return min(d, time.Minute)
}
