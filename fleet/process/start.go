package process

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"sluice"
)

// begun begins the job of a start, or goes on with one of before. k.mu is held.
func (k *keeper) begun() {
	now := time.Now().UTC()
	if k.job == nil || k.job.Ended() {
		k.job = &sluice.EngineStart{ID: sluice.NewID(sluice.PrefixEngineStart, now), Engine: k.id, Cause: k.life.cause, At: now}
	}
	job := *k.job
	job.Attempt++
	job.Stage, job.Percent, job.Deadline = sluice.StageCheck, -1, time.Time{}
	k.keep(&job)
}

// loading notes that the program runs.
func (k *keeper) loading(p *program) {
	if k.job == nil || k.job.Ended() {
		return
	}
	job := *k.job
	job.Stage, job.Bytes, job.Deadline = sluice.StageStart, p.bytes, k.life.until.UTC()
	k.keep(&job)
}

// progress notes how far loading has come: as the engine says, or by what it has
// read of its files.
func (k *keeper) progress(p *program, read int64) {
	if k.job == nil || k.job.Ended() || k.life.waking {
		return
	}
	percent := k.log.loading()
	if p.bytes > 0 {
		percent = max(percent, int(min(99, read*100/p.bytes)))
	}
	job := *k.job
	if percent > 0 {
		job.Stage = sluice.StageLoad
	}
	job.Percent = percent
	if job.Stage != k.job.Stage || job.Percent != k.job.Percent && time.Since(k.written) >= progressPause {
		k.keep(&job)
	}
}

// finish ends the job.
func (k *keeper) finish(well bool) {
	if k.job == nil || k.job.Ended() {
		return
	}
	job := *k.job
	job.EndedAt = time.Now().UTC()
	job.Stage, job.Percent = sluice.StageReady, 100
	if !well {
		job.Stage, job.Percent, job.Error = sluice.StageFailed, k.job.Percent, k.life.why
	}
	k.keep(&job)
}

// keep makes a job the keeper's and has it written. Jobs are never changed, so
// that whoever has one can read it.
func (k *keeper) keep(job *sluice.EngineStart) {
	k.job, k.written = job, time.Now()
	k.s.jobs.put(*job)
}

// well reports whether the engine says that it is well. The first of its paths
// that it has decides; where it has none, any answer to /v1/models that is no
// server's error will do.
func (k *keeper) well(ctx context.Context, p *program) bool {
	for _, path := range p.health {
		status, err := k.status(ctx, http.MethodGet, path)
		switch {
		case err != nil || status >= 500 && status != http.StatusNotImplemented:
			return false
		case status < 300:
			return true
		case k.given():
			return false // the operator named this path, and no other will do
		}
	}
	status, err := k.status(ctx, http.MethodGet, "/v1/models")
	return err == nil && status < 500
}

// given reports whether its operator said where its health is asked.
func (k *keeper) given() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.engine.Process.Ready != ""
}

// status asks the engine, and returns the status of its answer.
func (k *keeper) status(ctx context.Context, verb, path string) (int, error) {
	k.mu.Lock()
	secret := k.engine.Secret
	k.mu.Unlock()
	return k.s.machine.ask(ctx, verb, k.url(path), secret)
}

// url is where a path of the engine is.
func (k *keeper) url(path string) string {
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.FormatInt(k.port.Load(), 10)) + path
}

// ask asks the engine to do something.
func (k *keeper) ask(ctx context.Context, verb, path string) error {
	status, err := k.status(ctx, verb, path)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s answers %d", verb, path, status)
	}
	return nil
}

// call asks the engine to do something that has no end to wait for.
func (k *keeper) call(verb, path string) {
	ctx, cancel := context.WithTimeout(context.Background(), k.s.o.Drain)
	defer cancel()
	if err := k.ask(ctx, verb, path); err != nil {
		k.s.o.Log.Warn("asking an engine to finish what it does", "error", err)
	}
}

// levelOf is how an engine's end is told of: as what was asked for, or as a fault.
func levelOf(s State) slog.Level {
	if s == Stopping {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// words is a command line for people, and what was added to it.
func words(p *program) string {
	quoted := make([]string, len(p.argv))
	for i, w := range p.argv {
		quoted[i] = w
		if w == "" || strings.ContainsAny(w, " \t\n\"'\\$") {
			quoted[i] = strconv.Quote(w)
		}
	}
	text := strings.Join(quoted, " ")
	if len(p.added) > 0 {
		text += " (added: " + strings.Join(p.added, ", ") + ")"
	}
	return text
}
