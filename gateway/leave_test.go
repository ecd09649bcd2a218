package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet"
	"sluice/fleet/fleettest"
	"sluice/gateway"
)

func drain(e *sluice.Engine) { e.OnLeave = sluice.LeaveDrain }

// A client that leaves in the middle stops the engine at once, and pays for
// what was produced.
func TestLeaveMidStream(t *testing.T) {
	for _, announced := range []bool{false, true} {
		r := newRig(t, setup{})
		pause := fleettest.NewPause()
		script := fleettest.Stream("a", "b", "c", "d", "e").Usage(9, 5, 4).PauseAt(3, pause)
		if announced {
			script.Announce()
		}
		r.engines[0].Next(script)
		ctx, leave := context.WithCancel(t.Context())
		_, lines := r.open(ctx, streamed)
		readUntil(t, lines, `"c"`)
		leave()
		if got := r.engines[0].Await(t, 0).Result(t); !got.Left || got.Chunks != 3 {
			t.Errorf("the engine saw %+v", got)
		}
		want := sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 3}
		if announced {
			want = sluice.Usage{sluice.ClassInput: 5, sluice.ClassCached: 4, sluice.ClassOutput: 3}
		}
		wantUsage(t, r.event(), want, sluice.StatusCancelled, !announced)
		if report := r.ended(1)[0]; report.Result() != "left" {
			t.Errorf("reported %q", report.Result())
		}
		if s := r.fleet.Status()[0]; s.Left != 1 || s.Failed != 0 {
			t.Errorf("the engine's status is %+v", s)
		}
	}
}

// An answer may have tokens and yet say nothing: the first one ends it. A client
// that leaves once the engine has counted it, and before the stream's end, pays for
// the count, as the engine has it too. A count of no output is free.
func TestLeaveBehindUsage(t *testing.T) {
	finish := strings.Replace(chunk(""), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	for _, output := range []int64{0, 1} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{})
			pause := fleettest.NewPause()
			usage := fmt.Sprintf("data: {\"choices\":[],\"usage\":{\"prompt_tokens\":169,\"completion_tokens\":%d,\"prompt_tokens_details\":{\"cached_tokens\":144}}}\n\n", output)
			r.engines[0].Next(fleettest.Raw(chunk(""), finish, usage, "data: [DONE]\n\n").PauseAt(3, pause))
			ctx, leave := context.WithCancel(t.Context())
			_, lines := r.open(ctx, streamed)
			readUntil(t, lines, `"stop"`)
			synctest.Wait() // the gateway has read the usage
			leave()
			if output == 0 {
				r.wantFree(1)
				return
			}
			wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 25, sluice.ClassCached: 144, sluice.ClassOutput: 1}, sluice.StatusCancelled, false)
		})
	}
}

// What an engine counted before it failed without a byte is not billed, whatever
// the next one does.
func TestNoBillOfAbandonedCount(t *testing.T) {
	usage := "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n"
	for name, next := range map[string]*fleettest.Script{
		"refuses": fleettest.Status(400, `{"error":{"message":"too hot"}}`),
		"fails":   fleettest.Status(500, "oops"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, setup{engines: 2, machine: inTurn(fleettest.Raw(usage).DieAfter(1), next)})
			if a := r.post(chatPath, streamed); a.StatusCode == 200 {
				t.Errorf("answered: %s", a.body)
			}
			r.wantFree(1)
		})
	}
}

// inTurn are machines of which the first that is asked plays the first script.
func inTurn(scripts ...*fleettest.Script) func(int) http.Handler {
	shared := new(fleettest.Engine)
	shared.Next(scripts...)
	return func(int) http.Handler { return shared }
}

