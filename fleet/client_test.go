package fleet

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
)

// engine is a raw server: serve gets each connection with its number, from 1.
// It returns a client for it.
func engine(t *testing.T, o Options, serve func(n int, c net.Conn)) *client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for n := 1; ; n++ {
			c, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer c.Close()
				serve(n, c)
			})
		}
	})
	c := clientFor(t, "http://"+l.Addr().String(), "s3cret", o)
	t.Cleanup(func() {
		l.Close()
		c.close()
		running.Wait()
	})
	return c
}

func clientFor(t *testing.T, rawURL, secret string, o Options) *client {
	t.Helper()
	o = New(o).o
	root, err := ParseURL(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newClient(root, secret, o, o.Timeouts(sluice.Engine{}).withDefaults(), func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// readRequest reads one request to its end; false when the connection ended.
func readRequest(r *bufio.Reader) bool {
	req, err := http.ReadRequest(r)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, req.Body)
	return err == nil
}

func lines(s string) string { return strings.ReplaceAll(s, "|", "\r\n") }

func chat(body string) *sluice.EngineRequest {
	return &sluice.EngineRequest{CallID: "call_1", Path: "/v1/chat/completions", Body: []byte(body)}
}

// ask sends one request and reads the answer to its end.
func ask(t *testing.T, c transport) (string, error) {
	t.Helper()
	reply, err := c.send(t.Context(), chat(`{"model":"m"}`))
	if err != nil {
		return "", err
	}
	defer reply.Body.Close()
	b, err := io.ReadAll(reply.Body)
	return string(b), err
}

func idle(c *client) int {
	c.pool.mu.Lock()
	defer c.pool.mu.Unlock()
	return len(c.pool.idle)
}

func TestAnswers(t *testing.T) {
	const ok = "HTTP/1.1 200 OK|"
	for _, test := range []struct {
		name, answer, body string
		code               sluice.Code
		kept               bool // the connection
	}{
		{"sized", ok + "Content-Length: 5||hello", "hello", "", true},
		{"sized, nothing", ok + "Content-Length: 0||", "", "", true},
		{"chunked", ok + "Transfer-Encoding: chunked||5|hello|6;x=y| world|0|Trailer: 1||", "hello world", "", true},
		{"no content", "HTTP/1.1 204 No Content||", "", "", true},
		{"interim answers", "HTTP/1.1 100 Continue||HTTP/1.1 103 Early Hints|Link: x||" + ok + "Content-Length: 2||ok", "ok", "", true},
		{"until close", ok + "|data: x", "data: x", "", false},
		{"asked to close", ok + "Content-Length: 2|Connection: close||ok", "ok", "", false},
		{"HTTP/1.0", "HTTP/1.0 200 OK|Content-Length: 2||ok", "ok", "", false},
		{"bytes beyond a sized body", ok + "Content-Length: 2||okHTTP/1.1 200 OK||", "ok", "", false},
		{"bytes beyond a chunked body", ok + "Transfer-Encoding: chunked||2|ok|0||HTTP/1.1 200 OK||", "ok", "", false},
		{"head of 60 KiB", ok + "X: " + strings.Repeat("x", 60<<10) + "|Content-Length: 2||ok", "ok", "", true},

		{"sized, cut off", ok + "Content-Length: 5||hel", "hel", sluice.CodeEngineFailed, false},
		{"chunk cut off", ok + "Transfer-Encoding: chunked||5|hel", "hel", sluice.CodeEngineFailed, false},
		{"last chunk missing", ok + "Transfer-Encoding: chunked||5|hello|", "hello", sluice.CodeEngineFailed, false},
		{"bad chunk", ok + "Transfer-Encoding: chunked||5|hello|x|", "hello", sluice.CodeEngineFailed, false},
		{"nothing", "", "", sluice.CodeEngineFailed, false},
		{"head cut off", ok + "Content-Length: 5|", "", sluice.CodeEngineFailed, false},
		{"head too large", ok + "X: " + strings.Repeat("x", 80<<10) + "||", "", sluice.CodeEngineFailed, false},
		{"smuggling", ok + "Content-Length: 5|Transfer-Encoding: chunked||0||", "", sluice.CodeEngineFailed, false},
		{"switching protocols", "HTTP/1.1 101 Switching Protocols||", "", sluice.CodeEngineFailed, false},
		{"interim answers without end", strings.Repeat("HTTP/1.1 100 Continue||", 20), "", sluice.CodeEngineFailed, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, slow := range []bool{false, true} {
				if slow && (len(test.answer) > 1000 || strings.HasPrefix(test.name, "bytes beyond")) {
					continue // stray bytes that come later are the subject of TestKeptConnections
				}
				done := make(chan struct{})
				c := engine(t, Options{}, func(_ int, conn net.Conn) {
					if !readRequest(bufio.NewReader(conn)) {
						return
					}
					answer := []byte(lines(test.answer))
					for slow && len(answer) > 1 {
						conn.Write(answer[:1])
						answer = answer[1:]
					}
					conn.Write(answer)
					if test.kept {
						<-done
					}
				})
				body, err := ask(t, c)
				if body != test.body || sluice.CodeOf(err) != test.code {
					t.Errorf("got %q, %v; want %q, code %q", body, err, test.body, test.code)
				}
				if got := idle(c) == 1; got != test.kept {
					t.Errorf("connection kept: %v, want %v", got, test.kept)
				}
				close(done)
			}
		})
	}
}

func TestReplyHead(t *testing.T) {
	c := engine(t, Options{}, func(_ int, conn net.Conn) {
		readRequest(bufio.NewReader(conn))
		io.WriteString(conn, lines("HTTP/1.1 503 No|Retry-After: 7|Content-Type: application/json|X-Prompt-Tokens: 31|Content-Length: 0||"))
	})
	reply, err := c.send(t.Context(), chat("{}"))
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	want := sluice.EngineReply{Status: 503, RetryAfter: "7", ContentType: "application/json", PromptTokens: 31, CachedTokens: -1, Body: reply.Body}
	if *reply != want {
		t.Errorf("got %+v, want %+v", *reply, want)
	}
}

func TestRequestAsSent(t *testing.T) {
	large := `{"x":"` + strings.Repeat("y", 1<<20) + `"}`
	for _, body := range []string{`{"model":"m"}`, large} {
		var got bytes.Buffer
		c := engine(t, Options{}, func(_ int, conn net.Conn) {
			readRequest(bufio.NewReader(io.TeeReader(conn, &got)))
			io.WriteString(conn, lines("HTTP/1.1 200 OK|Content-Length: 0|Connection: close||"))
		})
		reply, err := c.send(t.Context(), chat(body))
		if err != nil {
			t.Fatal(err)
		}
		reply.Body.Close()
		want := lines("POST /v1/chat/completions HTTP/1.1|Host: "+c.address+"|User-Agent: sluice|Accept-Encoding: identity|Authorization: Bearer s3cret|"+
			"Content-Type: application/json|X-Request-Id: call_1|Content-Length: ") + fmt.Sprintf("%d\r\n\r\n%s", len(body), body)
		if got.String() != want {
			t.Errorf("sent %.400q, want %.400q", got.String(), want)
		}
	}
}

func TestRefusesToAsk(t *testing.T) {
	c := clientFor(t, "http://127.0.0.1:1/v1", "", Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		t.Error("dialled")
		return nil, net.ErrClosed
	}})
	for _, path := range []string{"", "/", "/terminate", "/v1/models/x", "/v1/chat/completions?x", "/v1/chat/completions HTTP/1.1\r\nX: y"} {
		if _, err := c.send(t.Context(), &sluice.EngineRequest{Path: path}); sluice.CodeOf(err) != sluice.CodeInternal {
			t.Errorf("path %q: %v", path, err)
		}
	}
	if _, err := c.send(t.Context(), &sluice.EngineRequest{Path: "/health", CallID: "a\r\nX: y"}); sluice.CodeOf(err) != sluice.CodeInternal {
		t.Errorf("a call id with a line end: %v", err)
	}
	root, _ := ParseURL("http://h")
	for _, secret := range []string{"a b", "a\r\nX: y", "ä"} {
		if _, err := newClient(root, secret, Options{}, Timeouts{}, nil); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("secret %q: %v", secret, err)
		}
	}
}

