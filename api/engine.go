package api

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/fleet"
	"sluice/fleet/command"
	"sluice/fleet/driver"
	"sluice/fleet/process"
	"sluice/fleet/simulator"
)

// Engine is an engine with its live state. Its secret is never shown.
type Engine struct {
	ID         string            `json:"id"`
	Name       string            `json:"name"`
	Kind       sluice.EngineKind `json:"kind" example:"http"`
	URL        string            `json:"url,omitempty"`
	Origin     string            `json:"origin,omitempty" enum:"kubernetes,models" doc:"Where it was found: as a pod, or as a file in the folder of models; absent: an operator put it there."`
	HasSecret  bool              `json:"has_secret"`
	Models     map[string]string `json:"models" doc:"From the public name of each model to the engine's own."`
	OnLeave    sluice.OnLeave    `json:"on_leave" example:"cancel"`
	Concurrent int64             `json:"concurrent,omitempty" doc:"Calls at once; absent is no limit."`
	CreatedAt  time.Time         `json:"created_at"`

	FirstByteTimeout string `json:"first_byte_timeout,omitempty" example:"30s" doc:"From asking it for a stream to the stream's first bytes; absent: as long as any answer may take to begin."`

	NoCacheSalt  bool     `json:"no_cache_salt,omitempty" doc:"Requests go without cache_salt; tenants share its prefix cache."`
	Mend         bool     `json:"mend,omitempty" doc:"Its streams are put into the form that clients expect."`
	ReasoningKey string   `json:"reasoning_key,omitempty" doc:"What it calls thinking, where that is not reasoning_content."`
	Lacks        []string `json:"lacks,omitempty" doc:"Features that it does not have: a request that asks for one goes to another engine, or is refused. Those that no engine of its kind has are among them."`

	Declared []string `json:"lacks_declared,omitempty" doc:"Those of them that its operator said."`

	Driver  string       `json:"driver,omitempty" doc:"Which engine it is, as its operator says; absent: its probe finds out."`
	NoProbe bool         `json:"no_probe,omitempty" doc:"It is not probed."`
	Probe   *EngineProbe `json:"probe,omitempty" doc:"What was found by asking it; absent before."`

	Process *Process `json:"process,omitempty" doc:"How it is started on the server's machine; absent of an engine that is not."`

	Status *EngineStatus `json:"status,omitempty" doc:"Absent while the fleet does not have it."`
}

// EngineProbe is what was found about an engine by asking it.
type EngineProbe struct {
	Driver        string           `json:"driver" example:"vllm" doc:"Which engine it is; generic when that could not be told."`
	Version       string           `json:"version,omitempty" example:"0.11.0"`
	Label         sluice.Exactness `json:"label,omitempty" enum:"exact,without_cache,estimated" doc:"What its counts are worth: exact; without_cache, when it does not report cached tokens, which count as input; estimated, when it does not always say what a call used. Absent: it could not be asked."`
	Model         string           `json:"model" doc:"The engine's own name of the model that was asked for."`
	Lacks         []string         `json:"lacks,omitempty" doc:"Features that it was found not to have. They count if its operator says of none that it lacks it, and if it serves one model."`
	ContextLength int64            `json:"context_length,omitempty" doc:"Tokens of prompt and answer, as it says."`
	Findings      []string         `json:"findings" doc:"All that was found, in words."`
	At            time.Time        `json:"at"`
	Outdated      bool             `json:"outdated,omitempty" doc:"Its URL or its models have changed since."`
}

// EngineLoad is how busy an engine says it is. What it does not say is absent.
type EngineLoad struct {
	Running *float64  `json:"running,omitempty" doc:"Requests that it works on, from wherever they come."`
	Waiting *float64  `json:"waiting,omitempty" doc:"Requests that wait in it."`
	KVUse   *float64  `json:"kv_use,omitempty" doc:"Part of its cache that running requests use, 0 to 1."`
	HitRate *float64  `json:"hit_rate,omitempty" doc:"Part of all prompt tokens that its cache held, 0 to 1."`
	Room    float64   `json:"room,omitempty" doc:"Tokens that its cache holds."`
	At      time.Time `json:"at"`
}

