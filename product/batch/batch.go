// Package batch answers many requests at once, when there is room for them, at
// the price of a batch.
//
// A batch is a file of JSON lines, each of them a request. Every line is asked
// through the gateway like a call of its customer's, and billed by the price
// book's batch prices. Lines run beside interactive calls and yield to them (see
// Policy).
//
// # Nothing is asked or billed twice
//
// A line's call has an id that is made of the batch's and the line's number, and
// the ledger books an id once. Three things happen to a line, in this order, each
// of them durable before the next:
//
//  1. the answer is written down, as not done;
//  2. the call is billed: its event is booked under its id;
//  3. the line is marked as done.
//
// After a crash the ledger decides about a line that is written down and not done.
// Was its call booked, the answer stands, and the line is marked. Was it not, the
// answer was never billed: it is discarded, and the line is asked again under the
// same id. So there is no answer that was billed and lost, and no refund.
//
// When all lines are done, or no further one may begin, the answers are gathered
// in two files, whose ids follow from the batch's. They appear together with the
// batch's end in one transaction, which also forgets the lines. The end is told
// after that, and noted as told; what was not is told again at the next start.
package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"sluice"
	"sluice/wire/openai"
)

// Jobs stores batches.
type Jobs interface {
	// CreateBatchJob stores a new batch. Errors: CodeNotFound when its tenant has no
	// such input file, CodeConcurrency.
	CreateBatchJob(ctx context.Context, b *sluice.BatchJob) error

	// UpdateBatchJob stores what became of a batch. Errors: CodeConflict when it was
	// changed meanwhile.
	UpdateBatchJob(ctx context.Context, b *sluice.BatchJob) error

	// EndBatchJob is UpdateBatchJob that also makes files visible and forgets the lines.
	EndBatchJob(ctx context.Context, b *sluice.BatchJob, files []*sluice.File) error

	// BatchJob and BatchJobs find batches of a tenant, the latest first.
	BatchJob(ctx context.Context, t sluice.Tenant, id string) (*sluice.BatchJob, error)
	BatchJobs(ctx context.Context, t sluice.Tenant, after string, limit int) ([]*sluice.BatchJob, error)

	// UnfinishedBatchJobs returns those that have not ended or were not announced.
	UnfinishedBatchJobs(ctx context.Context) ([]*sluice.BatchJob, error)
}

// Lines stores what came of the lines of batches.
type Lines interface {
	// PutBatchLines stores lines, by batch, over what was there.
	PutBatchLines(ctx context.Context, lines map[string][]sluice.BatchLine) error

	// MarkBatchLines notes that lines are done as they stand.
	MarkBatchLines(ctx context.Context, batch string, lines []int64) error

	// BatchProgress returns which lines there is something of: true for those done.
	BatchProgress(ctx context.Context, batch string) (map[int64]bool, error)

	// BatchLines returns lines that are done, in order.
	BatchLines(ctx context.Context, batch string, after int64, limit int) ([]sluice.BatchLine, error)

	// Committed returns which of the calls are booked.
	Committed(ctx context.Context, calls []string) (map[string]bool, error)
}

// Files knows the files of tenants.
type Files interface {
	File(ctx context.Context, t sluice.Tenant, id string) (*sluice.File, error)
}

// Blobs keeps the files' bytes, under their ids.
type Blobs interface {
	Put(ctx context.Context, key string, r io.Reader) (sluice.Blob, error)
	Open(ctx context.Context, key string) (io.ReadSeekCloser, error)
	Delete(ctx context.Context, key string) error
}

// Callers knows whose API key a request bears.
type Callers interface {
	Principal(r *http.Request) (*sluice.Principal, error)
}

// Notifier tells organisations what happened to them.
type Notifier interface {
	Tell(ctx context.Context, n sluice.Notification) error
}

