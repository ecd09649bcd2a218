package signin

import (
	"net/http"
	"net/url"

	"sluice"
	"sluice/product/account"
)

// The pages behind links.
const (
	PathForgot = "/reset"
	PathProof  = "/signin/proof"
)

func (p *Pages) showForgot(w http.ResponseWriter, r *http.Request) {
	p.show(w, r, http.StatusOK, "forgot", view{CanMail: p.opt.Accounts.CanMail()})
}

// doForgot answers the same, whether there is an account of the address or not.
func (p *Pages) doForgot(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err == nil {
		err = p.opt.Accounts.ForgotPassword(r.Context(), f.Get("email"), p.opt.Browser.From(r))
	}
	if err != nil {
		p.fail(w, r, "forgot", view{CanMail: p.opt.Accounts.CanMail(), Email: f.Get("email")}, err)
		return
	}
	p.show(w, r, http.StatusOK, "forgot", view{CanMail: p.opt.Accounts.CanMail(), Done: true})
}

func (p *Pages) showReset(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	u, err := p.opt.Accounts.CheckReset(r.Context(), token)
	if err != nil {
		p.refuse(w, r, "reset", err)
		return
	}
	p.show(w, r, http.StatusOK, "reset", view{Token: token, Email: u.Email})
}

func (p *Pages) doReset(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err != nil {
		p.refuse(w, r, "reset", err)
		return
	}
	e, err := p.opt.Accounts.ResetPassword(r.Context(), f.Get("token"), f.Get("password"), p.opt.Browser.From(r))
	switch {
	case sluice.CodeOf(err) == sluice.CodeForbidden:
		p.refuse(w, r, "reset", err)
	case err != nil:
		p.fail(w, r, "reset", view{Token: f.Get("token"), Email: f.Get("email")}, err)
	case e.Pending != "":
		p.opt.Browser.SetPending(w, e.Pending)
		http.Redirect(w, r, PathCode, http.StatusSeeOther)
	default:
		p.welcome(w, r, e, p.opt.Home)
	}
}

// invited is what the page of an invitation shows.
func (p *Pages) invited(r *http.Request, token string, i *account.Invited) view {
	v := view{Token: token, Email: i.Email, Whose: i.Whose, Role: string(i.Role), Known: i.Known, Next: account.PathInvitation + "?token=" + url.QueryEscape(token)}
	if who := p.visitor(r); who != nil {
		v.SignedIn, v.Mine = who.User.Email, who.User.Email == i.Email
	}
	return v
}

// visitor is who is signed in, or nil.
func (p *Pages) visitor(r *http.Request) *account.Visitor {
	token := p.opt.Browser.Session(r)
	if token == "" {
		return nil
	}
	v, err := p.opt.Accounts.Identify(r.Context(), token, p.opt.Browser.From(r))
	if err != nil {
		return nil
	}
	return v
}

func (p *Pages) showInvitation(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	i, err := p.opt.Accounts.Invitation(r.Context(), token)
	if err != nil {
		p.refuse(w, r, "invitation", err)
		return
	}
	p.show(w, r, http.StatusOK, "invitation", p.invited(r, token, i))
}

// doInvitation accepts an invitation: as who is signed in, or as a new user.
func (p *Pages) doInvitation(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	if err != nil {
		p.refuse(w, r, "invitation", err)
		return
	}
	token := f.Get("token")
	i, err := p.opt.Accounts.Invitation(r.Context(), token)
	if err != nil {
		p.refuse(w, r, "invitation", err)
		return
	}
	v := p.invited(r, token, i)
	v.Name = f.Get("name")
	if v.Mine {
		if err := p.opt.Accounts.AcceptAs(r.Context(), token, p.visitor(r), p.opt.Browser.From(r)); err != nil {
			p.fail(w, r, "invitation", v, err)
			return
		}
		http.Redirect(w, r, p.opt.Home, http.StatusSeeOther)
		return
	}
	e, err := p.opt.Accounts.Accept(r.Context(), token, account.NewUser{
		Name: f.Get("name"), Password: f.Get("password"), Language: p.opt.Browser.Language(r),
	}, p.opt.Browser.From(r))
	if err != nil {
		p.fail(w, r, "invitation", v, err)
		return
	}
	p.welcome(w, r, e, p.opt.Home)
}

// showProof asks a visitor to prove to be it, before something dangerous.
func (p *Pages) showProof(w http.ResponseWriter, r *http.Request) {
	next := p.local(r.URL.Query().Get("next"))
	v := p.visitor(r)
	if v == nil {
		http.Redirect(w, r, PathSignIn+"?next="+url.QueryEscape(next), http.StatusSeeOther)
		return
	}
	p.show(w, r, http.StatusOK, "proof", p.proof(v, next))
}

func (p *Pages) proof(v *account.Visitor, next string) view {
	return view{Next: next, Email: v.User.Email, HasPassword: v.User.Password != "", HasCode: v.User.TOTP != ""}
}

func (p *Pages) doProof(w http.ResponseWriter, r *http.Request) {
	f, err := form(r)
	v := p.visitor(r)
	if v == nil || err != nil {
		http.Redirect(w, r, PathSignIn, http.StatusSeeOther)
		return
	}
	next := p.local(f.Get("next"))
	token, err := p.opt.Accounts.Prove(r.Context(), v, f.Get("password"), f.Get("code"))
	if err != nil {
		p.fail(w, r, "proof", p.proof(v, next), err)
		return
	}
	p.opt.Browser.SetSession(w, token, v.Session.ExpiresAt.Sub(p.opt.Now()))
	http.Redirect(w, r, next, http.StatusSeeOther) //nolint:gosec // local lets only paths of this server through
}