// EngineStatus is the live state of an engine.
type EngineStatus struct {
	Health       fleet.Health `json:"health" example:"serving"`
	InFlight     int64        `json:"in_flight"`
	Limit        int64        `json:"limit,omitempty" doc:"Calls that it takes at once, as given or as it has shown by refusing more; absent without a limit. What goes beyond it waits: see /queues."`
	Failures     int          `json:"failures" doc:"Failed calls in a row."`
	EjectedUntil time.Time    `json:"ejected_until,omitzero"`
	LastError    string       `json:"last_error,omitempty"`
	LastErrorAt  time.Time    `json:"last_error_at,omitzero"`
	Served       int64        `json:"served" doc:"Calls given back since the engine joined, by outcome; like the three below."`
	Failed       int64        `json:"failed"`
	Left         int64        `json:"left"`
	Refused      int64        `json:"refused"`
	Load         *EngineLoad  `json:"load,omitempty" doc:"What its metrics said last; absent when they say nothing."`
}

// PutEngine adds an engine, or replaces the one of that name, which keeps its id.
type PutEngine struct {
	Kind         sluice.EngineKind `json:"kind,omitempty" yaml:"kind" enum:"http,embedded,simulated,command,process" doc:"When absent: process where that is given, simulated for a URL sim:…, command for command:…, otherwise http."`
	URL          string            `json:"url,omitempty" yaml:"url" maxLength:"2048" example:"http://10.0.0.7:8000"`
	Secret       *string           `json:"secret,omitempty" yaml:"secret" maxLength:"4096" writeOnly:"true" doc:"Sent to the engine as a bearer token. The one it has stays when absent; empty removes it."`
	Models       map[string]string `json:"models" yaml:"models" minProperties:"1" maxProperties:"256" doc:"From the public name of each model to the engine's own; an empty one is the same name. Models that are new are added."`
	NoCacheSalt  bool              `json:"no_cache_salt,omitempty" yaml:"no_cache_salt" doc:"For an engine that refuses unknown fields. Its prefix cache is then shared between tenants."`
	Mend         bool              `json:"mend,omitempty" yaml:"mend" doc:"For an engine whose streams break clients: calls of tools without index or id, deltas without content, chunks without choices. They are put into the form that clients expect."`
	ReasoningKey string            `json:"reasoning_key,omitempty" yaml:"reasoning_key" enum:"reasoning" doc:"For an engine that calls thinking so in what it reads and writes, as vLLM does since 0.16: clients get and send reasoning_content."`
	Lacks        []string          `json:"lacks,omitempty" yaml:"lacks" maxItems:"64" example:"images" doc:"Features that it does not have: tools, tool_choice, parallel_tool_calls, json_object, json_schema, logprobs, n, seed, penalties, logit_bias, reasoning, images, audio, video, files, audio_output, echo, suffix. A request that asks for one goes to another engine, or is refused."`
	Driver       string            `json:"driver,omitempty" yaml:"driver" enum:"vllm,sglang,llamacpp,ollama,mindie,lmdeploy,tensorrt-llm,tei,tgi,generic" doc:"Which engine it is; absent: its probe finds out. It decides which of its paths are asked."`
	NoProbe      bool              `json:"no_probe,omitempty" yaml:"no_probe" doc:"Do not ask it on our own account to find out what it can do. What an earlier probe found does not count then."`
	OnLeave      sluice.OnLeave    `json:"on_leave,omitempty" yaml:"on_leave" enum:"cancel,drain" doc:"What happens to its work when a client leaves; cancel when absent."`
	Concurrent   int64             `json:"concurrent,omitempty" yaml:"concurrent" minimum:"0" doc:"Calls at once; zero is no limit."`

	FirstByteTimeout string `json:"first_byte_timeout,omitempty" yaml:"first_byte_timeout" maxLength:"32" example:"30s" doc:"From asking it for a stream to the stream's first bytes. Then another engine of the model is asked, and the failure counts. Absent: as long as any answer may take to begin, ten minutes."`

	Process *PutProcess `json:"process,omitempty" yaml:"process" doc:"Start it on the server's machine, and keep it running. Only who is on that machine may say so. The one it has stays when absent and the kind is process."`
}

