package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/api"
)

// seats is an engine that computes so many answers of 20 tokens at once and refuses others.
type seats struct {
	places chan struct{}

	mu     sync.Mutex
	busy   time.Duration // of all places together
	tokens int
}

func (s *seats) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	began, n := time.Now(), 0
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.busy += time.Since(began)
		s.tokens += n
	}()
	w.Header().Set("Content-Type", "text/event-stream")
	first, rest, _ := strings.Cut(goodStream, "\n\n")
	for ; n < 20 && r.Context().Err() == nil; n++ {
		time.Sleep(10 * time.Millisecond)
		_, _ = io.WriteString(w, first+"\n\n")
		_ = http.NewResponseController(w).Flush()
	}
	_, _ = io.WriteString(w, rest)
}

// customer is an organisation with its part of the load.
type customer struct {
	key, class string
	load       float64 // calls a second
	asked      int
	answered   int
}

// TestOverload asks a server for three times of what its engine can do: the engine's
// work is for answers that reach somebody, its places are taken, and who pays and waits is
// served before batches, and those before who does not pay.
func TestOverload(t *testing.T) {
	const lasts, places = 6 * time.Second, 8
	engine := &seats{places: make(chan struct{}, places)}
	backend := httptest.NewServer(engine)
	t.Cleanup(backend.Close)
	p, data := launch(t, "--probe-engines=false", "--queue-interactive=2s", "--queue-batch=2s")
	sluiceDo(t, data, "engine", "add", "small", "--url", backend.URL, "--model", "small")
	sluiceDo(t, data, "model", "price", "small", "--input", "1", "--output", "1")
	sluiceDo(t, data, "org", "create", "acme", "--credit", "10")
	sluiceDo(t, data, "org", "create", "visitors", "--credit", "10")
	sluiceDo(t, data, "org", "queue", "visitors", "--free")
	key := func(org string) string {
		var k api.NewKey
		if err := json.Unmarshal([]byte(sluiceDo(t, data, "key", "create", "--org", org, "--json")), &k); err != nil {
			t.Fatal(err)
		}
		return k.Secret
	}
	const capacity = places / 0.2 // calls a second
	paid, batch, free := &customer{load: 0.6 * capacity}, &customer{load: 1.2 * capacity, class: "batch"}, &customer{load: 1.2 * capacity}
	paid.key, free.key = key("acme"), key("visitors")
	batch.key = paid.key
	began := time.Now()
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, c := range []*customer{paid, batch, free} {
		group.Go(func() { c.come(t, p, lasts, &mu, &group) })
	}
	group.Wait()
	took := time.Since(began)
	var shed int64
	for line := range strings.Lines(sluiceDo(t, data, "queue", "list", "--json")) {
		var q api.Queue
		if err := json.Unmarshal([]byte(line), &q); err != nil {
			t.Fatal(err)
		}
		if q.Free {
			shed += q.Shed.Total()
		}
		if q.Waiting != 0 {
			t.Errorf("calls still wait: %+v", q)
		}
	}
	delivered := 20 * (paid.answered + batch.answered + free.answered)
	used := engine.busy.Seconds() / (places * took.Seconds())
	t.Logf("%d of %d tokens delivered, places %.0f %% used; answered: paid %d of %d, batch %d of %d, free %d of %d", delivered, engine.tokens, 100*used,
		paid.answered, paid.asked, batch.answered, batch.asked, free.answered, free.asked)
	if 10*delivered < 9*engine.tokens || used < 0.6 {
		t.Error("the engine's work is lost")
	}
	if part := paid.part(); part < 0.9 || part < batch.part() || batch.part() < free.part() || shed == 0 {
		t.Errorf("%d free calls turned away", shed)
	}
}

func (c *customer) part() float64 { return float64(c.answered) / float64(max(c.asked, 1)) }

// come asks at random for so long.
func (c *customer) come(t *testing.T, p *child, lasts time.Duration, mu *sync.Mutex, group *sync.WaitGroup) {
	dice := rand.New(rand.NewPCG(uint64(c.load), 1))
	for end := time.Now().Add(lasts); time.Now().Before(end); {
		time.Sleep(time.Duration(dice.ExpFloat64() / c.load * float64(time.Second)))
		n := dice.IntN(1000)
		group.Go(func() {
			ok := c.ask(t, p, n)
			mu.Lock()
			defer mu.Unlock()
			c.asked++
			if ok {
				c.answered++
			}
		})
	}
}

// ask reports whether a call is answered to its end.
func (c *customer) ask(t *testing.T, p *child, n int) bool {
	body := fmt.Sprintf(`{"model":"small","stream":true,"messages":[{"role":"user","content":"hello %d"}]}`, n)
	req, err := http.NewRequest(http.MethodPost, p.ready["url"]+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if c.class != "" {
		req.Header.Set("X-Sluice-Class", c.class)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Error(err)
		return false
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return err == nil && strings.HasSuffix(string(answer), "data: [DONE]\n\n")
}
