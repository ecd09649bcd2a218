// Package site is the public pages: what there is, what it costs, how it does.
//
// They are written on the server, in three languages, and need no script. A
// page is kept as bytes for a few seconds, plain and compressed, so that it
// costs a visitor nothing but the way; whether it is public at all the API says.
package site

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"html/template"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/browser"
)

// Source knows what is public. Errors: CodeNotFound for what is not.
type Source interface {
	Site(ctx context.Context) (api.Site, error)
	PublicModels(ctx context.Context) ([]api.PublicModel, error)
	PublicStatus(ctx context.Context) (*api.PublicStatus, error)
	PublicRankings(ctx context.Context) (*api.Rankings, error)
	SharedChat(ctx context.Context, token string) (*api.SharedChat, error)
}

// Options are what a Site works with. Source and Browser are required.
type Options struct {
	Source  Source
	Browser *browser.Browser
	URL     string // where clients reach the API
	Console string // where the console is; empty for none

	Now func() time.Time // default time.Now
	Log *slog.Logger     // default: discarded
}

// keep is how long a page is not written anew.
const keep = 5 * time.Second

// maxPages bounds how many pages are kept, whatever addresses are asked for.
const maxPages = 2000

//go:embed assets
var assetFiles embed.FS

// Site serves the public pages. Make it with New.
type Site struct {
	opt   Options
	pages map[string]*template.Template
	words map[string]map[string]string
	style []byte
	tag   string // of the style: its address changes when it does

	mu     sync.Mutex
	kept   map[string]*page
	making map[string]*sync.Mutex
}

// page is a page as it is sent.
type page struct {
	status      int
	body, small []byte // small is compressed by gzip
	etag        string
	until       time.Time
}

// New returns the pages.
func New(o Options) *Site {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	style, err := assetFiles.ReadFile("assets/site.css")
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(style)
	return &Site{
		opt: o, pages: readPages(), words: readWords(), style: style, tag: hex.EncodeToString(sum[:6]),
		kept: map[string]*page{}, making: map[string]*sync.Mutex{},
	}
}

// Paths are the addresses that it answers, as patterns of http.ServeMux.
func (s *Site) Paths() []string {
	return []string{"GET /{$}", "GET /prices", "GET /models/{model...}", "GET /status", "GET /rankings", "GET /share/{token}", "GET /site/{asset}"}
}

// ServeHTTP answers with a page, or with what pages need.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	browser.Protect(w.Header())
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'")
	if strings.HasPrefix(r.URL.Path, "/site/") {
		s.serveAsset(w, r)
		return
	}
	s.opt.Browser.KeepLanguage(w, r)
	p := s.page(r.Context(), strings.TrimRight(r.URL.Path, "/"), s.opt.Browser.Language(r))
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "private, max-age=5")
	h.Set("Vary", "Accept-Language, Cookie, Accept-Encoding")
	h.Set("ETag", p.etag)
	if strings.HasPrefix(r.URL.Path, sharePath) {
		h.Set("X-Robots-Tag", "noindex, nofollow")
	}
	if p.status == http.StatusOK && r.Header.Get("If-None-Match") == p.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := p.body
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = p.small
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(body) // the visitor may be gone
}

func (s *Site) serveAsset(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("asset") != "site.css" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	_, _ = w.Write(s.style) // the visitor may be gone
}

// Warm writes the pages that visitors ask for first, so that the first one does
// not wait.
func (s *Site) Warm(ctx context.Context) {
	for _, lang := range browser.Languages() {
		for _, path := range []string{"", "/prices", "/status", "/rankings"} {
			s.page(ctx, path, lang)
		}
	}
}

// page returns a page as bytes. One visitor has it written for all.
func (s *Site) page(ctx context.Context, path, lang string) *page {
	key := lang + path
	if p := s.fresh(key); p != nil {
		return p
	}
	making := s.lock(key)
	making.Lock()
	defer making.Unlock()
	if p := s.fresh(key); p != nil { // somebody else wrote it
		return p
	}
	p := s.write(context.WithoutCancel(ctx), path, lang)
	p.until = s.opt.Now().Add(keep)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= maxPages {
		clear(s.kept)
		clear(s.making)
	}
	if p.status == http.StatusOK { // addresses of nothing are not kept
		s.kept[key] = p
	} else {
		delete(s.making, key)
	}
	return p
}

func (s *Site) fresh(key string) *page {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.kept[key]; p != nil && s.opt.Now().Before(p.until) {
		return p
	}
	return nil
}

func (s *Site) lock(key string) *sync.Mutex {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.making[key] == nil {
		s.making[key] = new(sync.Mutex)
	}
	return s.making[key]
}

// write writes a page.
func (s *Site) write(ctx context.Context, path, lang string) *page {
	v := &view{Lang: lang, Path: cmp.Or(path, "/"), Tag: s.tag, URL: s.opt.URL, Console: s.opt.Console, words: s.words[lang], Now: s.opt.Now().UTC()}
	name, status := "", http.StatusNotFound
	site, err := s.opt.Source.Site(ctx)
	if err == nil {
		v.Site = site
		name, err = s.fill(ctx, v)
	}
	switch {
	case err == nil:
		status = http.StatusOK
	case sluice.CodeOf(err) == sluice.CodeNotFound:
		name = "missing"
	default:
		s.opt.Log.ErrorContext(ctx, "a public page could not be written", "path", path, "error", err)
		name, status = "failed", http.StatusServiceUnavailable
	}
	var body bytes.Buffer
	if err := s.pages[name].ExecuteTemplate(&body, "layout.html", v); err != nil {
		s.opt.Log.ErrorContext(ctx, "a public page could not be written", "path", path, "error", err)
		return newPage(http.StatusInternalServerError, []byte("The page could not be written."))
	}
	return newPage(status, body.Bytes())
}

func newPage(status int, body []byte) *page {
	var small bytes.Buffer
	w, _ := gzip.NewWriterLevel(&small, 5) // a level that there is
	_, _ = w.Write(body)                   // into memory
	_ = w.Close()
	sum := sha256.Sum256(body)
	return &page{status: status, body: body, small: small.Bytes(), etag: `"` + hex.EncodeToString(sum[:10]) + `"`}
}
