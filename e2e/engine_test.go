package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"
)

// engine is an engine whose answers are what the prompt asks for, so that a
// client knows beforehand what it will be billed. It lives in the test and
// outlives the servers that are killed.
type engine struct {
	URL     string
	asked   atomic.Int64 // calls so far
	busy    atomic.Int64 // refuses so many of the next calls with 503
	stopped chan struct{}
}

// newEngine starts an engine until the test ends.
func newEngine(t testing.TB) *engine {
	e := &engine{stopped: make(chan struct{})}
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	t.Cleanup(func() { close(e.stopped) })
	e.URL = srv.URL
	return e
}

// order is what a prompt asks the engine for.
type order struct {
	prompt, cached, output int64
	pace                   time.Duration // before each token
	gate                   bool          // wait for the client to leave, or the test to end, in the middle
}

// text is the order as a chat message. A token has at least a byte, which the text has.
func (o order) text() string {
	return url.Values{
		"prompt": {strconv.FormatInt(o.prompt, 10)}, "cached": {strconv.FormatInt(o.cached, 10)},
		"output": {strconv.FormatInt(o.output, 10)}, "pace": {o.pace.String()}, "gate": {strconv.FormatBool(o.gate)},
	}.Encode()
}

// tokens is what the order uses by class.
func (o order) tokens() tokens {
	return tokens{Input: o.prompt - o.cached, Cached: o.cached, Output: o.output}
}

// usage is the order's usage in the dialect.
func (o order) usage() string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":%d}}`,
		o.prompt, o.output, o.prompt+o.output, o.cached)
}

func readOrder(body []byte) (o order, stream bool, err error) {
	var in struct {
		Stream   bool `json:"stream"`
		Messages []struct {
			Content string `json:"content"`
		} `json:"messages"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return o, false, err
	}
	if len(in.Messages) == 0 {
		return o, false, errors.New("no messages")
	}
	q, err := url.ParseQuery(in.Messages[len(in.Messages)-1].Content)
	if err != nil {
		return o, false, err
	}
	number := func(name string) int64 {
		n, nErr := strconv.ParseInt(q.Get(name), 10, 64)
		err = errors.Join(err, nErr)
		return n
	}
	o = order{prompt: number("prompt"), cached: number("cached"), output: number("output"), gate: q.Get("gate") == "true"}
	pace, paceErr := time.ParseDuration(q.Get("pace"))
	o.pace = pace
	return o, in.Stream, errors.Join(err, paceErr)
}

// ServeHTTP answers chat completions, and says that it is well. A PUT makes it
// busy for the next call.
func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodPost:
	case http.MethodPut:
		e.busy.Store(1)
		return
	default:
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"object":"list","data":[]}`)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	e.asked.Add(1)
	if e.busy.Add(-1) >= 0 {
		w.Header().Set("Retry-After", "1")
		http.Error(w, `{"error":{"message":"busy"}}`, http.StatusServiceUnavailable)
		return
	}
	e.busy.Store(0)
	o, stream, err := readOrder(body)
	if err != nil {
		http.Error(w, fmt.Sprintf(`{"error":{"message":%q}}`, err), http.StatusBadRequest)
		return
	}
	w.Header().Set("X-Prompt-Tokens", strconv.FormatInt(o.prompt, 10))
	w.Header().Set("X-Cached-Tokens", strconv.FormatInt(o.cached, 10))
	if stream {
		e.stream(w, r, o)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a whole answer","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":%s}`, o.usage())
}

// stream sends a chunk for each token. The gateway always asks for usage.
func (e *engine) stream(w http.ResponseWriter, r *http.Request, o order) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	const head = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[`
	for i := range o.output {
		if o.gate && i == o.output/2 {
			select {
			case <-r.Context().Done():
			case <-e.stopped:
			}
		}
		if o.pace > 0 {
			select {
			case <-time.After(o.pace):
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, head+`{"index":0,"delta":{"content":"t%d "},"finish_reason":null}]}`+"\n\n", i)
		if flush.Flush() != nil {
			return
		}
	}
	fmt.Fprint(w, head+`{"index":0,"delta":{},"finish_reason":"stop"}]}`+"\n\n")
	fmt.Fprint(w, head+`],"usage":`+o.usage()+"}\n\ndata: [DONE]\n\n")
}
