package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
	"sluice/wire/chat"
)

// telegraph is a dialect of words and STOPs: it writes down in which order it
// was asked for what.
type telegraph struct {
	ended chan string
	begin error
}

const telegraphPath = "/v1/telegraph"

func newTelegraph() *telegraph { return &telegraph{ended: make(chan string, 16)} }

func (t *telegraph) Path() string { return telegraphPath }

func (t *telegraph) Begin(ask chat.Ask) (chat.Exchange, error) {
	var body struct {
		To, Say string
		Stream  bool
	}
	if err := json.Unmarshal(ask.Body, &body); err != nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "no telegram")
	}
	if ask.Principal.Key.ID != "key_1" || ask.CallID == "" || ask.At.IsZero() {
		return nil, errors.New("the telegram came without its sender")
	}
	return &telegram{t, chat.Request{
		Model: body.To, Stream: body.Stream,
		Messages: []chat.Message{{Role: chat.RoleUser, Parts: []chat.Part{{Text: body.Say}}}},
	}}, t.begin
}

func (t *telegraph) WriteError(w http.ResponseWriter, e *sluice.Error, _ string) {
	w.WriteHeader(http.StatusTeapot)
	fmt.Fprintf(w, "ERROR %s STOP", e.Code)
}

type telegram struct {
	*telegraph
	request chat.Request
}

func (t *telegram) Request() *chat.Request { return &t.request }

func (t *telegram) Start(dst []byte, head chat.Head) []byte {
	return fmt.Appendf(dst, "FROM %s PROMPT %d/%d STOP\n", head.Model, head.Cached, head.Prompt)
}

func (t *telegram) Event(dst []byte, ev *chat.Event) []byte {
	if ev.Kind == chat.EventFinish {
		return fmt.Appendf(dst, "FINISH %s STOP\n", ev.Finish)
	}
	return fmt.Appendf(dst, "%s STOP\n", bytes.ToUpper(ev.Text))
}

func (t *telegram) Ping(dst []byte) []byte { return append(dst, "PING\n"...) }

func (t *telegram) End(dst []byte, end chat.End) ([]byte, error) {
	return fmt.Appendf(dst, "END %d TOKENS %t\n", end.Usage.Total(), end.CutOff), nil
}

func (t *telegram) Fail(dst []byte, e *sluice.Error) []byte {
	return fmt.Appendf(dst, "FAIL %s\n", e.Code)
}

func (t *telegram) Reply(dst []byte, r *chat.Reply, end chat.End) ([]byte, error) {
	return fmt.Appendf(dst, "%s %s %d TOKENS", r.Parts[0].Text, r.Finish, end.Usage.Total()), nil
}

func (t *telegram) Ended(failed *sluice.Error, left bool) {
	end := "answered"
	switch {
	case failed != nil:
		end = string(failed.Code)
	case left:
		end = "left"
	}
	t.ended <- end
}

const (
	telegramCall   = `{"to":"test-model","say":"hi"}`
	telegramStream = `{"to":"test-model","say":"hi","stream":true}`
)

func newTelegraphRig(t testing.TB, s setup) (*rig, *telegraph) {
	d := newTelegraph()
	s.options.Dialects = []chat.Dialect{d}
	return newRig(t, s), d
}

func (r *rig) wantTelegram(d *telegraph, body, want, ended string) {
	r.t.Helper()
	if a := r.post(telegraphPath, body); a.body != want {
		r.t.Errorf("answered %q, want %q", a.body, want)
	}
	if got := <-d.ended; got != ended {
		r.t.Errorf("ended as %s, want %s", got, ended)
	}
}

