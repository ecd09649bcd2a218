package main

import (
	"io"
	"net"
	"net/http"
	"os"
)

// serveMock writes the URL of a free port to the file and answers there.
func serveMock(file string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", []byte("http://"+l.Addr().String()), 0o600); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	return http.Serve(l, http.HandlerFunc(answerMock))
}

func answerMock(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // healthy
	}
	if r.Header.Get("Authorization") != "Bearer open-sesame" {
		http.Error(w, `{"error":{"message":"who are you?"}}`, http.StatusUnauthorized)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"own","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}`)
}
