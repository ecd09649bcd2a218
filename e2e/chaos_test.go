package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

const (
	chaosReplicas = 8
	chaosSteady   = 4 // of them nothing is done to
	chaosTokens   = 20
	chaosPace     = 50 * time.Millisecond // between two tokens
)

// chaosCall is one call as its client saw it.
type chaosCall struct {
	id     string
	order  order
	status int
	begun  time.Time
	first  time.Duration // until its first token
	whole  time.Duration // until its end
	tokens int64         // that it got
	done   bool          // [DONE] came
	said   string        // the answer, where it is no stream
}

// chaos is a server with replicas that it has started itself.
type chaos struct {
	*server
	org   organisation
	key   string
	files []string // of the replicas, in which they note their calls
	rng   *rand.Rand

	mu    sync.Mutex
	calls []chaosCall
}

// TestChaos runs many streams at once through the server, over replicas which it
// has started as processes. Half of the replicas are killed, stopped (so that the kernel
// takes connections and nobody answers), stalled, slowed down, cut off, or lie
// about their health, some at the same time. No call is lost that could be asked
// elsewhere, each is billed once and for what came of it, and those which only
// steady replicas have seen take at most twice as long as without all of this.
//
//	SLUICE_CHAOS_STREAMS=500 SLUICE_CHAOS_SECONDS=60 go test -run '^TestChaos$' ./...
func TestChaos(t *testing.T) {
	streams, seconds := setting(t, "SLUICE_CHAOS_STREAMS", 40), setting(t, "SLUICE_CHAOS_SECONDS", 8)
	seed := uint64(setting(t, "SLUICE_CHAOS_SEED", int(time.Now().UnixNano()%1e9)))
	c := newChaos(t, seed)
	phase := time.Duration(seconds) * time.Second

	var trouble map[string]int
	calm := c.load(streams, func() { time.Sleep(phase / 2) })
	rough := c.load(streams, func() { trouble = c.disturb(t, phase) })

	disturbed := map[string]bool{}
	for _, file := range c.files[chaosSteady:] {
		ids, err := callsOf(file)
		if err != nil {
			t.Fatal(err)
		}
		for id := range ids {
			disturbed[id] = true
		}
	}
	var steady []chaosCall
	broken := 0
	for _, call := range append(slices.Clone(calm), rough...) {
		switch {
		case call.done:
		case call.status == http.StatusOK && call.tokens > 0 && disturbed[call.id]:
			broken++ // after its first token: it cannot be asked elsewhere
		default:
			t.Errorf("call %s is lost: status %d, %d tokens, %v, %.300s", call.id, call.status, call.tokens, call.whole, call.said)
		}
	}
	for _, call := range rough {
		if call.done && !disturbed[call.id] {
			steady = append(steady, call)
		}
	}
	t.Logf("%d streams at once, seed %d: %d calls in calm, %d in trouble, of which %d broke off in the middle and %d saw steady replicas alone; done to replicas: %v",
		streams, seed, len(calm), len(rough), broken, len(steady), trouble)
	if len(steady) < len(rough)/4 || len(trouble) < 3 {
		t.Errorf("too little has happened for this to say anything")
	}
	for name, of := range map[string]func(chaosCall) time.Duration{
		"first token": func(c chaosCall) time.Duration { return c.first }, "whole answer": func(c chaosCall) time.Duration { return c.whole },
	} {
		before, after := percentile(calm, 99, of), percentile(steady, 99, of)
		t.Logf("%s: p50 %v and then %v, p99 %v and then %v", name, percentile(calm, 50, of), percentile(steady, 50, of), before, after)
		if after > 2*max(before, 4*chaosPace) { // below that the machine's own delays are measured
			t.Errorf("%s: p99 of calls that steady replicas alone have seen goes from %v to %v", name, before, after)
		}
	}
	c.settle(t)
}

// percentile is the p-th of what of says of the calls.
func percentile(calls []chaosCall, p int, of func(chaosCall) time.Duration) time.Duration {
	if len(calls) == 0 {
		return 0
	}
	all := make([]time.Duration, len(calls))
	for i, c := range calls {
		all[i] = of(c)
	}
	slices.Sort(all)
	return all[min(len(all)*p/100, len(all)-1)]
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	c := &chaos{rng: rand.New(rand.NewPCG(seed, 0))}
	c.server = start(t, t.TempDir(), "--embedded=false", "--attempts", strconv.Itoa(chaosReplicas))
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	manifest := "engines:\n"
	for i := range chaosReplicas {
		file := filepath.Join(folder, "replica"+strconv.Itoa(i))
		c.files = append(c.files, file)
		manifest += fmt.Sprintf("- {name: r%d, models: {m: m}, no_probe: true, process: {command: [%q, \"${PORT}\"], env: {%s: %q}, stop_timeout: 2s}}\n", i, program, replicaVariable, file)
	}
	models := filepath.Join(folder, "models.yaml")
	if err := os.WriteFile(models, []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	c.run(t, "apply", "-f", models)
	for i := range chaosReplicas {
		c.run(t, "engine", "start", "r"+strconv.Itoa(i), "--json")
	}
	c.run(t, append([]string{"model", "price", "m", "--json"}, tariff{input: 2e6, cached: 1e6, output: 8e6}.flags()...)...)
	org, k := c.customer(t, "chaos", "100000")
	c.org, c.key = org, k.Secret
	return c
}

// load runs streams, one after the other in so many clients, for as long as
// meanwhile takes, and returns the calls once all have ended.
func (c *chaos) load(streams int, meanwhile func()) []chaosCall {
	from := len(c.calls)
	transport := &http.Transport{MaxIdleConnsPerHost: streams}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: 5 * time.Minute}
	var over atomic.Bool
	var clients sync.WaitGroup
	for i := range streams {
		rng := rand.New(rand.NewPCG(c.rng.Uint64(), uint64(i)))
		clients.Go(func() {
			time.Sleep(time.Duration(rng.Int64N(int64(chaosTokens * chaosPace)))) // not all at once
			for !over.Load() {
				call := c.call(client, order{prompt: 10 + rng.Int64N(40), output: chaosTokens, pace: chaosPace})
				c.mu.Lock()
				c.calls = append(c.calls, call)
				c.mu.Unlock()
			}
		})
	}
	meanwhile()
	over.Store(true)
	clients.Wait()
	return slices.Clone(c.calls[from:])
}

