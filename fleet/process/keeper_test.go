package process

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/fleet/chip"
)

// stage is a machine and a fleet of the tests', in synctest's time.
type stage struct {
	mu       sync.Mutex
	refuse   error
	promised []int64 // that each program was told of
	runs     []time.Time
	now      *actor // that runs
	health   int    // status of the answer; 0: there is none
	ready    map[string]bool
	used     time.Time // when a call was there last
	waiting  bool
}

func (s *stage) prepare(_ *program, promised int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.promised = append(s.promised, promised)
	return s.refuse
}

func (s *stage) run(*program, *ring) (instance, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.runs = append(s.runs, time.Now())
	s.now = &actor{ended: make(chan struct{})}
	return s.now, nil
}

func (s *stage) ask(ctx context.Context, _, _, _ string) (int, error) {
	s.mu.Lock()
	status := s.health
	s.mu.Unlock()
	if status == 0 {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return status, nil
}

func (s *stage) cards(context.Context) *chip.Report { return &chip.Report{} }

func (s *stage) SetReady(id string, ready bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready[id] = ready
}

func (s *stage) Idle(string) (time.Time, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used, !s.waiting
}

func (s *stage) InFlight(string) int64 { return 0 }

// set changes the stage.
func (s *stage) set(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// actor is a program that does as it is told.
type actor struct {
	once  sync.Once
	ended chan struct{}
	asked []bool // to end; true: killed
	text  string
}

func (a *actor) pid() int              { return 1 }
func (a *actor) done() <-chan struct{} { return a.ended }
func (a *actor) how() string           { return a.text }
func (a *actor) read() int64           { return 0 }
func (a *actor) end(kill bool)         { a.asked = append(a.asked, kill); a.exit("as it was told") }
func (a *actor) exit(how string)       { a.once.Do(func() { a.text = how; close(a.ended) }) }

// play opens a supervisor on a stage, with engines.
func play(t *testing.T, s *stage, engines ...*sluice.Engine) *Supervisor {
	t.Helper()
	s.ready, s.health, s.used = map[string]bool{}, http.StatusOK, time.Now()
	sup, err := Open(t.Context(), Options{Fleet: s, Starts: &memory{all: map[string]sluice.EngineStart{}}, machine: s})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); sup.Close() })
	go sup.Run(ctx)
	perform(t, sup, engines...)
	return sup
}

// perform has the supervisor take up engines.
func perform(t *testing.T, sup *Supervisor, engines ...*sluice.Engine) {
	t.Helper()
	var placed []sluice.Engine
	for _, e := range engines {
		p, err := sup.Place(*e)
		if err != nil {
			t.Fatal(err)
		}
		placed = append(placed, p)
	}
	sup.Apply(placed)
}

// pass lets time pass.
func pass(d time.Duration) { time.Sleep(d); synctest.Wait() }

// TestKeeperAgain shows the pauses between starts that fail, and the end of one
// that does not answer.
func TestKeeperAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{refuse: errors.New("no memory")}
		sup := play(t, s, definition("x ${PORT}", nil))
		pass(time.Hour)
		if n := len(s.promised); n < 15 || n > 25 || len(s.runs) != 0 { // 1, 2, 4, … 256 s, then each 5 minutes
			t.Errorf("in an hour it was tried %d times", n)
		}
		st := sup.Status()["eng_1"]
		if st.State != Failed || st.Error != "no memory" || time.Until(st.Until) > 5*time.Minute || sup.StartLimit(sluice.Engine{ID: "eng_1"}) != 0 {
			t.Errorf("it is %+v", st)
		}
		s.set(func() { s.refuse = nil })
		if err := sup.Start("eng_1"); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		if st := sup.Status()["eng_1"]; st.State != Ready || st.Error != "" || !s.ready["eng_1"] {
			t.Errorf("after its operator started it: %+v", st)
		}
		s.set(func() { s.health = 0 })
		pass(18 * time.Second)
		if sup.Status()["eng_1"].State != Ready {
			t.Error("it is given up after 18 s without an answer")
		}
		s.set(func() { s.health = http.StatusOK })
		pass(20 * time.Second)
		sick := s.now
		s.set(func() { s.health = http.StatusServiceUnavailable })
		pass(36 * time.Second)
		if st := sup.Status()["eng_1"]; st.State == Ready || st.Failures != 1 || !slices.Equal(sick.asked, []bool{true}) || s.ready["eng_1"] {
			t.Errorf("after half a minute without a good answer: asked %v, ready %v, failures %d, %+v", sick.asked, s.ready, st.Failures, st)
		}
	})
}

