package e2e

import (
	"bufio"
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// refusal is what the documents promise for a bad request.
type refusal struct {
	status      int
	code, param string
}

func (r refusal) check(t *testing.T, got reply) {
	t.Helper()
	if got.status != r.status {
		t.Fatalf("status %d with %.300s, want %d", got.status, got.body, r.status)
	}
	e, param := got.failure(t), "null"
	if e.Error.Param != nil {
		param = *e.Error.Param
	}
	if want := cmp.Or(r.param, "null"); e.Error.Code != r.code || param != want {
		t.Errorf("the error is %s, want the code %s and the param %s", got.body, r.code, want)
	}
	if ct := got.header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("the content type is %q", ct)
	}
	if got.header.Get("X-Request-Id") == "" {
		t.Error("the refusal has no x-request-id")
	}
}

// TestBadInput sends what must be refused, and proves that none of it cost anything.
func TestBadInput(t *testing.T) {
	s := start(t, t.TempDir(), "--body-timeout", "1s")
	eng := newEngine(t)
	s.sell(t, "m", eng.URL, tariff{input: 600_000, cached: 110_000, output: 2_200_000})
	org, key := s.customer(t, "acme", "10.00")
	poor, poorKey := s.customer(t, "poor", "0.00000001")
	good := chatBody("m", order{prompt: 5, output: 5}, false, false)

	t.Run("body", func(t *testing.T) { badBodies(t, s, key.Secret) })
	t.Run("key", func(t *testing.T) { badKeys(t, s, org, good) })
	t.Run("empty balance", func(t *testing.T) {
		r := s.post(t, "/v1/chat/completions", poorKey.Secret, good)
		refusal{http.StatusPaymentRequired, "insufficient_funds", ""}.check(t, r)
		if r.header.Get("X-Should-Retry") != "false" {
			t.Error("clients are not told that a retry is useless")
		}
	})
	t.Run("unknown path", func(t *testing.T) {
		r := s.post(t, "/v1/nothing", key.Secret, good)
		if r.status != http.StatusNotFound || r.failure(t).Error.Code != "not_found" {
			t.Errorf("status %d: %s", r.status, r.body)
		}
	})
	t.Run("large", func(t *testing.T) { largeBodies(t, s, key.Secret) })
	t.Run("stall", func(t *testing.T) { stalls(t, s, key.Secret) })
	t.Run("header", func(t *testing.T) { headerFloods(t, s, key.Secret, good) })

	if n := eng.asked.Load(); n != 0 {
		t.Errorf("the engine was asked %d times, want never", n)
	}
	if b := s.balance(t, org); b.Available != 10*unit || b.Held != 0 {
		t.Errorf("the balance is %+v, want all of it and nothing held", b)
	}
	if b := s.balance(t, poor); b.Available != 10_000 || b.Held != 0 {
		t.Errorf("the poor balance is %+v, want all of it and nothing held", b)
	}
	for _, o := range []organisation{org, poor} {
		if calls := s.usage(t, o); len(calls) != 0 {
			t.Errorf("usage shows %+v, want nothing", calls)
		}
	}
	s.verify(t)

	// And a good request is answered as if nothing had been.
	if r := s.post(t, "/v1/chat/completions", key.Secret, good); r.status != http.StatusOK {
		t.Errorf("a good request after all that: status %d: %s", r.status, r.body)
	}
}

