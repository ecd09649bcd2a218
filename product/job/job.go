// Package job makes what takes longer than a client waits for: videos, and
// images and chats that are fetched later. One table of jobs stands behind every
// façade: OpenAI's /v1/videos and Z.ai's tasks.
//
// A job begins as a call of the gateway that ends with its admission: it is
// understood, priced and held for, and then kept here with its request. Its second
// half is an errand, which goes through the same gateway under the same call id
// and at the price of the instant of its admission.
//
// # Nothing is made or billed twice
//
// These things happen to a job in this order, each durable before the next:
//
//  1. an engine took it on: which one, and under what id of its own;
//  2. the result is kept;
//  3. the call is billed: its event is booked under the job's call id;
//  4. the job is completed, and its end is told.
//
// After a crash a queued job is queued again; one that an engine had taken on is
// asked for there again; of one with a result the ledger knows whether it is
// billed. Holds are lost with the process, and are held again before anybody else
// can spend the money. A job that cannot be held for any more fails and says so.
package job

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"sluice"
)

// Jobs stores jobs.
type Jobs interface {
	CreateJob(ctx context.Context, j *sluice.Job) error
	UpdateJob(ctx context.Context, j *sluice.Job) error
	DeleteJob(ctx context.Context, org, id string) error
	Job(ctx context.Context, org, id string) (*sluice.Job, error)
	JobByKey(ctx context.Context, org, key string) (*sluice.Job, error)
	Jobs(ctx context.Context, org string, kind sluice.JobKind, after string, limit int, ascending bool) ([]*sluice.Job, error)
}

// Work finds what there is to do.
type Work interface {
	// UnfinishedJobs returns the jobs that have not ended or were not announced.
	UnfinishedJobs(ctx context.Context) ([]*sluice.Job, error)

	// StaleJobs returns jobs that can be forgotten.
	StaleJobs(ctx context.Context, now time.Time, limit int) ([]*sluice.Job, error)

	// Committed returns which of the calls are booked.
	Committed(ctx context.Context, calls []string) (map[string]bool, error)
}

// Blobs keeps requests and results.
type Blobs interface {
	Put(ctx context.Context, key string, r io.Reader) (sluice.Blob, error)
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	Delete(ctx context.Context, key string) error
}

// Gateway runs jobs.
type Gateway interface {
	// Rehold holds for a job again after a restart.
	Rehold(ctx context.Context, job *sluice.Job) error

	// ReleaseJob ends the hold of a job that is not billed.
	ReleaseJob(job *sluice.Job)

	// Principal returns whose key a request bears.
	Principal(r *http.Request) (*sluice.Principal, error)
}

// Notifier tells organisations what happened to them.
type Notifier interface {
	Tell(ctx context.Context, n sluice.Notification) error
}

// Links makes URLs under which a blob can be loaded by whoever has them.
type Links interface {
	To(key string, until time.Time) string
}

// Options set up a Service. Jobs, Work, Blobs, Gateway, Errand and Run are required.
type Options struct {
	Jobs     Jobs
	Work     Work
	Blobs    Blobs
	Gateway  Gateway
	Notifier Notifier // nil: nobody is told
	Links    Links    // nil: there are none

	// Run answers the requests of errands: POST /v1/videos, /v1/images/generations
	// and /v1/chat/completions, under contexts that Errand made.
	Run    http.Handler
	Errand func(ctx context.Context, job *sluice.Job, run *Run) context.Context

	// Deferred returns what percentage of AtOnce is not to be used, such as where
	// the site may not draw more power; what runs is not broken off. Nil: all is used.
	Deferred func() int64

	AtOnce  int           // jobs that run at once; default 64
	Longest time.Duration // a job that has not ended by then fails; default 24 hours
	Keep    time.Duration // how long results are kept; default 72 hours

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default slog.Default
}

// Service takes jobs on and runs them.
type Service struct {
	opt  Options
	wake chan struct{} // there may be something to do

	mu      sync.Mutex
	waiting []*waiting
	running map[string]*Run
}

// waiting is a job that is to run, or to be announced.
type waiting struct {
	job   *sluice.Job
	from  time.Time // not before
	tries int       // that failed
}

// New makes a service.
func New(o Options) *Service {
	if o.AtOnce == 0 {
		o.AtOnce = 64
	}
	if o.Longest == 0 {
		o.Longest = 24 * time.Hour
	}
	if o.Keep == 0 {
		o.Keep = 72 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Service{opt: o, wake: make(chan struct{}, 1), running: map[string]*Run{}}
}

// Recover takes up what an earlier process left: it must run before clients are
// let in, who could spend what the jobs' results will cost.
func (s *Service) Recover(ctx context.Context) error {
	jobs, err := s.opt.Work.UnfinishedJobs(ctx)
	if err != nil {
		return err
	}
	calls := make([]string, len(jobs))
	for i, j := range jobs {
		calls[i] = j.CallID
	}
	booked, err := s.opt.Work.Committed(ctx, calls)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		switch {
		case j.State.Ended():
		case booked[j.CallID]:
			if err := s.complete(ctx, j); err != nil {
				return err
			}
		default:
			if err := s.opt.Gateway.Rehold(ctx, j); err != nil {
				e := *sluice.ErrorOf(err)
				e.Message = "The server was restarted, and the job could not be held for again: " + e.Message
				if err := s.fail(ctx, j, &e); err != nil {
					return err
				}
			}
		}
		s.enqueue(&waiting{job: j})
	}
	return nil
}

