package api

import (
	"context"
	"net/http"
	"time"

	"sluice"
	"sluice/fleet/process"
)

// Processes runs the engines that are processes of the server's machine.
type Processes interface {
	Status() map[string]process.Status // by engine's id
	Start(id string) error
	Restart(id string, now bool) error
	Hurry(id string) error

	// Log returns the lines behind a number; where there are none yet it waits until ctx ends.
	Log(ctx context.Context, id string, after int64) ([]process.Line, error)
}

// EngineStarts keeps the starts of engines, and whether they are stopped.
type EngineStarts interface {
	StopEngine(ctx context.Context, name string, stopped bool) error
	EngineStarts(ctx context.Context, engine, before string, limit int) ([]*sluice.EngineStart, error)
}

// Prober finds out about engines.
type Prober interface {
	// ProbeNow asks an engine now, and stores what it found. It takes as long as it
	// takes, within minutes.
	ProbeNow(ctx context.Context, name string) error
}

// EngineStart is one start of an engine.
type EngineStart struct {
	ID       string            `json:"id"`
	Cause    string            `json:"cause" doc:"Why it was started, in words."`
	Attempt  int               `json:"attempt" doc:"Above 1 where the server was stopped in the middle and took it up again."`
	Stage    sluice.StartStage `json:"stage" enum:"check,start,load,ready,failed" doc:"check: whether there is memory and disk; start: the program runs; load: it reads its model; ready or failed: it came to its end."`
	Percent  *int              `json:"percent,omitempty" minimum:"0" maximum:"100" doc:"Of the model that is read; absent when that cannot be told."`
	Bytes    int64             `json:"bytes,omitempty" doc:"Of the model's files; absent when they are not known."`
	At       time.Time         `json:"at"`
	Deadline time.Time         `json:"deadline,omitzero" doc:"By which it has to be ready."`
	EndedAt  time.Time         `json:"ended_at,omitzero"`
	Error    string            `json:"error,omitempty"`
}

// EngineLog is a part of what an engine wrote.
type EngineLog struct {
	Lines []EngineLogLine `json:"lines"`
	Next  int64           `json:"next" doc:"Give it as after for what follows."`
}

// EngineLogLine is one line. Lines of Sluice's own begin with [sluice].
type EngineLogLine struct {
	Seq  int64  `json:"seq" doc:"Counts the lines since the server's start."`
	Text string `json:"text"`
}

// EndEngine asks for an engine's end.
type EndEngine struct {
	Now bool `json:"now,omitempty" doc:"Do not wait for its running calls, which are broken off."`
}

func (s *Server) registerEngineLife() {
	const tag, one = "engines", "/engines/{engine}"
	register(s, route{
		id: "get-engine", method: http.MethodGet, path: one, tag: tag, summary: "Get an engine with its live state", roles: operators(),
	}, s.getEngine)
	register(s, route{
		id: "start-engine", method: http.MethodPost, path: one + "/start", tag: tag,
		summary: "Start an engine that is a process, at once: also one that was stopped, that only calls start, or that failed", roles: stewards(),
	}, s.startEngine)
	register(s, route{
		id: "stop-engine", method: http.MethodPost, path: one + "/stop", tag: tag,
		summary: "Stop an engine that is a process once its running calls have ended, until it is started again", roles: stewards(),
	}, s.stopEngine)
	register(s, route{
		id: "restart-engine", method: http.MethodPost, path: one + "/restart", tag: tag,
		summary: "End an engine that is a process once its running calls have ended, and start it again", roles: stewards(),
	}, s.restartEngine)
	register(s, route{
		id: "list-engine-starts", method: http.MethodGet, path: one + "/starts", tag: tag,
		summary: "List the starts of an engine that is a process, the latest first; a hundred are kept", roles: operators(),
	}, s.listEngineStarts)
	register(s, route{
		id: "get-engine-log", method: http.MethodGet, path: one + "/log", tag: tag,
		summary: "Get what an engine that is a process wrote: the last 256 KiB since the server's start", roles: operators(),
	}, s.getEngineLog)
	register(s, route{
		id: "probe-engine", method: http.MethodPost, path: one + "/probe", tag: tag,
		summary: "Find out about an engine again by asking it, which takes up to three minutes", roles: stewards(),
	}, s.probeEngine)
}

// engineNamed returns the engine of a name. Errors: CodeNotFound.
func (s *Server) engineNamed(ctx context.Context, name string) (*sluice.Engine, error) {
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return nil, err
	}
	return find(engines, "engine", name, engineName)
}

// processNamed returns the engine of a name, which must be a process. Errors:
// CodeNotFound, CodeConflict.
func (s *Server) processNamed(ctx context.Context, name string) (*sluice.Engine, error) {
	e, err := s.engineNamed(ctx, name)
	if err == nil && e.Kind != sluice.EngineProcess {
		return nil, sluice.Errorf(sluice.CodeConflict, "The engine %q is of the kind %s: Sluice does not start it, and so cannot stop it.", name, e.Kind)
	}
	return e, err
}