// Several tokens in a chunk: who leaves pays for each chunk as one, and the
// event says that this is an estimate; who stays pays what the engine counts.
func TestLeaveFewerChunksThanTokens(t *testing.T) {
	r := newRig(t, setup{})
	pause := fleettest.NewPause()
	r.engines[0].Next(fleettest.Stream("one two three", " four five").Usage(3, 8, 0), fleettest.Stream("one two three", " four five").Usage(3, 8, 0).PauseAt(1, pause))
	r.post(chatPath, streamed)
	ctx, leave := context.WithCancel(t.Context())
	_, lines := r.open(ctx, streamed)
	readUntil(t, lines, "three")
	leave()
	r.ended(2)
	all := r.events()
	wantUsage(t, all[0], sluice.Usage{sluice.ClassInput: 3, sluice.ClassOutput: 8}, sluice.StatusCompleted, false)
	wantUsage(t, all[1], sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 1}, sluice.StatusCancelled, true)
}

// Under the policy to drain, the answer is read to its end and billed in full.
func TestLeaveDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{engine: drain})
		pause := fleettest.NewPause()
		r.engines[0].Next(fleettest.Stream("a", "b", "c", "d", "e").Usage(9, 5, 4).PauseAt(3, pause))
		ctx, leave := context.WithCancel(t.Context())
		_, lines := r.open(ctx, streamed)
		readUntil(t, lines, `"c"`)
		leave()
		time.Sleep(10 * time.Millisecond)
		pause.Release()
		if got := r.engines[0].Await(t, 0).Result(t); got.Left {
			t.Errorf("the engine saw %+v", got)
		}
		wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 5, sluice.ClassCached: 4, sluice.ClassOutput: 5}, sluice.StatusCancelled, false)
		if s := r.fleet.Status()[0]; s.Served != 1 {
			t.Errorf("the engine's status is %+v", s)
		}
	})
}

// Draining ends after a while.
func TestLeaveDrainLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, setup{engine: drain, options: gateway.Options{DrainLimit: 7 * time.Second}})
		r.engines[0].Next(fleettest.Stream("a", "b", "c").StallAfter(2))
		ctx, leave := context.WithCancel(t.Context())
		_, lines := r.open(ctx, streamed)
		readUntil(t, lines, `"b"`)
		synctest.Wait()
		left := time.Now()
		leave()
		ev := r.event()
		if took := ev.EndedAt.Sub(left); took < 7*time.Second || took > 8*time.Second {
			t.Errorf("drained for %v", took)
		}
		wantUsage(t, ev, sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 2}, sluice.StatusCancelled, true)
	})
}

// Before the first byte nothing was produced, so nothing is billed, and no
// other engine is asked.
func TestLeaveBeforeFirstByte(t *testing.T) {
	for _, body := range []string{streamed, plainCall} {
		r := newRig(t, setup{engines: 2})
		for _, e := range r.engines {
			e.Default(fleettest.Stall())
		}
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error)
		go func() {
			res, err := r.client.Do(r.request(ctx, "POST", chatPath, body))
			if err == nil {
				res.Body.Close()
			}
			failed <- err
		}()
		for len(r.engines[0].Calls())+len(r.engines[1].Calls()) == 0 {
			time.Sleep(time.Millisecond)
		}
		leave()
		if err := <-failed; err == nil {
			t.Error("answered")
		}
		r.wantFree(1)
		if n := len(r.engines[0].Calls()) + len(r.engines[1].Calls()); n != 1 {
			t.Errorf("%d engines were asked", n)
		}
		for _, s := range r.fleet.Status() {
			if s.Failed != 0 {
				t.Errorf("the engine's status is %+v", s)
			}
		}
	}
}

// A whole answer whose client has left is free when the engine could be
// stopped, and billed when it was drained.
func TestLeaveWhole(t *testing.T) {
	for _, policy := range []sluice.OnLeave{sluice.LeaveCancel, sluice.LeaveDrain} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t, setup{engine: func(e *sluice.Engine) { e.OnLeave = policy }})
			pause := fleettest.NewPause()
			r.engines[0].Next(fleettest.Stream("a", "b").Usage(9, 2, 0).PauseAt(1, pause))
			ctx, leave := context.WithCancel(t.Context())
			var leaving sync.WaitGroup
			defer leaving.Wait()
			leaving.Go(func() {
				<-pause.Reached()
				leave()
				time.Sleep(20 * time.Millisecond)
				pause.Release()
			})
			if res, err := r.client.Do(r.request(ctx, "POST", chatPath, plainCall)); err == nil {
				res.Body.Close()
				t.Error("answered")
			}
			if policy == sluice.LeaveCancel {
				r.wantFree(1)
				return
			}
			wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 9, sluice.ClassOutput: 2}, sluice.StatusCancelled, false)
			if !r.ended(1)[0].Left {
				t.Error("the report does not say that the client left")
			}
		})
	}
}

