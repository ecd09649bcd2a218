// Package offer finds engines on this machine that the server could use: the
// programs llama-server and ollama, and an Ollama that runs. It starts none of
// them and changes nothing: an offer is the command by which the operator would.
package offer

import (
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sluice"
	"sluice/fleet/driver"
)

// OllamaURL is where an Ollama listens unless it is told otherwise.
const OllamaURL = "http://127.0.0.1:11434"

// Bounds of what an Ollama is asked.
const (
	patience = 300 * time.Millisecond
	answer   = 1 << 20 // bytes
	shown    = 16      // models named in a command
)

// Offer is an engine that could be used, and is not.
type Offer struct {
	Engine   string  `json:"engine" example:"llamacpp" doc:"Which engine it is."`
	Title    string  `json:"title" example:"llama.cpp"`
	Program  string  `json:"program,omitempty" example:"/usr/bin/llama-server" doc:"Where its program is; absent where it was found running alone."`
	URL      string  `json:"url,omitempty" example:"http://127.0.0.1:11434" doc:"Where it answers; absent of one that does not run."`
	Version  string  `json:"version,omitempty" doc:"Of one that runs."`
	Commands []Words `json:"commands" doc:"Each makes Sluice use it, of a program for one model. Words in capitals are to be filled in."`
}

// Words are those of a command, the program first.
type Words []string

// Model is a GGUF file that a program could serve.
type Model struct{ Name, Path string }

// Options say where to look.
type Options struct {
	Path    string            // folders of programs, as in $PATH
	Ollama  string            // URL; default OllamaURL
	Models  []Model           // of the folder of models
	Engines []*sluice.Engine  // that there are already
	Client  http.RoundTripper // default: one of its own, past any proxy
}

// Find returns what is there and not yet used. It takes less than a second.
func Find(ctx context.Context, o Options) []Offer {
	var offers []Offer
	if of := o.llamaServer(); of != nil {
		offers = append(offers, *of)
	}
	if of := o.ollama(ctx); of != nil {
		offers = append(offers, *of)
	}
	return offers
}

// llamaServer offers llama-server for the models of the folder that no engine of
// the operator's serves.
func (o *Options) llamaServer() *Offer {
	d := driver.Find("llamacpp")
	program := o.program("llama-server")
	if program == "" {
		return nil
	}
	of := &Offer{Engine: d.Name, Title: d.Title, Program: program}
	for _, m := range o.Models {
		if o.served(m.Name) || len(of.Commands) == shown {
			continue
		}
		of.Commands = append(of.Commands, Words{"sluice", "engine", "add", m.Name + "-llamacpp", "--model", m.Name, "--", program, "--model", m.Path})
	}
	if of.Commands == nil {
		if o.runs(d) {
			return nil
		}
		of.Commands = []Words{{"sluice", "engine", "add", "NAME", "--model", "NAME", "--", program, "--model", "FILE.gguf"}}
	}
	return of
}

// ollama offers an Ollama that listens, or its program.
func (o *Options) ollama(ctx context.Context) *Offer {
	d, at := driver.Find("ollama"), cmp.Or(o.Ollama, OllamaURL)
	if o.runs(d) || o.attached(at) {
		return nil
	}
	of := &Offer{Engine: d.Name, Title: d.Title, Program: o.program("ollama")}
	var running struct{ Version string }
	if o.get(ctx, at+"/api/version", &running) && sluice.ValidModelName(running.Version) {
		var tags struct{ Models []struct{ Name string } }
		o.get(ctx, at+"/api/tags", &tags) // without an answer none is named
		words := Words{"sluice", "engine", "add", "ollama", "--url", at, "--driver", d.Name}
		before := len(words)
		for _, m := range tags.Models {
			if !sluice.ValidModelName(m.Name) || strings.ContainsAny(m.Name, "=,") || len(words) == before+2*shown {
				continue
			}
			model := m.Name
			if public, latest := strings.CutSuffix(model, ":latest"); latest {
				model = public + "=" + model
			}
			words = append(words, "--model", model)
		}
		if len(words) == before {
			words = append(words, "--model", "NAME")
		}
		of.URL, of.Version, of.Commands = at, running.Version, []Words{words}
		return of
	}
	if of.Program == "" {
		return nil
	}
	of.Commands = []Words{{"sluice", "engine", "add", "ollama", "--model", "NAME", "--", of.Program, "serve"}}
	return of
}

// program is where a program is; empty when it is not there.
func (o *Options) program(name string) string {
	for _, dir := range filepath.SplitList(o.Path) {
		if !filepath.IsAbs(dir) {
			continue // what it would be depends on where the server was started
		}
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			if found, err := exec.LookPath(path); err == nil {
				return found
			}
		}
	}
	return ""
}

// served reports whether an operator's engine serves a model.
func (o *Options) served(model string) bool {
	return slices.ContainsFunc(o.Engines, func(e *sluice.Engine) bool { return e.Origin == "" && e.Models[model] != "" })
}

// runs reports whether an engine is a process of that kind already.
func (o *Options) runs(d *driver.Driver) bool {
	return slices.ContainsFunc(o.Engines, func(e *sluice.Engine) bool {
		return e.Process != nil && driver.OfCommand(e.Process.Command).Name == d.Name
	})
}

// attached reports whether an engine is asked at an address of this machine already.
func (o *Options) attached(at string) bool {
	host := func(raw string) string {
		u, err := url.Parse(raw)
		if err != nil {
			return raw
		}
		name := u.Hostname()
		if ip := net.ParseIP(name); name == "localhost" || ip.IsLoopback() {
			name = "loopback"
		}
		return net.JoinHostPort(name, u.Port())
	}
	return slices.ContainsFunc(o.Engines, func(e *sluice.Engine) bool { return e.Kind == sluice.EngineHTTP && host(e.URL) == host(at) })
}

// get asks for an object and reports whether there is one.
func (o *Options) get(ctx context.Context, at string, into any) bool {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return false
	}
	way := o.Client
	if way == nil {
		own := &http.Transport{DisableKeepAlives: true}
		way = own
	}
	resp, err := way.RoundTrip(req) // which follows no redirects
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK && json.NewDecoder(io.LimitReader(resp.Body, answer)).Decode(into) == nil
}
