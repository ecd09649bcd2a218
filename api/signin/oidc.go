package signin

import (
	"net/http"
	"net/url"

	"sluice"
	"sluice/product/account"
)

// beginOIDC sends the browser to a provider: to sign in; to link it to the
// account of who is signed in (?link=1); or to prove to be it (?proof=1).
func (p *Pages) beginOIDC(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var v *account.Visitor
	if q.Get("link") != "" || q.Get("proof") != "" {
		if v = p.visitor(r); v == nil {
			http.Redirect(w, r, PathSignIn, http.StatusSeeOther)
			return
		}
	}
	to, sealed, err := p.opt.Accounts.BeginOIDC(r.Context(), r.PathValue("source"), p.local(q.Get("next")), v, q.Get("proof") != "")
	if sluice.CodeOf(err) == sluice.CodeProofRequired {
		http.Redirect(w, r, PathProof+"?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	if err != nil {
		p.fail(w, r, "signin", view{Next: p.local(q.Get("next"))}, err)
		return
	}
	p.opt.Browser.SetPending(w, sealed)
	http.Redirect(w, r, to, http.StatusSeeOther) //nolint:gosec // to the provider that the operator has set up
}

// finishOIDC takes up the answer that a provider sends the browser back with.
func (p *Pages) finishOIDC(w http.ResponseWriter, r *http.Request) {
	sealed := p.opt.Browser.Pending(r)
	p.opt.Browser.SetPending(w, "") // good for one answer
	e, next, err := p.opt.Accounts.FinishOIDC(r.Context(), r.PathValue("source"), sealed, r.URL.Query(), p.visitor(r), p.opt.Browser.From(r))
	switch {
	case err != nil:
		p.fail(w, r, "signin", view{Next: p.local(next)}, err)
	case e.Device != "": // a new session
		p.welcome(w, r, e, next)
	default: // linked, or proved
		if e.Token != "" {
			p.opt.Browser.SetSession(w, e.Token, e.Session.ExpiresAt.Sub(p.opt.Now()))
		}
		http.Redirect(w, r, p.local(next), http.StatusSeeOther) //nolint:gosec // local lets only paths of this server through
	}
}
