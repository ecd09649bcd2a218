package main

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// startEngine runs an engine until the test ends and returns its URL.
func startEngine(t *testing.T) string {
	t.Helper()
	poll, err := newPoller()
	if err != nil {
		t.Fatal(err)
	}
	fd, address, err := listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := poll.watch(fd, false, false); err != nil {
		t.Fatal(err)
	}
	var ends [2]int // closing one end of a pipe wakes the engine for the last time
	if err := unix.Pipe(ends[:]); err != nil {
		t.Fatal(err)
	}
	if err := poll.watch(ends[0], false, false); err != nil {
		t.Fatal(err)
	}
	e, stop, done := newEngine(poll, fd), make(chan struct{}), make(chan struct{})
	e.conns[int32(ends[0])] = &engineConn{fd: ends[0]}
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := e.turn(); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	t.Cleanup(func() {
		close(stop)
		_ = unix.Close(ends[1])
		<-done
		_, _ = unix.Close(fd), unix.Close(poll.fd)
	})
	return "http://" + address
}

func ask(t *testing.T, url, body string) (string, time.Duration) {
	t.Helper()
	start := time.Now()
	resp, err := http.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b bytes.Buffer
	if _, err := io.Copy(&b, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s, %v", resp.Status, err)
	}
	return b.String(), time.Since(start)
}

func TestEngine(t *testing.T) {
	url := startEngine(t)
	if got, _ := ask(t, url, `{"model":"bench"}`); got != string(wholeAnswer()) {
		t.Errorf("whole: %s", got)
	}
	if got, _ := ask(t, url, `{"stream":true,"max_tokens":5000}`); got != string(streamAnswer(5000)) {
		t.Errorf("a stream of 5000 tokens came as %d bytes", len(got))
	}
	got, _ := ask(t, url, `{"stream":true,"max_tokens":7,"stream_options":{"include_usage":true}}`)
	if want := usage(7); strings.Count(got, want) != 1 || strings.Index(got, want) > strings.Index(got, "[DONE]") {
		t.Errorf("no usage before [DONE]: %s", got)
	}
	got, took := ask(t, url, `{"stream":true,"max_tokens":5,"pace_us":10000}`)
	if got != string(streamAnswer(5)) || took < 40*time.Millisecond {
		t.Errorf("paced: %d bytes after %s", len(got), took)
	}
}

// TestLoad lets the load generator ask the engine, and stops it.
func TestLoad(t *testing.T) {
	url := startEngine(t)
	for name, p := range map[string]plan{
		"whole":  {Conns: 8},
		"stream": {Conns: 8, Stream: true, Tokens: 300},
		"paced":  {Conns: 20, Stream: true, Tokens: 10, PaceUS: 2000, Once: true, SpreadS: 0.01},
		"rate":   {Conns: 8, Stream: true, Tokens: 3, Rate: 500},
	} {
		p.Address = strings.TrimPrefix(url, "http://")
		var ends [2]int
		if err := unix.Pipe(ends[:]); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(100*time.Millisecond, func() { _, _ = unix.Write(ends[1], []byte("stop\n")) })
		var out bytes.Buffer
		if err := runLoad(p, ends[0], &out); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		said := out.String()
		if !strings.HasPrefix(said, "\"steady\"\n") || !strings.Contains(said, `"Errors":0`) || strings.Contains(said, `"Answers":0`) {
			t.Errorf("%s: %s", name, said)
		}
		_, _ = unix.Close(ends[0]), unix.Close(ends[1])
	}
}

func TestMedian(t *testing.T) {
	if m := median([]float64{9, 1, 5}); m != 5 {
		t.Errorf("median %g, want 5", m)
	}
	if m := median([]float64{4, 1, 2, 9}); m != 3 {
		t.Errorf("median %g, want 3", m)
	}
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(100 - i)
	}
	if s := summarise(values); s.N != 100 || s.P50 != 50 || s.P99 != 99 {
		t.Errorf("%+v", s)
	}
}
