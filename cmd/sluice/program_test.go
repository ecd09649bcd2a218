package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// program is an engine that Sluice starts: my-engine --port N [HOW…]. It answers
// with its process's id. HOW is "crash", or a time that it takes to start.
func program() {
	if err := serveProgram(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "my-engine:", err)
		os.Exit(1)
	}
}

func serveProgram(args []string) error {
	var port string
	for len(args) > 0 {
		switch {
		case args[0] == "--port" && len(args) > 1:
			port, args = args[1], args[1:]
		case args[0] == "crash":
			return fmt.Errorf("no luck today")
		default:
			if d, err := time.ParseDuration(args[0]); err == nil {
				fmt.Println("Loading weights: 40%")
				time.Sleep(d)
			}
		}
		args = args[1:]
	}
	l, err := net.Listen("tcp", "127.0.0.1:"+port)
	if err != nil {
		return err
	}
	fmt.Println("listening; HELLO is", os.Getenv("HELLO"), "and the server's secret is", strconv.Quote(os.Getenv("SLUICE_MAIL_PASSWORD")))
	return http.Serve(l, http.HandlerFunc(answerProgram))
}

func answerProgram(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		return // healthy
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"own","choices":[{"index":0,"message":{"role":"assistant","content":"process `+strconv.Itoa(os.Getpid())+`"},"finish_reason":"stop"}],`+
		`"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}`)
}
