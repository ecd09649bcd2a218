package gateway_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/money/quota"
	"sluice/product/responses"
	"sluice/wire/anthropic"
	"sluice/wire/chat"
	wire "sluice/wire/responses"
)

// answering lets responses be answered by the gateway, as the server does.
type answering struct{ *gateway.Gateway }

func (a answering) Serve(w http.ResponseWriter, r *http.Request, d chat.Dialect) {
	a.ServeDialect(w, r, d)
}

func (a answering) Run(w http.ResponseWriter, r *http.Request, d chat.Dialect, key, callID string) {
	a.ServeDialect(w, r.WithContext(gateway.WithErrand(r.Context(), gateway.Errand{Key: key, CallID: callID})), d)
}

func (a answering) Count(w http.ResponseWriter, r *http.Request, d responses.Counter) {
	a.CountTokens(w, r, d)
}

// tongue is a dialect with a short request in it.
type tongue struct {
	name, path string
	begin, end string // of a request; what stands between them is added to it
	handler    http.Handler
}

// tongues are all dialects that the server speaks, over a rig made with speaking.
func (r *rig) tongues() []tongue {
	r.t.Helper()
	box, err := wire.NewBox([]byte(strings.Repeat("s", 32)))
	if err != nil {
		r.t.Fatal(err)
	}
	service := responses.New(responses.Options{Models: answering{r.gateway}, Store: r.store, Streams: r.store, Conversations: r.store, Items: r.store, Box: box})
	r.t.Cleanup(service.Close)
	return []tongue{
		{"chat", chatPath, `{"model":"test-model","messages":[{"role":"user","content":"hi"}]`, `}`, r.gateway.Handler()},
		{"messages", messagesPath, `{"model":"test-model","messages":[{"role":"user","content":"hi"}]`, `,"max_tokens":9}`, r.gateway.Handler()},
		{"responses", wire.Path, `{"model":"test-model","input":[{"role":"user","content":"hi"}]`, `,"store":false}`, service.Handler()},
	}
}

func speaking(s setup) setup {
	s.options.Dialects = []chat.Dialect{anthropic.New([]byte("secret"))}
	return s
}

// ask sends a tongue's request with what is added to it.
func (r *rig) ask(g tongue, more string) answer {
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, r.request(r.t.Context(), http.MethodPost, g.path, g.begin+more+g.end))
	return answer{w.Result(), w.Body.String(), nil}
}

// refusal is what an error says in any dialect.
func (a answer) refusal(t testing.TB) (typ string, code sluice.Code) {
	t.Helper()
	var body struct {
		Error struct {
			Type    string
			Code    sluice.Code
			Details struct {
				Code sluice.Code `json:"error_code"`
			}
		}
	}
	if err := json.Unmarshal([]byte(a.body), &body); err != nil {
		t.Errorf("%s: %v", a.body, err)
	}
	return body.Error.Type, body.Error.Code + body.Error.Details.Code
}

// refusing is a ledger that has nothing for anybody.
type refusing struct {
	gateway.Ledger
	err error
}

func (r refusing) Hold(context.Context, sluice.HoldRequest) (sluice.Hold, error) {
	return sluice.Hold{}, r.err
}