// An engine that dies in the middle: an error event and no clean end; what was
// delivered is billed.
func TestEngineDies(t *testing.T) {
	for name, script := range map[string]*fleettest.Script{
		"dies":         fleettest.Stream("a", "b", "c").DieAfter(2),
		"no end":       fleettest.Raw(chunk("a"), chunk("b")),
		"error":        fleettest.Raw(chunk("a"), chunk("b"), "data: {\"error\":{\"message\":\"secret\"}}\n\n"),
		"malformed":    fleettest.Raw(chunk("a"), chunk("b"), "data: {\"choices\":\n\n"),
		"half a chunk": fleettest.Raw(chunk("a"), chunk("b"), "data: {\"choices\":["),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, setup{engines: 2})
			for _, e := range r.engines {
				e.Default(script)
			}
			a := r.post(chatPath, streamed)
			if text(t, strings.SplitN(a.body, `data: {"error"`, 2)[0]) != "ab" || strings.Contains(a.body, "[DONE]") || strings.Contains(a.body, "secret") {
				t.Errorf("body %s", a.body)
			}
			if !strings.Contains(a.body, `"code":"engine_failed"`) {
				t.Errorf("no error event: %s", a.body)
			}
			wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: int64(len(streamed)+3) / 4, sluice.ClassOutput: 2}, sluice.StatusFailed, true)
			if n := len(r.engines[0].Calls()) + len(r.engines[1].Calls()); n != 1 {
				t.Errorf("%d engines were asked, want 1: the first had begun", n)
			}
			if report := r.ended(1)[0]; report.Result() != "engine_failed" {
				t.Errorf("reported %q", report.Result())
			}
		})
	}
}

// Usage that an engine told before the end says nothing of what came after it.
func TestEngineDiesAfterUsage(t *testing.T) {
	early := strings.Replace(chunk("a"), `}]}`, `}],"usage":{"prompt_tokens":20,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":15}}}`, 1)
	finish := strings.Replace(chunk(""), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	for _, c := range []struct {
		rest      string
		output    int64
		status    sluice.Status
		estimated bool
	}{
		{strings.Repeat(chunk("x"), 9), 10, sluice.StatusFailed, true},
		{"", 1, sluice.StatusFailed, false},
		{strings.Repeat(chunk("x"), 9) + finish, 1, sluice.StatusCompleted, false}, // the engine's count, for the answer is whole
	} {
		r := newRig(t, setup{})
		r.engines[0].Next(fleettest.Raw(early, c.rest))
		r.post(chatPath, streamed)
		wantUsage(t, r.event(), sluice.Usage{sluice.ClassInput: 5, sluice.ClassCached: 15, sluice.ClassOutput: c.output}, c.status, c.estimated)
	}
}

// An engine that sends no [DONE] has ended well when its only answer has a
// finish reason. Of several answers the others may be missing.
func TestEndWithoutDone(t *testing.T) {
	finish := strings.Replace(chunk(""), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	for n, clean := range map[string]bool{"1": true, "2": false} {
		r := newRig(t, setup{})
		r.engines[0].Next(fleettest.Raw(chunk("a"), chunk("b"), finish))
		a := r.post(chatPath, strings.Replace(streamed, "{", `{"n":`+n+`,`, 1))
		if strings.HasSuffix(a.body, "data: [DONE]\n\n") != clean || strings.Contains(a.body, `"error"`) == clean {
			t.Errorf("n=%s: %s", n, a.body)
		}
		if ev := r.event(); ev.Usage[sluice.ClassOutput] != 2 || (ev.Status == sluice.StatusCompleted) != clean {
			t.Errorf("n=%s: booked %+v", n, ev)
		}
	}
}

// A client that leaves while it waits for money has held nothing.
func TestLeaveWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold := (int64(len(streamed))*inputs + 2048*outputs) / 1000
		r := newRig(t, setup{credit: hold + hold/2})
		pause := pauseAll(r)
		_, lines := r.open(t.Context(), streamed)
		readUntil(t, lines, "Hello")
		ctx, leave := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer leave()
		if res, err := r.client.Do(r.request(ctx, "POST", chatPath, streamed)); err == nil {
			res.Body.Close()
			t.Error("answered")
		}
		if report := r.ended(1)[0]; report.Result() != "left" || report.Engine != "" {
			t.Errorf("reported %+v", report)
		}
		pause.Release()
		readUntil(t, lines, "[DONE]")
		r.ended(2)
		if n := len(r.events()); n != 1 {
			t.Errorf("%d events", n)
		}
	})
}

