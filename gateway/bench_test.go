package gateway_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/money/price"
	"sluice/wire/chat"
)

// noLedger grants everything and books nothing.
type noLedger struct{}

func (noLedger) Hold(_ context.Context, req sluice.HoldRequest) (sluice.Hold, error) {
	return sluice.Hold{CallID: req.CallID, Granted: req.Want}, nil
}
func (noLedger) Extend(_ string, more sluice.Pico, _ sluice.Event) sluice.Pico   { return more }
func (noLedger) Settle(_ context.Context, ev sluice.Event) (sluice.Event, error) { return ev, nil }
func (noLedger) Planned(string) bool                                             { return false }
func (noLedger) PlanMeter(string, string, time.Time) *sluice.PlanMeter           { return nil }
func (noLedger) Release(string)                                                  {}
func (f *instant) Began(sluice.Route)                                            {}
func (*instant) Compared([]sluice.Route, bool)                                   {}

func (f *instant) Done(sluice.Route, sluice.Outcome, sluice.Usage) {}
func (f *instant) Route(context.Context, sluice.RouteRequest) (sluice.Route, error) {
	return f.route, nil
}

func (f *instant) Send(context.Context, sluice.Route, *sluice.EngineRequest) (*sluice.EngineReply, error) {
	return &sluice.EngineReply{Status: 200, ContentType: f.kind, Body: f.body(), PromptTokens: -1, CachedTokens: -1}, nil
}

// instant is a fleet whose only engine has its answer ready.
type instant struct {
	route sluice.Route
	kind  string
	body  func() io.ReadCloser
}

// discard is a client that takes everything.
type discard struct {
	header http.Header
	wrote  int64 // bytes
}

func (d *discard) Header() http.Header              { return d.header }
func (d *discard) Write(b []byte) (int, error)      { d.wrote += int64(len(b)); return len(b), nil }
func (d *discard) WriteHeader(int)                  {}
func (d *discard) Flush()                           {}
func (d *discard) SetReadDeadline(time.Time) error  { return nil }
func (d *discard) SetWriteDeadline(time.Time) error { return nil }

// repeated is a stream of n chunks, one a read, and an end.
type repeated struct {
	left       int
	chunk, end []byte
}

func (r *repeated) Read(p []byte) (int, error) {
	switch {
	case r.left > 0:
		r.left--
		return copy(p, r.chunk), nil
	case r.left == 0:
		r.left--
		return copy(p, r.end), nil
	}
	return 0, io.EOF
}

func (r *repeated) Close() error { return nil }

// bench is a gateway over an instant engine, called without a network.
type bench struct {
	gateway  *gateway.Gateway
	handler  http.Handler
	template *http.Request
	reader   *bytes.Reader
	w        *discard
}

func newBench(b *testing.B, f *instant, dialects ...chat.Dialect) *bench {
	secret := sluice.NewSecret()
	book, err := price.Publish("book_1", price.Draft{Currency: usd, Rules: []price.Rule{
		{Model: model, Class: sluice.ClassInput, Price: inputs}, {Model: model, Class: sluice.ClassOutput, Price: outputs},
	}}, time.Unix(0, 0))
	if err != nil {
		b.Fatal(err)
	}
	f.route = sluice.Route{Engine: &sluice.Engine{ID: "eng_1", Name: "one"}, Model: "own-name"}
	g := gateway.New(gateway.Options{Ledger: noLedger{}, Fleet: f, Log: slog.New(slog.DiscardHandler), Dialects: dialects})
	d, err := gateway.NewDirectory(gateway.Config{
		Organisations: []*sluice.Organisation{{ID: "org_1", Currency: usd}},
		Keys:          []*sluice.Key{{ID: "key_1", Org: "org_1", Hash: sluice.HashKey(secret), Limits: sluice.Limits{RequestsPerMinute: 1 << 40}}},
		Models:        []*sluice.Model{{Name: model}},
		Books:         []*price.Book{book},
	})
	if err != nil {
		b.Fatal(err)
	}
	g.Use(d)
	template, err := http.NewRequestWithContext(b.Context(), http.MethodPost, chatPath, nil)
	if err != nil {
		b.Fatal(err)
	}
	template.Header = http.Header{"Authorization": {"Bearer " + secret}, "Content-Type": {"application/json"}}
	reader := bytes.NewReader(nil)
	template.Body = io.NopCloser(reader)
	return &bench{g, g.Handler(), template, reader, &discard{header: http.Header{}}}
}

// post makes one request.
func (n *bench) post(path, body string) {
	n.reader.Reset([]byte(body))
	clear(n.w.header)
	r := *n.template // the mux writes into it
	at := *r.URL
	at.Path = path
	r.URL, r.ContentLength = &at, int64(len(body))
	n.handler.ServeHTTP(n.w, &r)
}

// benchmark serves b.N requests with the body.
func benchmark(b *testing.B, f *instant, body string) {
	n := newBench(b, f)
	b.ReportAllocs()
	for b.Loop() {
		n.post(chatPath, body)
	}
	if h := n.w.header; h.Get("X-Should-Retry") != "" || h.Get("X-Ratelimit-Limit-Requests") == "" {
		b.Fatalf("the requests failed: %v", h)
	}
}

// BenchmarkGateway measures what the gateway itself takes: for one request with
// a whole answer, and for each chunk of a stream.
func BenchmarkGateway(b *testing.B) {
	b.Run("request", func(b *testing.B) {
		answer := []byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"own-name","choices":[{"index":0,"message":{"role":"assistant","content":"Hello, world"},"finish_reason":"stop"}],"usage":{"prompt_tokens":20,"completion_tokens":3,"total_tokens":23,"prompt_tokens_details":{"cached_tokens":16}}}`)
		benchmark(b, &instant{kind: "application/json", body: func() io.ReadCloser { return io.NopCloser(bytes.NewReader(answer)) }}, plainCall)
	})
	b.Run("chunk", func(b *testing.B) {
		const chunks = 1000
		end := []byte(`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"own-name","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
			`data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"own-name","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":1000,"total_tokens":1020}}` + "\n\ndata: [DONE]\n\n")
		one := []byte(chunk(" world"))
		benchmark(b, &instant{kind: "text/event-stream", body: func() io.ReadCloser { return &repeated{chunks, one, end} }}, streamed)
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/chunks, "ns/chunk")
	})
}
