package sluice_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sluice"
)

func TestSecret(t *testing.T) {
	a, b := sluice.NewSecret(), sluice.NewSecret()
	if a == b || len(a) != len("sk-")+43 || !strings.HasPrefix(a, "sk-") {
		t.Errorf("secrets %q and %q", a, b)
	}
	if sluice.HashKey(a) == sluice.HashKey(b) {
		t.Error("hashes do not tell secrets apart")
	}
}

func TestKeyUsable(t *testing.T) {
	for name, c := range map[string]struct {
		key  sluice.Key
		code sluice.Code
	}{
		"fresh":          {sluice.Key{}, ""},
		"revoked":        {sluice.Key{RevokedAt: noon}, sluice.CodeUnauthenticated},
		"revoked later":  {sluice.Key{RevokedAt: noon.Add(time.Hour)}, sluice.CodeUnauthenticated},
		"expires now":    {sluice.Key{ExpiresAt: noon}, sluice.CodeUnauthenticated},
		"expired":        {sluice.Key{ExpiresAt: noon.Add(-1)}, sluice.CodeUnauthenticated},
		"not expired":    {sluice.Key{ExpiresAt: noon.Add(1)}, ""},
		"elsewhere, now": {sluice.Key{ExpiresAt: noon.In(time.FixedZone("", 8*3600))}, sluice.CodeUnauthenticated},
	} {
		if got := sluice.CodeOf(c.key.Usable(noon)); got != c.code {
			t.Errorf("%s: %q, want %q", name, got, c.code)
		}
	}
}

func TestKeyAllows(t *testing.T) {
	all, some := sluice.Key{}, sluice.Key{Models: []string{"a", "b"}}
	if !all.Allows("x") || !some.Allows("b") || some.Allows("B") || some.Allows("") {
		t.Error("scopes of models")
	}
}

// TestKeySecretsStay: what is secret of a key or an engine is never written out.
func TestKeySecretsStay(t *testing.T) {
	raw, err := json.Marshal([]any{
		sluice.Key{Hash: sluice.HashKey("sk-x"), Name: "n"},
		sluice.Engine{Secret: "sk-engine"},
	})
	if err != nil || strings.Contains(string(raw), "ash") || strings.Contains(string(raw), "sk-engine") {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestRoles(t *testing.T) {
	for role, want := range map[sluice.Role][2]bool{ // for the operator, for an organisation
		sluice.RoleOwner: {true, true}, sluice.RoleAdmin: {true, true},
		sluice.RoleFinance: {true, false}, sluice.RoleSupport: {true, false},
		sluice.RoleBilling: {false, true}, sluice.RoleDeveloper: {false, true}, sluice.RoleViewer: {false, true},
		"": {}, "root": {}, "Owner": {},
	} {
		if got := [2]bool{role.For(""), role.For("org_a")}; got != want {
			t.Errorf("%q: %v, want %v", role, got, want)
		}
	}
}

func TestLimitsValid(t *testing.T) {
	for _, l := range []sluice.Limits{{RequestsPerMinute: -1}, {TokensPerMinute: -1}, {Concurrent: -1}, {QueueClass: "first"}} {
		if l.Valid() {
			t.Errorf("%+v is valid", l)
		}
	}
	if !(sluice.Limits{}).Valid() || !(sluice.Limits{RequestsPerMinute: 1, TokensPerMinute: 1, Concurrent: 1, QueueClass: "agent"}).Valid() {
		t.Error("good limits are refused")
	}
}

func TestValidModelName(t *testing.T) {
	for s, want := range map[string]bool{
		"qwen3-0.6b": true, "zai-org/GLM-5.3": true, "a:b@c": true, strings.Repeat("m", 128): true,
		"": false, strings.Repeat("m", 129): false, "a b": false, `a"b`: false, `a\b`: false, "a\n": false, "modèle": false, "a\x7f": false,
	} {
		if sluice.ValidModelName(s) != want {
			t.Errorf("%q: want %t", s, want)
		}
	}
}

func TestWallet(t *testing.T) {
	for kind, want := range map[sluice.AccountKind]bool{
		sluice.AccountPrepaid: true, sluice.AccountPromotional: true,
		sluice.AccountReceivable: false, sluice.AccountRevenueAPI: false, sluice.AccountSimulated: false, "": false,
	} {
		if kind.Wallet() != want {
			t.Errorf("%s: wallet = %t", kind, kind.Wallet())
		}
	}
}

func TestSimulated(t *testing.T) {
	for kind, want := range map[sluice.EngineKind]bool{sluice.EngineHTTP: false, sluice.EngineEmbedded: false, sluice.EngineSimulated: true} {
		if e := (&sluice.Engine{Kind: kind}); e.Simulated() != want {
			t.Errorf("%s: simulated = %t", kind, e.Simulated())
		}
	}
}