// call streams one answer.
func (c *chaos) call(client *http.Client, o order) (call chaosCall) {
	call.order, call.begun = o, time.Now()
	defer func() { call.whole = time.Since(call.begun) }()
	req, err := http.NewRequest(http.MethodPost, c.ready.URL+"/v1/chat/completions", strings.NewReader(chatBody("m", o, true, true)))
	if err != nil {
		call.said = err.Error()
		return call
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.GetBody = nil // the transport must not repeat a call on its own
	res, err := client.Do(req)
	if err != nil {
		call.said = err.Error()
		return call
	}
	defer res.Body.Close()
	call.id, call.status = res.Header.Get("X-Request-Id"), res.StatusCode
	if res.StatusCode != http.StatusOK {
		raw, _ := io.ReadAll(res.Body)
		call.said = string(raw)
		return call
	}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		switch {
		case line == "data: [DONE]":
			call.done = true
		case strings.Contains(line, `"content":"t`):
			if call.tokens++; call.tokens == 1 {
				call.first = time.Since(call.begun)
			}
		case line != "":
			call.said = line
		}
	}
	return call
}

// disturb does things to the replicas that are not steady, to each on its own,
// for that long; it returns what was done how often. All are well again afterwards.
func (c *chaos) disturb(t *testing.T, during time.Duration) map[string]int {
	var mu sync.Mutex
	done := map[string]int{}
	end := time.Now().Add(during)
	var all sync.WaitGroup
	for i := chaosSteady; i < chaosReplicas; i++ {
		rng := rand.New(rand.NewPCG(c.rng.Uint64(), uint64(i)))
		all.Go(func() {
			between := func(least, most int64) { time.Sleep(time.Duration(least+rng.Int64N(most-least)) * time.Millisecond) }
			for {
				between(200, 900)
				if time.Now().After(end) {
					return
				}
				what := []string{"kill", "half-open", modeSlow, modeStall, modeLie, modeCut}[rng.IntN(6)]
				undo := c.disturbOne(t, i, what)
				mu.Lock()
				done[what]++
				mu.Unlock()
				between(500, 2500)
				undo()
			}
		})
	}
	all.Wait()
	return done
}

// disturbOne does something to one replica, until undo.
func (c *chaos) disturbOne(t *testing.T, i int, what string) (undo func()) {
	name, mode := "r"+strconv.Itoa(i), c.files[i]+".mode"
	switch what {
	case "kill":
		pid := c.awaitReplica(t, name)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Errorf("killing %s: %v", name, err)
		}
		return func() { c.awaitReplica(t, name) }
	case "half-open":
		pid := c.awaitReplica(t, name)
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Errorf("stopping %s: %v", name, err)
		}
		return func() { _ = syscall.Kill(pid, syscall.SIGCONT) }
	}
	if err := os.WriteFile(mode, []byte(what), 0o600); err != nil {
		t.Error(err)
	}
	return func() {
		if err := os.Remove(mode); err != nil {
			t.Error(err)
		}
	}
}

// awaitReplica waits until a replica is ready, and returns its process's id.
func (c *chaos) awaitReplica(t *testing.T, name string) int {
	t.Helper()
	var e struct {
		Process struct {
			Status struct {
				State string `json:"state"`
				PID   int    `json:"pid"`
			} `json:"status"`
		} `json:"process"`
	}
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if r := c.try(t, "engine", "show", name, "--json"); r.code == 0 && json.Unmarshal([]byte(r.out), &e) == nil && e.Process.Status.State == "ready" {
			return e.Process.Status.PID
		}
	}
	t.Errorf("%s is not ready: %+v", name, e)
	return 0
}

// settle holds what the clients saw against what was billed.
func (c *chaos) settle(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); one[struct{ Holds int }](t, c.server, "status").Holds > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("calls that have ended still hold money")
		}
	}
	billed := map[string]usage{}
	var charged pico
	for _, u := range c.usage(t, c.org) {
		if _, twice := billed[u.ID]; twice {
			t.Errorf("call %s is billed twice", u.ID)
		}
		billed[u.ID] = u
		charged += u.Charge
	}
	for _, call := range c.calls {
		u, found := billed[call.id]
		switch want := call.order.tokens(); {
		case call.done && (!found || u.Tokens != want || u.Estimated):
			t.Errorf("call %s came whole, of %+v, and is billed as %+v", call.id, want, u)
		case found && (u.Tokens.Input != want.Input || u.Tokens.Output > want.Output || u.Tokens.Output < call.tokens):
			t.Errorf("call %s broke off after %d of %+v, and is billed as %+v", call.id, call.tokens, want, u)
		}
		delete(billed, call.id)
	}
	for id := range billed {
		t.Errorf("call %s is billed, and no client made it", id)
	}
	if b := c.balance(t, c.org); b.Available != 100000*unit-charged || b.Held != 0 {
		t.Errorf("the balance is %+v, after charges of %d", b, charged)
	}
	c.verify(t)
}