func (s *Server) registerEngines() {
	const tag = "engines"
	register(s, route{
		id: "list-engines", method: http.MethodGet, path: "/engines", tag: tag,
		summary: "List engines with their live state", roles: operators(),
	}, s.listEngines)
	register(s, route{
		id: "put-engine", method: http.MethodPut, path: "/engines/{engine}", tag: tag,
		summary: "Add an engine or replace the one of that name", roles: stewards(),
	}, s.putEngine)
	registerEmpty(s, route{
		id: "delete-engine", method: http.MethodDelete, path: "/engines/{engine}", tag: tag,
		summary: "Remove an engine once its running calls have ended", roles: stewards(),
	}, s.deleteEngine)
}

// inEngine is a request about one engine.
type inEngine struct {
	Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
}

func (s *Server) listEngines(ctx context.Context, _ *caller, in *Paging) (Page[Engine], error) {
	engines, err := s.opt.Catalogue.Engines(ctx)
	if err != nil {
		return Page[Engine]{}, err
	}
	all := make([]Engine, len(engines))
	live, processes := s.live(), s.opt.Processes.Status()
	for i, e := range engines {
		all[i] = engine(e, live, processes)
	}
	return paged(all, func(e Engine) string { return e.Name }, *in), nil
}

type inPutEngine struct {
	Engine string `path:"engine" maxLength:"128" doc:"The engine's name."`
	Body   PutEngine
}

func (s *Server) putEngine(ctx context.Context, who *caller, in *inPutEngine) (Engine, error) {
	var stored *sluice.Engine
	err := s.change(ctx, func(ctx context.Context) error {
		engines, err := s.opt.Catalogue.Engines(ctx)
		if err != nil {
			return err
		}
		old, _ := find(engines, "engine", in.Engine, engineName) // nil for a new one
		e, err := s.draftEngine(in.Engine, &in.Body, old)
		if err != nil {
			return err
		}
		if err := who.mayDefine(e, old); err != nil {
			return err
		}
		stored, err = s.storeEngine(ctx, e, old)
		return err
	})
	if err != nil {
		return Engine{}, err
	}
	return s.engine(stored), nil
}

// storeEngine writes an engine and adds the models that it is the first to
// serve. When the fleet refuses the engine, what was there before is put back:
// it would refuse every later change as well.
func (s *Server) storeEngine(ctx context.Context, e, old *sluice.Engine) (*sluice.Engine, error) {
	models, err := s.opt.Catalogue.Models(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Models)) {
		if _, err := find(models, "model", name, modelName); err == nil {
			continue
		}
		if err := s.opt.Catalogue.PutModel(ctx, &sluice.Model{Name: name, CreatedAt: s.opt.Now().UTC()}); err != nil {
			return nil, err
		}
	}
	stored, err := s.opt.Catalogue.PutEngine(ctx, e)
	if err != nil {
		return nil, err
	}
	refused := s.opt.Reload(ctx)
	if refused == nil {
		return stored, nil
	}
	if old == nil {
		err = s.opt.Catalogue.DeleteEngine(ctx, e.Name)
	} else {
		_, err = s.opt.Catalogue.PutEngine(ctx, old)
	}
	if err != nil {
		return nil, fmt.Errorf("putting back the engine %q, which was refused (%w): %w", e.Name, refused, err)
	}
	return nil, refused
}

func (s *Server) deleteEngine(ctx context.Context, _ *caller, in *inEngine) error {
	return s.change(ctx, func(ctx context.Context) error {
		engines, err := s.opt.Catalogue.Engines(ctx)
		if err != nil {
			return err
		}
		old, _ := find(engines, "engine", in.Engine, engineName) // nil where there is none
		if err := ownEngine(old); err != nil {
			return err
		}
		return s.opt.Catalogue.DeleteEngine(ctx, in.Engine)
	})
}

