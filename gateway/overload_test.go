package gateway_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/gateway"
	"sluice/money/ledger"
)

// machine is an engine with so many seats, each of which produces a token every
// step. What comes when all are taken it refuses, as engines do whose own queue is full.
type machine struct {
	seats int
	step  time.Duration

	mu      sync.Mutex
	running int
	refused int
	dice    *rand.Rand
}

// take takes a seat and says how long the answer will be.
func (m *machine) take() (tokens int, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.running == m.seats {
		m.refused++
		return 0, false
	}
	m.running++
	return 1 + m.dice.IntN(39), true // 20 on average
}

func (m *machine) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running--
}

func (m *machine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	_, _ = io.Copy(io.Discard, r.Body)
	tokens, ok := m.take()
	if !ok {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	defer m.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	for range tokens {
		select {
		case <-time.After(m.step):
		case <-r.Context().Done():
			return
		}
		_, _ = io.WriteString(w, chunk("x"))
		_ = http.NewResponseController(w).Flush()
	}
	finish := strings.Replace(chunk(""), `"finish_reason":null`, `"finish_reason":"stop"`, 1)
	_, _ = fmt.Fprintf(w, "%sdata: {\"id\":\"x\",\"object\":\"chat.completion.chunk\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\ndata: [DONE]\n\n", finish, tokens, 10+tokens)
}

// crowd is the part of the load that one kind of organisations makes.
type crowd struct {
	name    string
	queue   sluice.Queueing
	load    float64 // in capacities of the engines
	tenants int
	within  time.Duration // an answer is worth something until then

	asked, answered, late, shed int
	tokens                      int // of answers in time, after the first seconds
}

// overload runs crowds against two machines of 8 seats for so long and returns
// how many tokens a second reached clients in time.
func overload(t *testing.T, crowds []*crowd, concurrent int64, lasts time.Duration) (goodput float64, refused int) {
	const seats, step, engines, warm = 8, 50 * time.Millisecond, 2, 5 * time.Second
	if raced {
		lasts = min(lasts, 12*time.Second)
	}
	r := newRig(t, setup{
		engines: engines, credit: 1 << 50,
		engine:  func(e *sluice.Engine) { e.Concurrent = concurrent },
		options: gateway.Options{Waits: [sluice.QueueClasses]time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}},
		machine: func(n int) http.Handler {
			return &machine{seats: seats, step: step, dice: rand.New(rand.NewPCG(uint64(n), 1))}
		},
	})
	perSecond := float64(engines*seats) / (20 * step.Seconds()) // calls that the machines can take
	dice := rand.New(rand.NewPCG(3, 4))
	var mu sync.Mutex
	var group sync.WaitGroup
	began := time.Now()
	for _, c := range crowds {
		secrets := r.tenants(c)
		group.Go(func() {
			mu.Lock()
			own := rand.New(rand.NewPCG(dice.Uint64(), 5))
			mu.Unlock()
			for time.Since(began) < lasts {
				time.Sleep(time.Duration(own.ExpFloat64() / (c.load * perSecond) * float64(time.Second)))
				secret := secrets[own.IntN(len(secrets))]
				group.Go(func() {
					at := time.Now()
					tokens, status := r.stream(secret)
					mu.Lock()
					defer mu.Unlock()
					c.asked++
					switch took := time.Since(at); {
					case status != http.StatusOK || tokens == 0:
						c.shed++
					case took > c.within:
						c.late++
					default:
						c.answered++
						if end := time.Since(began); end > warm && end <= lasts {
							c.tokens += tokens
						}
					}
				})
			}
		})
	}
	group.Wait()
	for _, c := range crowds {
		goodput += float64(c.tokens) / (lasts - warm).Seconds()
	}
	for _, s := range r.fleet.Status() {
		refused += int(s.Refused)
	}
	return goodput, refused
}