func TestKeptConnections(t *testing.T) {
	const answer = "HTTP/1.1 200 OK|Content-Length: 2||ok"
	for _, test := range []struct {
		name   string
		stray  string // sent after the first answer
		hangUp bool   // after the first answer
		second string // the answer to the second request, after which the connection is closed
		code   sluice.Code
		conns  int32
	}{
		{"one for both calls", "", false, answer, "", 1},
		{"closed while idle", "", true, "", "", 2},
		{"bytes nobody asked for", "HTTP/1.1 200 OK|Content-Length: 5||wrong", false, answer, "", 2},
		{"closed before the second answer: sent again", "", false, "", "", 2},
		{"closed in the second answer: not sent again", "", false, "H", sluice.CodeEngineFailed, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var conns atomic.Int32
			answered, ready := make(chan struct{}), make(chan struct{})
			c := engine(t, Options{}, func(n int, conn net.Conn) {
				conns.Add(1)
				r := bufio.NewReader(conn)
				readRequest(r)
				io.WriteString(conn, lines(answer))
				if n > 1 {
					return
				}
				<-answered
				io.WriteString(conn, lines(test.stray))
				if test.hangUp {
					conn.Close()
				}
				close(ready)
				if readRequest(r) {
					io.WriteString(conn, lines(test.second))
				}
			})
			if body, err := ask(t, c); body != "ok" || err != nil || idle(c) != 1 {
				t.Errorf("first call: %q, %v, %d connections kept", body, err, idle(c))
			}
			close(answered)
			<-ready
			body, err := ask(t, c)
			if sluice.CodeOf(err) != test.code || (err == nil && body != "ok") {
				t.Errorf("second call: %q, %v; want code %q", body, err, test.code)
			}
			if conns.Load() != test.conns {
				t.Errorf("%d connections, want %d", conns.Load(), test.conns)
			}
		})
	}
}