// Whoever has used up a plan, a balance or a budget, asks too often, too much at
// once, or finds the engines full, is told which it was and when to come again, in
// every dialect: a retry is announced where it can help and forbidden where not.
func TestLimitsInEveryDialect(t *testing.T) {
	const openAI, claude = 0, 1
	for _, c := range []struct {
		name   string
		setup  setup
		arm    func(r *rig) (release func())
		code   sluice.Code
		status [2]int
		typ    [2]string
		again  string // x-should-retry
		after  string // retry-after, in seconds
	}{
		{
			"plan",
			setup{},
			func(r *rig) func() {
				r.subscribe(fiveHours(quota.Prompts, 1))
				r.engines[0].Next(fleettest.Stream("a").Usage(5, 1, 0))
				r.post(chatPath, plainCall)
				return nil
			},
			sluice.CodeQuotaExhausted,
			[2]int{429, 429},
			[2]string{"usage_limit_reached", "billing_error"},
			"false", "18000",
		},
		{"balance", setup{noCredit: true}, nil, sluice.CodeInsufficientFunds, [2]int{402, 402}, [2]string{"insufficient_quota", "billing_error"}, "false", ""},
		{"cap", setup{key: func(k *sluice.Key) { k.Cap = &sluice.Amount{Carry: 1} }}, nil, sluice.CodeSpendingCap, [2]int{402, 402}, [2]string{"insufficient_quota", "billing_error"}, "false", ""},
		{
			"budget",
			setup{},
			func(r *rig) func() {
				r.gateway.Ledger = refusing{r.ledger, &sluice.Error{Code: sluice.CodeBudget, Message: "The budget is used up.", RetryAfter: time.Hour}}
				return nil
			},
			sluice.CodeBudget,
			[2]int{402, 402},
			[2]string{"insufficient_quota", "billing_error"},
			"false", "3600",
		},
		{
			"rate",
			setup{key: func(k *sluice.Key) { k.Limits.RequestsPerMinute = 1 }},
			func(r *rig) func() {
				r.post(chatPath, plainCall)
				return nil
			},
			sluice.CodeRateLimited,
			[2]int{429, 429},
			[2]string{"rate_limit_error", "rate_limit_error"},
			"true", "60",
		},
		{
			"concurrency",
			setup{key: func(k *sluice.Key) { k.Limits.Concurrent = 1 }},
			func(r *rig) func() {
				pause := pauseAll(r)
				_, lines := r.open(r.t.Context(), streamed)
				readUntil(r.t, lines, "Hello")
				return func() { pause.Release(); readUntil(r.t, lines, "[DONE]") }
			},
			sluice.CodeConcurrency,
			[2]int{429, 429},
			[2]string{"rate_limit_error", "rate_limit_error"},
			"true", "1",
		},
		{
			"engines",
			setup{handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "7")
				w.WriteHeader(http.StatusTooManyRequests)
			})},
			nil,
			sluice.CodeOverloaded,
			[2]int{503, 529},
			[2]string{"overloaded_error", "overloaded_error"},
			"true", "7",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, speaking(c.setup))
				r.t = t
				all := r.tongues()
				var release func()
				if c.arm != nil {
					release = c.arm(r)
				}
				for _, g := range all {
					vendor := openAI
					if g.name == "messages" {
						vendor = claude
					}
					if c.name == "engines" {
						time.Sleep(10 * time.Second) // one that said that it is full is not asked for a while
					}
					a := r.ask(g, "")
					typ, code := a.refusal(t)
					if a.StatusCode != c.status[vendor] || typ != c.typ[vendor] || code != c.code {
						t.Errorf("%s: status %d, type %q, code %q in %s", g.name, a.StatusCode, typ, code, a.body)
					}
					if again, after := a.Header.Get("X-Should-Retry"), a.Header.Get("Retry-After"); again != c.again || after != c.after {
						t.Errorf("%s: x-should-retry %q, retry-after %q", g.name, again, after)
					}
					meter := a.Header.Get("Anthropic-Ratelimit-Unified-Status") + " " + a.Header.Get("Anthropic-Ratelimit-Unified-Representative-Claim") + " " + a.Header.Get("Anthropic-Ratelimit-Unified-Reset")
					if c.name == "plan" && meter != "rejected five_hour 946702800" || c.name != "plan" && meter != "  " {
						t.Errorf("%s: the meter says %q", g.name, meter)
					}
				}
				if release != nil {
					release()
				}
				r.client.CloseIdleConnections()
			})
		})
	}
}

// Two readers of one request must not understand two requests: what is written
// twice, in other letters, in no UTF-8, or beyond all bounds is refused in every
// dialect before an engine hears of it.
func TestSmugglingInEveryDialect(t *testing.T) {
	r := newRig(t, speaking(setup{}))
	deep := strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000)
	for name, more := range map[string]string{
		"twice":             `,"model":"other-model"`,
		"twice, escaped":    `,"\u006dodel":"other-model"`,
		"other letters":     `,"Model":"other-model"`,
		"long s":            `,"\u017ftream":true`,
		"twice below":       `,"metadata":{"user_id":"a","user_id":"b"}`,
		"unknown twice":     `,"x":1,"x":2`,
		"no UTF-8":          ",\"user\":\"\xff\"",
		"no UTF-8 in name":  ",\"\xff\":1",
		"half a surrogate":  `,"metadata":{"user_id":"\ud800"}`,
		"half in a name":    `,"\udc00":1`,
		"deep":              `,"x":` + deep,
		"deep in a tool":    `,"tools":[{"type":"function","name":"f","input_schema":` + deep + `,"parameters":` + deep + `}]`,
		"huge":              `,"temperature":1e999`,
		"stream by number":  `,"stream":1`,
		"stream by text":    `,"stream":"true"`,
		"control character": ",\"user\":\"\x00\"",
		"a comment":         `/**/`,
		"a comma":           `,`,
	} {
		for _, g := range r.tongues() {
			if name == "huge" && g.name == "chat" {
				continue // what passes through unread is the engine's to judge
			}
			a := r.ask(g, more)
			if _, code := a.refusal(t); a.StatusCode != 400 || code != sluice.CodeInvalid {
				t.Errorf("%s, %s: status %d, %.300s", g.name, name, a.StatusCode, a.body)
			}
			if len(a.body) > 1<<10 {
				t.Errorf("%s, %s: the answer has %d bytes", g.name, name, len(a.body))
			}
		}
	}
	if n := len(r.engines[0].Calls()); n != 0 {
		t.Errorf("engines were asked %d times", n)
	}
}

