package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice"
)

// Settings keeps small values by name.
type Settings interface {
	Setting(ctx context.Context, name string) (string, error)
	PutSetting(ctx context.Context, name, value string) error
}

// setupSetting names the setting that holds the hash of the setup token, in
// hex; it is empty when there is none or it was used.
const setupSetting = "setup_token"

// NewSetupToken makes the one-time token of the setup page and keeps its hash.
// An earlier token ends. Whoever has the token can make one key with the
// operator's role owner, at /setup?token=….
func NewSetupToken(ctx context.Context, settings Settings) (string, error) {
	token := rand.Text()
	hash := sluice.HashKey(token)
	if err := settings.PutSetting(ctx, setupSetting, hex.EncodeToString(hash[:])); err != nil {
		return "", fmt.Errorf("keeping the setup token's hash: %w", err)
	}
	return token, nil
}

//go:embed setup.html
var setupPage string

//go:embed setup.css
var setupStyle []byte

// At most so many wrong tokens are looked at in a minute; then none is, right
// or wrong, until the minute is over.
const (
	setupAttempts = 10
	setupPause    = time.Minute
)

// setup is the state of the setup page.
type setup struct {
	page *template.Template

	mu    sync.Mutex // held while a token is checked and used, so that it is used once
	wrong int        // since
	since time.Time
}

// setupView is what the page shows.
type setupView struct {
	State   string // "ask", "done" or "refused"
	Token   string // to be sent with the form
	Message string // why it was refused
	Server  string
	Key     string
}

func (s *Server) registerSetup(mux *http.ServeMux) {
	s.setup.page = template.Must(template.New("setup").Parse(setupPage))
	mux.HandleFunc("GET /setup", s.showSetup)
	mux.HandleFunc("POST /setup", s.doSetup)
	mux.HandleFunc("GET /setup/style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(setupStyle) // a caller who left
	})
}

// showSetup shows what the token is for, and a form that uses it.
func (s *Server) showSetup(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	s.setup.mu.Lock()
	_, err := s.checkToken(r.Context(), token)
	s.setup.mu.Unlock()
	if err != nil {
		s.refuseSetup(w, r, err)
		return
	}
	s.writeSetup(w, r, http.StatusOK, setupView{State: "ask", Token: token})
}

// doSetup makes the first administrator's key.
func (s *Server) doSetup(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	if err := r.ParseForm(); err != nil {
		s.refuseSetup(w, r, sluice.Errorf(sluice.CodeInvalid, "The form could not be read."))
		return
	}
	name := strings.TrimSpace(r.PostForm.Get("name"))
	if name == "" {
		name = "first administrator"
	}
	if checked, err := checkName("name", name); err != nil || len(checked) > 128 {
		s.refuseSetup(w, r, sluice.Errorf(sluice.CodeInvalid, "The name cannot be used: it needs up to 128 characters that can be shown."))
		return
	}
	secret, err := s.useToken(r.Context(), r.PostForm.Get("token"), name)
	if err != nil {
		s.refuseSetup(w, r, err)
		return
	}
	s.opt.Log.InfoContext(r.Context(), "the first administrator was set up", "name", name)
	s.writeSetup(w, r, http.StatusCreated, setupView{State: "done", Server: cmp.Or(s.opt.URL, "URL"), Key: secret})
}

// useToken burns the token and makes a key with the role owner. Errors: those
// of checkToken, and what the store says; then the token can be used again.
func (s *Server) useToken(ctx context.Context, token, name string) (secret string, err error) {
	ctx = context.WithoutCancel(ctx)
	s.setup.mu.Lock()
	defer s.setup.mu.Unlock()
	hash, err := s.checkToken(ctx, token)
	if err != nil {
		return "", err
	}
	if err := s.opt.Settings.PutSetting(ctx, setupSetting, ""); err != nil {
		return "", err
	}
	key, err := s.createKey(ctx, &caller{role: sluice.RoleOwner}, &struct{ Body CreateKey }{CreateKey{Name: name, Role: sluice.RoleOwner}})
	if err != nil {
		if again := s.opt.Settings.PutSetting(ctx, setupSetting, hash); again != nil {
			err = fmt.Errorf("%w; keeping the setup token: %w", err, again)
		}
		return "", err
	}
	return key.Secret, nil
}

// checkToken returns the stored hash if the token is the one. The caller holds
// setup.mu. Errors: CodeRateLimited after too many wrong ones, CodeForbidden.
func (s *Server) checkToken(ctx context.Context, token string) (hash string, err error) {
	now := s.opt.Now()
	if now.Sub(s.setup.since) >= setupPause {
		s.setup.since, s.setup.wrong = now, 0
	}
	if s.setup.wrong >= setupAttempts {
		return "", &sluice.Error{
			Code: sluice.CodeRateLimited, RetryAfter: s.setup.since.Add(setupPause).Sub(now),
			Message: "Too many wrong setup links were tried. Wait a minute and open the link again.",
		}
	}
	stored, err := s.opt.Settings.Setting(ctx, setupSetting)
	if err != nil {
		return "", err
	}
	given := sluice.HashKey(token)
	if subtle.ConstantTimeCompare([]byte(hex.EncodeToString(given[:])), []byte(stored)) != 1 {
		s.setup.wrong++
		return "", sluice.Errorf(sluice.CodeForbidden, "This setup link was used already, or it is not the one that the server printed last.")
	}
	return stored, nil
}

// refuseSetup shows why nothing was set up.
func (s *Server) refuseSetup(w http.ResponseWriter, r *http.Request, err error) {
	e := sluice.ErrorOf(err)
	if e.Code == sluice.CodeInternal {
		s.opt.Log.ErrorContext(r.Context(), "the setup page failed", "error", err)
	}
	maps.Copy(w.Header(), headers(e))
	s.writeSetup(w, r, status(e.Code), setupView{State: "refused", Message: e.Message})
}

func (s *Server) writeSetup(w http.ResponseWriter, r *http.Request, code int, view setupView) {
	var page bytes.Buffer
	if err := s.setup.page.Execute(&page, view); err != nil {
		s.opt.Log.ErrorContext(r.Context(), "the setup page could not be written", "error", err)
		writeProblem(w, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer") // the address holds the token
	w.WriteHeader(code)
	_, _ = w.Write(page.Bytes()) // a caller who left
}