// Options set up a Service. All but the notifier, the bounds, Now and Log are
// required.
type Options struct {
	Jobs     Jobs
	Lines    Lines
	Files    Files
	Blobs    Blobs
	Callers  Callers
	Notifier Notifier // nil: nobody is told

	// Models answers the requests of lines, under contexts that Errand made.
	Models http.Handler

	// Errand makes the requests under a context a call of the customer's, at batch
	// prices. The call's Keep is to be called before it is billed.
	Errand func(ctx context.Context, call *Call) context.Context

	// Running returns how many calls are under way, lines of batches among them.
	Running func() int64

	// Deferred returns what percentage of their places batches are not to use, such
	// as where the site may not draw more power. Nil: they use all.
	Deferred func() int64

	Policy     Policy
	Endpoints  []string      // that lines may call
	MaxLines   int64         // of a batch; default 50,000
	MaxLine    int           // of a line, in bytes; default 32 MiB
	KeepOutput time.Duration // how long results are kept if the client does not say; default 30 days

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default slog.Default
}

// Service runs batches.
type Service struct {
	opt     Options
	gate    *gate
	journal journal
	parser  openai.Parser

	mu      sync.Mutex
	life    context.Context // of Run; nil before it
	runners map[string]*runner
	all     sync.WaitGroup
}

// New makes a service. Batches advance while Run runs.
func New(o Options) *Service {
	if o.MaxLines == 0 {
		o.MaxLines = 50_000
	}
	if o.MaxLine == 0 {
		o.MaxLine = 32 << 20
	}
	if o.KeepOutput == 0 {
		o.KeepOutput = 30 * 24 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Policy = o.Policy.withDefaults()
	return &Service{
		opt: o, runners: map[string]*runner{}, journal: journal{lines: o.Lines},
		gate: &gate{policy: o.Policy, calls: o.Running, defers: o.Deferred, now: o.Now, orgs: map[string]int64{}},
	}
}

// Create makes a batch and begins with it. Errors: CodeInvalid, CodeNotFound when
// the caller has no such file, CodeConcurrency.
func (s *Service) Create(ctx context.Context, who *sluice.Principal, r *openai.BatchRequest) (*sluice.BatchJob, error) {
	if !slices.Contains(s.opt.Endpoints, r.Endpoint) {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "endpoint", Message: fmt.Sprintf("'endpoint' must be one of %q.", s.opt.Endpoints)}
	}
	f, err := s.opt.Files.File(ctx, tenant(who), r.InputFile)
	if sluice.CodeOf(err) == sluice.CodeNotFound {
		return nil, &sluice.Error{Code: sluice.CodeNotFound, Param: "input_file_id", Message: fmt.Sprintf("There is no file %.64q.", r.InputFile)}
	}
	if err != nil {
		return nil, err
	}
	if f.Purpose != sluice.FileBatch {
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "input_file_id", Message: "The file was not uploaded with the purpose 'batch'."}
	}
	now := s.opt.Now().Truncate(time.Microsecond).UTC()
	b := &sluice.BatchJob{
		ID: sluice.NewID(sluice.PrefixBatchJob, now), Org: who.Org.ID, Project: who.Key.Project, Key: who.Key.ID,
		Endpoint: r.Endpoint, InputFile: f.ID, KeepOutput: r.KeepOutput, Metadata: r.Metadata,
		State: sluice.BatchValidating, CreatedAt: now, ExpiresAt: now.Add(openai.BatchWindow),
	}
	if b.KeepOutput == 0 {
		b.KeepOutput = s.opt.KeepOutput
	}
	if err := s.opt.Jobs.CreateBatchJob(ctx, b); err != nil {
		return nil, err
	}
	s.begin(b)
	return b, nil
}

// Batch returns a batch of a tenant. Errors: CodeNotFound, also for one of another
// tenant.
func (s *Service) Batch(ctx context.Context, t sluice.Tenant, id string) (*sluice.BatchJob, error) {
	return s.opt.Jobs.BatchJob(ctx, t, id)
}

