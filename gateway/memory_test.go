package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"sluice"
	"sluice/fleet/fleettest"
	"sluice/gateway"
)

// Large bodies share a bounded memory: one too many is refused, small ones are
// not, and what a call had is free after its end.
func TestBodyMemory(t *testing.T) {
	r := newRig(t, setup{options: gateway.Options{BodyMemory: 8 << 20}})
	r.engines[0].Default(fleettest.Stream("a").Usage(1, 1, 0))
	large := strings.Replace(plainCall, "hi", strings.Repeat("a ", 2<<20), 1)
	for range 3 {
		if a := r.post(chatPath, large); a.StatusCode != http.StatusOK {
			t.Fatalf("alone: %d %s", a.StatusCode, a.body)
		}
	}

	body, end := io.Pipe()
	first := r.request(context.Background(), http.MethodPost, chatPath, "")
	first.Body, first.ContentLength = body, -1
	answered := make(chan answer)
	go func() { answered <- r.do(first) }()
	half := len(large) * 3 / 4
	if _, err := io.WriteString(end, large[:half]); err != nil {
		t.Fatal(err)
	}
	wantError(t, r.post(chatPath, large), http.StatusServiceUnavailable, sluice.CodeOverloaded)
	if a := r.post(chatPath, plainCall); a.StatusCode != http.StatusOK {
		t.Errorf("a small one: %d %s", a.StatusCode, a.body)
	}
	if _, err := io.WriteString(end, large[half:]); err != nil {
		t.Fatal(err)
	}
	if err := end.Close(); err != nil {
		t.Fatal(err)
	}
	if a := <-answered; a.StatusCode != http.StatusOK {
		t.Errorf("the first: %d %s", a.StatusCode, a.body)
	}
	r.ended(6)
	if a := r.post(chatPath, large); a.StatusCode != http.StatusOK {
		t.Errorf("afterwards: %d %s", a.StatusCode, a.body)
	}
}
