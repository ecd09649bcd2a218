package sluice

import (
	"io"
	"time"
)

// EngineKind says how an engine is reached.
type EngineKind string

// The kinds.
const (
	EngineHTTP      EngineKind = "http"      // attached by URL
	EngineEmbedded  EngineKind = "embedded"  // the model in the binary, or a file
	EngineCommand   EngineKind = "command"   // a command of this machine, run for each request
	EngineProcess   EngineKind = "process"   // a program that Sluice starts on this machine, reached by HTTP
	EngineSimulated EngineKind = "simulated" // labelled so everywhere, never revenue
)

// OnLeave is what happens to the engine's work when the client leaves in the middle.
type OnLeave string

// The policies.
const (
	LeaveCancel OnLeave = "cancel" // the engine is told to stop at once
	LeaveDrain  OnLeave = "drain"  // the answer is read to its end, within the call's limits
)

// Engine is anything that answers chat completions.
type Engine struct {
	ID   string     `json:"id"`
	Name string     `json:"name"`
	Kind EngineKind `json:"kind"`

	// URL is the root that /v1/… is appended to: "http://10.0.0.7:8000". For a
	// simulated engine it names the chip and its model instead: "sim:h100"; for an
	// embedded one its file, "gguf:qwen3.gguf", unless it is the model in the binary. A
	// process has none of its own: it is where its supervisor has it listen.
	URL string `json:"url,omitempty"`

	// Process is how an engine of that kind is started; nil of others. Stopped says
	// that its operator has stopped it: no call starts it.
	Process *Process `json:"process,omitempty"`
	Stopped bool     `json:"stopped,omitempty"`

	// Origin says what it was found by, where no operator put it there. It comes and goes by itself then.
	Origin string `json:"origin,omitempty"`

	// Secret is sent to the engine as a bearer token. It is never serialised.
	Secret string `json:"-"`

	// Models maps the public name of each model it serves to the engine's own.
	Models map[string]string `json:"models"`

	// NoCacheSalt keeps the tenant's cache_salt out of requests, for an engine that
	// refuses unknown fields. Its prefix cache is then shared between tenants.
	NoCacheSalt bool `json:"no_cache_salt,omitempty"`

	// Mend has its streams put into the form that clients expect, for an engine
	// whose form breaks them: no index of calls, deltas without content.
	Mend bool `json:"mend,omitempty"`

	// ReasoningKey says reasoning of an engine that calls thinking so, and not
	// reasoning_content, in what it reads and writes; empty of the others.
	ReasoningKey string `json:"reasoning_key,omitempty"`

	// Lacks is what it is known not to do, besides what its kind does not. It is not
	// asked for it.
	Lacks Features `json:"lacks,omitempty"`

	// Driver names which engine it is; empty: the probe finds out. NoProbe leaves it
	// unasked. Probe is what was found, nil before.
	Driver  string       `json:"driver,omitempty"`
	NoProbe bool         `json:"no_probe,omitempty"`
	Probe   *ProbeResult `json:"probe,omitempty"`

	// FirstByteTimeout bounds the time from asking it for a stream to the stream's
	// first bytes, after which another engine is asked; zero is no limit but that of
	// any answer.
	FirstByteTimeout time.Duration `json:"first_byte_timeout,omitempty"`

	OnLeave    OnLeave   `json:"on_leave"`
	Concurrent int64     `json:"concurrent,omitempty"` // calls at once; zero is no limit
	CreatedAt  time.Time `json:"created_at"`
}

// The origins.
const (
	OriginKubernetes = "kubernetes" // a pod
	OriginModels     = "models"     // a file in the server's folder of models
)

// FilePrefix begins the URL of an embedded engine that is a file in the server's
// folder of models; the file's name follows.
const FilePrefix = "gguf:"

// Simulated reports whether its answers are made up. They are metered like
// any other and never count as revenue.
func (e *Engine) Simulated() bool { return e.Kind == EngineSimulated }

// Remote reports whether it is asked over HTTP, so that it may be any engine.
func (e *Engine) Remote() bool { return e.Kind == EngineHTTP || e.Kind == EngineProcess }

// Subject is what a probe of it is about: its URL or, of a process, what is
// started. Where that has changed, nothing holds that was found before.
func (e *Engine) Subject() string {
	if e.Kind == EngineProcess {
		return e.Process.mark()
	}
	return e.URL
}

// Missing is what it cannot do: what it is said to lack and what no engine of
// its kind does. The embedded engine answers text with text. A simulated answer is
// filler, which keeps to no form.
func (e *Engine) Missing() Features {
	const speech = FeatureChoices | FeatureAudioOutput | FeatureEcho | FeatureSuffix
	switch e.Kind {
	case EngineEmbedded:
		return e.Lacks | speech | FeaturesOfMessages
	case EngineSimulated:
		return e.Lacks | speech | FeatureToolChoice | FeatureJSONObject | FeatureJSONSchema | FeatureLogprobs
	default:
		return e.Lacks
	}
}

// Route is one engine chosen for one attempt of a call. Whoever took it gives
// it back with an Outcome.
type Route struct {
	Engine *Engine
	Model  string // the engine's own name for the model
	Trip   any    // the fleet's own note of the call
	Origin uint64 // and of whose call it is
}

// RouteRequest is what an engine is chosen by.
type RouteRequest struct {
	Model string
	Tried []string // ids of engines that the call failed on

	// Prompt is the text that engines read, in parts and from its beginning, and
	// Tokens about how many tokens it has. Engines keep the beginnings of prompts
	// computed, within a scope: the tenant's. Zero tokens: the least busy engine is chosen.
	Prompt [2][]byte
	Tokens int64
	Scope  string

	Session string // the client's name for the conversation, if it has one

	// Where engines are full the call waits for one at most so long; zero: not at
	// all. Tenant, Weight, Class, Free (it brings nothing in) and Output, the tokens
	// that it is expected to produce, decide who is next of those that wait.
	Wait   time.Duration
	Tenant string
	Weight int64
	Class  QueueClass
	Free   bool
	Output int64
	Again  bool // it had its turn before, and the engine was full
}

// Outcome is what an attempt on an engine came to.
type Outcome uint8

// The outcomes. Only Failed can count against the engine's health.
const (
	OutcomeServed  Outcome = iota // it answered, whatever it answered
	OutcomeFailed                 // it refused the connection, broke off, stalled or sent nonsense
	OutcomeLeft                   // the client left first: says nothing about the engine
	OutcomeRefused                // it said that it is full (429, 503)
)

// EngineRequest is what is asked of an engine, in its own dialect (chat
// completions and its siblings).
type EngineRequest struct {
	CallID string
	Path   string // "/v1/chat/completions"
	Body   []byte // must not change until the reply's body is closed
	Stream bool

	ContentType string // of Body; empty is JSON
}

// EngineReply is the head of an engine's answer. Body must be closed; closing
// it before its end stops the engine's work.
type EngineReply struct {
	Status      int
	ContentType string
	RetryAfter  string // as sent; empty when absent
	Body        io.ReadCloser

	// PromptTokens and CachedTokens are the prompt's counts when the engine
	// announces them before its output (x-prompt-tokens, x-cached-tokens), so that
	// a broken stream can be billed exactly; -1 when it does not.
	PromptTokens, CachedTokens int64
}