func chunk(content string) string {
	return fmt.Sprintf("data: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", content)
}

// An engine that fails before its first byte is replaced by another one, and
// the call is billed once.
func TestRetryElsewhere(t *testing.T) {
	for name, script := range map[string]*fleettest.Script{
		"full":         fleettest.Status(503, `{"error":{"message":"full"}}`),
		"limited":      fleettest.Status(429, `{}`),
		"broken":       fleettest.Status(500, `oops`),
		"dies":         fleettest.Stream("a").DieAfter(0),
		"error first":  fleettest.Raw("data: {\"error\":{\"message\":\"x\"}}\n\n"),
		"only the end": fleettest.Raw("data: [DONE]\n\n"),
		"empty":        fleettest.Raw(""),
		"a page":       fleettest.Raw("<html>\n\n</html>").Header("Content-Type", "text/html"),
	} {
		for _, body := range []string{streamed, plainCall} {
			t.Run(name, func(t *testing.T) {
				r := newRig(t, setup{engines: 2})
				for _, e := range r.engines {
					e.Next(script)
				}
				// Both fail: the client hears of a failure, nothing is billed.
				a := r.post(chatPath, body)
				if a.StatusCode < 500 || a.Header.Get("X-Should-Retry") != "true" || strings.Contains(a.body, "oops") {
					t.Errorf("status %d, body %s", a.StatusCode, a.body)
				}
				r.wantFree(1)
				if n := len(r.engines[0].Calls()) + len(r.engines[1].Calls()); n != 2 {
					t.Errorf("%d engines were asked, want 2", n)
				}
				if name == "full" || name == "limited" {
					return // neither is asked for a while: see TestFullEnginesAreWaitedFor
				}
				// One of them fails, the other one answers.
				busy := r.engines[0]
				busy.Default(script)
				for range 4 {
					if a := r.post(chatPath, body); a.StatusCode != 200 || !strings.Contains(a.body, "world") {
						t.Errorf("status %d, body %s", a.StatusCode, a.body)
					}
				}
				r.ended(5)
				if n := len(r.events()); n != 4 {
					t.Errorf("%d events are booked, want 4", n)
				}
			})
		}
	}
}

// What an engine refuses about the request itself is the client's to hear, and
// no other engine's to judge.
func TestEngineRefusesRequest(t *testing.T) {
	for status, code := range map[int]sluice.Code{400: sluice.CodeInvalid, 422: sluice.CodeInvalid, 413: sluice.CodeTooLarge} {
		r := newRig(t, setup{engines: 2})
		for _, e := range r.engines {
			e.Default(fleettest.Status(status, `{"error":{"message":"too hot","param":"temperature"}}`))
		}
		a := r.post(chatPath, streamed)
		want := status
		if code == sluice.CodeInvalid {
			want = 400
		}
		wantError(t, a, want, code)
		if !strings.Contains(a.body, "too hot") || !strings.Contains(a.body, `"param":"temperature"`) {
			t.Errorf("body %s", a.body)
		}
		if n := len(r.engines[0].Calls()) + len(r.engines[1].Calls()); n != 1 {
			t.Errorf("%d engines were asked", n)
		}
		r.wantFree(1)
	}
}