// Another dialect is answered in its own words, and billed under its own path
// like any other call.
func TestDialect(t *testing.T) {
	r, d := newTelegraphRig(t, setup{})
	r.engines[0].Next(
		fleettest.Stream("a", "b").Usage(9, 2, 4).Announce(),
		fleettest.Stream("all").Usage(9, 2, 4),
		fleettest.Stream("a", "b", "c").Usage(9, 3, 0).Announce().DieAfter(2),
	)
	r.wantTelegram(d, telegramStream, "FROM test-model PROMPT 4/9 STOP\nA STOP\nB STOP\nFINISH stop STOP\nEND 11 TOKENS false\n", "answered")
	r.wantTelegram(d, telegramCall, "all stop 11 TOKENS", "answered")
	r.wantTelegram(d, telegramStream, "FROM test-model PROMPT 0/9 STOP\nA STOP\nB STOP\nFAIL engine_failed\n", "engine_failed")
	if asked := string(r.engines[0].Await(t, 0).Body); !strings.Contains(asked, `"own-name"`) || !strings.Contains(asked, `"include_usage":true`) {
		t.Errorf("the engine was asked %s", asked)
	}
	for i, want := range []sluice.Usage{
		{sluice.ClassInput: 5, sluice.ClassCached: 4, sluice.ClassOutput: 2},
		{sluice.ClassInput: 5, sluice.ClassCached: 4, sluice.ClassOutput: 2},
		{sluice.ClassInput: 9, sluice.ClassOutput: 2},
	} {
		if ev := r.events()[i]; ev.Endpoint != telegraphPath || ev.Usage != want {
			t.Errorf("booked %+v, want %v", ev, want)
		}
	}
}

// Whatever refuses a call is said in the dialect.
func TestDialectRefuses(t *testing.T) {
	r, d := newTelegraphRig(t, setup{})
	for body, want := range map[string]string{
		`nonsense`:                         "ERROR invalid STOP",
		`{"to":"unknown-model","say":"x"}`: "ERROR model_not_found STOP",
	} {
		if a := r.post(telegraphPath, body); a.body != want || a.StatusCode != http.StatusTeapot {
			t.Errorf("%s is answered %d %q", body, a.StatusCode, a.body)
		}
	}
	<-d.ended // of the one that was understood
	stranger := r.request(t.Context(), http.MethodPost, telegraphPath, telegramCall)
	stranger.Header.Set("Authorization", "Bearer no-key")
	if a := r.do(stranger); a.body != "ERROR unauthenticated STOP" {
		t.Errorf("a stranger is answered %q", a.body)
	}
	d.begin = sluice.Errorf(sluice.CodeNotFound, "no such thread")
	if a := r.post(telegraphPath, telegramCall); a.body != "ERROR not_found STOP" {
		t.Errorf("an unknown state is answered %q", a.body)
	}
	r.wantFree(4)
}

// A balance that ends in the middle ends the answer in the dialect's own way.
func TestDialectCutOff(t *testing.T) {
	r, d := newTelegraphRig(t, setup{credit: 20, options: gateway.Options{Slice: 8}}) // 20 tokens' worth of output
	script := make([]string, 40)
	for i := range script {
		script[i] = "x"
	}
	r.engines[0].Next(fleettest.Stream(script...).Usage(9, 40, 0).Announce().PauseAt(30, fleettest.NewPause())) // it does not come to its end before it is cut off
	a := r.post(telegraphPath, telegramStream)
	if !strings.Contains(a.body, "FINISH length STOP\nEND ") || !strings.HasSuffix(a.body, "TOKENS true\n") {
		t.Errorf("answered %q", a.body)
	}
	if end := <-d.ended; end != "answered" {
		t.Errorf("ended as %s", end)
	}
	if ev := r.event(); ev.Status != sluice.StatusCutOff {
		t.Errorf("booked %+v", ev)
	}
}

// A silent engine's client is pinged in its dialect; one that leaves is told of.
func TestDialectSilenceAndLeaving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, d := newTelegraphRig(t, setup{options: gateway.Options{KeepAlive: time.Second}})
		pause := fleettest.NewPause()
		r.engines[0].Next(fleettest.Stream("a", "b").Usage(9, 2, 0).PauseAt(1, pause))
		ctx, leave := context.WithCancel(t.Context())
		res, err := r.client.Do(r.request(ctx, http.MethodPost, telegraphPath, telegramStream))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		buf := make([]byte, 1024)
		n := 0
		for !bytes.Contains(buf[:n], []byte("PING")) {
			more, err := res.Body.Read(buf[n:])
			if n += more; err != nil {
				t.Fatalf("%v after %q", err, buf[:n])
			}
		}
		leave()
		res.Body.Close()
		if end := <-d.ended; end != "left" {
			t.Errorf("ended as %s", end)
		}
		if ev := r.event(); ev.Status != sluice.StatusCancelled {
			t.Errorf("booked %+v", ev)
		}
	})
}

