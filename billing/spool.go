package billing

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"sluice"
)

// spool is a file of batches, one JSON object a line, that waits for the store.
type spool struct {
	path string
	size int64 // of the whole lines that are on disk
}

// append returns once the batch is on disk. It writes where the last whole
// line ends: what a failed attempt left behind is overwritten.
func (s *spool) append(batch sluice.Batch) error {
	line, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("writing the spool: %w", err)
	}
	line = append(line, '\n')
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	defer f.Close() // what matters is synced
	if err = f.Truncate(s.size); err == nil {
		_, err = f.WriteAt(line, s.size)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil && s.size == 0 {
		err = syncDir(s.path)
	}
	if err != nil {
		return fmt.Errorf("writing the spool: %w", err)
	}
	s.size += int64(len(line))
	return nil
}

// replay hands the spool's batches to commit, in order and as many of them
// together as come to group items, and removes the file. A last line without its
// end was never acknowledged and is dropped.
func (s *spool) replay(group int, commit func(sluice.Batch) error) error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.size = 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	defer f.Close()
	var together gathered
	r := bufio.NewReader(f)
	for number := 1; ; number++ {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		var batch sluice.Batch
		if err == nil {
			err = json.Unmarshal(line, &batch)
		}
		if err != nil {
			return fmt.Errorf("reading line %d of the spool %s: %w", number, s.path, err)
		}
		if together.add(batch); together.items < group {
			continue
		}
		if err := commit(together.batch()); err != nil {
			return err
		}
		together = gathered{}
	}
	if together.items > 0 {
		if err := commit(together.batch()); err != nil {
			return err
		}
	}
	if err := os.Remove(s.path); err != nil {
		return fmt.Errorf("removing the replayed spool: %w", err)
	}
	s.size = 0
	if err := syncDir(s.path); err != nil {
		return fmt.Errorf("removing the replayed spool: %w", err)
	}
	return nil
}

// gathered is batches in their order, to be committed as one. Of a call's
// checkpoints and a subscription's quotas only the last is kept.
type gathered struct {
	all         sluice.Batch
	checkpoints map[string]sluice.Event
	quotas      map[string]sluice.QuotaState
	items       int
}

func (g *gathered) add(b sluice.Batch) {
	if g.checkpoints == nil {
		g.checkpoints, g.quotas = map[string]sluice.Event{}, map[string]sluice.QuotaState{}
	}
	g.items += len(b.Postings) + len(b.Checkpoints) + len(b.Closed) + len(b.Subscriptions) + len(b.Quotas)
	g.all.Postings = append(g.all.Postings, b.Postings...)
	g.all.Closed = append(g.all.Closed, b.Closed...)
	g.all.Subscriptions = append(g.all.Subscriptions, b.Subscriptions...)
	for _, c := range b.Checkpoints {
		g.checkpoints[c.CallID] = c
	}
	for _, q := range b.Quotas {
		g.quotas[q.Subscription] = q
	}
}

func (g *gathered) batch() sluice.Batch {
	b := g.all
	for _, id := range slices.Sorted(maps.Keys(g.checkpoints)) {
		b.Checkpoints = append(b.Checkpoints, g.checkpoints[id])
	}
	for _, id := range slices.Sorted(maps.Keys(g.quotas)) {
		b.Quotas = append(b.Quotas, g.quotas[id])
	}
	return b
}

// syncDir makes it durable that the file at path is there, or is not.
func syncDir(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// toSpool keeps finished calls in the spool: for their clients they are
// settled, the store gets them later.
func (l *Ledger) toSpool(calls []*item) error {
	if len(calls) == 0 {
		return nil
	}
	if l.spool.size == 0 { // once for an absence, and not for each of its calls
		l.opt.Log.Warn("the store is away: finished calls are kept in the spool from now on", "file", l.spool.path)
	}
	if err := l.spool.append(batchOf(calls)); err != nil {
		return err
	}
	l.finish(calls, nil)
	return nil
}

// replaySpool commits what the spool holds, by id: what the store knows
// already is skipped, so a replay that was broken off can be repeated. Its commits
// are bounded in time one by one: of a long absence there is much to replay, and
// a bound on all of it would never let it come to its end.
func (l *Ledger) replaySpool(ctx context.Context) error {
	if l.spool.path == "" {
		return nil
	}
	calls := 0
	err := l.spool.replay(maxGroup, func(b sluice.Batch) error {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		calls += len(b.Postings)
		return l.commitNew(ctx, b)
	})
	if err == nil && calls > 0 {
		l.opt.Log.Info("booked what was kept in the spool", "postings", calls)
	}
	return err
}
