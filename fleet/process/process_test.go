package process

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice"
)

// TestServe shows a program that is started, answers, is killed, hangs, and is
// started again each time.
func TestServe(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "", nil)
	first := h.ready("a")
	if pid, err := h.call("m-a"); err != nil || pid != first.PID {
		t.Fatalf("%d answers, not %d: %v", pid, first.PID, err)
	}
	if s := h.startsOf("a", 1); len(s) != 1 || s[0].Stage != sluice.StageReady || s[0].Percent != 100 || s[0].Attempt != 1 || s[0].EndedAt.IsZero() {
		t.Errorf("its start: %+v", s)
	}
	if err := syscall.Kill(first.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	h.await("a", "known to have ended", func(s Status) bool { return s.PID != first.PID })
	second := h.await("a", "ready again", func(s Status) bool { return s.State == Ready })
	if second.PID == first.PID || second.Failures != 1 || second.URL != first.URL {
		t.Errorf("after it was killed: %+v", second)
	}
	if pid, err := h.call("m-a"); err != nil || pid != second.PID {
		t.Fatalf("%d answers, not %d: %v", pid, second.PID, err)
	}
	if err := syscall.Kill(second.PID, syscall.SIGSTOP); err != nil { // hangs
		t.Fatal(err)
	}
	h.await("a", "known to hang", func(s Status) bool { return s.PID != second.PID })
	third := h.ready("a")
	if alive(second.PID) {
		t.Error("what hung still runs")
	}
	if pid, err := h.call("m-a"); err != nil || pid != third.PID {
		t.Fatalf("%d answers, not %d: %v", pid, third.PID, err)
	}
	all := h.startsOf("a", 3)
	if len(all) != 3 || !strings.Contains(all[1].Cause, "it was killed by another") || !strings.Contains(all[2].Cause, "it did not answer about its health") {
		t.Errorf("its starts: %+v", all)
	}
}

// TestSlow shows that an engine which is slow, in answers and about its health,
// is left alone; also one that says it is not well for a while.
func TestSlow(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	sick := filepath.Join(t.TempDir(), "sick")
	h.engine("a", "slow=200ms,sick="+sick, nil)
	first := h.ready("a")
	for range 3 {
		if pid, err := h.call("m-a"); err != nil || pid != first.PID {
			t.Fatalf("%d answers, not %d: %v", pid, first.PID, err)
		}
	}
	if err := os.WriteFile(sick, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	time.Sleep(hung / 2)
	if err := os.Remove(sick); err != nil {
		t.Fatal(err)
	}
	time.Sleep(hung)
	if now := h.ready("a"); now.PID != first.PID || now.Starts != 1 {
		t.Errorf("a slow engine was started again: %+v", now)
	}
}

// TestCalls shows that whatever becomes of calls, they do not have an engine
// started again: they fail, time out, are left, or ask for what ends an engine.
func TestCalls(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "broken", nil)
	h.engine("b", "slow=200ms", func(e *sluice.Engine) { e.Driver = "lmdeploy" })
	a, b := h.ready("a"), h.ready("b")
	for range 20 {
		_, _ = h.call("m-a")
		_, _ = h.callWithin(5*time.Millisecond, "m-b")
	}
	route, err := h.fleet.Route(t.Context(), sluice.RouteRequest{Model: "m-b"})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/terminate", "/sleep", "/v1/../terminate", "/v1/chat/completions/../../terminate", "/shutdown"} {
		if reply, err := h.fleet.Send(t.Context(), route, &sluice.EngineRequest{Path: path, Body: []byte("{}")}); err == nil {
			t.Errorf("%s is asked, with status %d", path, reply.Status)
			_ = reply.Body.Close()
		}
	}
	h.fleet.Done(route, sluice.OutcomeFailed, sluice.Usage{})
	for _, id := range []string{"a", "b"} {
		h.s.Wanted(id)
	}
	time.Sleep(hung + hung/3) // longer than an engine may be silent
	for id, was := range map[string]Status{"a": a, "b": b} {
		if now := h.ready(id); now.PID != was.PID || now.Starts != 1 || now.Failures != 0 {
			t.Errorf("%s was %+v and is %+v", id, was, now)
		}
	}
}

