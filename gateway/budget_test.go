package gateway_test

import (
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/billing"
	"sluice/fleet/fleettest"
	"sluice/gateway"
)

// pauseAll makes every answer of the rig's engines wait after its first token.
func pauseAll(r *rig) *fleettest.Pause {
	pause := fleettest.NewPause()
	for _, e := range r.engines {
		e.Default(fleettest.Stream("Hello", " you").PauseAt(1, pause))
	}
	return pause
}

func tokens(n int) []string { return strings.Split(strings.Repeat("x", n), "") }

// counting is a ledger that counts extensions.
type counting struct {
	gateway.Ledger
	mu          sync.Mutex
	extensions  int
	checkpoints []sluice.Event
}

func (c *counting) Extend(call string, more sluice.Pico, checkpoint sluice.Event) sluice.Pico {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.extensions++
	c.checkpoints = append(c.checkpoints, checkpoint)
	return c.Ledger.Extend(call, more, checkpoint)
}

// A long stream asks for slice after slice, and leaves checkpoints of what it
// used so far.
func TestExtension(t *testing.T) {
	synctest.Test(t, testExtension)
}

func testExtension(t *testing.T) {
	c := &counting{}
	r := newRig(t, setup{options: gateway.Options{Ledger: c, Slice: 20}})
	c.Ledger = r.ledger
	script := fleettest.Stream(tokens(100)...).Usage(30, 100, 0)
	for n := range 99 {
		pause := fleettest.NewPause()
		script.PauseAt(n+1, pause)
		time.AfterFunc(time.Duration(n)*time.Second, pause.Release)
	}
	r.engines[0].Next(script)
	a := r.post(chatPath, streamed)
	if len(text(t, a.body)) != 100 || !strings.Contains(a.body, `"finish_reason":"stop"`) {
		t.Errorf("body %s", a.body)
	}
	wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 30, sluice.ClassOutput: 100}, sluice.StatusCompleted, false)
	if c.extensions < 3 || c.extensions > 6 {
		t.Errorf("%d extensions for 100 tokens in slices of 20", c.extensions)
	}
	for _, ev := range c.checkpoints {
		if ev.Status != sluice.StatusRecovered || ev.List <= 0 || ev.Usage[sluice.ClassOutput] == 0 {
			t.Errorf("checkpoint %+v", ev)
		}
	}
	if left, err := r.store.Checkpoints(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("checkpoints are left: %v, %v", left, err)
	}
}

// An engine that sends more than a slice at once is not cut off while the
// wallet covers it.
func TestExtensionInBursts(t *testing.T) {
	r := newRig(t, setup{options: gateway.Options{Slice: 5}})
	finish := strings.Replace(chunk(""), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	r.engines[0].Next(fleettest.Raw(strings.Repeat(chunk("x"), 200), finish+"data: [DONE]\n\n"))
	a := r.post(chatPath, streamed)
	if len(text(t, a.body)) != 200 || !strings.Contains(a.body, `"finish_reason":"stop"`) {
		t.Errorf("body %s", a.body)
	}
	wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 200}, sluice.StatusCompleted, true)
}

// When the balance ends in the middle, so does the answer: cleanly, with the
// reason length, and what was sent is billed as far as the balance goes.
func TestCutOff(t *testing.T) {
	for _, c := range []struct {
		path, body, object string
		usage              bool
	}{
		{chatPath, withUsage, "chat.completion.chunk", true},
		{chatPath, streamed, "chat.completion.chunk", false},
		{"/v1/completions", `{"model":"test-model","stream":true,"prompt":"hi"}`, "text_completion", false},
	} {
		prompt := int64(len(c.body)) // the hold counts a token for each byte
		// The first hold fits, and nothing beyond it.
		nano := (prompt*inputs + 20*outputs) / 1000
		r := newRig(t, setup{options: gateway.Options{Slice: 20}, credit: nano + 1})
		pause := fleettest.NewPause()
		r.engines[0].Next(fleettest.Stream(tokens(100)...).Usage(int(prompt), 100, 0).Announce().PauseAt(60, pause))
		a := r.post(c.path, c.body)
		got := len(text(t, a.body))
		if got < 20 || got > 60 || !strings.HasSuffix(a.body, "data: [DONE]\n\n") || strings.Count(a.body, `"finish_reason":"length"`) != 1 {
			t.Errorf("%d tokens, body %s", got, a.body)
		}
		var last struct {
			ID, Object string
			Choices    []map[string]any
		}
		at := strings.LastIndex(a.body[:strings.Index(a.body, `"length"`)], "data: ")
		line, _, _ := strings.Cut(a.body[at+len("data: "):], "\n")
		if err := json.Unmarshal([]byte(line), &last); err != nil {
			t.Fatal(err)
		}
		if last.ID != "fleettest-1" || last.Object != c.object || len(last.Choices) != 1 {
			t.Errorf("the last chunk is %s", line)
		}
		if _, ok := last.Choices[0][map[bool]string{true: "delta", false: "text"}[c.path == chatPath]]; !ok {
			t.Errorf("the last chunk is %s", line)
		}
		if strings.Contains(a.body, `"usage":{`) != c.usage {
			t.Errorf("usage there: %t", !c.usage)
		}
		if res := r.engines[0].Await(t, 0).Result(t); !res.Left {
			t.Error("the engine was not stopped")
		}
		ev := r.event()
		wantUsage(t, ev, sluice.Usage{sluice.ClassInput: prompt, sluice.ClassOutput: int64(got)}, sluice.StatusCutOff, false)
		if ev.Charge > ev.List || ev.Charge.Amount().Cmp(sluice.Amount{Nano: nano + 1}) > 0 {
			t.Errorf("charged %d of %d", ev.Charge, ev.List)
		}
	}
}