func badBodies(t *testing.T, s *server, key string) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	invalid := func(param string) refusal { return refusal{http.StatusBadRequest, "invalid", param} }
	for name, c := range map[string]struct {
		path, body string
		want       refusal
	}{
		"empty":                {"chat/completions", ``, invalid("")},
		"no JSON":              {"chat/completions", `hello`, invalid("")},
		"half":                 {"chat/completions", `{"model":"m",` + messages, invalid("")},
		"two values":           {"chat/completions", `{"model":"m",` + messages + `}{}`, invalid("")},
		"a list":               {"chat/completions", `[]`, invalid("")},
		"bad UTF-8":            {"chat/completions", "{\"model\":\"m\xff\"," + messages + "}", invalid("")},
		"deep":                 {"chat/completions", `{"model":"m","messages":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, invalid("")},
		"no model":             {"chat/completions", `{` + messages + `}`, invalid("model")},
		"model a number":       {"chat/completions", `{"model":1,` + messages + `}`, invalid("model")},
		"model null":           {"chat/completions", `{"model":null,` + messages + `}`, invalid("model")},
		"unknown model":        {"chat/completions", `{"model":"nothing",` + messages + `}`, refusal{http.StatusNotFound, "model_not_found", "model"}},
		"no messages":          {"chat/completions", `{"model":"m"}`, invalid("messages")},
		"messages empty":       {"chat/completions", `{"model":"m","messages":[]}`, invalid("messages")},
		"messages a text":      {"chat/completions", `{"model":"m","messages":"hi"}`, invalid("messages")},
		"stream a text":        {"chat/completions", `{"model":"m","stream":"yes",` + messages + `}`, invalid("stream")},
		"options a text":       {"chat/completions", `{"model":"m","stream":true,"stream_options":"usage",` + messages + `}`, invalid("stream_options")},
		"options unstreamed":   {"chat/completions", `{"model":"m","stream_options":{"include_usage":true},` + messages + `}`, invalid("stream_options")},
		"max_tokens a text":    {"chat/completions", `{"model":"m","max_tokens":"many",` + messages + `}`, invalid("max_tokens")},
		"max_tokens zero":      {"chat/completions", `{"model":"m","max_tokens":0,` + messages + `}`, invalid("max_tokens")},
		"max_tokens negative":  {"chat/completions", `{"model":"m","max_completion_tokens":-1,` + messages + `}`, invalid("max_completion_tokens")},
		"max_tokens beyond 64": {"chat/completions", `{"model":"m","max_tokens":99999999999999999999,` + messages + `}`, invalid("max_tokens")},
		"n zero":               {"chat/completions", `{"model":"m","n":0,` + messages + `}`, invalid("n")},
		"n large":              {"chat/completions", `{"model":"m","n":129,` + messages + `}`, invalid("n")},
		"duplicate key":        {"chat/completions", `{"model":"m","model":"other",` + messages + `}`, invalid("")},
		"duplicate, escaped":   {"chat/completions", `{"model":"m","\u006dodel":"other",` + messages + `}`, invalid("")},
		"duplicate inside":     {"chat/completions", `{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}`, invalid("")},
		"case variant":         {"chat/completions", `{"model":"m","Model":"other",` + messages + `}`, invalid("Model")},
		"case variant alone":   {"chat/completions", `{"MODEL":"m",` + messages + `}`, invalid("MODEL")},
		"case variant inside":  {"chat/completions", `{"model":"m","stream":true,"stream_options":{"Include_Usage":true},` + messages + `}`, invalid("Include_Usage")},
		"no prompt":            {"completions", `{"model":"m"}`, invalid("prompt")},
		"prompt a number":      {"completions", `{"model":"m","prompt":1}`, invalid("prompt")},
		"no input":             {"embeddings", `{"model":"m"}`, invalid("input")},
		"embeddings streamed":  {"embeddings", `{"model":"m","input":"x","stream":true}`, invalid("stream")},
	} {
		t.Run(name, func(t *testing.T) { c.want.check(t, s.post(t, "/v1/"+c.path, key, c.body)) })
	}
}

func badKeys(t *testing.T, s *server, org organisation, good string) {
	const path = "/v1/chat/completions"
	expired := s.expiredKey(t, org)
	revoked := s.key(t, org)
	s.run(t, "key", "revoke", revoked.ID, "--json")
	other := s.key(t, org, "--models", "another")
	unauthenticated := refusal{http.StatusUnauthorized, "unauthenticated", ""}
	for name, c := range map[string]struct {
		key  string
		want refusal
	}{
		"none":        {"", unauthenticated},
		"unknown":     {"sk-" + strings.Repeat("x", 43), unauthenticated},
		"long":        {strings.Repeat("x", 10_000), unauthenticated},
		"expired":     {expired.Secret, unauthenticated},
		"revoked":     {revoked.Secret, unauthenticated},
		"other model": {other.Secret, refusal{http.StatusForbidden, "forbidden", "model"}},
	} {
		t.Run(name, func(t *testing.T) { c.want.check(t, s.post(t, path, c.key, good)) })
	}
}

// largeBodies sends 100 MB, with their length announced and without.
func largeBodies(t *testing.T, s *server, key string) {
	const size = 100 << 20
	tooLarge := refusal{http.StatusRequestEntityTooLarge, "too_large", ""}
	t.Run("announced", func(t *testing.T) {
		conn := s.dial(t)
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n", key, size)
		tooLarge.check(t, answer(t, conn))
	})
	t.Run("chunked", func(t *testing.T) {
		conn := s.dial(t)
		fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n", key)
		go func() { // the server hangs up in the middle
			chunk := append(fmt.Appendf(nil, "%x\r\n", 1<<20), bytes.Repeat([]byte{' '}, 1<<20)...)
			for range size >> 20 {
				if _, err := conn.Write(append(chunk, "\r\n"...)); err != nil {
					return
				}
			}
		}()
		tooLarge.check(t, answer(t, conn))
	})
	t.Run("by a client that sends all", func(t *testing.T) {
		r, err := send(web(t, 1), http.MethodPost, s.ready.URL+"/v1/chat/completions", key, io.LimitReader(blanks{}, size))
		if err == nil { // the server may have hung up before the client had sent all
			tooLarge.check(t, r)
		}
	})
}

// blanks reads as spaces without end.
type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

// stalls sends part of a body, of a chunked body and of a header, and waits.
func stalls(t *testing.T, s *server, key string) {
	late := refusal{http.StatusRequestTimeout, "request_timeout", ""}
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + key + "\r\n"
	t.Run("body", func(t *testing.T) {
		t.Parallel()
		conn := s.dial(t)
		fmt.Fprint(conn, head+"Content-Length: 100\r\n\r\n{\"model\":")
		late.check(t, answer(t, conn))
	})
	t.Run("chunked body", func(t *testing.T) {
		t.Parallel()
		conn := s.dial(t)
		fmt.Fprint(conn, head+"Transfer-Encoding: chunked\r\n\r\n9\r\n{\"model\":\r\n")
		late.check(t, answer(t, conn))
	})
	t.Run("slow header", func(t *testing.T) {
		t.Parallel()
		conn := s.dial(t)
		begin := time.Now()
		go func() {
			for i := range head {
				if _, err := fmt.Fprint(conn, head[i:i+1]); err != nil {
					return
				}
				select {
				case <-t.Context().Done():
					return
				case <-time.After(time.Second):
				}
			}
		}()
		_ = conn.SetReadDeadline(begin.Add(patience))
		if _, err := io.Copy(io.Discard, conn); err != nil { // an answer is possible, an end is due
			t.Errorf("the server waits for the header of a slow client after %v: %v", time.Since(begin), err)
		}
	})
}

// headerFloods sends more header than is read.
func headerFloods(t *testing.T, s *server, key, good string) {
	flood := func(lines, size int) string {
		var b strings.Builder
		fmt.Fprintf(&b, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n", key, len(good))
		for i := range lines {
			fmt.Fprintf(&b, "X-Flood-%d: %s\r\n", i, strings.Repeat("x", size))
		}
		return b.String() + "\r\n" + good
	}
	for name, request := range map[string]string{
		"100 KB in one line":    flood(1, 100<<10),
		"100 KB in many lines":  flood(1<<10, 100),
		"100 KB of short lines": flood(10<<10, 0),
	} {
		t.Run(name, func(t *testing.T) {
			conn := s.dial(t)
			fmt.Fprint(conn, request)
			got := answer(t, conn)
			if got.status != http.StatusRequestEntityTooLarge && got.status != http.StatusRequestHeaderFieldsTooLarge {
				t.Fatalf("status %d: %.300s", got.status, got.body)
			}
			if e := got.failure(t); e.Error.Code != "too_large" {
				t.Errorf("the error is %s", got.body)
			}
		})
	}
	t.Run("1 MB", func(t *testing.T) { // beyond what HTTP's own reader takes: the answer is not in the dialect
		conn := s.dial(t)
		go fmt.Fprint(conn, flood(1, 1<<20))
		if got := answer(t, conn); got.status != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("status %d: %.300s", got.status, got.body)
		}
	})
}

// dial opens a connection for requests that no HTTP client would send.
func (s *server) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.ready.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// answer reads the answer on a connection.
func answer(t *testing.T, conn net.Conn) reply {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	return reply{res.StatusCode, res.Header, body}
}