func TestPoolIsBounded(t *testing.T) {
	c := engine(t, Options{IdleConns: 2, IdleTimeout: time.Minute}, func(_ int, conn net.Conn) {
		r := bufio.NewReader(conn)
		for readRequest(r) {
			io.WriteString(conn, lines("HTTP/1.1 200 OK|Content-Length: 2||ok"))
		}
	})
	var replies []*sluice.EngineReply
	for range 5 {
		reply, err := c.send(t.Context(), chat("{}"))
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, reply)
	}
	for _, r := range replies {
		io.ReadAll(r.Body)
		r.Body.Close()
	}
	if idle(c) != 2 {
		t.Errorf("%d idle connections, want 2", idle(c))
	}
	c.expire(time.Now().Add(30 * time.Second))
	if idle(c) != 2 {
		t.Errorf("expired too early")
	}
	c.expire(time.Now().Add(time.Minute))
	if idle(c) != 0 {
		t.Errorf("%d idle connections after their time", idle(c))
	}
}

func TestEarlyRefusalOfALargeBody(t *testing.T) {
	c := engine(t, Options{}, func(_ int, conn net.Conn) {
		r := bufio.NewReader(conn)
		if _, err := http.ReadRequest(r); err != nil {
			return
		}
		io.WriteString(conn, lines("HTTP/1.1 413 Too Large|Content-Length: 3||big"))
		conn.(*net.TCPConn).CloseWrite()
		io.CopyN(io.Discard, r, 1<<20) // what is in the socket's buffers, so that closing does not reset
	})
	reply, err := c.send(t.Context(), chat(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if b, err := io.ReadAll(reply.Body); reply.Status != 413 || string(b) != "big" || err != nil {
		t.Errorf("%d %q %v", reply.Status, b, err)
	}
}

// What ends a call early closes its connection, by which the engine knows.
func TestLeaving(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, c *client){
		"cancelled before the head": func(t *testing.T, c *client) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := c.send(ctx, chat("silence")); !errors.Is(err, context.Canceled) {
				t.Errorf("Send: %v", err)
			}
		},
		"cancelled in the body": func(t *testing.T, c *client) {
			ctx, cancel := context.WithCancel(t.Context())
			reply, err := c.send(ctx, chat("stream"))
			if err != nil {
				t.Fatal(err)
			}
			defer reply.Body.Close()
			p := make([]byte, 100)
			if n, err := reply.Body.Read(p); string(p[:n]) != "hello" || err != nil {
				t.Errorf("Read: %q, %v", p[:n], err)
			}
			time.AfterFunc(20*time.Millisecond, cancel)
			if _, err := reply.Body.Read(p); !errors.Is(err, context.Canceled) {
				t.Errorf("Read: %v", err)
			}
		},
		"closed in the body": func(t *testing.T, c *client) {
			reply, err := c.send(t.Context(), chat("stream"))
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(20*time.Millisecond, func() { reply.Body.Close() })
			if b, err := io.ReadAll(reply.Body); string(b) != "hello" || err != errClosed {
				t.Errorf("ReadAll: %q, %v", b, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			left := make(chan struct{})
			c := engine(t, Options{}, func(_ int, conn net.Conn) {
				r := bufio.NewReader(conn)
				req, err := http.ReadRequest(r)
				if err != nil {
					return
				}
				if b, _ := io.ReadAll(req.Body); string(b) == "stream" {
					io.WriteString(conn, lines("HTTP/1.1 200 OK|Transfer-Encoding: chunked||5|hello|"))
				}
				if _, err := r.ReadByte(); err != nil {
					close(left)
				}
			})
			leave(t, c)
			select {
			case <-left:
			case <-time.After(5 * time.Second):
				t.Error("the engine does not see that the client left")
			}
			if idle(c) != 0 {
				t.Error("the connection was kept")
			}
		})
	}
}

// piped is a client whose connections are in memory, for synctest's clock.
func piped(t *testing.T, timeouts Timeouts, serve func(net.Conn)) *client {
	return clientFor(t, "http://engine", "", Options{
		Timeouts: func(sluice.Engine) Timeouts { return timeouts },
		Dial: func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				defer far.Close()
				serve(far)
			}()
			return near, nil
		},
	})
}