// A wallet that does not cover the whole hold bounds the output instead.
func TestClamp(t *testing.T) {
	prompt := (int64(len(plainCall)) + 3) / 4
	nano := (prompt*inputs + 50*outputs) / 1000
	for body, want := range map[string]string{
		plainCall: `"max_tokens":50`,
		strings.Replace(plainCall, `{`, `{"max_tokens":7,`, 1):               `"max_tokens":7,`,
		strings.Replace(plainCall, `{`, `{"max_completion_tokens":9000,`, 1): `"max_completion_tokens":4`,
	} {
		r := newRig(t, setup{credit: nano + 1})
		r.engines[0].Next(fleettest.Stream("a", "b").Usage(5, 2, 0))
		if a := r.post(chatPath, body); a.StatusCode != 200 {
			t.Fatalf("status %d, body %s", a.StatusCode, a.body)
		}
		if sent := string(r.engines[0].Calls()[0].Body); !strings.Contains(sent, want) {
			t.Errorf("the engine was sent %s, want %s in it", sent, want)
		}
		wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 5, sluice.ClassOutput: 2}, sluice.StatusCompleted, false)
	}
}

// An answer that comes whole cannot be cut off, so that the hold covers all of
// its output: else a wallet that pays for a slice would buy all that the model
// can say, as often as it holds slices.
func TestWholeAnswerIsCovered(t *testing.T) {
	long := strings.Replace(plainCall, `{`, `{"max_tokens":100000,`, 1)
	for _, c := range []struct {
		body    string
		context int64
		credit  int64 // in output tokens
		want    string
	}{
		{plainCall, 0, 3000, `"max_tokens":3000`},
		{plainCall, 2500, 3000, ""}, // no more than the model can say
		{plainCall, 0, 40_000, ""},
		{long, 0, 3000, `"max_tokens":3000,`},
		{long, 0, 99_000, `"max_tokens":99000,`},
		{long, 0, 101_000, `"max_tokens":100000,`},
		{strings.Replace(long, "100000", "9000000000000000000", 1), 0, 3000, `"max_tokens":3000,`},
	} {
		prompt := (int64(len(c.body)) + 3) / 4
		r := newRig(t, setup{credit: (prompt*inputs+c.credit*outputs)/1000 + 1})
		r.config.Models[0].ContextLength = c.context
		r.use()
		r.engines[0].Next(fleettest.Stream("a", "b").Usage(5, 2, 0))
		if a := r.post(chatPath, c.body); a.StatusCode != 200 {
			t.Fatalf("status %d, body %s", a.StatusCode, a.body)
		}
		sent := string(r.engines[0].Calls()[0].Body)
		if c.want == "" && strings.Contains(sent, "max_tokens") || !strings.Contains(sent, c.want) {
			t.Errorf("context %d, money for %d tokens: the engine was sent %s, want %q in it", c.context, c.credit, sent, c.want)
		}
	}
}

// 402 comes only when the prompt itself cannot be paid for.
func TestUnaffordable(t *testing.T) {
	prompt := int64(len(plainCall))/8 + 1
	least := prompt*cacheds + outputs
	for _, c := range []struct {
		nano   int64
		served bool
	}{{0, false}, {least/1000 - 1, false}, {least/1000 + 1, true}} {
		r := newRig(t, setup{credit: c.nano, noCredit: true})
		r.engines[0].Next(fleettest.Stream("a").Usage(1, 1, 0))
		a := r.post(chatPath, plainCall)
		if c.served {
			if a.StatusCode != 200 {
				t.Errorf("with %d nano: %d %s", c.nano, a.StatusCode, a.body)
			}
			continue
		}
		wantError(t, a, 402, sluice.CodeInsufficientFunds)
		if a.Header.Get("X-Should-Retry") != "false" || !strings.Contains(a.body, `"type":"insufficient_quota"`) {
			t.Errorf("header %v, body %s", a.Header, a.body)
		}
		r.wantFree(1)
	}
}

// A call that waits for others' holds is served when they end.
func TestWaitsForOthers(t *testing.T) {
	hold := (int64(len(streamed))*inputs + 2048*outputs) / 1000
	r := newRig(t, setup{credit: hold + hold/2, billing: billing.Options{}})
	pause := pauseAll(r)
	_, lines := r.open(t.Context(), streamed)
	readUntil(t, lines, "Hello")
	second := make(chan answer)
	go func() { second <- r.post(chatPath, streamed) }()
	select {
	case a := <-second:
		t.Fatalf("answered before the first call ended: %d %s", a.StatusCode, a.body)
	case <-r.engines[0].Await(t, 0).Ended():
		t.Fatal("the first call ended")
	case <-pause.Reached():
	}
	pause.Release()
	readUntil(t, lines, "[DONE]")
	if a := <-second; a.StatusCode != 200 {
		t.Errorf("status %d, body %s", a.StatusCode, a.body)
	}
	r.ended(2)
	if n := len(r.events()); n != 2 {
		t.Errorf("%d events", n)
	}
}