// Known answers a request that was made before under its idempotency key; nil
// for a new one. Errors: CodeConflict when something else was asked under it.
func (s *Service) Known(ctx context.Context, j *sluice.Job) ([]byte, error) {
	if j.Idempotency == "" {
		return nil, nil
	}
	known, err := s.opt.Jobs.JobByKey(ctx, j.Org, j.Idempotency)
	switch {
	case sluice.CodeOf(err) == sluice.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case known.BodyHash != j.BodyHash || known.Endpoint != j.Endpoint:
		return nil, sluice.Errorf(sluice.CodeConflict, "The Idempotency-Key was used for another request.")
	}
	return s.taken(known)
}

// Take keeps a job, which is held for, and its request, and returns what the
// client is told. Errors: CodeConcurrency, CodeConflict.
func (s *Service) Take(ctx context.Context, j *sluice.Job, request []byte) ([]byte, error) {
	j.ExpiresAt = j.CreatedAt.Add(s.opt.Longest)
	answer, err := s.taken(j)
	if err != nil {
		return nil, err
	}
	if _, err := s.opt.Blobs.Put(ctx, j.RequestBlob(), newReader(request)); err != nil {
		return nil, err
	}
	if err := s.opt.Jobs.CreateJob(ctx, j); err != nil {
		_ = s.opt.Blobs.Delete(ctx, j.RequestBlob()) // a request that nobody will ask for
		return nil, err
	}
	copied := *j
	s.enqueue(&waiting{job: &copied})
	return answer, nil
}

// enqueue adds to what is to be done.
func (s *Service) enqueue(w *waiting) {
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	s.poke()
}

func (s *Service) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// complete notes that a job has its result and is paid for.
func (s *Service) complete(ctx context.Context, j *sluice.Job) error {
	now := s.opt.Now()
	j.State, j.Progress, j.EndedAt, j.ExpiresAt = sluice.JobCompleted, 100, now, now.Add(s.opt.Keep)
	return s.opt.Jobs.UpdateJob(ctx, j)
}

// fail notes that a job has come to nothing, and lets its hold go.
func (s *Service) fail(ctx context.Context, j *sluice.Job, e *sluice.Error) error {
	now := s.opt.Now()
	j.State, j.EndedAt, j.ExpiresAt = sluice.JobFailed, now, now.Add(s.opt.Keep)
	j.ErrorCode, j.Error = string(e.Code), e.Message
	if err := s.opt.Jobs.UpdateJob(ctx, j); err != nil {
		return err
	}
	s.opt.Gateway.ReleaseJob(j)
	return nil
}

// announce tells the job's end and removes its request, which nobody needs any more.
func (s *Service) announce(ctx context.Context, j *sluice.Job) error {
	event := map[sluice.JobKind]string{sluice.JobVideo: "video", sluice.JobImage: "image"}[j.Kind]
	if event != "" && s.opt.Notifier != nil {
		event += "." + string(j.State)
		err := s.opt.Notifier.Tell(ctx, sluice.Notification{
			Org: j.Org, Type: event, Once: event + ":" + j.ID, At: j.EndedAt, Data: []byte(`{"id":"` + j.ID + `"}`),
		})
		if err != nil {
			return err
		}
	}
	if err := s.opt.Blobs.Delete(ctx, j.RequestBlob()); err != nil {
		return err
	}
	j.Announced = true
	err := s.opt.Jobs.UpdateJob(ctx, j)
	if sluice.CodeOf(err) == sluice.CodeConflict { // it was deleted meanwhile
		return nil
	}
	return err
}

// Delete stops a job where it still runs, and forgets it and its result.
// Errors: CodeNotFound, also for one of another organisation.
func (s *Service) Delete(ctx context.Context, org, id string) error {
	j, err := s.opt.Jobs.Job(ctx, org, id)
	if err != nil {
		return err
	}
	s.stop(id)
	booked, err := s.opt.Work.Committed(ctx, []string{j.CallID})
	if err != nil {
		return err
	}
	if err := s.opt.Jobs.DeleteJob(ctx, org, id); err != nil {
		return err
	}
	if !booked[j.CallID] {
		s.opt.Gateway.ReleaseJob(j)
	}
	return errors.Join(s.opt.Blobs.Delete(ctx, j.RequestBlob()), s.opt.Blobs.Delete(ctx, j.ResultBlob()))
}

// stop takes a job from the queue and, where it runs, ends it and waits for that.
func (s *Service) stop(id string) {
	s.mu.Lock()
	for i, w := range s.waiting {
		if w.job.ID == id {
			s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
			break
		}
	}
	run := s.running[id]
	s.mu.Unlock()
	if run != nil {
		run.deleted.Store(true)
		run.cancel()
		<-run.ended
	}
}

// progress is how far a job is that runs now.
func (s *Service) progress(j *sluice.Job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if run := s.running[j.ID]; run != nil && !j.State.Ended() {
		j.State, j.Progress = sluice.JobInProgress, max(j.Progress, run.percent.Load())
	}
}