// Batches returns a tenant's batches, the latest first and at most limit;
// after, when not empty, is the id of the last one that is known already.
func (s *Service) Batches(ctx context.Context, t sluice.Tenant, after string, limit int) ([]*sluice.BatchJob, error) {
	return s.opt.Jobs.BatchJobs(ctx, t, after, limit)
}

// Cancel begins no further line of a batch; those that are under way are finished
// and billed. A batch that is cancelled already stays as it is. Errors:
// CodeNotFound, also for one of another tenant; CodeConflict when all is done.
func (s *Service) Cancel(ctx context.Context, t sluice.Tenant, id string) (*sluice.BatchJob, error) {
	b, err := s.change(ctx, t, id, func(b *sluice.BatchJob) error {
		switch b.State {
		case sluice.BatchCancelling, sluice.BatchCancelled:
			return errAsItIs
		case sluice.BatchValidating, sluice.BatchInProgress:
			b.State, b.CancellingAt = sluice.BatchCancelling, s.opt.Now().Truncate(time.Microsecond).UTC()
			return nil
		}
		return sluice.Errorf(sluice.CodeConflict, "The batch is %s and can no longer be cancelled.", b.State)
	})
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.runners[id]; r != nil {
		r.halt()
	}
	return b, nil
}

// Run advances all batches, also those that an earlier process left, until ctx
// ends; then it waits for the lines that are under way, which ctx ends too.
func (s *Service) Run(ctx context.Context) {
	s.mu.Lock()
	s.life = ctx
	s.mu.Unlock()
	defer s.all.Wait()
	for {
		left, err := s.opt.Jobs.UnfinishedBatchJobs(ctx)
		if err == nil {
			for _, b := range left {
				s.begin(b)
			}
			<-ctx.Done()
			return
		}
		if !s.sleepAfter(ctx, err) {
			return
		}
	}
}

// pauseAfterFault is how long what failed by a fault of ours rests.
const pauseAfterFault = 5 * time.Second

// sleepAfter logs a fault and sleeps, and reports whether ctx goes on.
func (s *Service) sleepAfter(ctx context.Context, err error) bool {
	if ctx.Err() == nil {
		s.opt.Log.Error("a fault holds up batches; it is tried again", "error", err)
	}
	select {
	case <-time.After(pauseAfterFault):
		return true
	case <-ctx.Done():
		return false
	}
}

// begin advances a batch, if nobody does.
func (s *Service) begin(b *sluice.BatchJob) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.life == nil || s.life.Err() != nil || s.runners[b.ID] != nil {
		return
	}
	r := newRunner(s, b)
	s.runners[b.ID] = r
	s.all.Go(func() {
		r.live(s.life)
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.runners, b.ID)
	})
}

// errAsItIs says that an edit changes nothing.
var errAsItIs = errors.New("nothing is to be changed")

// change edits a batch as it is stored, again if somebody else changed it
// meanwhile.
func (s *Service) change(ctx context.Context, t sluice.Tenant, id string, edit func(*sluice.BatchJob) error) (*sluice.BatchJob, error) {
	return s.store(ctx, t, id, edit, s.opt.Jobs.UpdateBatchJob)
}

// store is change by way of an update of one's own.
func (s *Service) store(ctx context.Context, t sluice.Tenant, id string, edit func(*sluice.BatchJob) error, update func(context.Context, *sluice.BatchJob) error) (*sluice.BatchJob, error) {
	for {
		b, err := s.opt.Jobs.BatchJob(ctx, t, id)
		if err != nil {
			return nil, err
		}
		err = edit(b)
		if errors.Is(err, errAsItIs) {
			return b, nil
		}
		if err != nil {
			return nil, err
		}
		if err = update(ctx, b); err == nil {
			return b, nil
		}
		if sluice.CodeOf(err) != sluice.CodeConflict {
			return nil, err
		}
	}
}
