package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"sluice"
	"sluice/money/price"
	"sluice/wire/chat"
	"sluice/wire/openai"
)

// call is one request on its way through the six steps. Each step fills in
// what the next ones need.
type call struct {
	g        *Gateway
	w        http.ResponseWriter
	r        *http.Request
	endpoint openai.Endpoint // the engine's
	dialect  chat.Dialect    // the client's; nil when it is the engine's
	errand   Errand          // zero when a client calls by itself
	id       string
	admitted time.Time // the instant that picks the price book

	// by identify
	directory *Directory
	principal *sluice.Principal

	// by understand
	body    []byte // the request as it came; a buffer to give back
	large   int64  // what the body has of the memory for large ones
	request *openai.Request
	model   *model
	media   *media // of a call whose answer is no generated text; nil otherwise

	commission  *Commission     // of a call whose answer is made later; nil otherwise
	contentType string          // of the body
	detail      json.RawMessage // what the client of such a call is told of its request

	attached  []openai.Attachment // what the request holds or names besides text
	textBytes int                 // of the body without them
	speech    *speech             // how the client is answered in its dialect; nil when it is the engine's

	// by admit
	pass    pass
	budget  budget
	waiting waiting
	held    bool

	// by route
	engineCtx context.Context
	cancel    context.CancelFunc
	late      *time.Timer // ends the attempt at a stream that does not begin; nil without such a limit
	taken     sluice.Route
	outcome   sluice.Outcome
	patched   []byte // the engine's copy of the request; a buffer to give back
	reply     *sluice.EngineReply

	// by relay
	out     client
	pump    pump
	stream  openai.Stream // in use when the request streams
	mend    mend
	whole   []byte // the whole answer, when it does not; a buffer to give back
	parsed  openai.Reply
	answer  *chat.Reply // what the whole answer says, for another dialect
	said    []byte      // the whole answer in that dialect, once it was put into it
	firstAt time.Time
	left    bool // the client left in the middle
	cutOff  bool // the balance ran out in the middle

	shadowed []byte // the request, for the model's shadow; nil of most calls

	// by settle
	event  sluice.Event
	failed *sluice.Error
}

// begin starts a call's life.
func (g *Gateway) begin(w http.ResponseWriter, r *http.Request, e openai.Endpoint, d chat.Dialect) *call {
	g.running.Add(1)
	now := g.Now()
	c := &call{g: g, w: w, r: r, endpoint: e, dialect: d, errand: errandOf(r.Context()), admitted: now}
	if !c.errand.At.IsZero() {
		c.admitted = c.errand.At
	}
	c.id = g.name(w, now, c.errand.CallID)
	c.out = client{call: c, w: w, conn: http.NewResponseController(w)}
	// A body that stalls must not hold a connection for ever, not even that of a
	// caller who is refused: the server reads the body's rest before it answers.
	_ = c.out.conn.SetReadDeadline(time.Now().Add(g.BodyTimeout)) // not every writer can: then the server's own limits hold
	return c
}

// end gives back whatever the call still has, also after a panic in a step or
// in one of these.
func (c *call) end() {
	defer c.observe()
	defer c.g.running.Add(-1)
	defer func() { c.g.large.Add(-c.large) }()
	defer func() { c.pass.leave(c.event.Usage.Total()) }()
	defer c.releaseHold()
	defer c.leaveEngine()
	c.out.stopKeepAlive()
	c.askShadow()
	if c.speech != nil {
		c.speech.exchange.Ended(c.failed, c.left)
	}
}

// path is the endpoint that the client called.
func (c *call) path() string {
	if c.dialect != nil {
		return c.dialect.Path()
	}
	return c.endpoint.Path
}

func (c *call) releaseHold() {
	if c.held {
		c.g.Ledger.Release(c.id)
	}
}

// endWait is how long the engine's connection may take to end an answer whose
// [DONE] was seen.
const endWait = 20 * time.Millisecond

// awaitEnd reads the engine's answer to its end. Some engines send the end in
// a packet of its own, behind [DONE]; a connection that is left before it
// cannot carry another call.
func (c *call) awaitEnd() {
	limit := time.AfterFunc(endWait, c.cancel)
	defer limit.Stop()
	for {
		n, err := c.reply.Body.Read(c.pump.buf)
		if n > 0 || err != nil {
			return // the end; or bytes behind [DONE], of an engine best left
		}
	}
}

// leaveEngine ends the engine's work, where there is still any, and gives back
// what was lent for it.
func (c *call) leaveEngine() {
	if c.stream.Done && !c.left && c.reply != nil {
		c.awaitEnd()
	}
	if c.cancel != nil {
		c.cancel()
	}
	if c.reply != nil {
		_ = c.reply.Body.Close()
	}
	c.g.bodies.put(c.body)
	c.g.bodies.put(c.patched)
	c.g.bodies.put(c.whole)
	c.g.reads.put(c.pump.buf)
	if c.taken.Engine != nil {
		c.g.Fleet.Done(c.taken, c.outcome, c.counted())
	}
}

// book returns the price book that decides for the call.
func (c *call) book() *price.Book {
	return c.directory.book(c.principal.Org.Currency, c.admitted)
}
