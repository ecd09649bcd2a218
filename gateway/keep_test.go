package gateway_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"sluice"
)

// TestConnectionKept holds that an engine that ends its answer in a packet of
// its own, behind [DONE], keeps its connection for the next call.
func TestConnectionKept(t *testing.T) {
	var opened atomic.Int64
	engine := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n"+
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":1}}\n\ndata: [DONE]\n\n")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(2 * time.Millisecond) // the end comes later: what is tested
	}))
	engine.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	engine.Start()
	t.Cleanup(engine.Close)
	r := newRig(t, setup{engine: func(e *sluice.Engine) { e.Kind, e.URL = sluice.EngineHTTP, engine.URL }})
	const calls = 20
	for range calls {
		if a := r.post(chatPath, streamed); a.StatusCode != http.StatusOK || text(t, a.body) != "a" {
			t.Fatalf("status %d: %s", a.StatusCode, a.body)
		}
	}
	if n := opened.Load(); n > calls/2 { // the gateway waits only briefly for the end, which a busy machine may bring later
		t.Errorf("%d calls opened %d connections", calls, n)
	}
}