// TestKeeperDeadline shows that a start has its time, and that the time follows
// what the definition says.
func TestKeeperDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		sup := play(t, s, definition("x ${PORT}", func(e *sluice.Engine) { e.Process.StartTimeout = 10 * time.Minute }))
		s.set(func() { s.health = http.StatusServiceUnavailable })
		perform(t, sup, definition("x ${PORT}", func(e *sluice.Engine) { e.Process.StartTimeout, e.Stopped = 10*time.Minute, true }))
		pass(time.Minute)
		perform(t, sup, definition("x ${PORT}", func(e *sluice.Engine) { e.Process.StartTimeout = 10 * time.Minute }))
		pass(10*time.Minute - time.Second)
		if st := sup.Status()["eng_1"]; st.State != Starting || sup.StartLimit(sluice.Engine{ID: "eng_1"}) > 2*time.Second {
			t.Errorf("a second before its time is up: %+v", st)
		}
		pass(2 * time.Second)
		if st := sup.Status()["eng_1"]; st.State != Failed && st.Failures != 1 || st.Error != "it was not ready in time" {
			t.Errorf("after its time is up: %+v", st)
		}
	})
}

// TestKeeperDemand shows when an engine that calls start is stopped: after it was
// idle for as long as it may be, and counted from when it was ready.
func TestKeeperDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		e := definition("x ${PORT}", func(e *sluice.Engine) { e.Process.IdleAfter = 10 * time.Minute })
		sup := play(t, s, e)
		pass(time.Hour)
		if len(s.runs) != 0 {
			t.Fatal("it is started though nobody asks for it")
		}
		sup.Wanted("eng_1")
		pass(9 * time.Minute)
		if st := sup.Status()["eng_1"]; st.State != Ready || st.Start.Cause != "a call waits" {
			t.Errorf("nine minutes after a call: %+v", st)
		}
		s.set(func() { s.used = time.Now() })
		pass(9 * time.Minute)
		if st := sup.Status()["eng_1"]; st.State != Ready {
			t.Errorf("nine minutes after another call: %+v", st)
		}
		pass(2 * time.Minute)
		if st := sup.Status()["eng_1"]; st.State != Stopped || len(s.now.asked) != 1 || s.now.asked[0] || s.ready["eng_1"] || st.Failures != 0 {
			t.Errorf("eleven minutes after it: %+v", st)
		}
		for range 100 {
			sup.Wanted("eng_1")
		}
		pass(time.Second)
		if len(s.runs) != 2 {
			t.Errorf("a hundred calls start it %d times", len(s.runs)-1)
		}
	})
}

// TestKeeperAnother shows that a call for an engine that is stopped has another of
// the same model started.
func TestKeeperAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		of := func(id, model string, stopped bool) *sluice.Engine {
			return definition("x ${PORT}", func(e *sluice.Engine) {
				e.ID, e.Models, e.Process.IdleAfter, e.Stopped = id, map[string]string{model: model}, time.Minute, stopped
			})
		}
		sup := play(t, s, of("eng_1", "m", true), of("eng_2", "n", false), of("eng_3", "m", false))
		sup.Wanted("eng_1")
		pass(2 * time.Second)
		var started []string
		for id, st := range sup.Status() {
			if st.Starts > 0 {
				started = append(started, id)
			}
		}
		if !slices.Equal(started, []string{"eng_3"}) {
			t.Errorf("started are %v", started)
		}
	})
}

// TestKeeperMemory shows that what one engine will take is not given to another
// that starts meanwhile.
func TestKeeperMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stage{}
		of := func(id string) *sluice.Engine {
			return definition("x ${PORT}", func(e *sluice.Engine) { e.ID, e.Process.Memory = id, 5 })
		}
		sup := play(t, s)
		s.set(func() { s.health = http.StatusServiceUnavailable })
		perform(t, sup, of("eng_1"))
		pass(time.Second)
		perform(t, sup, of("eng_1"), of("eng_2"))
		pass(time.Second)
		s.set(func() { s.health = http.StatusOK })
		pass(time.Second)
		perform(t, sup, of("eng_1"), of("eng_2"), of("eng_3"))
		pass(time.Second)
		if !slices.Equal(s.promised, []int64{0, 5, 0}) {
			t.Errorf("promised was %v", s.promised)
		}
	})
}
