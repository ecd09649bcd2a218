package signin

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"sluice"
)

// beginPasskey gives the page's script a challenge for the device.
func (p *Pages) beginPasskey(w http.ResponseWriter, r *http.Request) {
	options, offer, err := p.opt.Accounts.BeginPasskey()
	if err != nil {
		p.answer(w, r, nil, err)
		return
	}
	p.opt.Browser.SetPending(w, offer)
	p.answer(w, r, map[string]any{"options": options}, nil)
}

// doPasskey signs in whose passkey answered the challenge.
func (p *Pages) doPasskey(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		p.answer(w, r, nil, sluice.Errorf(sluice.CodeInvalid, "The form could not be read."))
		return
	}
	e, err := p.opt.Accounts.SignInPasskey(r.Context(), p.opt.Browser.Pending(r), raw, p.opt.Browser.From(r))
	if err != nil {
		p.answer(w, r, nil, err)
		return
	}
	p.enter(w, r, e)
	p.answer(w, r, map[string]any{"next": p.local(r.URL.Query().Get("next"))}, nil)
}

// answer answers the script: with JSON, or with what is wrong in the page's language.
func (p *Pages) answer(w http.ResponseWriter, r *http.Request, v map[string]any, err error) {
	w.Header().Set("Content-Type", "application/json")
	status, out := http.StatusOK, map[string]any{}
	maps.Copy(out, v)
	if err != nil {
		e := sluice.ErrorOf(err)
		status = p.status(r, e)
		if e.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(e.RetryAfter/time.Second)+1))
		}
		out["error"] = p.say(r, e.Message)
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(out) // the visitor may be gone
}
