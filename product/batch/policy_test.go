package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sluice"
	"sluice/money/calendar"
)

func TestPolicy(t *testing.T) {
	arcs, err := calendar.ParseArcs("Mon-Fri 22:00-06:00")
	if err != nil {
		t.Fatal(err)
	}
	nights, err := calendar.New("nights", calendar.Version{Zone: "Asia/Shanghai", Arcs: arcs})
	if err != nil {
		t.Fatal(err)
	}
	at := func(hour int) time.Time { return time.Date(2026, 11, 24, hour-8, 0, 0, 0, time.UTC) } // a Tuesday in Shanghai
	p := Policy{Lines: 8, Busy: 32}
	for _, c := range []struct {
		policy Policy
		load   Load
		want   int64
	}{
		{p, Load{}, 8},
		{p, Load{Lines: 3}, 5},
		{p, Load{Lines: 8}, 0},
		{p, Load{Interactive: 1}, 8}, // rounded up
		{p, Load{Interactive: 4}, 7},
		{p, Load{Interactive: 16}, 4},
		{p, Load{Interactive: 16, Lines: 6}, 0}, // those under way are finished
		{p, Load{Interactive: 31}, 1},
		{p, Load{Interactive: 32}, 0},
		{p, Load{Interactive: 1000}, 0},
		{p, Load{Interactive: -2, Lines: 2}, 6}, // counted at two moments
		{p, Load{Deferred: 50}, 4},
		{p, Load{Deferred: 50, Interactive: 16}, 2},
		{p, Load{Deferred: 100}, 0},
		{p, Load{Deferred: 90, Lines: 3}, 0},
		{Policy{}.withDefaults(), Load{}, 8},
		{Policy{Lines: 1, Busy: 1}, Load{}, 1},
		{Policy{Lines: 1, Busy: 1}, Load{Interactive: 1}, 0},
		{Policy{Lines: 8, Busy: 32, Hours: nights}, Load{At: at(23)}, 8},
		{Policy{Lines: 8, Busy: 32, Hours: nights}, Load{At: at(5)}, 8},
		{Policy{Lines: 8, Busy: 32, Hours: nights}, Load{At: at(6)}, 0},
		{Policy{Lines: 8, Busy: 32, Hours: nights}, Load{At: at(12)}, 0},
	} {
		if got := c.policy.Room(c.load); got != c.want {
			t.Errorf("%+v with %+v has room for %d, want %d", c.policy, c.load, got, c.want)
		}
	}
	for busy := range int64(40) { // more clients never leave more room, and fewer never less
		if a, b := p.Room(Load{Interactive: busy}), p.Room(Load{Interactive: busy + 1}); a < b {
			t.Errorf("%d clients leave room for %d, one more for %d", busy, a, b)
		}
	}
}

// Organisations share what places there are, however much one of them asks for;
// and lines begin again when the clients have left.
func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var clients int64
		var g *gate
		g = &gate{policy: Policy{Lines: 4, Busy: 10}, now: time.Now, orgs: map[string]int64{}, calls: func() int64 {
			mu.Lock()
			defer mu.Unlock()
			return clients + g.asking.Load()
		}}
		var order []string
		begin := func(org string, n int) {
			for range n {
				go func() {
					if g.enter(t.Context(), org) != nil {
						return
					}
					mu.Lock()
					order = append(order, org)
					g.asking.Add(1)
					mu.Unlock()
				}()
				synctest.Wait()
			}
		}
		leave := func(org string) {
			g.asking.Add(-1)
			g.leave(org)
			synctest.Wait()
		}
		want := func(what string, orgs ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if !slices.Equal(order, orgs) {
				t.Errorf("%s: %v began, want %v", what, order, orgs)
			}
			order = nil
		}
		begin("a", 10)
		want("alone", "a", "a", "a", "a")
		begin("b", 2)
		want("full")
		leave("a")
		want("whoever has fewer is next", "b")
		leave("a")
		want("and again", "b")
		leave("b")
		want("then who came first", "a")

		mu.Lock()
		clients = 10
		mu.Unlock()
		leave("b")
		leave("a")
		leave("a")
		want("with clients there")
		mu.Lock()
		clients = 5
		mu.Unlock()
		time.Sleep(recheck)
		want("half of the clients", "a")
		mu.Lock()
		clients = 0
		mu.Unlock()
		time.Sleep(recheck)
		want("no clients", "a", "a")

		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() { given <- g.enter(ctx, "c") }()
		synctest.Wait()
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		for g.lines > 0 {
			leave("a")
		}
		if len(g.waiting) != 0 || len(g.orgs) != 0 {
			t.Errorf("left: %d waiting, %v", len(g.waiting), g.orgs)
		}
	})
}