func TestTimeouts(t *testing.T) {
	timeouts := Timeouts{Dial: 3 * time.Second, Header: time.Minute, Idle: 10 * time.Second}
	for name, test := range map[string]struct {
		serve func(net.Conn)
		after time.Duration
	}{
		"the request is not read": {func(conn net.Conn) { time.Sleep(time.Hour) }, 10 * time.Second},
		"no head":                 {func(conn net.Conn) { readRequest(bufio.NewReader(conn)); time.Sleep(time.Hour) }, time.Minute},
		"half a head": {func(conn net.Conn) {
			readRequest(bufio.NewReader(conn))
			io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			time.Sleep(time.Hour)
		}, time.Minute},
		"body stalls": {func(conn net.Conn) {
			readRequest(bufio.NewReader(conn))
			io.WriteString(conn, lines("HTTP/1.1 200 OK|Content-Length: 100||"))
			for range 5 {
				time.Sleep(9 * time.Second)
				io.WriteString(conn, "x")
			}
			time.Sleep(time.Hour)
		}, 55 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := piped(t, timeouts, test.serve)
				start := time.Now()
				_, err := ask(t, c)
				waited, latest := time.Since(start), test.after+test.after/8+time.Second // a second more for an answer to half a request
				if sluice.CodeOf(err) != sluice.CodeTimeout || waited < test.after || waited > latest {
					t.Errorf("%v after %v, want CodeTimeout after %v to %v", err, waited, test.after, latest)
				}
				time.Sleep(time.Hour) // the engine's goroutine ends
			})
		})
	}
	t.Run("no connection", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := piped(t, timeouts, nil)
			c.dial = func(ctx context.Context, _, _ string) (net.Conn, error) { <-ctx.Done(); return nil, ctx.Err() }
			start := time.Now()
			if _, err := ask(t, c); sluice.CodeOf(err) != sluice.CodeTimeout || time.Since(start) != 3*time.Second {
				t.Errorf("%v after %v", err, time.Since(start))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if _, err := c.send(ctx, chat("")); err != context.DeadlineExceeded {
				t.Errorf("the caller's own deadline: %v", err)
			}
		})
	})
}

