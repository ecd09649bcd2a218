package fleet

import (
	"bufio"
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestParseHead(t *testing.T) {
	for _, test := range []struct {
		in   string
		want head
	}{
		{
			"HTTP/1.1 200 OK|Content-Type: text/event-stream|Transfer-Encoding: chunked||",
			head{status: 200, contentType: "text/event-stream", length: -1, chunked: true, prompt: -1, cached: -1},
		},
		{
			"HTTP/1.1 200|CONTENT-LENGTH:7|content-length:  7 |X-Prompt-Tokens: 12|x-cached-tokens: 4||",
			head{status: 200, length: 7, prompt: 12, cached: 4},
		},
		{
			"HTTP/1.1 429 Too Many|Retry-After: 3|Content-Type: application/json; v=2|Content-Type: other|Connection: keep-alive, Close||",
			head{status: 429, contentType: "application/json; v=2", retryAfter: "3", length: -1, close: true, prompt: -1, cached: -1},
		},
		{
			"HTTP/1.0 200 OK|Connection: keep-alive|X-Prompt-Tokens: many|X-Cached-Tokens: -4||",
			head{status: 200, length: -1, close: true, prompt: -1, cached: -1},
		},
		{"HTTP/1.1 200 |Content-Encoding: Identity|X: \ty\xe4\t||", head{status: 200, length: -1, prompt: -1, cached: -1}},
	} {
		got, err := parseHead([]byte(strings.ReplaceAll(test.in, "|", "\r\n")))
		if err != nil || got != test.want {
			t.Errorf("%q: got %+v, %v; want %+v", test.in, got, err, test.want)
		}
	}
}

func TestParseHeadRefuses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK|"
	for name, in := range map[string]string{
		"length and encoding":   ok + "Content-Length: 5|Transfer-Encoding: chunked||",
		"unequal lengths":       ok + "Content-Length: 5|Content-Length: 6||",
		"list of lengths":       ok + "Content-Length: 5, 5||",
		"signed length":         ok + "Content-Length: +5||",
		"negative length":       ok + "Content-Length: -5||",
		"empty length":          ok + "Content-Length: ||",
		"huge length":           ok + "Content-Length: 9999999999999999999||",
		"hexadecimal length":    ok + "Content-Length: 0x5||",
		"chunked twice":         ok + "Transfer-Encoding: chunked|Transfer-Encoding: chunked||",
		"other encoding":        ok + "Transfer-Encoding: gzip, chunked||",
		"encoding identity":     ok + "Transfer-Encoding: identity||",
		"vertical tab":          ok + "Transfer-Encoding: \vchunked||",
		"encoding in 1.0":       "HTTP/1.0 200 OK|Transfer-Encoding: chunked||",
		"compressed":            ok + "Content-Encoding: gzip||",
		"folded line":           ok + "X: a| b||",
		"blank before colon":    ok + "Content-Length : 5||",
		"leading blank":         ok + " Content-Length: 5||",
		"no colon":              ok + "Content-Length 5||",
		"no name":               ok + ": 5||",
		"bare LF":               ok + "X: a\nContent-Length: 5||",
		"bare CR":               ok + "X: a\rContent-Length: 5||",
		"zero byte":             ok + "X: a\x00||",
		"no status":             "HTTP/1.1||",
		"short status":          "HTTP/1.1 20||",
		"long status":           "HTTP/1.1 2000||",
		"status no number":      "HTTP/1.1 2x0||",
		"status below 100":      "HTTP/1.1 099 No||",
		"other version":         "HTTP/2 200 OK||",
		"no HTTP":               "ICY 200 OK||",
		"body instead of head":  `{"error":"x"}||`,
		"control in the status": "HTTP/1.1 200 O\x01K||",
		"too many fields":       ok + strings.Repeat("X: y|", maxFields+1) + "|",
		"no end":                ok + "X: y",
		"nothing":               "",
	} {
		if got, err := parseHead([]byte(strings.ReplaceAll(in, "|", "\r\n"))); err == nil {
			t.Errorf("%s: accepted as %+v", name, got)
		}
	}
}

// What we accept, net/http accepts and understands the same way.
func FuzzParseHead(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: text/event-stream\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 503 \r\nConnection: close\r\nRetry-After: 1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		end := bytes.Index(b, []byte("\r\n\r\n"))
		if end < 0 {
			return
		}
		b = b[:end+4]
		h, err := parseHead(b)
		if err != nil || h.status == 204 || h.status == 304 || h.status < 200 {
			return // those without a body have no framing to compare
		}
		r, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), &http.Request{Method: "POST"})
		if err != nil {
			t.Fatalf("accepted %q, net/http says %v", b, err)
		}
		length := fmt.Sprint(h.length, h.chunked)
		theirs := fmt.Sprint(r.ContentLength, len(r.TransferEncoding) > 0)
		if r.StatusCode != h.status || length != theirs || (r.Close && !h.close && r.ContentLength+int64(len(r.TransferEncoding)) >= 0) {
			t.Fatalf("%q: %+v, net/http %+v", b, h, r)
		}
	})
}
