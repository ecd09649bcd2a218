package gateway

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"sluice"
	"sluice/wire/chat"
	"sluice/wire/openai"
)

// lister is a dialect whose clients ask for the models at the same path as
// OpenAI's, and mean another list.
type lister interface {
	chat.Dialect

	// Lists reports whether a request with the header is of such a client.
	Lists(h http.Header) bool

	// AppendModels appends a page of the list, as the query wants it. Errors: CodeInvalid.
	AppendModels(dst []byte, models []sluice.Model, query url.Values) ([]byte, error)

	// AppendModel appends one model, under the name or alias that it was asked by.
	AppendModel(dst []byte, id string, m *sluice.Model) []byte
}

// listerFor returns the dialect in which a client wants its list of models; nil for OpenAI's.
func (g *Gateway) listerFor(h http.Header) lister {
	for _, d := range g.Dialects {
		if l, ok := d.(lister); ok && l.Lists(h) {
			return l
		}
	}
	return nil
}

// listModelsFor answers GET /v1/models in a dialect's form.
func (g *Gateway) listModelsFor(l lister, w http.ResponseWriter, r *http.Request, callID string) {
	d := g.Directory()
	p, err := g.principal(d, r)
	var body []byte
	if err == nil {
		var models []sluice.Model
		for _, name := range d.names {
			if m := d.models[name]; p.Key.Allows(name) && !m.Hidden {
				models = append(models, m.Model)
			}
		}
		body, err = l.AppendModels(nil, models, r.URL.Query())
	}
	if err != nil {
		l.WriteError(w, sluice.ErrorOf(err), callID)
		return
	}
	writeBody(w, body)
}

// getModelFor answers GET /v1/models/{id} in a dialect's form.
func (g *Gateway) getModelFor(l lister, w http.ResponseWriter, r *http.Request, callID string) {
	d := g.Directory()
	p, err := g.principal(d, r)
	if err != nil {
		l.WriteError(w, sluice.ErrorOf(err), callID)
		return
	}
	id := r.PathValue("id")
	m := d.models[id]
	if m == nil || !p.Key.Allows(m.Name) {
		l.WriteError(w, noModel(id), callID)
		return
	}
	writeBody(w, l.AppendModel(nil, id, &m.Model))
}

func writeBody(w http.ResponseWriter, body []byte) {
	set(w.Header(), "Content-Type", "application/json")
	_, _ = w.Write(body) // the client may be gone
}

// countTokens answers how long a prompt is. It is free: nothing is held or
// booked, and neither a balance nor a plan nor a limit refuses it.
func (g *Gateway) countTokens(w http.ResponseWriter, r *http.Request, d Counter) {
	c := g.begin(w, r, openai.Chat(), d)
	defer c.endCount()
	tokens, estimated, err := c.countedBy(d)
	if err != nil {
		d.WriteError(w, sluice.ErrorOf(err), c.id)
		return
	}
	if estimated {
		set(w.Header(), "X-Sluice-Estimated", "true")
	}
	writeBody(w, d.AppendCount(nil, tokens))
}

// endCount gives back what counting took. No call ends that an observer would
// want to hear of.
func (c *call) endCount() {
	c.g.running.Add(-1)
	c.g.large.Add(-c.large)
	c.g.bodies.put(c.body)
}

// countedBy reads the request and counts its tokens. estimated says that no engine did.
func (c *call) countedBy(d Counter) (tokens int64, estimated bool, err error) {
	if err := c.identify(); err != nil {
		return 0, false, err
	}
	if err := checkHeader(c.r.Header); err != nil {
		return 0, false, err
	}
	if err := c.readBody(); err != nil {
		return 0, false, err
	}
	q, err := d.ParseCount(c.asked())
	if err != nil {
		return 0, false, err
	}
	m, err := c.allowed(q.Model)
	if err != nil {
		return 0, false, err
	}
	asked := chat.Request{Tools: q.Tools, Reasoning: chat.Reasoning{Mode: q.Reasoning.Mode}}
	media := int64(0)
	asked.Messages = withoutMedia(q.Messages, &media)
	tokens, ok := c.g.tokenize(c.r.Context(), c.id, m.Name, &asked)
	if !ok {
		tokens = openai.EstimateTokens(len(openai.AppendRequest(nil, &asked)))
	}
	return tokens + media*tokensOfMedia, !ok || media > 0, nil
}

// tokensOfMedia is what an image or a file counts for where nobody can say.
const tokensOfMedia = 1600

// withoutMedia returns the messages without images, sounds and files, which it
// counts: an engine must not fetch what they name, and its tokenizer would not
// count them.
func withoutMedia(messages []chat.Message, media *int64) []chat.Message {
	out := make([]chat.Message, len(messages))
	for i, m := range messages {
		m.Parts = textParts(m.Parts, media)
		out[i] = m
	}
	return out
}

func textParts(parts []chat.Part, media *int64) []chat.Part {
	out := make([]chat.Part, 0, len(parts))
	for _, p := range parts {
		switch p.Kind {
		case chat.PartImage, chat.PartAudio, chat.PartFile:
			*media++
			continue
		case chat.PartResult:
			r := *p.Result
			r.Parts = textParts(r.Parts, media)
			p.Result = &r
		default:
		}
		out = append(out, p)
	}
	return out
}

// tokenizeLimit is how long an engine may take to count.
const tokenizeLimit = 5 * time.Second

// tokenize asks an engine of the model how many tokens a request has. ok is false
// when none says so: most that are attached by URL have no tokenizer to ask, which
// is no fault of theirs.
func (g *Gateway) tokenize(ctx context.Context, callID, model string, q *chat.Request) (tokens int64, ok bool) {
	ctx, cancel := context.WithTimeout(ctx, tokenizeLimit)
	defer cancel()
	route, err := g.Fleet.Route(ctx, sluice.RouteRequest{Model: model})
	if err != nil {
		return 0, false
	}
	defer g.Fleet.Done(route, sluice.OutcomeLeft, sluice.Usage{})
	q.Model = route.Model
	reply, err := g.Fleet.Send(ctx, route, &sluice.EngineRequest{CallID: callID, Path: openai.PathTokenize, Body: openai.AppendRequest(nil, q)})
	if err != nil {
		return 0, false
	}
	defer func() { _ = reply.Body.Close() }() // the answer was read
	if reply.Status != http.StatusOK {
		return 0, false
	}
	raw, err := io.ReadAll(io.LimitReader(reply.Body, maxWhole))
	if err != nil {
		return 0, false
	}
	tokens, err = openai.ParseTokens(raw)
	return tokens, err == nil && tokens > 0 // llama.cpp counts what it does not find there
}
