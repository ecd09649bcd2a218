package embedded

import (
	"cmp"
	"errors"
	"net/http"
	"time"

	"sluice/infer"
	"sluice/infer/guide"
	"sluice/infer/tokenizer"
)

// Config says what an Engine runs.
type Config struct {
	// Model is the model, which the Engine closes. What others generate with it
	// is not counted.
	Model *infer.Model
	// Encoder is a model of embeddings, in place of Model.
	Encoder *infer.Encoder
	// ID is the model's name in requests and answers.
	ID string
	// Description says what the model is; /v1/models shows it.
	Description string
	// Guide answers plain questions from the docs, with the model's words. Nil
	// leaves all answers to the model alone.
	Guide *guide.Guide
	// Temperature is used when a request names none. OpenAI's default is 1;
	// a very small model is at its best at 0.
	Temperature float64
	// Counter counts the engine's tokens, beside those of others that have the
	// same. Nil is one of its own.
	Counter *Counter
	// Now is the clock, for the times in answers.
	Now func() time.Time
}

// loaded is what models of both kinds have.
type loaded interface {
	Architecture() string
	Format() string
	Parameters() int64
	Context() int
	Tokenizer() tokenizer.Tokenizer
	Stats() infer.Stats
	Close() error
}

func (c *Config) loaded() loaded {
	if c.Encoder != nil {
		return c.Encoder
	}
	return c.Model
}

// Engine makes a model answer like an OpenAI-compatible engine:
//
//	POST /v1/chat/completions, /v1/completions, /v1/embeddings
//	POST /tokenize, /detokenize               as vLLM and llama.cpp have them
//	GET  /v1/models, /v1/models/{id}, /health, /metrics
//
// Answers are generated side by side, and each ends at once when its request's
// context does.
type Engine struct {
	cfg     Config
	created time.Time
	longest int // bytes of the longest token
	counter *Counter
	mux     *http.ServeMux
}

// New returns the engine that cfg describes. It fails when something in cfg is
// missing.
func New(cfg Config) (*Engine, error) {
	switch {
	case cfg.one() != nil:
		return nil, cfg.one()
	case cfg.ID == "":
		return nil, errors.New("embedded engine: the model has no id")
	case cfg.Now == nil:
		return nil, errors.New("embedded engine: no clock")
	}
	e := &Engine{cfg: cfg, created: cfg.Now(), longest: longest(cfg.loaded().Tokenizer()), counter: cmp.Or(cfg.Counter, &Counter{}), mux: http.NewServeMux()}
	e.mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, true) })
	e.mux.HandleFunc("POST /v1/completions", func(w http.ResponseWriter, r *http.Request) { e.serve(w, r, false) })
	e.mux.HandleFunc("POST /v1/embeddings", e.serveEmbeddings)
	e.mux.HandleFunc("POST /tokenize", e.serveTokenize)
	e.mux.HandleFunc("POST /detokenize", e.serveDetokenize)
	e.mux.HandleFunc("GET /v1/models", e.serveModels)
	e.mux.HandleFunc("GET /v1/models/{id...}", e.serveModel)
	e.mux.HandleFunc("GET /health", e.serveHealth)
	e.mux.HandleFunc("GET /metrics", e.serveMetrics)
	return e, nil
}

// longest is how many bytes the longest token has, at least 1.
func longest(t tokenizer.Tokenizer) int {
	most := 1
	for id := range int32(t.Size()) {
		most = max(most, len(t.Piece(id)))
	}
	return most
}

// ServeHTTP implements http.Handler.
func (e *Engine) ServeHTTP(w http.ResponseWriter, r *http.Request) { e.mux.ServeHTTP(w, r) }

// Close ends what is being answered and frees the model.
func (e *Engine) Close() error { return e.cfg.loaded().Close() }

// Load returns how many requests are being answered, and how many wait.
func (e *Engine) Load() (running, waiting int) {
	s := e.cfg.loaded().Stats()
	return s.Running, s.Waiting
}

// tiny is up to how many weights a model says of itself that it is tiny: far
// below what holds a conversation on any subject.
const tiny = 100_000_000

// modelCard is a model in a listing: OpenAI's four fields, the context as vLLM
// and as OpenRouter name it, and what the model is.
type modelCard struct {
	ID            string `json:"id"`
	Object        string `json:"object"`
	Created       int64  `json:"created"`
	OwnedBy       string `json:"owned_by"`
	Description   string `json:"description"`
	MaxModelLen   int    `json:"max_model_len"`
	ContextLength int    `json:"context_length"`
	Parameters    int64  `json:"parameters"`
	Architecture  string `json:"architecture"`
	Format        string `json:"format"` // of the weights: Q8_0, Q4_K, ...
	Real          bool   `json:"real"`   // it computes its answers
	Tiny          bool   `json:"tiny"`
	Simulated     bool   `json:"simulated"`
}

func (e *Engine) card() modelCard {
	m := e.cfg.loaded()
	return modelCard{
		ID: e.cfg.ID, Object: "model", Created: e.created.Unix(), OwnedBy: "sluice", Description: e.cfg.Description,
		MaxModelLen: m.Context(), ContextLength: m.Context(), Parameters: m.Parameters(),
		Architecture: m.Architecture(), Format: m.Format(), Real: true, Tiny: m.Parameters() <= tiny,
	}
}

func (e *Engine) serveModels(w http.ResponseWriter, _ *http.Request) {
	send(w, http.StatusOK, struct {
		Object string      `json:"object"`
		Data   []modelCard `json:"data"`
	}{"list", []modelCard{e.card()}})
}

func (e *Engine) serveModel(w http.ResponseWriter, r *http.Request) {
	if err := e.checkModel(r.PathValue("id")); err != nil {
		fail(w, err)
		return
	}
	send(w, http.StatusOK, e.card())
}

// checkModel refuses names other than the model's.
func (e *Engine) checkModel(id string) error {
	if id == e.cfg.ID {
		return nil
	}
	f := refuse("model", "The model %q does not exist; this engine has %q.", id, e.cfg.ID).coded("model_not_found")
	f.status = http.StatusNotFound
	return f
}

func (e *Engine) serveHealth(w http.ResponseWriter, _ *http.Request) {
	running, waiting := e.Load()
	send(w, http.StatusOK, struct {
		Status  string `json:"status"`
		Running int    `json:"running"`
		Waiting int    `json:"waiting"`
	}{"ok", running, waiting})
}
