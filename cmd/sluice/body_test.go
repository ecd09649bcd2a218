package main

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// oneConn is a listener with one connection.
type oneConn struct {
	net.Listener
	conns chan net.Conn
}

func (l oneConn) Accept() (net.Conn, error) {
	if c, ok := <-l.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}
func (l oneConn) Close() error   { return nil }
func (l oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// A body that never comes ends its connection, whether a handler reads it or
// not; one that came leaves the handler all the time it needs.
func TestBodiesAreTimed(t *testing.T) {
	const within = 30 * time.Second
	handlers := map[string]http.HandlerFunc{
		"read":    func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) },
		"ignored": http.NotFound,
		"slow": func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			time.Sleep(10 * within)
			if r.Context().Err() != nil {
				w.WriteHeader(http.StatusTeapot)
			}
		},
	}
	for _, c := range []struct {
		handler, header, body string
		ends                  time.Duration
		status                string // empty: any
	}{
		{"read", "", "half", within, ""},
		{"ignored", "", "half", within, ""},
		{"slow", "Connection: close\r\n", "all of it.", 10 * within, "HTTP/1.1 200"},
	} {
		t.Run(c.handler, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server := net.Pipe()
				l := oneConn{conns: make(chan net.Conn, 1)}
				l.conns <- server
				srv := &http.Server{Handler: timeBodies(handlers[c.handler], within)}
				go func() { _ = srv.Serve(l) }()
				defer srv.Close()
				defer close(l.conns)
				began := time.Now()
				if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\n"+c.header+"Content-Length: 10\r\n\r\n"+c.body); err != nil {
					t.Fatal(err)
				}
				answer, _ := io.ReadAll(client) // how it ends is not the question
				if took := time.Since(began); took < c.ends || took > c.ends+5*time.Second {
					t.Errorf("the connection ended after %s, want %s", took, c.ends)
				}
				if !strings.HasPrefix(string(answer), c.status) {
					t.Errorf("answered %q", answer)
				}
			})
		})
	}
}
