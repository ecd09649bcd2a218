// Package signin is the pages on which people sign in: with a password and a
// code, a passkey or an OpenID Connect provider, and the pages behind links:
// the first setup, invitations, new passwords.
//
// They are plain HTML forms that work without JavaScript, in English, French
// and Chinese, in one small style for light and dark. The one script, for
// passkeys, is a file: nothing stands inline, so the pages' Content-Security-Policy
// allows nothing inline.
package signin

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sluice"
	"sluice/api/browser"
	"sluice/product/account"
)

// The pages' paths.
const (
	PathSignIn  = "/signin"
	PathCode    = "/signin/code"
	PathSignOut = "/signout"
	PathSetup   = "/setup"

	pathAssets = "/signin/assets/"
)

// maxForm bounds a form, in bytes.
const maxForm = 64 << 10

// Options are what the pages work with. All but Home are required.
type Options struct {
	Accounts *account.Service
	Browser  *browser.Browser
	Home     string // where people go who have signed in; default "/"
	Log      *slog.Logger
	Now      func() time.Time
}

// Pages answers the paths of this package.
type Pages struct {
	opt       Options
	mux       *http.ServeMux
	templates *templates
	guarded   http.Handler
}

// New returns the pages.
func New(o Options) *Pages {
	if o.Home == "" {
		o.Home = "/"
	}
	p := &Pages{opt: o, mux: http.NewServeMux(), templates: newTemplates()}
	p.mux.HandleFunc("GET "+PathSignIn, p.showSignIn)
	p.mux.HandleFunc("POST "+PathSignIn, p.doSignIn)
	p.mux.HandleFunc("GET "+PathCode, p.showCode)
	p.mux.HandleFunc("POST "+PathCode, p.doCode)
	p.mux.HandleFunc("POST "+PathSignOut, p.doSignOut)
	p.mux.HandleFunc("GET "+PathSetup, p.showSetup)
	p.mux.HandleFunc("POST "+PathSetup, p.doSetup)
	p.mux.HandleFunc("GET "+account.PathOIDC+"{source}", p.beginOIDC)
	p.mux.HandleFunc("GET "+account.PathOIDC+"{source}/callback", p.finishOIDC)
	p.mux.HandleFunc("POST "+PathSignIn+"/passkey/begin", p.beginPasskey)
	p.mux.HandleFunc("POST "+PathSignIn+"/passkey", p.doPasskey)
	p.mux.HandleFunc("GET "+PathProof, p.showProof)
	p.mux.HandleFunc("POST "+PathProof, p.doProof)
	p.mux.HandleFunc("GET "+PathForgot, p.showForgot)
	p.mux.HandleFunc("POST "+PathForgot, p.doForgot)
	p.mux.HandleFunc("GET "+account.PathReset, p.showReset)
	p.mux.HandleFunc("POST "+account.PathReset, p.doReset)
	p.mux.HandleFunc("GET "+account.PathInvitation, p.showInvitation)
	p.mux.HandleFunc("POST "+account.PathInvitation, p.doInvitation)
	p.mux.Handle("GET "+pathAssets, assets())
	p.guarded = browser.Guard(p.mux, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.refuse(w, r, "refused", sluice.Errorf(sluice.CodeForbidden, "Another site sent this form. Open the page here and try again."))
	}))
	return p
}

// Paths lists what the pages answer, as patterns of http.ServeMux.
func (p *Pages) Paths() []string {
	return []string{PathSignIn, PathSignIn + "/", PathSignOut, PathSetup, PathForgot, account.PathReset, account.PathInvitation}
}

// ServeHTTP answers a request.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	browser.Protect(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	p.opt.Browser.KeepLanguage(w, r)
	p.guarded.ServeHTTP(w, r)
}

// local returns where to go after signing in: a path of this server, or home.
// What leads elsewhere, or could be read so by a browser, is home.
func (p *Pages) local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || len(next) > 2000 ||
		!strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, func(r rune) bool { return r <= ' ' || r == '\\' || r == 0x7f }) {
		return p.opt.Home
	}
	return next
}

// welcome lets a browser in, which goes on to next.
func (p *Pages) welcome(w http.ResponseWriter, r *http.Request, e *account.Entry, next string) {
	p.enter(w, r, e)
	http.Redirect(w, r, p.local(next), http.StatusSeeOther) //nolint:gosec // local lets only paths of this server through
}

