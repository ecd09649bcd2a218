package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

func inProcess(h http.HandlerFunc) *local {
	return &local{
		handler:  h,
		timeouts: Timeouts{Header: time.Minute, Idle: 10 * time.Second}.withDefaults(),
		report:   func(error) {},
		log:      slog.New(slog.DiscardHandler),
	}
}

func TestLocalAnswers(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 40<<10) // 640 KiB: ten times the pipe
	for _, test := range []struct {
		name string
		h    http.HandlerFunc
		want string
		code sluice.Code
	}{
		{"echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }, `{"model":"m"}`, ""},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, "", ""},
		{"large", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, large) }, large, ""},
		{"large in small writes", func(w http.ResponseWriter, r *http.Request) {
			for i := 0; i < len(large); i += 100 {
				if _, err := io.WriteString(w, large[i:min(len(large), i+100)]); err != nil {
					t.Error(err)
				}
			}
		}, large, ""},
		{"aborted in the body", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "half", sluice.CodeEngineFailed},
		{"panic in the body", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, large)
			panic("oops")
		}, large, sluice.CodeEngineFailed},
		{"aborted before the head", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "lost")
			panic(http.ErrAbortHandler)
		}, "", sluice.CodeEngineFailed},
		{"panic before the head", func(http.ResponseWriter, *http.Request) { panic("oops") }, "", sluice.CodeEngineFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := ask(t, inProcess(test.h))
			if got != test.want || sluice.CodeOf(err) != test.code {
				t.Errorf("got %d bytes, %v; want %d bytes, code %q", len(got), err, len(test.want), test.code)
			}
		})
	}
}

func TestLocalHead(t *testing.T) {
	l := inProcess(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("X-Prompt-Tokens", "12")
		w.Header().Set("Retry-After", "3")
		w.WriteHeader(103)
		w.WriteHeader(429)
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		w.Header().Set("X-Cached-Tokens", "5") // too late
		fmt.Fprintf(w, "%s %s %s %d", r.Method, r.URL.Path, r.Header.Get("X-Request-Id"), r.ContentLength)
	})
	reply, err := l.send(t.Context(), chat("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	if string(b) != "POST /v1/chat/completions call_1 2" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	want := sluice.EngineReply{Status: 429, ContentType: "text/event-stream", RetryAfter: "3", PromptTokens: 12, CachedTokens: -1, Body: reply.Body}
	if *reply != want {
		t.Errorf("got %+v, want %+v", *reply, want)
	}
	if _, err := l.send(t.Context(), &sluice.EngineRequest{Path: "/collective_rpc"}); sluice.CodeOf(err) != sluice.CodeInternal {
		t.Errorf("a path that is not allowed: %v", err)
	}
}

func TestLocalStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := inProcess(func(w http.ResponseWriter, r *http.Request) {
			for i := range 5 {
				time.Sleep(9 * time.Second)
				fmt.Fprintf(w, "event %d\n\n", i)
				fmt.Fprintf(w, ": more\n\n")
				w.(http.Flusher).Flush()
			}
		})
		start := time.Now()
		reply, err := l.send(t.Context(), chat("{}"))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 1000)
		for i := range 5 {
			n, err := reply.Body.Read(p)
			if want := fmt.Sprintf("event %d\n\n: more\n\n", i); string(p[:n]) != want || err != nil || time.Since(start) != time.Duration(i+1)*9*time.Second {
				t.Fatalf("after %v: %q, %v", time.Since(start), p[:n], err)
			}
		}
		if _, err := reply.Body.Read(p); err != io.EOF {
			t.Error(err)
		}
	})
}

func TestLocalTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stalls := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
		start := time.Now()
		if _, err := ask(t, inProcess(stalls)); sluice.CodeOf(err) != sluice.CodeTimeout || time.Since(start) != time.Minute {
			t.Errorf("no head: %v after %v", err, time.Since(start))
		}
		start = time.Now()
		got, err := ask(t, inProcess(func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			stalls(w, r)
		}))
		if got != "x" || sluice.CodeOf(err) != sluice.CodeTimeout || time.Since(start) != 10*time.Second {
			t.Errorf("body: %q, %v after %v", got, err, time.Since(start))
		}
	})
}

// synctest fails a test that leaves a goroutine blocked, so these also show
// that no handler is left behind.
func TestLocalLeaving(t *testing.T) {
	endless := func(ended *error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			for *ended == nil {
				_, *ended = w.Write(bytes.Repeat([]byte("x"), 10_000))
			}
		}
	}
	t.Run("closed while the handler waits for room", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var ended error
			reply, err := inProcess(endless(&ended)).send(t.Context(), chat("{}"))
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n, err := reply.Body.Read(make([]byte, 50)); n != 50 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			reply.Body.Close()
			synctest.Wait()
			if ended == nil {
				t.Error("the handler still writes")
			}
			if _, err := reply.Body.Read(make([]byte, 50)); err != errClosed {
				t.Errorf("Read after Close: %v", err)
			}
		})
	})
	t.Run("cancelled while the handler computes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			stopped := false
			l := inProcess(func(w http.ResponseWriter, r *http.Request) {
				w.(http.Flusher).Flush()
				<-r.Context().Done()
				stopped = true
			})
			ctx, cancel := context.WithCancel(t.Context())
			reply, err := l.send(ctx, chat("{}"))
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Second, cancel)
			if _, err := reply.Body.Read(make([]byte, 50)); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			synctest.Wait()
			if !stopped {
				t.Error("the handler was not told")
			}
		})
	})
	t.Run("cancelled before the head", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := inProcess(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }).send(ctx, chat("{}"))
			if err != context.DeadlineExceeded {
				t.Error(err)
			}
		})
	})
}

// A handler that notices its caller's leaving may still answer, as nginx does with
// 499. That is the call's end and no answer, also where it comes before the caller
// was heard to leave: it must not be held against the engine.
func TestLocalCallerLeaves(t *testing.T) {
	for range 50 {
		said := make(chan struct{})
		l := inProcess(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			w.WriteHeader(499)
			w.(http.Flusher).Flush()
			close(said)
		})
		ctx, leave := context.WithCancel(t.Context())
		leave()
		if reply, err := l.send(&lateContext{Context: ctx, said: said}, &sluice.EngineRequest{Path: "/v1/chat/completions"}); !errors.Is(err, context.Canceled) {
			t.Fatalf("%+v, %v", reply, err)
		}
	}
}

// lateContext is over from the beginning, but tells that late to who asks for the
// second time.
type lateContext struct {
	context.Context
	asked atomic.Int32
	said  <-chan struct{}
}

func (c *lateContext) Done() <-chan struct{} {
	if c.asked.Add(1) > 1 {
		<-c.said
	}
	return c.Context.Done()
}