// A place that is given to somebody who gives up at the same moment is not lost.
func TestGiveUp(t *testing.T) {
	g := &gate{policy: Policy{Lines: 1, Busy: 1}, now: time.Now, orgs: map[string]int64{}, calls: func() int64 { return 0 }}
	turn := &turn{"a", make(chan struct{})}
	g.waiting = append(g.waiting, turn)
	g.admit()
	g.giveUp(turn)
	if g.lines != 0 || len(g.waiting) != 0 {
		t.Errorf("%d lines, %d waiting", g.lines, len(g.waiting))
	}
}

func TestJudge(t *testing.T) {
	r := func(status int, code sluice.Code, after time.Duration) reply {
		return reply{status: status, code: code, retryAfter: after}
	}
	for _, c := range []struct {
		reply   reply
		times   int
		verdict verdict
		after   time.Duration
	}{
		{r(200, "", 0), 1, answered, 0},
		{r(409, sluice.CodeConflict, 0), 1, booked, 0},
		{r(402, sluice.CodeInsufficientFunds, 0), 1, paused, time.Second},
		{r(402, sluice.CodeSpendingCap, 0), 3, paused, 4 * time.Second},
		{r(402, sluice.CodeBudget, 0), 1, paused, time.Second},
		{r(429, sluice.CodeQuotaExhausted, 5*time.Minute), 1, paused, 5 * time.Minute},
		{r(429, sluice.CodeQuotaExhausted, 5*time.Hour), 1, paused, 15 * time.Minute},
		{r(503, sluice.CodeUnavailable, time.Second), 2, paused, 2 * time.Second},
		{r(429, sluice.CodeRateLimited, 20*time.Second), 1, paused, 20 * time.Second},
		{r(429, sluice.CodeConcurrency, time.Second), 100, crowded, time.Minute},
		{r(503, sluice.CodeOverloaded, 0), 3, paused, 4 * time.Second},
		{r(502, sluice.CodeEngineFailed, 0), 4, again, 8 * time.Second},
		{r(502, sluice.CodeEngineFailed, 0), 5, refused, 0},
		{r(500, sluice.CodeInternal, 0), 1, again, time.Second},
		{r(504, sluice.CodeTimeout, 0), 5, refused, 0},
		{r(400, sluice.CodeInvalid, 0), 1, refused, 0},
		{r(401, sluice.CodeUnauthenticated, 0), 1, refused, 0},
		{r(404, sluice.CodeModelNotFound, 0), 1, refused, 0},
		{r(413, sluice.CodeTooLarge, 0), 1, refused, 0},
		{r(418, "", 0), 1, refused, 0},
	} {
		if v, after := judge(c.reply, c.times); v != c.verdict || after != c.after {
			t.Errorf("%+v, asked %d times: %d after %v, want %d after %v", c.reply, c.times, v, after, c.verdict, c.after)
		}
	}
}

// slowLines is a store whose writes take a second.
type slowLines struct {
	Lines
	groups []int
	err    error
}

func (s *slowLines) PutBatchLines(_ context.Context, lines map[string][]sluice.BatchLine) error {
	n := 0
	for _, of := range lines {
		n += len(of)
	}
	s.groups = append(s.groups, n)
	time.Sleep(time.Second)
	return s.err
}

