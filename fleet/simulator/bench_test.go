package simulator

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sink is a response writer that costs nothing.
type sink struct {
	header http.Header
	bytes  int64
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Flush()                      {}
func (s *sink) Write(b []byte) (int, error) { s.bytes += int64(len(b)); return len(b), nil }

// BenchmarkRequest is what the engine itself costs for one request with a
// short prompt, without HTTP.
func BenchmarkRequest(b *testing.B) {
	for name, body := range map[string]string{
		"whole":  `{"model":"m","max_tokens":10,"messages":[{"role":"user","content":"hello"}]}`,
		"stream": `{"model":"m","stream":true,"max_tokens":10,"messages":[{"role":"user","content":"hello"}]}`,
		"128KiB": fmt.Sprintf(`{"model":"m","stream":true,"max_tokens":10,"messages":[{"role":"user","content":%q}]}`, strings.Repeat("hello ", 1<<17/6)),
	} {
		b.Run(name, func(b *testing.B) {
			s := build(b, "sim:instant?tokens=10")
			reader := strings.NewReader(body)
			req := httptest.NewRequest(http.MethodPost, chatPath, nil)
			req.Body = io.NopCloser(reader)
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				s.ServeHTTP(&sink{header: http.Header{}}, req)
			}
		})
	}
}

// BenchmarkToken is what one token of a stream costs, without HTTP.
func BenchmarkToken(b *testing.B) {
	for _, url := range []string{"sim:instant?", "sim:instant?batch=16&"} {
		b.Run(url, func(b *testing.B) {
			const tokens = 10_000
			s := build(b, url+fmt.Sprintf("tokens=%d", tokens))
			body := `{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`
			reader := strings.NewReader(body)
			req := httptest.NewRequest(http.MethodPost, chatPath, nil)
			req.Body = io.NopCloser(reader)
			b.ReportAllocs()
			for b.Loop() {
				reader.Reset(body)
				s.ServeHTTP(&sink{header: http.Header{}}, req)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/tokens, "ns/token")
		})
	}
}

// BenchmarkSaturation is how many tokens a second one stream carries over a
// loopback connection.
func BenchmarkSaturation(b *testing.B) {
	for _, url := range []string{"sim:instant?", "sim:instant?batch=16&"} {
		b.Run(url, func(b *testing.B) {
			const tokens = 10_000
			server := httptest.NewServer(build(b, url+fmt.Sprintf("tokens=%d", tokens)))
			defer server.Close()
			for b.Loop() {
				resp, err := http.Post(server.URL+chatPath, "application/json", strings.NewReader(`{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}`))
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, bufio.NewReaderSize(resp.Body, 64<<10)); err != nil {
					b.Fatal(err)
				}
				_ = resp.Body.Close()
			}
			b.ReportMetric(float64(tokens)*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
		})
	}
}
