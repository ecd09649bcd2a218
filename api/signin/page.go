package signin

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/api/browser"
	"sluice/product/account"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets
var assetFiles embed.FS

//go:embed messages/*.json
var messageFiles embed.FS

// view is what a page shows.
type view struct {
	Page    string // which one
	Lang    string
	Here    string // this page's address, up to the language's code
	Error   string
	Refused bool // nothing can be done here: no form

	Next        string
	Email, Name string
	Token       string // to be sent with the form

	CanMail, Done         bool   // of a forgotten password
	Whose, Role, SignedIn string // of an invitation
	Known, Mine           bool
	HasPassword, HasCode  bool // what a visitor can prove by

	Sources  []*account.Source // providers to sign in by
	Passkeys bool

	messages map[string]string
}

// T is a text in the page's language. The key is the text in English.
func (v view) T(english string) string {
	if t, ok := v.messages[english]; ok {
		return t
	}
	return english
}

// Languages are those to choose from, by their own names.
func (v view) Languages() []struct{ Code, Name string } {
	return []struct{ Code, Name string }{{"en", "English"}, {"fr", "Français"}, {"zh", "中文"}}
}

// templates are the pages and their texts.
type templates struct {
	pages    map[string]*template.Template
	messages map[string]map[string]string
}

// newTemplates reads what is embedded; that cannot fail but for a fault of ours.
func newTemplates() *templates {
	t := &templates{pages: map[string]*template.Template{}, messages: map[string]map[string]string{}}
	layout := template.Must(template.ParseFS(pageFiles, "pages/layout.html"))
	names, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		panic(err)
	}
	for _, file := range names {
		if name := strings.TrimSuffix(strings.TrimPrefix(file, "pages/"), ".html"); name != "layout" {
			t.pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(pageFiles, file))
		}
	}
	for _, lang := range browser.Languages() {
		t.messages[lang] = map[string]string{}
		raw, err := messageFiles.ReadFile("messages/" + lang + ".json")
		if err != nil {
			continue // English is what the keys say
		}
		messages := map[string]string{}
		if err := json.Unmarshal(raw, &messages); err != nil {
			panic(fmt.Errorf("messages/%s.json: %w", lang, err))
		}
		t.messages[lang] = messages
	}
	return t
}

// assets answers the style and the script.
func assets() http.Handler {
	sub, err := fs.Sub(assetFiles, "assets")
	if err != nil {
		panic(err) // the folder is embedded
	}
	files := http.StripPrefix(pathAssets, http.FileServerFS(sub))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			http.NotFound(w, r) // no lists
			return
		}
		w.Header().Set("Cache-Control", "public, max-age=300")
		files.ServeHTTP(w, r)
	})
}

// show writes a page.
func (p *Pages) show(w http.ResponseWriter, r *http.Request, status int, page string, v view) {
	v.Page, v.Lang = page, p.opt.Browser.Language(r)
	v.messages = p.templates.messages[v.Lang]
	v.Here = here(page, v)
	v.Sources, v.Passkeys = p.opt.Accounts.Sources(), p.opt.Accounts.HasPasskeys()
	var out bytes.Buffer
	if err := p.templates.pages[page].ExecuteTemplate(&out, "layout.html", v); err != nil {
		p.opt.Log.ErrorContext(r.Context(), "a page could not be written", "page", page, "error", err)
		http.Error(w, "An internal error occurred.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the visitor may be gone
}

// here is the address that shows the page again, up to the language.
func here(page string, v view) string {
	path := map[string]string{
		"code": PathCode, "setup": PathSetup, "forgot": PathForgot, "reset": account.PathReset, "invitation": account.PathInvitation, "proof": PathProof,
	}[page]
	if path == "" {
		path = PathSignIn
	}
	q := url.Values{}
	if v.Next != "" {
		q.Set("next", v.Next)
	}
	if v.Token != "" {
		q.Set("token", v.Token)
	}
	if len(q) == 0 {
		return path + "?lang="
	}
	return path + "?" + q.Encode() + "&lang="
}

// fail shows a page's form again, with what is wrong.
func (p *Pages) fail(w http.ResponseWriter, r *http.Request, page string, v view, err error) {
	e := sluice.ErrorOf(err)
	status := p.status(r, e)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	v.Error = p.say(r, e.Message)
	p.show(w, r, status, page, v)
}

// refuse shows why a page has nothing to offer.
func (p *Pages) refuse(w http.ResponseWriter, r *http.Request, page string, err error) {
	p.fail(w, r, page, view{Refused: true}, err)
}

// say is a text of the server's in the language of the page.
func (p *Pages) say(r *http.Request, english string) string {
	return view{messages: p.templates.messages[p.opt.Browser.Language(r)]}.T(english)
}

// status is the HTTP status of a page that shows an error. What is ours is logged.
func (p *Pages) status(r *http.Request, e *sluice.Error) int {
	switch e.Code {
	case sluice.CodeUnauthenticated:
		return http.StatusUnauthorized
	case sluice.CodeForbidden:
		return http.StatusForbidden
	case sluice.CodeNotFound:
		return http.StatusNotFound
	case sluice.CodeConflict:
		return http.StatusConflict
	case sluice.CodeRateLimited:
		return http.StatusTooManyRequests
	case sluice.CodeOverloaded, sluice.CodeUnavailable:
		return http.StatusServiceUnavailable
	case sluice.CodeInternal:
		p.opt.Log.ErrorContext(r.Context(), "signing in failed", "path", r.URL.Path, "error", e)
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
