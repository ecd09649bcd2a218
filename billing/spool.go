package billing

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"sluice"
)

// spool appends a batch to the spool file and returns once it is on disk. The
// calls in it are finished for their clients; the store gets them later.
func (l *Ledger) spool(batch sluice.Batch) error {
	f, err := os.OpenFile(l.opt.Spool, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	defer func() { _ = f.Close() }() // what matters was synced
	line, err := json.Marshal(batch)
	if err != nil {
		return fmt.Errorf("writing the spool: %w", err)
	}
	if _, err := f.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("writing the spool: %w", err)
	}
	if err := f.Sync(); err != nil {
		return fmt.Errorf("writing the spool: %w", err)
	}
	l.spooled = true
	l.opt.Log.Warn("kept finished calls in the spool while the store is away", "postings", len(batch.Postings), "file", l.opt.Spool)
	return nil
}

// replaySpool commits what the spool holds, by id: what the store knows
// already is skipped, so a replay that was broken off can be repeated. A last
// line without its end was never acknowledged and is dropped.
func (l *Ledger) replaySpool(ctx context.Context) error {
	if !l.spooled {
		return nil
	}
	f, err := os.Open(l.opt.Spool)
	if errors.Is(err, fs.ErrNotExist) {
		l.spooled = false
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	defer func() { _ = f.Close() }() // read only
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("reading the spool: %w", err)
		}
		var batch sluice.Batch
		if err := json.Unmarshal(line, &batch); err != nil {
			return fmt.Errorf("reading the spool: %w", err)
		}
		if err := l.commitNew(ctx, batch); err != nil {
			return err
		}
	}
	if err := os.Remove(l.opt.Spool); err != nil {
		return fmt.Errorf("removing the replayed spool: %w", err)
	}
	l.spooled = false
	return nil
}