// An errand runs as the customer's key without its secret, under the id it was
// given, and is booked once.
func TestErrand(t *testing.T) {
	r := newRig(t, setup{})
	r.engines[0].Next(fleettest.Stream("x").Usage(3, 1, 0), fleettest.Stream("x").Usage(3, 1, 0))
	id := sluice.NewID(sluice.PrefixCall, time.Now())
	for i, want := range []int{http.StatusOK, http.StatusConflict} {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, chatPath, strings.NewReader(plainCall))
		r.gateway.Handler().ServeHTTP(w, req.WithContext(gateway.WithErrand(t.Context(), gateway.Errand{Key: "key_1", CallID: id})))
		if w.Code != want || w.Header().Get("X-Request-Id") != id {
			t.Errorf("try %d is answered %d %v %s", i, w.Code, w.Header(), w.Body)
		}
	}
	w := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, chatPath, strings.NewReader(plainCall))
	r.gateway.Handler().ServeHTTP(w, req.WithContext(gateway.WithErrand(t.Context(), gateway.Errand{Key: "key_9"})))
	if w.Code != http.StatusUnauthorized {
		t.Errorf("a key that is gone is answered %d", w.Code)
	}
	if ev := r.events(); len(ev) != 1 || ev[0].CallID != id || ev[0].Key != "key_1" {
		t.Errorf("booked %+v", ev)
	}
}

// kept is a keeper that notes what it got, and whether it was billed by then.
type kept struct {
	r       *rig
	answers []string
	usage   sluice.Usage
	billed  int
	fail    error
}

func (k *kept) Keep(ctx context.Context, ev sluice.Event, answer []byte) error {
	k.answers, k.usage = append(k.answers, string(answer)), ev.Usage
	k.billed = len(k.r.events())
	return errors.Join(k.fail, ctx.Err())
}

// An errand's answer is kept before it is billed, and not billed when it cannot
// be kept.
func TestKeep(t *testing.T) {
	r := newRig(t, setup{})
	ask := func(ctx context.Context, k *kept, body string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		req := httptest.NewRequest(http.MethodPost, chatPath, strings.NewReader(body))
		r.gateway.Handler().ServeHTTP(w, req.WithContext(gateway.WithErrand(ctx, gateway.Errand{Key: "key_1", Keep: k})))
		return w
	}
	broken := &kept{r: r, fail: errors.New("the disk is full")}
	if w := ask(t.Context(), broken, plainCall); w.Code != http.StatusInternalServerError || len(broken.answers) != 1 {
		t.Errorf("answered %d, kept %q", w.Code, broken.answers)
	}
	r.wantFree(1)
	k := &kept{r: r}
	w := ask(t.Context(), k, plainCall)
	ev := r.events()
	if w.Code != 200 || len(k.answers) != 1 || k.answers[0] != w.Body.String() || k.billed != 0 || len(ev) != 1 || ev[0].Usage != k.usage {
		t.Errorf("answered %d %s, kept %q with %v, when %d were billed", w.Code, w.Body, k.answers, k.usage, k.billed)
	}
	if w := ask(t.Context(), k, `{"model":"no-model","messages":[{}]}`); w.Code != 404 || len(k.answers) != 1 {
		t.Errorf("answered %d, kept %q", w.Code, k.answers)
	}
	if w := ask(t.Context(), k, streamed); w.Code != 200 || len(k.answers) != 1 {
		t.Errorf("a stream is answered %d, kept %q", w.Code, k.answers)
	}
}
