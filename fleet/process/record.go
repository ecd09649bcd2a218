package process

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// markVariable is in the environment of each engine, and so of all that it
// starts: it tells whose they are.
const markVariable = "SLUICE_ENGINE_RUN"

// record is what is noted of an engine's process in a file, so that the next
// server finds what this one leaves if it is killed.
type record struct {
	Run   string `json:"run"` // the mark
	PID   int    `json:"pid,omitempty"`
	Began int64  `json:"began,omitempty"` // tells the process from a later one of that id
}

// newMark returns a mark that nobody else has.
func newMark() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // documented never to fail
	return hex.EncodeToString(b)
}

const recordEnding = ".json"

func (c *computer) recordOf(engine string) string {
	return filepath.Join(c.folder, engine+recordEnding)
}

// note writes an engine's record.
func (c *computer) note(engine string, r record) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing what runs: %w", err)
	}
	if err := os.WriteFile(c.recordOf(engine), raw, 0o600); err != nil {
		return fmt.Errorf("noting what runs: %w", err)
	}
	return nil
}

// forget removes an engine's record.
func (c *computer) forget(engine string) error {
	if err := os.Remove(c.recordOf(engine)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting what ran: %w", err)
	}
	return nil
}

// endLeftovers ends the engines that a server which was killed has left.
func (c *computer) endLeftovers(log *slog.Logger) error {
	if err := os.MkdirAll(c.folder, 0o700); err != nil {
		return fmt.Errorf("making the folder of what runs: %w", err)
	}
	entries, err := os.ReadDir(c.folder)
	if err != nil {
		return fmt.Errorf("looking for engines that were left: %w", err)
	}
	for _, e := range entries {
		engine, ok := strings.CutSuffix(e.Name(), recordEnding)
		if !ok {
			continue
		}
		var r record
		raw, err := os.ReadFile(filepath.Join(c.folder, e.Name()))
		if err == nil && json.Unmarshal(raw, &r) == nil && r.Run != "" && endLeft(r) {
			log.Warn("an engine was left running by a server that was killed, and is ended", "engine", engine, "pid", r.PID)
		}
		if err := c.forget(engine); err != nil {
			return err
		}
	}
	return nil
}
