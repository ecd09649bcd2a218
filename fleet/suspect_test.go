package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"sluice"
)

// poison is a call of a tenant that fails wherever it goes.
func poison(tenant, prompt string) sluice.RouteRequest {
	return sluice.RouteRequest{Model: "m", Tenant: tenant, Tokens: 10, Prompt: [2][]byte{nil, []byte(prompt)}}
}

// fails lets a request fail at an engine, n times.
func fails(t *testing.T, f *Fleet, req sluice.RouteRequest, n int) {
	t.Helper()
	for range n {
		r, err := f.Route(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		f.Done(r, sluice.OutcomeFailed, sluice.Usage{})
	}
}

// One request, as often as it is tried, ejects nobody, and neither does one tenant with a
// few of them. Failures of several, or of one that fails with all it has, do.
func TestARequestEjectsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		fail func(*testing.T, *Fleet)
		out  bool
	}{
		"one request, again and again": {func(t *testing.T, f *Fleet) { fails(t, f, poison("x", "bad"), 100) }, false},
		"a few of one tenant": {func(t *testing.T, f *Fleet) {
			for i := range 5 {
				fails(t, f, poison("x", fmt.Sprint("bad ", i)), 3)
			}
		}, false},
		"many of one tenant, and none served": {func(t *testing.T, f *Fleet) {
			for i := range 6 {
				fails(t, f, poison("x", fmt.Sprint("bad ", i)), 1)
			}
		}, true},
		"many of one tenant, and some served": {func(t *testing.T, f *Fleet) {
			for i := range 20 {
				fails(t, f, poison("x", fmt.Sprint("bad ", i)), 1)
				if i%4 == 0 {
					f.Done(route(t, f), sluice.OutcomeServed, sluice.Usage{})
				}
			}
		}, false},
		"those of several": {func(t *testing.T, f *Fleet) {
			fails(t, f, poison("x", "a"), 1)
			fails(t, f, poison("y", "b"), 1)
			fails(t, f, poison("z", "c"), 1)
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			f := applied(t, Options{}, simulated("a"))
			c.fail(t, f)
			if s := statusOf(f, "a"); (s.Health == HealthEjected) != c.out {
				t.Errorf("%+v", s)
			}
		})
	}
}

// A call that another engine serves was the first one's fault; one that fails
// there as well is its own.
func TestCompared(t *testing.T) {
	f := applied(t, Options{}, simulated("a"), simulated("b"))
	for i := range 100 {
		req := poison(fmt.Sprint("tenant ", i), "bad")
		first, err := f.Route(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		f.Done(first, sluice.OutcomeFailed, sluice.Usage{})
		req.Tried = []string{first.Engine.ID}
		second, err := f.Route(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		f.Done(second, sluice.OutcomeFailed, sluice.Usage{})
		f.Compared([]sluice.Route{first, second}, false)
	}
	for _, s := range f.Status() {
		if s.Health != HealthServing || s.Failures != 0 || s.Failed != 100 || s.LastError == "" {
			t.Errorf("%+v", s)
		}
	}
	for range 3 { // of one tenant, which elsewhere is served
		req := poison("x", "good")
		req.Tried = []string{"b"}
		first, err := f.Route(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		f.Done(first, sluice.OutcomeFailed, sluice.Usage{})
		f.Compared([]sluice.Route{first}, true)
	}
	if s := statusOf(f, "a"); s.Health != HealthEjected {
		t.Errorf("%+v", s)
	}
}

// Where nobody listens no request is to blame.
func TestUnreachable(t *testing.T) {
	e := sluice.Engine{ID: "a", Kind: sluice.EngineHTTP, URL: "http://127.0.0.1:9", Models: map[string]string{"m": "m"}}
	f := applied(t, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("refused")
	}}, e)
	for range 3 {
		r, err := f.Route(t.Context(), poison("x", "the same"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Send(t.Context(), r, chat("{}")); sluice.CodeOf(err) != sluice.CodeEngineFailed {
			t.Error(err)
		}
		f.Done(r, sluice.OutcomeFailed, sluice.Usage{})
	}
	if s := statusOf(f, "a"); s.Health != HealthEjected {
		t.Errorf("%+v", s)
	}
}

// The last engine of a model is never out entirely: one call at a time tries it,
// the others wait, and the first that is served brings it back.
func TestTheLastEngineIsALastResort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := applied(t, Options{}, simulated("a"))
		for range 3 {
			f.Done(route(t, f), sluice.OutcomeFailed, sluice.Usage{})
		}
		trial := route(t, f)
		if s := statusOf(f, "a"); s.EjectedUntil.IsZero() {
			t.Errorf("%+v", s)
		}
		began := time.Now()
		time.AfterFunc(300*time.Millisecond, func() { f.Done(trial, sluice.OutcomeServed, sluice.Usage{}) })
		r, err := f.Route(t.Context(), patient("x", 0))
		if err != nil || time.Since(began) != 300*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		f.Done(r, sluice.OutcomeServed, sluice.Usage{})
		if s := statusOf(f, "a"); s.Health != HealthRecovering {
			t.Errorf("%+v", s)
		}
	})
}

// However requests of one tenant fail, fewer than six different ones in a row
// do not eject, and a probe that fails beside them does.
func TestSuspectsOfOneTenant(t *testing.T) {
	p := testPolicy()
	rapid.Check(t, func(t *rapid.T) {
		var c condition
		now := noon()
		for range rapid.IntRange(0, 50).Draw(t, "failures") {
			from := origin(7)<<32 | origin(rapid.IntRange(1, 5).Draw(t, "request"))
			c = p.ended(c, sluice.OutcomeFailed, from, now, 0.5)
			if rapid.Bool().Draw(t, "compared") {
				c = p.compared(c, from, false, now, 0.5)
			}
			if c.ejected() {
				t.Fatalf("ejected: %+v", c)
			}
		}
		if after := p.probed(c, false, now, 0.5); p.suspicious(&c) && !after.ejected() {
			t.Fatalf("a probe failed as well: %+v", c)
		}
		if c = p.ended(c, sluice.OutcomeServed, 0, now, 0.5); c.suspects.n != 0 {
			t.Fatalf("served, and suspected: %+v", c)
		}
	})
}