// TestOneFails shows that an engine which fails for ever is nothing to another.
func TestOneFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("good", "", nil)
	h.engine("bad", "crash", nil)
	h.engine("worse", "", func(e *sluice.Engine) { e.Process.Command[0] = "/nowhere/engine" })
	good := h.ready("good")
	bad := h.await("bad", "failed often", func(s Status) bool { return s.State == Failed && s.Failures >= 5 })
	if !strings.Contains(bad.Error, "exit code 3") || !strings.Contains(bad.Error, "out of luck") || bad.Until.IsZero() {
		t.Errorf("it fails: %+v", bad)
	}
	worse := h.await("worse", "failed", func(s Status) bool { return s.State == Failed })
	if !strings.Contains(worse.Error, "/nowhere/engine") || !strings.Contains(worse.Error, "no such file") {
		t.Errorf("it fails: %+v", worse)
	}
	begun := time.Now()
	if _, err := h.call("m-bad"); sluice.CodeOf(err) != sluice.CodeUnavailable || time.Since(begun) > 5*time.Second {
		t.Errorf("a call of the one that fails gets %v after %v", err, time.Since(begun))
	}
	if pid, err := h.call("m-good"); err != nil || pid != good.PID {
		t.Errorf("%d answers, not %d: %v", pid, good.PID, err)
	}
	if n := h.s.Status()["good"].Starts; n != 1 {
		t.Errorf("the good one was started %d times", n)
	}
	for _, s := range h.starts.of("bad") {
		taken := strings.Contains(s.Error, "is taken by another program") // the ports are everybody's
		if s.Ended() && (s.Stage != sluice.StageFailed || !taken && !strings.Contains(s.Error, "exit code 3")) {
			t.Errorf("a start of the bad one: %+v", s)
		}
	}
}

// TestGroup shows that all ends which an engine has started, and that one which
// does not hear is killed.
func TestGroup(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	pids := filepath.Join(t.TempDir(), "pids")
	h.engine("a", "fork,deaf", func(e *sluice.Engine) {
		e.Process.Env["PIDS"] = pids
		e.Process.StopTimeout = 200 * time.Millisecond
	})
	st := h.ready("a")
	raw, err := os.ReadFile(pids)
	if err != nil {
		t.Fatal(err)
	}
	var children []int
	for f := range strings.FieldsSeq(string(raw)) {
		pid, err := strconv.Atoi(f)
		if err != nil || !alive(pid) {
			t.Fatalf("child %q: %v", f, err)
		}
		children = append(children, pid)
	}
	h.engine("a", "fork,deaf", func(e *sluice.Engine) { e.Stopped = true })
	h.await("a", "stopped", func(s Status) bool { return s.State == Stopped })
	for _, pid := range append(children, st.PID) {
		awaitGone(t, pid)
	}
	if _, err := h.call("m-a"); sluice.CodeOf(err) != sluice.CodeUnavailable {
		t.Errorf("a call of a stopped engine gets %v", err)
	}
	time.Sleep(100 * time.Millisecond)
	if st := h.s.Status()["a"]; st.State != Stopped || st.Starts != 1 {
		t.Errorf("a call starts what is stopped: %+v", st)
	}
	if left, err := os.ReadDir(h.folder); err != nil || len(left) != 0 {
		t.Errorf("files are left: %v, %v", left, err)
	}
}

// TestFlood shows that an engine may write what it likes.
func TestFlood(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "flood", nil)
	h.ready("a")
	var last Line
	for !strings.HasPrefix(last.Text, "listening") {
		lines, err := h.s.Log(t.Context(), "a", last.Seq)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, l := range lines {
			size += len(l.Text)
		}
		if size > ringBytes+lineBytes {
			t.Fatalf("%d lines of %d bytes are kept", len(lines), size)
		}
		last = lines[len(lines)-1]
	}
	if lines, err := h.s.Log(t.Context(), "a", 0); err != nil || len(lines) < 100 || lines[0].Seq < 10_000 {
		t.Errorf("%d lines are kept: %v", len(lines), err)
	}
}

