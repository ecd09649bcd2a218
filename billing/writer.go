package billing

import (
	"context"
	"time"

	"sluice"
)

// maxGroup bounds what is committed at once, so that a commit stays short.
const maxGroup = 4096

// item is one thing for the writer: a posting, a checkpoint, or the end of one.
type item struct {
	posting    sluice.Posting
	checkpoint *sluice.Event
	closed     string        // the call whose checkpoint ends
	done       chan struct{} // closed when durable or failed
	err        error         // set before done is closed
}

func newItem(p sluice.Posting) *item { return &item{posting: p, done: make(chan struct{})} }

// wait returns once the item is durable. A context that ends first leaves the
// item on its way.
func (it *item) wait(ctx context.Context) error {
	select {
	case <-it.done:
		return it.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// enqueue hands an item to the writer. Ledger.mu is held, so items keep the
// order in which their effects were applied.
func (l *Ledger) enqueue(it *item) {
	l.pending = append(l.pending, it)
	l.signal()
}

func (l *Ledger) signal() {
	select {
	case l.wake <- struct{}{}:
	default: // it is awake already
	}
}

// write is the one writer: it takes what has gathered while it committed the
// group before, and commits that as the next.
func (l *Ledger) write() {
	defer close(l.done)
	for {
		group, closed := l.take()
		if len(group) > 0 {
			l.commit(group)
			continue
		}
		if closed {
			return
		}
		<-l.wake
	}
}

// take returns the next group in order and whether the ledger is closed.
func (l *Ledger) take() ([]*item, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := min(len(l.pending), maxGroup)
	group := l.pending[:n:n]
	l.pending = l.pending[n:]
	if len(l.pending) == 0 {
		l.pending = nil
	}
	return group, l.closed
}

// batchOf writes a group as one batch. A checkpoint of a call that ends in the
// same group is left out.
func batchOf(group []*item) sluice.Batch {
	var b sluice.Batch
	latest := map[string]int{} // where a call's checkpoint stands in b
	for _, it := range group {
		if it.posting.Tx.ID != "" {
			b.Postings = append(b.Postings, it.posting)
		}
		if it.checkpoint != nil {
			if i, ok := latest[it.checkpoint.CallID]; ok {
				b.Checkpoints[i] = *it.checkpoint
				continue
			}
			latest[it.checkpoint.CallID] = len(b.Checkpoints)
			b.Checkpoints = append(b.Checkpoints, *it.checkpoint)
		}
		if it.closed != "" {
			b.Closed = append(b.Closed, it.closed)
		}
	}
	return b
}

// commit makes a group durable, whatever it takes: at the store, or in the
// spool while the store is away. It gives up only when the books disagree.
func (l *Ledger) commit(group []*item) {
	batch := batchOf(group)
	start := time.Now()
	err := l.persist(batch)
	if err == nil && l.opt.OnCommit != nil {
		l.opt.OnCommit(len(batch.Postings), time.Since(start))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.fault = err
		l.opt.Log.Error("the ledger stops: the books and memory disagree", "error", err)
	}
	for _, it := range group {
		delete(l.posting, it.posting.Tx.ID)
		if err == nil && it.posting.Event == nil {
			if moveErr := l.move(it.posting.Tx.Entries, credits); moveErr != nil {
				l.opt.Log.Error("a durable credit cannot be used before a restart", "tx", it.posting.Tx.ID, "error", moveErr)
			}
		}
		it.err = err
		close(it.done)
	}
}

// persist commits a batch at the store. While the store is away it tries again
// with growing pauses and, when a spool is set, soon keeps the batch there. An
// error is final.
func (l *Ledger) persist(batch sluice.Batch) error {
	ctx := context.Background() // a durable write is not given up because somebody left
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		err := l.replaySpool(ctx)
		if err == nil {
			err = l.commitNew(ctx, batch)
		}
		switch sluice.CodeOf(err) {
		case "":
			return nil
		case sluice.CodeInsufficientFunds, sluice.CodeInvalid:
			return err
		}
		l.opt.Log.Error("cannot write to the ledger's store", "error", err, "postings", len(batch.Postings))
		if l.opt.Spool != "" && (l.spooled || pause >= spoolAfter) {
			spoolErr := l.spool(batch)
			if spoolErr == nil {
				return nil
			}
			l.opt.Log.Error("cannot write to the spool either", "error", spoolErr)
		}
		time.Sleep(pause)
	}
}

// Pauses between two attempts at a store that is away.
const (
	firstPause   = 10 * time.Millisecond
	spoolAfter   = 200 * time.Millisecond
	longestPause = 5 * time.Second
)

// commitNew commits a batch; what of it the store knows already (from a commit
// that was durable though it was reported as failed, or a replay that was broken
// off) is left out.
func (l *Ledger) commitNew(ctx context.Context, batch sluice.Batch) error {
	err := l.store.Commit(ctx, batch)
	if sluice.CodeOf(err) != sluice.CodeConflict {
		return err
	}
	rest, err := l.uncommitted(ctx, batch)
	if err != nil {
		return err
	}
	return l.store.Commit(ctx, rest)
}

// uncommitted returns the batch without the postings that are booked already.
func (l *Ledger) uncommitted(ctx context.Context, batch sluice.Batch) (sluice.Batch, error) {
	ids := make([]string, len(batch.Postings))
	for i, p := range batch.Postings {
		ids[i] = p.Tx.ID
	}
	known, err := l.store.Committed(ctx, ids)
	if err != nil {
		return sluice.Batch{}, err
	}
	rest := sluice.Batch{Checkpoints: batch.Checkpoints, Closed: batch.Closed}
	for _, p := range batch.Postings {
		if !known[p.Tx.ID] {
			rest.Postings = append(rest.Postings, p)
		}
	}
	if len(rest.Postings) == len(batch.Postings) {
		return sluice.Batch{}, sluice.Errorf(sluice.CodeInvalid, "the store reports a conflict and knows none of the %d transactions", len(ids))
	}
	return rest, nil
}