// draftEngine checks an engine and writes it, over the old one of that name
// unless that is nil. Errors: CodeInvalid.
func (s *Server) draftEngine(name string, in *PutEngine, old *sluice.Engine) (*sluice.Engine, error) {
	if trimmed, err := checkName("name", name); err != nil || trimmed != name || name == "." || name == ".." { // a URL's path cannot name the two
		return nil, &sluice.Error{Code: sluice.CodeInvalid, Param: "name", Message: fmt.Sprintf("%q is no name of an engine.", name)}
	}
	now := s.opt.Now().UTC()
	e := &sluice.Engine{
		ID: sluice.NewID(sluice.PrefixEngine, now), Name: name, Kind: in.Kind, URL: in.URL, Models: map[string]string{},
		NoCacheSalt: in.NoCacheSalt, Mend: in.Mend, ReasoningKey: in.ReasoningKey,
		Driver: in.Driver, NoProbe: in.NoProbe, OnLeave: cmp.Or(in.OnLeave, sluice.LeaveCancel), Concurrent: in.Concurrent, CreatedAt: now,
	}
	if err := ownEngine(old); err != nil {
		return nil, err
	}
	if old != nil {
		e.ID, e.CreatedAt, e.Secret, e.Probe, e.Stopped = old.ID, old.CreatedAt, old.Secret, old.Probe, old.Stopped
	}
	set(&e.Secret, in.Secret)
	var err error
	if e.Lacks, err = sluice.ParseFeatures(in.Lacks); err != nil {
		return nil, err
	}
	if e.FirstByteTimeout, err = parseSpan("first_byte_timeout", in.FirstByteTimeout); err != nil {
		return nil, err
	}
	if e.Process, err = in.Process.draft(); err != nil {
		return nil, err
	}
	if e.Process == nil && e.Kind == sluice.EngineProcess && old != nil {
		e.Process = old.Process
	}
	if err := checkEngine(e); err != nil {
		return nil, err
	}
	for public, own := range in.Models {
		if _, err := s.draftModel(public, &PutModel{}); err != nil {
			return nil, err
		}
		e.Models[public] = cmp.Or(own, public)
	}
	return e, nil
}

// checkEngine completes an engine's kind and checks how it is reached. Errors: CodeInvalid.
func checkEngine(e *sluice.Engine) error {
	invalid := func(param, format string, args ...any) error {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: param, Message: fmt.Sprintf(format, args...)}
	}
	if e.Kind == "" && e.Process != nil {
		e.Kind = sluice.EngineProcess
	}
	if e.Kind == "" {
		e.Kind = kindOf(e.URL)
	}
	if e.Process != nil && e.Kind != sluice.EngineProcess {
		return invalid("process", "An engine of the kind %s is not started.", e.Kind)
	}
	switch e.Kind {
	case sluice.EngineHTTP:
		u, err := fleet.ParseURL(e.URL)
		if err != nil {
			return invalid("url", "%s.", sluice.ErrorOf(err).Message)
		}
		e.URL = u.String()
	case sluice.EngineSimulated:
		if _, err := simulator.Parse(e.URL); err != nil {
			return invalid("url", "%v.", err)
		}
	case sluice.EngineEmbedded:
		if e.URL != "" && e.Origin != sluice.OriginModels {
			return invalid("url", "The embedded engine has no URL: it is the model in the binary. A file in the server's folder of models is an engine by itself.")
		}
	case sluice.EngineCommand:
		if _, err := command.Parse(e.URL); err != nil {
			return invalid("url", "%v.", err)
		}
	case sluice.EngineProcess:
		if e.URL != "" {
			return invalid("url", "An engine that is started has no URL of its own: leave it out, or leave out the process to attach one that runs.")
		}
		if err := process.Check(e); err != nil {
			return err
		}
	default:
		return invalid("kind", "%q is no kind of an engine: http, embedded, simulated, command or process.", e.Kind)
	}
	switch {
	case strings.ContainsFunc(e.Secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return invalid("secret", "The secret holds characters that no header can carry.")
	case e.OnLeave != sluice.LeaveCancel && e.OnLeave != sluice.LeaveDrain:
		return invalid("on_leave", "%q is not cancel or drain.", e.OnLeave)
	case e.ReasoningKey != "" && e.ReasoningKey != "reasoning":
		return invalid("reasoning_key", "%q is no name of thinking: it is reasoning, or absent.", e.ReasoningKey)
	case e.Driver != "" && !slices.Contains(driver.Known(), e.Driver):
		return invalid("driver", "%q is no engine that is known: %s.", e.Driver, strings.Join(driver.Known(), ", "))
	case e.Concurrent < 0:
		return invalid("concurrent", "The number of calls at once must not be negative.")
	}
	return nil
}