// tenants makes a crowd's organisations, each with a key and more credit than it needs.
func (r *rig) tenants(c *crowd) (secrets []string) {
	for i := range c.tenants {
		id, secret := fmt.Sprintf("%s_%d", c.name, i), sluice.NewSecret()
		r.config.Organisations = append(r.config.Organisations, &sluice.Organisation{ID: "org_" + id, Name: id, Currency: usd, Queue: c.queue})
		r.config.Keys = append(r.config.Keys, &sluice.Key{ID: "key_" + id, Org: "org_" + id, Role: sluice.RoleDeveloper, Hash: sluice.HashKey(secret)})
		tx, err := ledger.Payment(sluice.Tx{ID: "tx_" + id, At: time.Now()}, "org_"+id, usd, sluice.Amount{Nano: plenty})
		if err == nil {
			err = r.ledger.Post(context.Background(), tx)
		}
		if err != nil {
			r.t.Fatal(err)
		}
		secrets = append(secrets, secret)
	}
	r.use()
	return secrets
}

// stream asks for a stream and returns how many tokens came, if it came to its end.
func (r *rig) stream(secret string) (tokens, status int) {
	req := r.request(context.Background(), http.MethodPost, chatPath, streamed)
	req.Header.Set("Authorization", "Bearer "+secret)
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Error(err)
		return 0, 0
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	if !strings.HasSuffix(string(body), "data: [DONE]\n\n") {
		return 0, res.StatusCode
	}
	return strings.Count(string(body), `"content":"x"`), res.StatusCode
}

// Of interactive calls alone, as many as the engines can do come in time: the others are
// told at once.
func TestOverloadOfOneClass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crowds := []*crowd{{name: "interactive", load: 3, tenants: 8, within: 8 * time.Second}}
		goodput, _ := overload(t, crowds, 8, 45*time.Second)
		c := crowds[0]
		t.Logf("goodput %.0f of %.0f tokens/s; %d asked, %d answered in time, %d late, %d turned away", goodput, peak, c.asked, c.answered, c.late, c.shed)
		if goodput < 0.9*peak || c.late > c.asked/100 {
			t.Errorf("goodput %.0f of %.0f, %d of %d late", goodput, peak, c.late, c.asked)
		}
	})
}

// peak is how many tokens a second the machines make with all seats taken.
const peak = 2 * 8 / 0.05

// At three times of what the engines can do they do as much as they can, for
// answers that come in time; free calls are turned away first, then batches', then
// agents', and of paid interactive ones nearly none. The same without a limit
// that the operator has set: it is learned from what they refuse.
func TestOverload(t *testing.T) {
	for name, concurrent := range map[string]int64{"limit given": 8, "limit learned": 0} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crowds := []*crowd{
					{name: "interactive", load: 0.6, tenants: 4, within: 8 * time.Second},
					{name: "agent", queue: sluice.Queueing{Class: "agent"}, load: 0.6, tenants: 3, within: 13 * time.Second},
					{name: "batch", queue: sluice.Queueing{Class: "batch"}, load: 0.9, tenants: 2, within: 23 * time.Second},
					{name: "free", queue: sluice.Queueing{Free: true}, load: 0.9, tenants: 20, within: 8 * time.Second},
				}
				goodput, refused := overload(t, crowds, concurrent, 45*time.Second)
				t.Logf("goodput %.0f of %.0f tokens/s (%.0f %%), %d calls refused by engines", goodput, peak, 100*goodput/peak, refused)
				part := map[string]float64{}
				for _, c := range crowds {
					part[c.name] = float64(c.answered) / float64(c.asked)
					t.Logf("%-11s %5d asked, %5.1f %% answered in time, %d late, %d turned away", c.name, c.asked, 100*part[c.name], c.late, c.shed)
				}
				if goodput < 0.9*peak {
					t.Errorf("goodput %.0f, want 90 %% of %.0f", goodput, peak)
				}
				if part["interactive"] < 0.98 || part["interactive"] < part["agent"] || part["agent"] < part["batch"] || part["batch"] < part["free"] {
					t.Errorf("answered in time: %v", part)
				}
			})
		})
	}
}
