package driver

import (
	"slices"
	"strings"

	"sluice"
)

// Driver is what is known of one kind of engine.
type Driver struct {
	Name       string // "vllm"; as operators write it
	Title      string // "vLLM"
	AttachOnly bool   // not maintained any more by its makers: attached, never started

	// Programs are the names of programs and modules of which one stands at the
	// beginning of its command line.
	Programs []string

	// Paths are all that a tenant's request may ever reach, besides single videos
	// where Videos is set. Never are some that the engine has and that must not be
	// reached: they end it, change it, or tell of others.
	Paths  []string
	Videos bool
	Never  []string

	// Health are the paths whose status tells whether it is well: the first that it
	// knows decides. Deep makes it produce a token to find out; empty when there is none.
	Health []string
	Deep   string

	// Drain has it finish what it does and stop; the zero Call when there is none.
	Drain Call

	Signs    Signs
	Version  []Field // where its version stands: the first that is there
	Context  []Field // where the most tokens of a call stand, besides /v1/models
	Metrics  Metrics
	Counters Counters
	Launch   Launch
	Flags    []Flag
	Tokenize Tokenize
	Adapters Adapters
	Sleep    Sleep

	// CacheSalt says that it keeps apart the cached prompts of requests that differ
	// in cache_salt; StrictFields that it refuses fields which it does not know.
	CacheSalt, StrictFields bool

	// Thinking is what it calls thinking where that is not reasoning_content, from
	// the version ThinkingSince on.
	Thinking, ThinkingSince string

	// Lacks is what no version of it does; Notes what an operator has to know.
	Lacks sluice.Features
	Notes []string
}

// Call is a request of the operator's side.
type Call struct {
	Verb, Path string
}

// Field is a member of a JSON object at a path.
type Field struct {
	Path   string
	Member string // with dots for members of members
}

// Signs are what tells that an engine is of this kind.
type Signs struct {
	OwnedBy []string // of its models at /v1/models
	Prefix  string   // of its metrics
	Members []Sign
}

// Sign is a member that an answer has, and what it contains.
type Sign struct {
	Field
	Contains string // empty: anything
	Unowned  bool   // it counts only where no model says who owns it: others copy this answer
}

// Flag is what an engine is to be started with.
type Flag struct {
	Flag string // a flag, or NAME=value of the environment
	For  string // what is missing without it
}

// Tokenize is how an engine counts the tokens of a text.
type Tokenize struct {
	Path string // POST; empty when it cannot
	Text string // member of the request that holds the text
	// Count is the member of the answer with the number; List the one with the
	// tokens, "" for an answer that is the list itself.
	Count, List string
}

// Adapters is how LoRA adapters are seen and changed. Operators' side only.
type Adapters struct {
	List, Load, Unload Call
	Needs              string // what it has to be started with
}

// Sleep is how an engine gives its memory back and takes it again. Operators' side only.
type Sleep struct {
	Sleep, Wake, Asleep Call
	Flags               []string // flags, and NAME=value of the environment, that it has to be started with
	Needs               string   // those in words, and what they bring along
}

// GenericName is the name of the driver for an engine that is not known.
const GenericName = "generic"

// All returns the drivers, the generic one last.
func All() []*Driver {
	return []*Driver{vLLM(), sglang(), llamaCPP(), ollama(), mindIE(), lmDeploy(), tensorRT(), tei(), tgi(), sluiceEngine(), generic()}
}

// Known returns the names of All.
func Known() []string {
	var names []string
	for _, d := range All() {
		names = append(names, d.Name)
	}
	return names
}

// Find returns the driver of that name; the generic one for a name that is not known.
func Find(name string) *Driver {
	all := All()
	for _, d := range all {
		if d.Name == name {
			return d
		}
	}
	return all[len(all)-1]
}

// Of returns the driver of an engine: what its operator said, or else what its
// probe found. Of those in this process, the embedded one is Sluice's own, and the
// others are generic.
func Of(e *sluice.Engine) *Driver {
	switch {
	case e.Kind == sluice.EngineEmbedded:
		return sluiceEngine()
	case !e.Remote():
		return generic()
	case e.Driver != "":
		return Find(e.Driver)
	case e.Probe.Holds(e):
		return Find(e.Probe.Driver)
	}
	return generic()
}

// videos is the folder of single videos.
const videos = "/v1/videos/"

// Allows reports whether a tenant's request may reach the path.
func (d *Driver) Allows(path string) bool {
	return slices.Contains(d.Paths, path) || d.Videos && strings.HasPrefix(path, videos)
}

// pathOfModels is where every engine lists its models.
const pathOfModels = "/v1/models"

// Asks reports whether Sluice itself asks the path of engines of this kind, with
// GET: for health, version, context length and metrics.
func (d *Driver) Asks(path string) bool {
	of := func(f Field) bool { return f.Path == path }
	return path == pathOfModels || slices.Contains(d.Health, path) || path == d.Metrics.Path && path != "" ||
		slices.ContainsFunc(d.Version, of) || slices.ContainsFunc(d.Context, of) ||
		slices.ContainsFunc(d.Signs.Members, func(s Sign) bool { return of(s.Field) })
}

// ThinkingAt is what the engine of a version calls thinking where that is not
// reasoning_content. An unknown version is taken to be a new one.
func (d *Driver) ThinkingAt(version string) string {
	if version != "" && d.ThinkingSince != "" && Older(version, d.ThinkingSince) {
		return ""
	}
	return d.Thinking
}

// chat are the paths that most engines of language models have.
func chat(more ...string) []string {
	return append([]string{"/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/tokenize"}, more...)
}

// media are the paths of sound, images and ranking.
func media() []string {
	return []string{
		"/v1/rerank", "/v1/moderations", "/v1/audio/speech", "/v1/audio/transcriptions", "/v1/audio/translations",
		"/v1/images/generations", "/v1/images/edits", "/v1/videos", "/v1/videos/sync",
	}
}
