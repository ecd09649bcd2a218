package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice"
)

// Run is a job while it runs: what the gateway tells of it, and asks of it.
type Run struct {
	s       *Service
	job     *sluice.Job
	cancel  context.CancelFunc
	ended   chan struct{}
	percent atomic.Int64
	deleted atomic.Bool
}

// Keep stores the answer of an image or a chat before it is billed.
func (r *Run) Keep(ctx context.Context, _ sluice.Event, answer []byte) error {
	return r.Film(ctx, "application/json", bytes.NewReader(answer))
}

// Begun returns the engine and its own id of the job, if it was begun before.
func (r *Run) Begun() (engine, remote string) { return r.job.Engine, r.job.Remote }

// Begin notes that an engine took the job on.
func (r *Run) Begin(ctx context.Context, engine, remote string) error {
	r.job.Engine, r.job.Remote = engine, remote
	return r.s.opt.Jobs.UpdateJob(ctx, r.job)
}

// Progress hears how far the job is, in percent.
func (r *Run) Progress(percent int64) { r.percent.Store(percent) }

// Film stores the result before it is billed.
func (r *Run) Film(ctx context.Context, mediaType string, result io.Reader) error {
	b, err := r.s.opt.Blobs.Put(ctx, r.job.ResultBlob(), result)
	if err != nil {
		return err
	}
	r.job.MediaType, r.job.Size = mediaType, b.Size
	return r.s.opt.Jobs.UpdateJob(ctx, r.job)
}

// Waits between attempts, and how many may fail by an engine's fault.
const (
	shortestWait = 5 * time.Second
	longestWait  = 5 * time.Minute
	mostFaults   = 5
	pruneEvery   = time.Hour
	// deferredAgain is how long it takes at most until jobs that are deferred begin
	// when they no longer are: nobody tells.
	deferredAgain = 5 * time.Second
)

