package e2e

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// reply is an answer that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// web is how tests call without an SDK. It does not retry.
func web(t testing.TB, connections int) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 2 * time.Minute}
}

// send sends a request with a key.
func send(client *http.Client, method, url, key string, body io.Reader) (reply, error) {
	req, err := http.NewRequest(method, url, body)
	if err != nil {
		return reply{}, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, raw}, err
}

// post sends a body to one of the server's paths.
func (s *server) post(t testing.TB, path, key, body string) reply {
	t.Helper()
	r, err := send(web(t, 1), http.MethodPost, s.ready.URL+path, key, strings.NewReader(body))
	if err != nil {
		t.Fatalf("POST %s: %v", path, err)
	}
	return r
}

// dialectError is OpenAI's error body.
type dialectError struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
	} `json:"error"`
}

// failure reads the error body of a reply, with nothing beside it.
func (r reply) failure(t testing.TB) dialectError {
	t.Helper()
	var e dialectError
	dec := json.NewDecoder(bytes.NewReader(r.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil || e.Error.Message == "" || e.Error.Type == "" {
		t.Fatalf("status %d with the body %.300q, want an error object (%v)", r.status, r.body, err)
	}
	return e
}

// chatBody is the request body of an order.
func chatBody(model string, o order, stream, includeUsage bool) string {
	body := map[string]any{"model": model, "stream": stream, "messages": []map[string]string{{"role": "user", "content": o.text()}}}
	if includeUsage {
		body["stream_options"] = map[string]bool{"include_usage": true}
	}
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and booleans
	}
	return string(raw)
}
