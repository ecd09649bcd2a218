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
	"path/filepath"

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

// replay hands the spool's batches to commit, in order, and removes the file.
// A last line without its end was never acknowledged and is dropped.
func (s *spool) replay(commit func(sluice.Batch) error) error {
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.size = 0
		return nil
	}
	if err != nil {
		return fmt.Errorf("opening the spool: %w", err)
	}
	defer f.Close()
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
		if err := commit(batch); err != nil {
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
	batch := batchOf(calls)
	if err := l.spool.append(batch); err != nil {
		return err
	}
	l.opt.Log.Warn("kept finished calls in the spool while the store is away", "postings", len(batch.Postings), "file", l.spool.path)
	l.finish(calls, nil)
	return nil
}

// replaySpool commits what the spool holds, by id: what the store knows
// already is skipped, so a replay that was broken off can be repeated.
func (l *Ledger) replaySpool(ctx context.Context) error {
	if l.spool.path == "" {
		return nil
	}
	return l.spool.replay(func(b sluice.Batch) error { return l.commitNew(ctx, b) })
}
