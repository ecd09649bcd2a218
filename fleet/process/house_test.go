package process

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/fleet"
)

// hung is how long an engine may be silent about its health: longer than a busy
// machine keeps one that is well from answering.
const hung = 3 * time.Second

// house is a supervisor with a fleet and real processes.
type house struct {
	t       testing.TB
	s       *Supervisor
	fleet   *fleet.Fleet
	starts  *memory
	folder  string
	engines []sluice.Engine
}

// memory keeps starts.
type memory struct {
	mu  sync.Mutex
	all map[string]sluice.EngineStart
}

func (m *memory) PutEngineStart(_ context.Context, s *sluice.EngineStart) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.all[s.ID] = *s
	return nil
}

func (m *memory) OpenEngineStarts(context.Context) ([]*sluice.EngineStart, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []*sluice.EngineStart
	for _, s := range m.all {
		if !s.Ended() {
			open = append(open, &s)
		}
	}
	return open, nil
}

// of are the starts of an engine, the first first.
func (m *memory) of(engine string) (all []sluice.EngineStart) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.all {
		if s.Engine == engine {
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b sluice.EngineStart) int { return strings.Compare(a.ID, b.ID) })
	return all
}

// newHouse opens a supervisor that is quick in all that it does. It ends with the test.
func newHouse(t testing.TB) *house {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("processes are looked at through /proc")
	}
	h := &house{t: t, folder: t.TempDir(), starts: &memory{all: map[string]sluice.EngineStart{}}}
	h.open()
	t.Cleanup(func() { h.s.Close() })
	return h
}

// open opens the supervisor, and a fleet beside it.
func (h *house) open() {
	h.t.Helper()
	h.fleet = fleet.New(fleet.Options{
		Asleep: func(e sluice.Engine) bool { return h.s.Asleep(e) }, Wanted: func(id string) { h.s.Wanted(id) },
		StartLimit: func(e sluice.Engine) time.Duration { return h.s.StartLimit(e) },
	})
	var err error
	h.s, err = Open(h.t.Context(), Options{
		Folder: h.folder, Fleet: h.fleet, Starts: h.starts, Log: slog.New(slog.NewTextHandler(h.t.Output(), nil)), Moved: func() { go h.apply() },
		Hung: hung, Backoff: 50 * time.Millisecond, Longest: 200 * time.Millisecond,
		Tick: 10 * time.Millisecond, Interval: 50 * time.Millisecond, Timeout: hung / 2,
	})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	h.t.Cleanup(cancel)
	go h.s.Run(ctx)
}

// engine defines one, in the ways of this binary's main.
func (h *house) engine(id, ways string, with func(*sluice.Engine)) {
	e := sluice.Engine{
		ID: id, Name: id, Kind: sluice.EngineProcess, Models: map[string]string{"m-" + id: "m"},
		Process: &sluice.Process{Command: []string{os.Args[0], "--port", "${PORT}"}, Env: map[string]string{"ENGINE": ways}, StopTimeout: time.Second},
	}
	if with != nil {
		with(&e)
	}
	h.engines = append(slices.DeleteFunc(h.engines, func(o sluice.Engine) bool { return o.ID == id }), e)
	h.apply()
}

// apply takes up the engines as a server does.
func (h *house) apply() {
	placed := make([]sluice.Engine, len(h.engines))
	for i, e := range h.engines {
		var err error
		if placed[i], err = h.s.Place(e); err != nil {
			h.t.Error(err)
		}
	}
	if err := h.fleet.Apply(placed); err != nil {
		h.t.Error(err)
	}
	h.s.Apply(placed)
}

// await waits until an engine is as wanted, and returns how it is then.
func (h *house) await(id, what string, is func(Status) bool) Status {
	h.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		st := h.s.Status()[id]
		if is(st) {
			return st
		}
		if time.Now().After(end) {
			h.t.Fatalf("%s does not come to: %s. It is %+v, its start %+v", id, what, st, st.Start)
		}
	}
}

func (h *house) ready(id string) Status {
	h.t.Helper()
	return h.await(id, "ready", func(s Status) bool { return s.State == Ready })
}

// startsOf waits until n starts of an engine are kept, the last of which has
// ended: they are written in the background.
func (h *house) startsOf(id string, n int) (all []sluice.EngineStart) {
	h.t.Helper()
	h.await(id, strconv.Itoa(n)+" starts", func(Status) bool {
		all = h.starts.of(id)
		return len(all) >= n && all[len(all)-1].Ended()
	})
	return all
}

// call asks a model, and returns the id of the process that answered.
func (h *house) call(model string) (pid int, err error) {
	return h.callWithin(20*time.Second, model)
}

func (h *house) callWithin(limit time.Duration, model string) (pid int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	route, err := h.fleet.Route(ctx, sluice.RouteRequest{Model: model})
	if err != nil {
		return 0, err
	}
	outcome := sluice.OutcomeFailed
	defer func() { h.fleet.Done(route, outcome, sluice.Usage{}) }()
	reply, err := h.fleet.Send(ctx, route, &sluice.EngineRequest{Path: "/v1/chat/completions", Body: []byte(`{"model":"m"}`)})
	if err != nil {
		return 0, err
	}
	defer reply.Body.Close()
	var said struct {
		Choices []struct{ Message struct{ Content string } }
	}
	if err := json.NewDecoder(reply.Body).Decode(&said); err != nil || len(said.Choices) != 1 {
		return 0, errors.Join(err, errors.New("no answer"))
	}
	outcome = sluice.OutcomeServed
	return strconv.Atoi(said.Choices[0].Message.Content)
}

// alive reports whether a process runs.
func alive(pid int) bool {
	state, _ := statOf(pid)
	return state != 0 && state != 'Z'
}

// awaitGone waits until a process has ended.
func awaitGone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); alive(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("process %d still runs", pid)
		}
	}
}