func (s *Server) getEngine(ctx context.Context, _ *caller, in *inEngine) (Engine, error) {
	e, err := s.engineNamed(ctx, in.Engine)
	if err != nil {
		return Engine{}, err
	}
	return s.engine(e), nil
}

// stopped notes whether an engine is stopped, and has that taken up.
func (s *Server) stopped(ctx context.Context, name string, stopped bool) (e *sluice.Engine, err error) {
	err = s.change(ctx, func(ctx context.Context) error {
		if e, err = s.processNamed(ctx, name); err != nil {
			return err
		}
		e.Stopped = stopped
		return s.opt.EngineStarts.StopEngine(ctx, name, stopped)
	})
	return e, err
}

func (s *Server) startEngine(ctx context.Context, _ *caller, in *inEngine) (Engine, error) {
	e, err := s.stopped(ctx, in.Engine, false)
	if err == nil {
		err = s.opt.Processes.Start(e.ID)
	}
	if err != nil {
		return Engine{}, err
	}
	return s.engine(e), nil
}

type inEndEngine struct {
	Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
	Body   EndEngine
}

func (s *Server) stopEngine(ctx context.Context, _ *caller, in *inEndEngine) (Engine, error) {
	e, err := s.stopped(ctx, in.Engine, true)
	if err == nil && in.Body.Now {
		err = s.opt.Processes.Hurry(e.ID)
	}
	if err != nil {
		return Engine{}, err
	}
	return s.engine(e), nil
}

func (s *Server) restartEngine(ctx context.Context, _ *caller, in *inEndEngine) (Engine, error) {
	e, err := s.processNamed(ctx, in.Engine)
	if err == nil {
		err = s.opt.Processes.Restart(e.ID, in.Body.Now)
	}
	if err != nil {
		return Engine{}, err
	}
	return s.engine(e), nil
}

type inEngineStarts struct {
	Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
	Paging
}

func (s *Server) listEngineStarts(ctx context.Context, _ *caller, in *inEngineStarts) (Page[EngineStart], error) {
	page := Page[EngineStart]{Data: []EngineStart{}}
	e, err := s.processNamed(ctx, in.Engine)
	if err != nil {
		return page, err
	}
	starts, err := s.opt.EngineStarts.EngineStarts(ctx, e.ID, in.Cursor, in.limit()+1)
	if err != nil {
		return page, err
	}
	for _, st := range starts {
		if len(page.Data) == in.limit() {
			page.Next = page.Data[len(page.Data)-1].ID
			break
		}
		page.Data = append(page.Data, engineStart(st))
	}
	return page, nil
}

type inEngineLog struct {
	Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
	After  int64  `query:"after" minimum:"0" doc:"Only lines behind this one: next of the answer before."`
	Wait   int    `query:"wait_seconds" minimum:"0" maximum:"60" doc:"How long to wait for a line where there is none yet."`
}

func (s *Server) getEngineLog(ctx context.Context, _ *caller, in *inEngineLog) (EngineLog, error) {
	out := EngineLog{Lines: []EngineLogLine{}, Next: in.After}
	e, err := s.processNamed(ctx, in.Engine)
	if err != nil {
		return out, err
	}
	wait, cancel := context.WithTimeout(ctx, time.Duration(in.Wait)*time.Second)
	defer cancel()
	lines, err := s.opt.Processes.Log(wait, e.ID, in.After)
	if err != nil {
		return out, err
	}
	for _, l := range lines {
		out.Lines = append(out.Lines, EngineLogLine{l.Seq, l.Text})
		out.Next = l.Seq
	}
	return out, nil
}

func (s *Server) probeEngine(ctx context.Context, _ *caller, in *inEngine) (Engine, error) {
	e, err := s.engineNamed(ctx, in.Engine)
	if err != nil {
		return Engine{}, err
	}
	if !e.Remote() {
		return Engine{}, sluice.Errorf(sluice.CodeConflict, "The engine %q is of the kind %s, of which everything is known: there is nothing to find out.", e.Name, e.Kind)
	}
	if err := s.opt.Prober.ProbeNow(ctx, e.Name); err != nil {
		return Engine{}, err
	}
	return s.getEngine(ctx, nil, in)
}

// engineStart writes a start as it is shown.
func engineStart(st *sluice.EngineStart) EngineStart {
	out := EngineStart{
		ID: st.ID, Cause: st.Cause, Attempt: st.Attempt, Stage: st.Stage, Bytes: st.Bytes, At: st.At, Deadline: st.Deadline, EndedAt: st.EndedAt, Error: st.Error,
	}
	if st.Percent >= 0 {
		out.Percent = &st.Percent
	}
	return out
}