// Lines that come while others are written are written together.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowLines{}
		j := journal{lines: s}
		begun := time.Now()
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := j.put(t.Context(), fmt.Sprint("batch_", i%3), sluice.BatchLine{Line: int64(i)}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(begun); took > 3*time.Second || len(s.groups) > 3 {
			t.Errorf("%v were written in %v", s.groups, took)
		}
		s.err = io.ErrShortWrite
		if err := j.put(t.Context(), "batch_1", sluice.BatchLine{}); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("an error is lost: %v", err)
		}
	})
}

func TestInput(t *testing.T) {
	long := strings.Repeat("y", 200_000)
	for text, want := range map[string]string{
		"":                             "",
		"a":                            "1:a ",
		"a\n":                          "1:a ",
		"a\nb":                         "1:a 2:b ",
		"\n\na\r\n \t\nb\n\n":          "3:a 5:b ",
		"\xef\xbb\xbfa\n\xef\xbb\xbfb": "1:a 2:\xef\xbb\xbfb ",
		"\xef\xbb\xbf\na":              "2:a ",
		long + "\n" + long + "\nz":     "1:" + long + " 2:" + long + " 3:z ",
		"a\n" + long + "y\nb":          "1:a 2 too long",
		"a\r\n" + long + "\r\nb":       "1:a 2:" + long + " 3:b ",
	} {
		in := newInput(io.NopCloser(strings.NewReader(text)), 200_000)
		got := ""
		for {
			line, text, err := in.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if errors.Is(err, errTooLong) {
				got += fmt.Sprint(line, " too long")
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got += fmt.Sprintf("%d:%s ", line, text)
		}
		if got != want {
			t.Errorf("%.50q is read as %.100q, want %.100q", text, got, want)
		}
	}
	broken := errors.New("the disk is broken")
	in := newInput(io.NopCloser(io.MultiReader(strings.NewReader("a\nb"), errReader{broken})), 100)
	for range 2 {
		_, _, err := in.next()
		if err != nil && !errors.Is(err, broken) {
			t.Error(err)
		}
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

// FuzzInput looks for a file that a batch takes and cannot ask, or whose lines
// are not told apart.
func FuzzInput(f *testing.F) {
	line := func(id string) string {
		return `{"custom_id":"` + id + `","method":"POST","url":"/v1/chat/completions","body":{"model":"m","messages":[{}]}}`
	}
	for _, s := range []string{"", "\n", line("a"), line("a") + "\n" + line("b"), line("a") + "\r\n\n" + line("a"), "\xef\xbb\xbf" + line("a"), line("a") + "{}", "x\n" + line("a")} {
		f.Add([]byte(s))
	}
	s := New(Options{MaxLines: 5, MaxLine: 500, Models: http.NotFoundHandler()})
	f.Fuzz(func(t *testing.T, raw []byte) {
		open := func() io.ReadCloser { return io.NopCloser(strings.NewReader(string(raw))) }
		found, err := s.check(t.Context(), "/v1/chat/completions", open())
		if err != nil {
			t.Fatal(err)
		}
		if len(found.faults) > 0 {
			for _, fault := range found.faults {
				if fault.Code == "" || fault.Message == "" {
					t.Errorf("a fault that says nothing: %+v", fault)
				}
			}
			return
		}
		r := newRunner(s, &sluice.BatchJob{Endpoint: "/v1/chat/completions"})
		r.progress = progress{done: map[int64]bool{}, in: newInput(open(), 500)}
		seen := map[string]bool{}
		var n int64
		for ; ; n++ {
			a, _, err := r.next(time.Time{})
			if err != nil {
				t.Fatal(err)
			}
			if a == nil {
				break
			}
			if seen[a.call.ID] || len(a.body) == 0 {
				t.Errorf("%+v", a)
			}
			seen[a.call.ID] = true
		}
		if n != found.total || n == 0 {
			t.Errorf("%d lines were checked and %d are asked", found.total, n)
		}
	})
}