// TestDemand shows an engine that is stopped when nobody asks for it and
// started by a call, which waits and is answered.
func TestDemand(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "late=200ms", func(e *sluice.Engine) { e.Process.IdleAfter = time.Second })
	time.Sleep(100 * time.Millisecond)
	if st := h.s.Status()["a"]; st.State != Stopped || st.Starts != 0 {
		t.Fatalf("it is started though nobody asks for it: %+v", st)
	}
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if _, err := h.call("m-a"); err != nil {
				t.Errorf("a call that waits gets %v", err)
			}
		})
	}
	wait.Wait()
	first := h.s.Status()["a"]
	if first.State != Ready || first.Starts != 1 {
		t.Errorf("after the calls: %+v", first)
	}
	h.await("a", "stopped for want of calls", func(s Status) bool { return s.State == Stopped })
	awaitGone(t, first.PID)
	if pid, err := h.call("m-a"); err != nil || pid == first.PID {
		t.Errorf("%d answers: %v", pid, err)
	}
	all := h.startsOf("a", 2)
	if len(all) != 2 || all[1].Cause != "a call waits" || all[1].Stage != sluice.StageReady {
		t.Errorf("its starts: %+v", all)
	}
}

// TestDemandFails shows that calls which wait for a start that fails are told so,
// and do not have the engine started over and over.
func TestDemandFails(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "late=300ms,crash", func(e *sluice.Engine) { e.Process.IdleAfter = time.Hour })
	begun := time.Now()
	if _, err := h.call("m-a"); sluice.CodeOf(err) != sluice.CodeUnavailable || sluice.ErrorOf(err).RetryAfter == 0 || time.Since(begun) > 10*time.Second {
		t.Errorf("a call that waits for a start which fails gets %v after %v", err, time.Since(begun))
	}
	h.await("a", "at rest", func(s Status) bool { return s.State == Stopped })
	n := h.s.Status()["a"].Starts
	time.Sleep(500 * time.Millisecond)
	if st := h.s.Status()["a"]; st.Starts != n || !strings.Contains(st.Error, "out of luck") {
		t.Errorf("nobody waits, and after %d starts it is %+v", n, st)
	}
}

// TestSleep shows an engine that sleeps when nobody asks for it.
func TestSleep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	slept := filepath.Join(t.TempDir(), "slept")
	h.engine("a", "sleeps", func(e *sluice.Engine) {
		e.Driver, e.Process.IdleAfter, e.Process.Idle = "vllm", 700*time.Millisecond, sluice.IdleSleep
		e.Process.Env["SLEPT"] = slept
	})
	first, err := h.call("m-a")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []string{"1", "2"} {
		st := h.await("a", "asleep", func(s Status) bool { return s.State == Asleep })
		if raw, err := os.ReadFile(slept); err != nil || string(raw) != n+" at level 1" || st.PID != first {
			t.Errorf("asleep: %s, %v, %+v", raw, err, st)
		}
		if pid, err := h.call("m-a"); err != nil || pid != first {
			t.Errorf("%d answers, not %d: %v", pid, first, err)
		}
		if raw, err := os.ReadFile(slept); err != nil || string(raw) != n+" awake" {
			t.Errorf("awake: %s, %v", raw, err)
		}
	}
	if st := h.s.Status()["a"]; !slices.Equal(st.Added, []string{"--enable-prompt-tokens-details", "--enable-sleep-mode", "VLLM_SERVER_DEV_MODE=1", "--host 127.0.0.1"}) {
		t.Errorf("added is %q", st.Added)
	}
}

