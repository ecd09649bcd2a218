package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/fleet/embedded"
	"sluice/infer"
	"sluice/infer/box"
)

// TestMeteringEndToEnd asks a real model through gateway and ledger, with
// beginnings that requests share, and with clients that leave at every moment.
// What is booked must be what the engine counted: prompt, cached and
// completion tokens, to the token. SLUICE_METERING sets how many requests.
func TestMeteringEndToEnd(t *testing.T) {
	requests := 200
	if n, err := strconv.Atoi(os.Getenv("SLUICE_METERING")); err == nil {
		requests = n
	}
	loaded, err := infer.Options{Threads: 1, Slots: 8, Queue: requests, Cache: 8 << 20}.Read(box.File())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := embedded.New(embedded.Config{Model: loaded, ID: "own-name", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, setup{handler: engine})
	work := make(chan int)
	var group sync.WaitGroup
	for range 12 {
		group.Go(func() {
			for n := range work {
				r.meteredCall(n)
			}
		})
	}
	for n := range requests {
		work <- n
	}
	close(work)
	group.Wait()
	booked, statuses := r.booked()
	// A client that left may be gone before its call has ended.
	for wait := 0; wait < 3000 && (r.gateway.Running() > 0 || engine.Counted() != booked); wait++ {
		time.Sleep(10 * time.Millisecond)
		booked, statuses = r.booked()
	}
	if all := r.events(); len(all) != min(1000, statuses[sluice.StatusCompleted]+statuses[sluice.StatusCancelled]) {
		t.Errorf("%d events are in the ledger, the reports have %v", len(all), statuses)
	}
	if counted := engine.Counted(); counted != booked {
		t.Errorf("the engine counted %+v, the bill has %+v", counted, booked)
	}
	if s := loaded.Stats(); s.Running+s.Waiting != 0 || s.Generated < booked.Completion {
		t.Errorf("at the end: %+v", s)
	}
	if statuses[sluice.StatusCancelled] < requests/100 || statuses[sluice.StatusCompleted] < requests/4 || booked.Cached < booked.Prompt/5 {
		t.Errorf("too little was tried: %v, %+v", statuses, booked)
	}
	t.Logf("%d requests: %v, %+v, %+v", requests, statuses, booked, loaded.Stats())
}

// TestMeteringAtEachWrite has the client leave behind each write of the engine, for
// answers of each kind: with text, with none, with usage in every chunk, whole. Whether
// the gateway has then read the newest bytes or not, bill and engine agree.
func TestMeteringAtEachWrite(t *testing.T) {
	loaded, err := infer.Options{Threads: 1, Slots: 2, Cache: 8 << 20}.Read(box.File())
	if err != nil {
		t.Fatal(err)
	}
	engine, err := embedded.New(embedded.Config{Model: loaded, ID: "own-name", Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	holder := &holding{Handler: engine}
	r := newRig(t, setup{handler: holder})
	end, _ := loaded.Tokenizer().Special("<|im_end|>")
	calls := 0
	for kind, more := range map[string]string{
		"text": `"stream":true`, "nothing": fmt.Sprintf(`"stream":true,"logit_bias":{"%d":100}`, end),
		"usage in each chunk": `"stream":true,"stream_options":{"continuous_usage_stats":true}`, "whole": `"stream":false`,
	} {
		for writes, held := 0, true; held; writes++ {
			held = r.leaveBehind(holder, writes, `{"model":"`+model+`","max_tokens":3,"messages":[{"role":"user","content":"hi"}],`+more+`}`)
			calls++
			r.ended(calls)
			booked, _ := r.booked()
			for wait := 0; wait < 10_000 && engine.Counted() != booked; wait++ { // the engine's call may end a little later
				time.Sleep(time.Millisecond)
			}
			if counted := engine.Counted(); counted != booked {
				t.Fatalf("%s, left behind %d writes: the engine counted %+v, the bill has %+v", kind, writes, counted, booked)
			}
		}
	}
	if booked, statuses := r.booked(); statuses[sluice.StatusCompleted] != 4 || statuses[sluice.StatusCancelled] < 6 || booked.Completion < 10 {
		t.Errorf("too little was tried: %v, %+v", statuses, booked)
	}
}

// leaveBehind asks, and leaves once the engine has written so often and wants to
// write more; false when the answer was whole before.
func (r *rig) leaveBehind(holder *holding, writes int, body string) (held bool) {
	reached := holder.hold(writes)
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if res, err := r.client.Do(r.request(ctx, "POST", chatPath, body)); err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
	}()
	select {
	case <-reached:
		time.Sleep(2 * time.Millisecond) // most often the gateway has read all by then
		leave()
		<-ended
		return true
	case <-ended:
		return false
	}
}

// holding is an engine that holds its answer back behind some writes, until its
// reader leaves.
type holding struct {
	http.Handler
	mu      sync.Mutex
	writes  int
	reached chan struct{}
}

func (h *holding) hold(writes int) (reached <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writes, h.reached = writes, make(chan struct{})
	return h.reached
}

// ServeHTTP implements http.Handler.
func (h *holding) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	held := &heldWriter{ResponseWriter: w, ctx: r.Context(), left: h.writes, reached: h.reached}
	h.mu.Unlock()
	h.Handler.ServeHTTP(held, r)
}

type heldWriter struct {
	http.ResponseWriter
	ctx     context.Context
	left    int
	reached chan struct{}
}

func (w *heldWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Ended is that of the fleet's writer, by which the engine counts.
func (w *heldWriter) Ended(f func(taken int64, whole bool)) {
	w.ResponseWriter.(interface{ Ended(f func(int64, bool)) }).Ended(f)
}

func (w *heldWriter) Write(b []byte) (int, error) {
	if w.left--; w.left < 0 {
		if w.left == -1 {
			close(w.reached)
		}
		<-w.ctx.Done()
		return 0, w.ctx.Err()
	}
	return w.ResponseWriter.Write(b)
}

// booked adds up what the calls that have ended were billed for, and counts how
// they ended.
func (r *rig) booked() (sum embedded.Counts, statuses map[sluice.Status]int) {
	r.reports.mu.Lock()
	defer r.reports.mu.Unlock()
	statuses = map[sluice.Status]int{}
	for _, report := range r.reports.all {
		u := report.Event.Usage
		sum.Prompt += u[sluice.ClassInput] + u[sluice.ClassCached]
		sum.Cached += u[sluice.ClassCached]
		sum.Completion += u[sluice.ClassOutput] + u[sluice.ClassReasoning]
		if report.Event.CallID != "" {
			statuses[report.Event.Status]++
		}
		if report.Event.Estimated {
			r.t.Errorf("call %s was estimated: %+v", report.CallID, report.Event)
		}
	}
	return sum, statuses
}

// meteredCall is the n-th request: one of a few long beginnings, and an end of
// its own; a stream or not; cut off by its client at some moment or not.
func (r *rig) meteredCall(n int) {
	random := rand.New(rand.NewPCG(uint64(n), 1))
	beginning := strings.Repeat(fmt.Sprintf("You are helper number %d of Sluice. ", n%5), 12)
	kind := random.IntN(8)
	body, _ := json.Marshal(map[string]any{
		"model": model, "stream": kind < 5, "max_tokens": 1 + random.IntN(24), "temperature": []float64{0, 1, 2}[random.IntN(3)], "seed": n,
		"stop":     [][]string{nil, {"e", "🙂"}, {". "}}[random.IntN(3)],
		"messages": []map[string]string{{"role": "system", "content": beginning}, {"role": "user", "content": fmt.Sprintf("Question %d: 你好 🙂?", n)}},
	})
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	if kind == 4 || kind == 7 { // at some moment, most before the first token
		timer := time.AfterFunc(time.Duration(random.IntN(20))*time.Millisecond, leave)
		defer timer.Stop()
	}
	res, err := r.client.Do(r.request(ctx, "POST", chatPath, string(body)))
	if err != nil {
		if ctx.Err() == nil {
			r.t.Error(err)
		}
		return
	}
	defer res.Body.Close()
	if res.StatusCode != 200 && ctx.Err() == nil {
		answer, _ := io.ReadAll(res.Body)
		r.t.Errorf("status %d: %s", res.StatusCode, answer)
	}
	if kind == 2 || kind == 3 { // behind some bytes
		_, _ = io.CopyN(io.Discard, res.Body, int64(random.IntN(3000)))
		return
	}
	_, _ = io.Copy(io.Discard, res.Body)
}