func TestTLS(t *testing.T) {
	var conns atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Proto, r.URL.Path, len(b))
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	c := clientFor(t, s.URL+"/api/v1", "", Options{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	defer c.close()
	for _, size := range []int{10, 1 << 20} {
		reply, err := c.send(t.Context(), chat(strings.Repeat("x", size)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(reply.Body)
		reply.Body.Close()
		if want := fmt.Sprintf("HTTP/1.1 /api/v1/chat/completions %d", size); string(b) != want || err != nil {
			t.Errorf("%q, %v; want %q", b, err, want)
		}
	}
	if conns.Load() != 1 {
		t.Errorf("%d connections", conns.Load())
	}
	if _, err := ask(t, clientFor(t, s.URL, "", Options{})); sluice.CodeOf(err) != sluice.CodeEngineFailed {
		t.Errorf("an unknown authority: %v", err)
	}
}

// Bytes beyond an answer that TLS has already decrypted are not taken for
// the next answer.
func TestStrayBytesInsideTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, lines("HTTP/1.1 200 OK|Content-Length: 2||"))
		io.WriteString(conn, lines("okHTTP/1.1 200 OK|Content-Length: 5||wrong")) // one TLS record
		conn.Read(make([]byte, 1))
	}))
	s.StartTLS()
	defer s.Close()
	c := clientFor(t, s.URL, "", Options{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	defer c.close()
	for range 3 {
		reply, err := c.send(t.Context(), chat("{}"))
		if err != nil {
			t.Fatal(err)
		}
		p := make([]byte, 2) // leaves the rest of the record in the TLS connection
		if n, err := io.ReadFull(reply.Body, p); string(p) != "ok" {
			t.Errorf("%q, %v", p[:n], err)
		}
		reply.Body.Close()
	}
}

// Many calls at once, some left early, all over few connections.
func TestManyCalls(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		for range 10 {
			w.Write(b)
			w.(http.Flusher).Flush()
		}
	}))
	defer s.Close()
	c := clientFor(t, s.URL, "", Options{IdleConns: 8})
	defer c.close()
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 40 {
				body := fmt.Sprintf("<%d.%d>", g, i)
				ctx, cancel := context.WithCancel(t.Context())
				reply, err := c.send(ctx, chat(body))
				if err != nil {
					t.Error(err)
					cancel()
					return
				}
				switch i % 4 {
				case 0:
					reply.Body.Close()
				case 1:
					go cancel()
					io.Copy(io.Discard, reply.Body)
				default:
					if b, err := io.ReadAll(reply.Body); string(b) != strings.Repeat(body, 10) || err != nil {
						t.Errorf("%q: got %q, %v", body, b, err)
					}
				}
				cancel()
				reply.Body.Close()
			}
		})
	}
	all.Wait()
}
