package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"sluice"
	"sluice/fleet"
	"sluice/fleet/power"
	"sluice/fleet/process"
)

// newFleet makes the fleet, and beside it what serves files of models, and what starts engines on this machine:
// each tells the other who is ready and who is wanted.
func (s *server) newFleet(ctx context.Context) (err error) {
	if err := s.newModelFolder(); err != nil {
		return err
	}
	s.prober = newProber(s)
	s.fleet = fleet.New(fleet.Options{
		Local: s.localEngine, Log: s.log, Queue: s.cfg.QueueLimits(), Deferred: func() bool { return !s.power.Allows(power.FlexBatch) },
		Asleep: func(e sluice.Engine) bool { return s.processes.Asleep(e) }, Wanted: func(id string) { s.processes.Wanted(id) },
		StartLimit: func(e sluice.Engine) time.Duration { return s.processes.StartLimit(e) },
	})
	s.processes, err = process.Open(ctx, process.Options{
		Folder: filepath.Join(s.cfg.Data, "engines"), Fleet: s.fleet, Starts: s.store, Log: s.log,
		Moved: func() {
			go func() {
				if err := s.reload(context.WithoutCancel(ctx)); err != nil {
					s.log.Error("taking up where an engine listens now", "error", err)
				}
			}()
		},
	})
	return err
}

// place says where engines that are processes are to be asked. One that cannot be
// started is left out: the others go on.
func (s *server) place(engines []*sluice.Engine) []sluice.Engine {
	placed := make([]sluice.Engine, 0, len(engines))
	for _, e := range engines {
		at, err := s.processes.Place(e.Probed())
		if err != nil {
			s.log.Error("an engine cannot be started and is left out", "engine", e.Name, "error", err)
			continue
		}
		placed = append(placed, at)
	}
	return placed
}

// sealedEnv is the one variable that a stored environment has: all of it, sealed.
const sealedEnv = "sealed"

// sealProcess returns how an engine is started, with its environment sealed.
func (c *catalogue) sealProcess(e *sluice.Engine) (*sluice.Process, error) {
	if e.Process == nil || len(e.Process.Env) == 0 {
		return e.Process, nil
	}
	raw, err := json.Marshal(e.Process.Env)
	if err != nil {
		return nil, fmt.Errorf("sealing the environment of the engine %q: %w", e.Name, err)
	}
	p := *e.Process
	p.Env = map[string]string{sealedEnv: c.sealText(string(raw), boundTo(e))}
	return &p, nil
}

// openProcess is the inverse of sealProcess.
func (c *catalogue) openProcess(e *sluice.Engine) error {
	if e.Process == nil || len(e.Process.Env) == 0 {
		return nil
	}
	text, err := c.openText(e.Process.Env[sealedEnv], boundTo(e))
	e.Process.Env = nil
	if err != nil {
		return err
	}
	return json.Unmarshal([]byte(text), &e.Process.Env)
}
