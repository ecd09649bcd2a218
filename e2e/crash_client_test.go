package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"
)

// clients is how many run beside each other, over all keys.
const clients = 24

// answered is one call as its client saw it.
type answered struct {
	tenant    *tenant
	order     order
	confirmed bool   // the whole answer, or [DONE], arrived
	tokens    tokens // what was confirmed
}

// journal is what the clients of a round know, whatever becomes of the server.
type journal struct {
	mu       sync.Mutex
	answers  map[string]answered // by x-request-id
	oddities []string            // what no client may see
}

func (j *journal) note(id string, a answered) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if old, twice := j.answers[id]; twice && (old.confirmed || id == "") {
		j.oddities = append(j.oddities, fmt.Sprintf("the id %q a second time", id))
	}
	j.answers[id] = a
}

func (j *journal) odd(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.oddities = append(j.oddities, fmt.Sprintf(format, args...))
}

// load lets all clients call until the server is killed, after the given time.
func (l *life) load(until time.Duration) *journal {
	j := &journal{answers: map[string]answered{}}
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience}
	var wg sync.WaitGroup
	for i := range clients {
		tn := l.tenants[i%len(l.tenants)]
		c := caller{
			journal: j, client: client, url: l.ready.URL + "/v1/chat/completions",
			tenant: tn, key: tn.keys[i/len(l.tenants)%len(tn.keys)], slow: i%4 == 3,
			rng: rand.New(rand.NewPCG(l.rng.Uint64(), uint64(i))),
		}
		wg.Go(c.run)
	}
	time.Sleep(until) // this is the random instant: nothing is waited for
	l.kill()
	wg.Wait()
	return j
}

// caller is one client that calls again and again.
type caller struct {
	*journal
	client   *http.Client
	url, key string
	tenant   *tenant
	slow     bool // its answers are long and take their time, so that a kill meets them
	rng      *rand.Rand
}

// run ends with the first call that finds no server.
func (c *caller) run() {
	for c.call() {
	}
}

// call makes one call and notes it. It reports whether the server still lives.
func (c *caller) call() bool {
	o := order{prompt: 10 + c.rng.Int64N(40), output: 1 + c.rng.Int64N(60)}
	o.cached = c.rng.Int64N(o.prompt)
	stream, includeUsage := c.rng.IntN(3) > 0, c.rng.IntN(2) == 0
	if c.slow {
		o.output, o.pace, stream = 100+c.rng.Int64N(100), time.Duration(1+c.rng.IntN(4))*time.Millisecond, true
	}
	if c.tenant.poor {
		includeUsage = stream // an answer may be cut off: then only the usage chunk says what it used
	}
	body := chatBody("m", o, stream, includeUsage && stream)
	req, err := http.NewRequest(http.MethodPost, c.url, strings.NewReader(body))
	if err != nil {
		c.odd("%v", err)
		return false
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.GetBody = nil // the transport must not repeat a call on its own
	res, err := c.client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	a := answered{tenant: c.tenant, order: o}
	switch {
	case res.StatusCode == http.StatusPaymentRequired && c.tenant.poor:
		_, err := io.Copy(io.Discard, res.Body)
		time.Sleep(5 * time.Millisecond) // a refusal is free: do not spend the round with it
		return err == nil
	case res.StatusCode != http.StatusOK:
		raw, err := io.ReadAll(res.Body)
		if err == nil {
			c.odd("status %d: %s", res.StatusCode, raw)
		}
		return err == nil
	case stream:
		a.tokens, err = c.readStream(res.Body, o, includeUsage)
	default:
		a.tokens, err = c.readWhole(res.Body, o)
	}
	a.confirmed = err == nil
	c.note(res.Header.Get("X-Request-Id"), a)
	return err == nil
}

// wireUsage is the dialect's usage object.
type wireUsage struct {
	Prompt     int64 `json:"prompt_tokens"`
	Completion int64 `json:"completion_tokens"`
	Details    struct {
		Cached int64 `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

func (u *wireUsage) tokens() tokens {
	return tokens{Input: u.Prompt - u.Details.Cached, Cached: u.Details.Cached, Output: u.Completion}
}

// readWhole reads an answer that is not streamed.
func (c *caller) readWhole(body io.Reader, o order) (tokens, error) {
	raw, err := io.ReadAll(body)
	if err != nil {
		return tokens{}, err
	}
	var in struct {
		Usage wireUsage `json:"usage"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		c.odd("the answer %s: %v", raw, err)
		return tokens{}, err
	}
	if got := in.Usage.tokens(); got != o.tokens() {
		c.odd("the usage %+v of an order of %+v", got, o.tokens())
	}
	return in.Usage.tokens(), nil
}

// readStream reads a stream to its [DONE].
func (c *caller) readStream(body io.Reader, o order, includeUsage bool) (tokens, error) {
	var said *wireUsage
	var texts int64
	for lines := bufio.NewScanner(body); lines.Scan(); {
		payload, isData := strings.CutPrefix(lines.Text(), "data: ")
		if !isData {
			continue
		}
		if payload == "[DONE]" {
			return c.confirmed(o, said, texts, includeUsage), nil
		}
		var chunk struct {
			Choices []struct {
				Delta struct{ Content string }
			} `json:"choices"`
			Usage *wireUsage      `json:"usage"`
			Error json.RawMessage `json:"error"`
		}
		if err := json.Unmarshal([]byte(payload), &chunk); err != nil || chunk.Error != nil {
			c.odd("the event %s (%v)", payload, err)
		}
		for _, choice := range chunk.Choices {
			if choice.Delta.Content != "" {
				texts++
			}
		}
		if chunk.Usage != nil {
			said = chunk.Usage
		}
	}
	return tokens{}, io.ErrUnexpectedEOF // the server was killed
}

// confirmed is what a finished stream says was used.
func (c *caller) confirmed(o order, said *wireUsage, texts int64, includeUsage bool) tokens {
	if includeUsage != (said != nil) {
		c.odd("a usage chunk: %t, and one was asked for: %t", said != nil, includeUsage)
	}
	if said == nil {
		if texts != o.output {
			c.odd("a finished stream of %d tokens, want %d", texts, o.output)
		}
		return o.tokens()
	}
	if got := said.tokens(); got.Output != texts || (got != o.tokens() && !c.tenant.poor) {
		c.odd("the usage %+v for %d tokens of an order of %+v", got, texts, o.tokens())
	}
	return said.tokens()
}