// The most tokens that a request names are within what can be counted, in every dialect.
func TestHugeOutputInEveryDialect(t *testing.T) {
	r := newRig(t, speaking(setup{}))
	for _, g := range r.tongues() {
		field := map[string]string{"chat": "max_completion_tokens", "messages": "max_tokens", "responses": "max_output_tokens"}[g.name]
		g.end = strings.Replace(g.end, `,"max_tokens":9`, "", 1)
		for _, n := range []string{"-1", "1.5", "99999999999999999999", "1e400", `"9"`, "true"} {
			a := r.ask(g, `,"`+field+`":`+n)
			if _, code := a.refusal(t); a.StatusCode != 400 || code != sluice.CodeInvalid {
				t.Errorf("%s, %s: status %d, %.300s", g.name, n, a.StatusCode, a.body)
			}
		}
		for _, n := range []string{"1", "9223372036854775807"} {
			if a := r.ask(g, `,"`+field+`":`+n); a.StatusCode != 200 {
				t.Errorf("%s, %s: status %d, %.300s", g.name, n, a.StatusCode, a.body)
			}
		}
	}
}

// Whatever a request names by URL, in whatever field of whatever dialect, is the
// server's to fetch: where it fetches nothing, no engine is given the URL.
func TestURLsInEveryDialect(t *testing.T) {
	r := newRig(t, speaking(setup{}))
	fields := map[string][]string{
		"chat": {
			`{"role":"user","content":[{"type":"image_url","image_url":{"url":"URL"}}]}`,
			`{"role":"tool","tool_call_id":"a","content":[{"type":"image_url","image_url":{"url":"URL"}}]}`,
			`{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"URL","format":"wav"}}]}`,
			`{"role":"user","content":[{"type":"file","file":{"file_data":"URL"}}]}`,
			`{"role":"user","content":[{"image_url":"URL"}]}`,
		},
		"messages": {
			`{"role":"user","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}`,
			`{"role":"user","content":[{"type":"document","source":{"type":"url","url":"URL"}}]}`,
			`{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}]}`,
			`{"role":"user","content":[{"type":"document","source":{"type":"content","content":[{"type":"image","source":{"type":"url","url":"URL"}}]}}]}`,
		},
		"responses": {
			`{"role":"user","content":[{"type":"input_image","image_url":"URL"}]}`,
			`{"role":"user","content":[{"type":"input_file","file_url":"URL"}]}`,
			`{"role":"user","content":[{"type":"input_file","filename":"a","file_data":"URL"}]}`,
			`{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_image","image_url":"URL"}]}`,
		},
	}
	for _, g := range r.tongues() {
		for _, field := range fields[g.name] {
			for _, url := range []string{"http://169.254.169.254/latest", "HTTPS://10.0.0.1/x", " http://10.0.0.1/", "file:///etc/passwd", "ftp://10.0.0.1/x"} {
				spoken := g
				spoken.begin = strings.Replace(g.begin, `{"role":"user","content":"hi"}`, strings.Replace(field, "URL", url, 1), 1)
				a := r.ask(spoken, "")
				if _, code := a.refusal(t); a.StatusCode != 400 || code != sluice.CodeInvalid {
					t.Errorf("%s, %s, %s: status %d, %.300s", g.name, field, url, a.StatusCode, a.body)
				}
			}
		}
	}
	for i, call := range r.engines[0].Calls() {
		t.Errorf("engine's call %d: %s", i, call.Body)
	}
}