// kindOf is an engine's kind by its URL.
func kindOf(url string) sluice.EngineKind {
	switch {
	case strings.HasPrefix(url, "sim:"):
		return sluice.EngineSimulated
	case strings.HasPrefix(url, "command:"):
		return sluice.EngineCommand
	}
	return sluice.EngineHTTP
}

// live returns the fleet's view of each engine by id.
func (s *Server) live() map[string]*EngineStatus {
	live := map[string]*EngineStatus{}
	for _, f := range s.opt.Fleet.Status() {
		if live[f.ID] != nil {
			continue // the one in the set comes before one that drains
		}
		live[f.ID] = &EngineStatus{
			Health: f.Health, InFlight: f.InFlight, Limit: f.Limit, Failures: f.Failures, EjectedUntil: f.EjectedUntil,
			LastError: f.LastError, LastErrorAt: f.LastErrorAt,
			Served: f.Served, Failed: f.Failed, Left: f.Left, Refused: f.Refused, Load: loadOf(&f),
		}
	}
	return live
}

// loadOf writes what an engine's metrics say; nil when they say nothing.
func loadOf(f *fleet.EngineStatus) *EngineLoad {
	if f.Load == nil {
		return nil
	}
	said := func(v float64) *float64 {
		if v < 0 {
			return nil
		}
		return &v
	}
	return &EngineLoad{
		Running: said(f.Load.Running), Waiting: said(f.Load.Waiting), KVUse: said(f.Load.KV), HitRate: said(f.Load.HitRate),
		Room: f.Load.Room, At: f.LoadAt,
	}
}

// probeOf writes what was found about an engine; nil before it was probed.
func probeOf(e *sluice.Engine) *EngineProbe {
	r := e.Probe
	if r == nil {
		return nil
	}
	return &EngineProbe{
		Driver: r.Driver, Version: r.Version, Label: r.Label, Model: r.Model, Lacks: r.Lacks.Names(), ContextLength: r.ContextLength,
		Findings: r.Findings, At: r.At, Outdated: !r.Holds(e),
	}
}

// engine writes an engine as it is shown.
func (s *Server) engine(e *sluice.Engine) Engine {
	return engine(e, s.live(), s.opt.Processes.Status())
}

// engine writes an engine as it is shown, without its secret.
func engine(e *sluice.Engine, live map[string]*EngineStatus, processes map[string]process.Status) Engine {
	asked := e.Probed()
	return Engine{
		ID: e.ID, Name: e.Name, Kind: e.Kind, URL: e.URL, Origin: e.Origin, HasSecret: e.Secret != "", Models: e.Models, NoCacheSalt: e.NoCacheSalt,
		Lacks: asked.Missing().Names(), Declared: e.Lacks.Names(), Mend: e.Mend, ReasoningKey: e.ReasoningKey, Driver: e.Driver, NoProbe: e.NoProbe, Probe: probeOf(e),
		OnLeave: e.OnLeave, Concurrent: e.Concurrent, FirstByteTimeout: formatSpan(e.FirstByteTimeout), CreatedAt: e.CreatedAt, Process: processOf(e, processes), Status: live[e.ID],
	}
}

func engineName(e *sluice.Engine) string { return e.Name }