// TestChange shows that an engine is started again when it is defined otherwise,
// and ends when it is removed, in both cases once its calls have ended.
func TestChange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "slow=700ms", nil)
	first := h.ready("a")
	answered := make(chan error, 1)
	go func() {
		pid, err := h.call("m-a")
		if err == nil && pid != first.PID {
			err = errors.New("another answered")
		}
		answered <- err
	}()
	h.await("a", "asked", func(Status) bool { return h.fleet.InFlight("a") == 1 })
	h.engine("a", "slow=100ms", nil)
	if err := <-answered; err != nil {
		t.Errorf("the call under way: %v", err)
	}
	second := h.await("a", "started again", func(s Status) bool { return s.State == Ready && s.PID != first.PID })
	h.engine("a", "slow=100ms", func(e *sluice.Engine) { e.Process.IdleAfter = time.Hour })
	if st := h.ready("a"); st.PID != second.PID {
		t.Errorf("a change of when it is idle starts it again")
	}
	if err := h.s.Restart("a", false); err != nil {
		t.Fatal(err)
	}
	third := h.await("a", "started again", func(s Status) bool { return s.State == Ready && s.PID != second.PID })
	h.engines = nil
	h.apply()
	awaitGone(t, third.PID)
	h.await("a", "forgotten", func(Status) bool { return len(h.s.Status()) == 0 })
	if err := h.s.Restart("a", false); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("restarting one that is gone: %v", err)
	}
}

// TestTakenPort shows that an engine whose port another program has taken gets
// another one, and that a fixed port is asked back.
func TestTakenPort(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "", nil)
	first := h.ready("a")
	h.engine("b", "", func(e *sluice.Engine) {
		e.Process.Port, _ = strconv.Atoi(first.URL[strings.LastIndexByte(first.URL, ':')+1:])
	})
	st := h.await("b", "refused", func(s Status) bool { return s.State == Failed })
	if !strings.Contains(st.Error, "is taken by another program") {
		t.Errorf("it fails: %s", st.Error)
	}
	h.engine("a", "", func(e *sluice.Engine) { e.Stopped = true })
	second := h.ready("b")
	h.engine("a", "", nil)
	moved := h.ready("a")
	if moved.URL == second.URL {
		t.Errorf("both listen at %s", moved.URL)
	}
	for model, want := range map[string]int{"m-a": moved.PID, "m-b": second.PID} {
		if pid, err := h.call(model); err != nil || pid != want {
			t.Errorf("%s: %d answers, not %d: %v", model, pid, want, err)
		}
	}
}

// TestAnotherServer shows that a start which is under way when the server is
// killed is taken up by the next one, which ends what the first has left.
func TestAnotherServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "late=1h", func(e *sluice.Engine) { e.Process.IdleAfter = time.Hour })
	calls, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { _, _ = h.fleet.Route(calls, sluice.RouteRequest{Model: "m-a"}) }()
	left := h.await("a", "started", func(s Status) bool { return s.PID != 0 && s.Start.Stage == sluice.StageStart })
	job := left.Start
	for len(h.starts.of("a")) == 0 || h.starts.of("a")[0].Stage != sluice.StageStart {
		time.Sleep(5 * time.Millisecond)
	}
	old := h.s
	t.Cleanup(old.Close)
	for _, k := range old.all() { // as if it were killed: it does nothing any more
		k.mu.Lock()
		k.closed = true
		k.mu.Unlock()
	}
	h.open()
	awaitGone(t, left.PID)
	h.engine("a", "", func(e *sluice.Engine) { e.Process.IdleAfter = time.Hour })
	now := h.ready("a")
	if now.Start.ID != job.ID || now.Start.Attempt != 2 || now.Start.Cause != job.Cause || !now.Start.At.Equal(job.At) {
		t.Errorf("the start was %+v and is %+v", job, now.Start)
	}
}

// TestClose shows that engines end with the server, and that a start under way
// stays for the next one.
func TestClose(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.engine("a", "deaf", nil)
	h.engine("b", "late=1h", nil)
	a := h.ready("a")
	b := h.await("b", "started", func(s Status) bool { return s.PID != 0 })
	h.s.Close()
	if alive(a.PID) || alive(b.PID) {
		t.Error("engines go on after the server's end")
	}
	if open, _ := h.starts.OpenEngineStarts(t.Context()); len(open) != 1 || open[0].Engine != "b" {
		t.Errorf("under way are %+v", open)
	}
}
