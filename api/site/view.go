package site

import (
	"cmp"
	"context"
	"embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"strings"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/browser"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed messages/*.json
var messageFiles embed.FS

// view is what a page shows.
type view struct {
	Lang    string
	Path    string // this page's address
	Tag     string // of the style
	URL     string // where clients reach the API
	Console string
	Site    api.Site
	Now     time.Time

	Lists  []list // prices, one list for each currency
	Model  *card
	State  *state
	Ranks  []rank
	Ranked *api.Rankings
	Chat   *chat

	words map[string]string
}

// T is a text in the page's language. The key is the text in English. What
// stands in braces in it is replaced by the words that follow, one by one.
func (v *view) T(english string, words ...string) string {
	text := cmp.Or(v.words[english], english)
	var b strings.Builder
	for _, w := range words {
		before, rest, opened := strings.Cut(text, "{")
		_, after, closed := strings.Cut(rest, "}")
		if !opened || !closed {
			break
		}
		b.WriteString(before)
		b.WriteString(w)
		text = after
	}
	b.WriteString(text)
	return b.String()
}

// Languages are those to choose from, by their own names.
func (v *view) Languages() []struct{ Code, Name string } {
	return []struct{ Code, Name string }{{"en", "English"}, {"fr", "Français"}, {"zh", "中文"}}
}

// At reports whether a page is the one at the address, or below it.
func (v *view) At(path string) bool {
	return v.Path == path || path == "/prices" && strings.HasPrefix(v.Path, "/models/")
}

// readPages reads what is embedded; that cannot fail but for a fault of ours.
func readPages() map[string]*template.Template {
	all := map[string]*template.Template{}
	shared := template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/parts.html"))
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	for _, file := range names {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html"); name != "layout" && name != "parts" {
			all[name] = template.Must(template.Must(shared.Clone()).ParseFS(pageFiles, file))
		}
	}
	return all
}

// readWords reads the texts by language; English is what the keys say.
func readWords() map[string]map[string]string {
	all := map[string]map[string]string{}
	for _, lang := range browser.Languages()[1:] {
		raw, err := messageFiles.ReadFile("messages/" + lang + ".json")
		if err != nil {
			panic(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(raw, &words); err != nil {
			panic(err)
		}
		all[lang] = words
	}
	return all
}

// fill finds what a page shows, and which page it is. Errors: CodeNotFound.
func (s *Site) fill(ctx context.Context, v *view) (name string, err error) {
	switch v.Path {
	case "/":
		err = s.fillHome(ctx, v)
		return "home", err
	case "/prices":
		models, err := s.opt.Source.PublicModels(ctx)
		v.Lists = lists(v, models)
		return "prices", err
	case "/status":
		status, err := s.opt.Source.PublicStatus(ctx)
		if err == nil {
			v.State = stateOf(v, status)
		}
		return "status", err
	case "/rankings":
		v.Ranked, err = s.opt.Source.PublicRankings(ctx)
		if err == nil {
			v.Ranks = ranks(v, v.Ranked)
		}
		return "rankings", err
	}
	if token, shared := strings.CutPrefix(v.Path, sharePath); shared {
		return "chat", s.fillChat(ctx, v, token)
	}
	return "model", s.fillModel(ctx, v, strings.TrimPrefix(v.Path, "/models/"))
}

// fillHome shows what is public of prices and of the state; a service that
// shows neither has a home all the same.
func (s *Site) fillHome(ctx context.Context, v *view) error {
	if v.Site.Prices {
		models, err := s.opt.Source.PublicModels(ctx)
		if err != nil {
			return err
		}
		v.Lists = lists(v, models)
	}
	if !v.Site.Status {
		return nil
	}
	status, err := s.opt.Source.PublicStatus(ctx)
	if err == nil {
		v.State = stateOf(v, status)
	}
	return err
}

// fillModel shows one model, by its name or an alias.
func (s *Site) fillModel(ctx context.Context, v *view, name string) error {
	models, err := s.opt.Source.PublicModels(ctx)
	if err != nil {
		return err
	}
	for i := range models {
		if models[i].Name == name {
			v.Model = cardOf(v, &models[i])
		}
	}
	if v.Model == nil {
		return sluice.Errorf(sluice.CodeNotFound, "There is no model %q.", name)
	}
	if !v.Site.Status {
		return nil
	}
	status, err := s.opt.Source.PublicStatus(ctx)
	if err != nil {
		return err
	}
	for i := range status.Models {
		if status.Models[i].Model == name {
			one := modelState(v, &status.Models[i])
			v.Model.State = &one
		}
	}
	return nil
}
