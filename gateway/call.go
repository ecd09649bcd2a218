package gateway

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/money/price"
	"sluice/wire/openai"
)

// call is one request on its way through the six steps. Each step fills in
// what the next ones need.
type call struct {
	g        *Gateway
	w        http.ResponseWriter
	r        *http.Request
	endpoint openai.Endpoint
	id       string
	admitted time.Time // the instant that picks the price book

	// by identify
	directory *Directory
	principal *sluice.Principal

	// by understand
	body    []byte // the request as it came; a buffer to give back
	request *openai.Request
	model   *model

	// by admit
	pass   pass
	budget budget
	held   bool

	// by route
	engineCtx context.Context
	cancel    context.CancelFunc
	taken     sluice.Route
	outcome   sluice.Outcome
	patched   []byte // the engine's copy of the request; a buffer to give back
	reply     *sluice.EngineReply

	// by relay
	out     client
	pump    pump
	stream  openai.Stream // in use when the request streams
	whole   []byte        // the whole answer, when it does not
	parsed  openai.Reply
	firstAt time.Time
	left    bool // the client left in the middle
	cutOff  bool // the balance ran out in the middle

	// by settle
	event  sluice.Event
	failed *sluice.Error
}

// begin starts a call's life.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request, e openai.Endpoint) *call {
	g.running.Add(1)
	now := g.Now()
	c := &call{g: g, w: w, r: r, endpoint: e, id: sluice.NewID(sluice.PrefixCall, now), admitted: now}
	c.out = client{call: c, w: w, flusher: http.NewResponseController(w)}
	w.Header()["X-Request-Id"] = []string{c.id}
	return c
}

// end gives back whatever the call still has, also after a panic in a step.
func (c *call) end() {
	c.out.stopKeepAlive()
	if c.reply != nil {
		_ = c.reply.Body.Close() // before its end, this stops the engine's work
	}
	if c.taken.Engine != nil {
		c.g.Fleet.Done(c.taken, c.outcome)
	}
	if c.cancel != nil {
		c.cancel()
	}
	if c.held {
		c.g.Ledger.Release(c.id)
	}
	c.pass.leave(c.event.Usage.Total())
	c.g.buffers.put(c.body)
	c.g.buffers.put(c.patched)
	c.g.buffers.put(c.pump.buf)
	c.g.running.Add(-1)
	c.observe()
}

// book returns the price book that decides for the call.
func (c *call) book() *price.Book {
	return c.directory.book(c.principal.Org.Currency, c.admitted)
}
