package signin_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/plug/passkey/passkeytest"
)

const origin = "http://sluice.test"

// ask calls the API and reads its answer.
func ask[T any](v *visitor, want int, method, path string, in any) (out T) {
	v.t.Helper()
	code, text := v.call(method, path, in)
	if code != want {
		v.t.Fatalf("%s %s: %d %s, want %d", method, path, code, text, want)
	}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			v.t.Fatal(err)
		}
	}
	return out
}

func text(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// addPasskey gives a signed-in visitor's device a passkey.
func (v *visitor) addPasskey(d *passkeytest.Device, name string) api.Passkey {
	v.t.Helper()
	c := ask[api.PasskeyChallenge](v, http.StatusOK, "POST", "/session/passkeys/offer", nil)
	return ask[api.Passkey](v, http.StatusCreated, "POST", "/session/passkeys", api.AddPasskey{Offer: c.Offer, Name: name, Credential: d.Create(text(v.t, c.Options))})
}

// byPasskey signs in with a device, as the page's script does.
func (v *visitor) byPasskey(d *passkeytest.Device) (int, string) {
	v.t.Helper()
	_, begun := v.do(http.MethodPost, "/signin/passkey/begin", nil, "Sec-Fetch-Site", "same-origin")
	var c struct{ Options json.RawMessage }
	if err := json.Unmarshal([]byte(begun), &c); err != nil {
		v.t.Fatalf("%s: %v", begun, err)
	}
	resp, answer := v.do(http.MethodPost, "/signin/passkey?next=/console", bytes.NewReader(text(v.t, d.Get(c.Options))), "Sec-Fetch-Site", "same-origin", "Content-Type", "application/json")
	return resp.StatusCode, answer
}

// TestPasskeys adds, uses, renames and removes passkeys.
func TestPasskeys(t *testing.T) {
	w := apitest.New(t)
	ada := user(t, w, "ada@example.com", sluice.RoleOwner)
	v := browse(t, w)
	v.enter(ada.Email)
	d := passkeytest.New(t, origin)
	made := v.addPasskey(d, "laptop")

	other := browse(t, w)
	if code, answer := other.byPasskey(d); code != http.StatusOK || !strings.Contains(answer, `"next":"/console"`) {
		t.Fatalf("signing in: %d %s", code, answer)
	}
	if s := other.session(); s.User.ID != ada.ID {
		t.Errorf("signed in as %+v", s.User)
	}
	ask[struct{}](v, http.StatusNoContent, "PATCH", "/session/passkeys/"+made.ID, api.RenamePasskey{Name: "old laptop"})
	list := ask[api.Page[api.Passkey]](v, http.StatusOK, "GET", "/session/passkeys", nil)
	if len(list.Data) != 1 || list.Data[0].Name != "old laptop" || list.Data[0].UsedAt.IsZero() {
		t.Errorf("the passkeys are %+v", list.Data)
	}

	// A passkey is a proof as well.
	w.Advance(11 * time.Minute)
	if code, _ := v.call("DELETE", "/session/passkeys/"+made.ID, nil); code != http.StatusForbidden {
		t.Fatalf("removing it without a proof: %d, want 403", code)
	}
	c := ask[api.PasskeyChallenge](v, http.StatusOK, "POST", "/session/challenge", nil)
	ask[api.Session](v, http.StatusOK, "POST", "/session/proof", api.Proof{Offer: c.Offer, Credential: d.Get(text(t, c.Options))})
	ask[struct{}](v, http.StatusNoContent, "DELETE", "/session/passkeys/"+made.ID, nil)
	if code, _ := browse(t, w).byPasskey(d); code != http.StatusForbidden {
		t.Errorf("a removed passkey signs in: %d, want 403", code)
	}
}

// TestPasskeyAttacks forges, replays and copies answers.
func TestPasskeyAttacks(t *testing.T) {
	w := apitest.New(t)
	ada := user(t, w, "ada@example.com", sluice.RoleOwner)
	user(t, w, "eve@example.com", "")
	v := browse(t, w)
	v.enter(ada.Email)
	d := passkeytest.New(t, origin)
	v.addPasskey(d, "laptop")

	elsewhere := *d
	elsewhere.Origin = "http://sluice.test.evil.example.com"
	if code, _ := browse(t, w).byPasskey(&elsewhere); code != http.StatusForbidden {
		t.Errorf("an answer from another origin: %d, want 403", code)
	}
	if code, answer := browse(t, w).byPasskey(d); code != http.StatusOK {
		t.Fatalf("an honest answer: %d %s", code, answer)
	}
	copied := *d
	copied.Count = 0
	if code, _ := browse(t, w).byPasskey(&copied); code != http.StatusForbidden {
		t.Errorf("a copy of the device, whose counter is behind: %d, want 403", code)
	}

	// The same answer twice, with the same cookie.
	thief := browse(t, w)
	_, begun := thief.do(http.MethodPost, "/signin/passkey/begin", nil, "Sec-Fetch-Site", "same-origin")
	var c struct{ Options json.RawMessage }
	if err := json.Unmarshal([]byte(begun), &c); err != nil {
		t.Fatal(err)
	}
	cookie := "sluice-step=" + thief.cookie("sluice-step")
	answer := text(t, d.Get(c.Options))
	send := func() int {
		resp, _ := browse(t, w).do(http.MethodPost, "/signin/passkey", bytes.NewReader(answer), "Cookie", cookie)
		return resp.StatusCode
	}
	if first, second := send(), send(); first != http.StatusOK || second != http.StatusForbidden {
		t.Errorf("an answer and its replay: %d and %d, want 200 and 403", first, second)
	}

	// Somebody else's passkey proves nothing.
	eve := browse(t, w)
	eve.enter("eve@example.com")
	ch := ask[api.PasskeyChallenge](eve, http.StatusOK, "POST", "/session/challenge", nil)
	if code, _ := eve.call("POST", "/session/proof", api.Proof{Offer: ch.Offer, Credential: d.Get(text(t, ch.Options))}); code != http.StatusForbidden {
		t.Errorf("another's passkey as a proof: %d, want 403", code)
	}
	offer := ask[api.PasskeyChallenge](v, http.StatusOK, "POST", "/session/passkeys/offer", nil)
	if code, _ := eve.call("POST", "/session/passkeys", api.AddPasskey{Offer: offer.Offer, Credential: passkeytest.New(t, origin).Create(text(t, offer.Options))}); code != http.StatusForbidden {
		t.Errorf("an offer made to another: %d, want 403", code)
	}
}