// An engine that blames the request in the middle of its answer, as one does whose
// answer cannot keep to the client's schema, is well: however often it happens, it
// counts for no failure. What was delivered is billed, and the client told why.
func TestEngineBlamesRequestMidway(t *testing.T) {
	const blame = "data: {\"error\":{\"message\":\"no such form\",\"type\":\"invalid_request_error\"}}\n\n"
	r := newRig(t, setup{engines: 2})
	for _, e := range r.engines {
		e.Default(fleettest.Raw(chunk("a"), chunk("b"), blame))
	}
	const calls = 20
	for range calls {
		a := r.post(chatPath, streamed)
		if a.StatusCode != 200 || !strings.Contains(a.body, "no such form") || strings.Contains(a.body, "engine_failed") {
			t.Errorf("%d %s", a.StatusCode, a.body)
		}
	}
	r.ended(calls)
	if n := len(r.events()); n != calls {
		t.Errorf("%d events are booked, want %d", n, calls)
	}
	for _, e := range r.engines { // before a first byte it is no other engine's to judge
		e.Default(fleettest.Raw(blame))
	}
	if a := r.post(chatPath, streamed); a.StatusCode != 400 || !strings.Contains(a.body, "no such form") {
		t.Errorf("%d %s", a.StatusCode, a.body)
	}
	r.ended(calls + 1)
	if asked := len(r.engines[0].Calls()) + len(r.engines[1].Calls()); asked != calls+1 {
		t.Errorf("engines were asked %d times, want %d", asked, calls+1)
	}
	for _, s := range r.fleet.Status() {
		if s.Failed != 0 || s.Failures != 0 || s.Health != fleet.HealthServing {
			t.Errorf("%+v", s)
		}
	}
}

// A call whose engines are all full waits for them, for as long as it may.
func TestFullEnginesAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := [sluice.QueueClasses]time.Duration{10 * time.Second, time.Minute, time.Minute}
		r := newRig(t, setup{engines: 2, options: gateway.Options{Waits: waits}})
		full := fleettest.Status(503, `{"error":{"message":"full"}}`)
		for _, e := range r.engines {
			e.Next(full)
		}
		began := time.Now()
		if a := r.post(chatPath, plainCall); a.StatusCode != 200 || time.Since(began) > 2*time.Second {
			t.Errorf("after %v: %d %s", time.Since(began), a.StatusCode, a.body)
		}
		for _, e := range r.engines {
			e.Default(full)
		}
		for header, within := range map[string]time.Duration{"": 10 * time.Second, "2.5": 2500 * time.Millisecond, "60": 10 * time.Second} {
			req := r.request(t.Context(), "POST", chatPath, plainCall)
			req.Header.Set("X-Sluice-Max-Wait", header)
			began := time.Now()
			a := r.do(req)
			wantError(t, a, 503, sluice.CodeOverloaded)
			if took := time.Since(began); took < within || took > within+time.Second {
				t.Errorf("may wait %q: turned away after %v", header, took)
			}
		}
		for name, value := range map[string]string{"X-Sluice-Max-Wait": "soon", "X-Sluice-Class": "first"} {
			req := r.request(t.Context(), "POST", chatPath, plainCall)
			req.Header.Set(name, value)
			wantError(t, r.do(req), 400, sluice.CodeInvalid)
		}
		r.ended(6)
		if n := len(r.events()); n != 1 {
			t.Errorf("%d events are booked, want 1", n)
		}
		r.wantNothingLeft()
	})
}

// A full engine's Retry-After reaches the client, within reason.
func TestEngineFull(t *testing.T) {
	for said, want := range map[string]string{"7": "7", "100000": "60", "soon": "1", "": "1"} {
		r := newRig(t, setup{})
		r.engines[0].Default(fleettest.Status(429, `{}`).Header("Retry-After", said))
		a := r.post(chatPath, plainCall)
		wantError(t, a, 503, sluice.CodeOverloaded)
		if got := a.Header.Get("Retry-After"); got != want || a.Header.Get("X-Should-Retry") != "true" {
			t.Errorf("an engine that said %q made the header %v", said, a.Header)
		}
		r.wantFree(1)
	}
}