// enter has the browser hold a new session, and ends the one that it had before.
func (p *Pages) enter(w http.ResponseWriter, r *http.Request, e *account.Entry) {
	if old := p.opt.Browser.Session(r); old != "" {
		if err := p.opt.Accounts.SignOut(context.WithoutCancel(r.Context()), old); err != nil {
			p.opt.Log.WarnContext(r.Context(), "an earlier session could not be ended", "error", err)
		}
	}
	p.opt.Browser.SetSession(w, e.Token, e.Session.ExpiresAt.Sub(p.opt.Now()))
	p.opt.Browser.SetDevice(w, e.Device)
	p.opt.Browser.SetPending(w, "")
}

// form reads a form's fields, those of the address left out.
func form(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		return nil, sluice.Errorf(sluice.CodeInvalid, "The form could not be read.")
	}
	return r.PostForm, nil
}

func (p *Pages) showSignIn(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "signin", view{Next: p.local(r.URL.Query().Get("next"))})
}

func (p *Pages) doSignIn(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err != nil {
		p.fail(w, r, "signin", view{}, err)
		return
	}
	next := p.local(f.Get("next"))
	e, err := p.opt.Accounts.SignIn(r.Context(), account.Attempt{
		Email: f.Get("email"), Password: f.Get("password"), Device: p.opt.Browser.Device(r), From: p.opt.Browser.From(r),
	})
	if err != nil {
		p.fail(w, r, "signin", view{Next: next, Email: f.Get("email")}, err)
		return
	}
	if e.Pending != "" {
		p.opt.Browser.SetPending(w, e.Pending)
		http.Redirect(w, r, PathCode+"?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	p.welcome(w, r, e, next)
}

func (p *Pages) showCode(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "code", view{Next: p.local(r.URL.Query().Get("next"))})
}

func (p *Pages) doCode(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err != nil {
		p.fail(w, r, "code", view{}, err)
		return
	}
	next := p.local(f.Get("next"))
	e, err := p.opt.Accounts.SignInCode(r.Context(), p.opt.Browser.Pending(r), f.Get("code"), p.opt.Browser.From(r))
	if err != nil {
		if sluice.CodeOf(err) == sluice.CodeForbidden { // too late: from the beginning
			p.opt.Browser.SetPending(w, "")
			p.fail(w, r, "signin", view{Next: next}, err)
			return
		}
		p.fail(w, r, "code", view{Next: next}, err)
		return
	}
	p.welcome(w, r, e, next)
}

func (p *Pages) doSignOut(w http.ResponseWriter, r *http.Request) {
	if token := p.opt.Browser.Session(r); token != "" {
		if err := p.opt.Accounts.SignOut(r.Context(), token); err != nil {
			p.fail(w, r, "refused", view{}, err)
			return
		}
	}
	p.opt.Browser.EndSession(w)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`) // what a console kept of the user's
	http.Redirect(w, r, PathSignIn, http.StatusSeeOther)
}

func (p *Pages) showSetup(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if err := p.opt.Accounts.CheckSetup(r.Context(), token); err != nil {
		p.refuse(w, r, "setup", err)
		return
	}
	p.show(w, r, http.StatusOK, "setup", view{Token: token})
}

func (p *Pages) doSetup(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err != nil {
		p.refuse(w, r, "setup", err)
		return
	}
	e, err := p.opt.Accounts.SetUp(r.Context(), f.Get("token"), account.NewUser{
		Email: f.Get("email"), Name: f.Get("name"), Password: f.Get("password"), Language: p.opt.Browser.Language(r),
	}, p.opt.Browser.From(r))
	switch sluice.CodeOf(err) {
	case "":
		p.opt.Log.InfoContext(r.Context(), "the first owner was set up", "user", e.User.ID)
		p.welcome(w, r, e, p.opt.Home)
	case sluice.CodeForbidden, sluice.CodeRateLimited:
		p.refuse(w, r, "setup", err)
	default:
		p.fail(w, r, "setup", view{Token: f.Get("token"), Email: f.Get("email"), Name: f.Get("name")}, err)
	}
}