// Serve runs jobs until ctx ends, and returns when all of them have stopped.
// What has not ended is taken up by the next Recover.
func (s *Service) Serve(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	prune := time.NewTicker(pruneEvery)
	defer prune.Stop()
	for {
		next := s.startDue(ctx, &all)
		if next > 0 {
			timer.Reset(next)
		}
		select {
		case <-s.wake:
		case <-timer.C:
		case <-prune.C:
			s.prune(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// startDue starts what may run now, and returns when the next one may; zero is
// when something else happens.
func (s *Service) startDue(ctx context.Context, all *sync.WaitGroup) (next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opt.Now()
	atOnce := s.opt.AtOnce
	if s.opt.Deferred != nil {
		atOnce = atOnce * int(100-min(max(s.opt.Deferred(), 0), 100)) / 100
	}
	for len(s.running) < atOnce && ctx.Err() == nil {
		i := s.first(now)
		if i < 0 {
			break
		}
		w := s.waiting[i]
		s.waiting = slices.Delete(s.waiting, i, i+1)
		within, cancel := context.WithDeadline(ctx, w.job.ExpiresAt)
		if w.job.State.Ended() {
			within, cancel = context.WithCancel(ctx)
		}
		run := &Run{s: s, job: w.job, cancel: cancel, ended: make(chan struct{})}
		s.running[w.job.ID] = run
		all.Go(func() { s.run(within, run, w) })
	}
	for _, w := range s.waiting {
		if wait := w.from.Sub(now); wait > 0 && (next == 0 || wait < next) {
			next = wait
		}
	}
	if atOnce < s.opt.AtOnce && len(s.waiting) > 0 && (next == 0 || next > deferredAgain) {
		next = deferredAgain
	}
	return next
}

// first returns the index of the waiting job that comes next: those off peak
// come when there is no other. It is -1 when none may run.
func (s *Service) first(now time.Time) int {
	best := -1
	for i, w := range s.waiting {
		switch {
		case w.from.After(now):
		case !w.job.OffPeak:
			return i
		case best < 0:
			best = i
		}
	}
	return best
}

// run takes one job further, to its end or to another try.
func (s *Service) run(ctx context.Context, r *Run, w *waiting) {
	defer func() {
		s.mu.Lock()
		delete(s.running, w.job.ID)
		s.mu.Unlock()
		r.cancel()
		close(r.ended)
		s.poke()
	}()
	// What is noted of a job must be noted when the server stops, too.
	durable := context.WithoutCancel(ctx)
	var err error
	if !w.job.State.Ended() {
		err = s.attempt(ctx, durable, r, w)
	}
	if err == nil && w.job.State.Ended() && !r.deleted.Load() {
		err = s.announce(durable, w.job)
	}
	if err == nil || r.deleted.Load() || context.Cause(ctx) == context.Canceled { //nolint:errorlint // the cause itself
		return
	}
	w.tries++
	wait := min(shortestWait<<min(w.tries-1, 10), longestWait)
	s.opt.Log.Warn("a job is tried again", "job", w.job.ID, "in", wait, "error", err)
	w.from = s.opt.Now().Add(wait)
	s.enqueue(w)
}

// attempt runs the job's errand. A nil error is an end; any other is tried again.
func (s *Service) attempt(ctx, durable context.Context, r *Run, w *waiting) error {
	j := w.job
	if j.State == sluice.JobQueued {
		j.State, j.StartedAt = sluice.JobInProgress, s.opt.Now()
		if err := s.opt.Jobs.UpdateJob(durable, j); err != nil {
			return err
		}
	}
	e, err := s.errand(ctx, r)
	if err != nil {
		e = &sluice.Error{Code: sluice.CodeInternal, Message: "An internal error occurred.", Err: err}
	}
	if e == nil {
		return s.complete(durable, j)
	}
	// The ledger alone knows whether it was billed, whatever became of the answer.
	booked, err := s.opt.Work.Committed(durable, []string{j.CallID})
	switch {
	case err != nil:
		return err
	case booked[j.CallID]:
		return s.complete(durable, j)
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return s.fail(durable, j, sluice.Errorf(sluice.CodeTimeout, "The job was not done within %s.", s.opt.Longest))
	case ctx.Err() != nil:
		return ctx.Err()
	case !again(e.Code) || (e.Code == sluice.CodeEngineFailed && w.tries+1 >= mostFaults):
		return s.fail(durable, j, e)
	}
	if e.Code == sluice.CodeEngineFailed && j.Remote != "" { // it may have lost the job: begin anew
		j.Engine, j.Remote = "", ""
		if err := s.opt.Jobs.UpdateJob(durable, j); err != nil {
			return err
		}
	}
	return e
}

// again reports whether an error may pass.
func again(code sluice.Code) bool {
	switch code {
	case sluice.CodeEngineFailed, sluice.CodeTimeout, sluice.CodeOverloaded, sluice.CodeUnavailable, sluice.CodeInternal, sluice.CodeRateLimited, sluice.CodeConcurrency:
		return true
	}
	return false
}

// errand asks the gateway to make the result. It returns the gateway's error,
// nil when the job is done and billed, or one of ours.
func (s *Service) errand(ctx context.Context, r *Run) (*sluice.Error, error) {
	request, err := s.opt.Blobs.Open(ctx, r.job.RequestBlob())
	if err != nil {
		return nil, fmt.Errorf("opening the request of job %s: %w", r.job.ID, err)
	}
	defer func() { _ = request.Close() }()
	path := map[sluice.JobKind]string{sluice.JobVideo: "/v1/videos", sluice.JobImage: "/v1/images/generations", sluice.JobChat: "/v1/chat/completions"}[r.job.Kind]
	req, err := http.NewRequestWithContext(s.opt.Errand(ctx, r.job, r), http.MethodPost, path, request)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", r.job.ContentType)
	w := &recorder{header: http.Header{}}
	s.opt.Run.ServeHTTP(w, req)
	if w.status == http.StatusOK && w.body.Len() > 0 {
		return nil, nil
	}
	return w.failure(), nil
}

// recorder keeps the gateway's answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write implements http.ResponseWriter.
func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// failure reads the error that the gateway answered with.
func (w *recorder) failure() *sluice.Error {
	var answer struct {
		Error struct {
			Message string      `json:"message"`
			Code    sluice.Code `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(w.body.Bytes(), &answer) != nil || answer.Error.Code == "" {
		return sluice.Errorf(sluice.CodeInternal, "The job was not answered.")
	}
	return &sluice.Error{Code: answer.Error.Code, Message: answer.Error.Message}
}

// prune forgets jobs whose time is over, and their results.
func (s *Service) prune(ctx context.Context) {
	const most = 1000
	stale, err := s.opt.Work.StaleJobs(ctx, s.opt.Now(), most)
	for _, j := range stale {
		if err != nil {
			break
		}
		if err = s.opt.Blobs.Delete(ctx, j.ResultBlob()); err == nil {
			err = s.opt.Jobs.DeleteJob(ctx, j.Org, j.ID)
		}
	}
	if err != nil && ctx.Err() == nil {
		s.opt.Log.Warn("jobs whose time is over could not be forgotten; it is tried again", "error", err)
	}
}

func newReader(b []byte) io.Reader { return bytes.NewReader(b) }
