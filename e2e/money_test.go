package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the commands answer, as far as the tests look at it.

type organisation struct {
	ID string `json:"id"`
}

type key struct {
	ID     string `json:"id"`
	Secret string `json:"key"`
}

type balance struct {
	Currency  string `json:"currency"`
	Available pico   `json:"available"`
	Held      pico   `json:"held"`
}

// tokens are disjoint classes.
type tokens struct {
	Input      int64 `json:"input"`
	Cached     int64 `json:"cached"`
	CacheWrite int64 `json:"cache_write"`
	Output     int64 `json:"output"`
	Reasoning  int64 `json:"reasoning"`
}

type usage struct {
	ID        string `json:"id"`
	Model     string `json:"model"`
	Engine    string `json:"engine"`
	Endpoint  string `json:"endpoint"`
	Status    string `json:"status"`
	Tokens    tokens `json:"tokens"`
	Estimated bool   `json:"estimated"`
	Simulated bool   `json:"simulated"`
	List      pico   `json:"list"`
	Charge    pico   `json:"charge"`
}

// detail is a call with what booked it.
type detail struct {
	usage
	Transaction struct {
		ID      string `json:"id"`
		Entries []struct {
			Account string `json:"account"`
			Owner   string `json:"owner"`
			Amount  pico   `json:"amount"`
		} `json:"entries"`
	} `json:"transaction"`
}

type verification struct {
	OK         bool `json:"ok"`
	Violations []struct {
		Invariant string `json:"invariant"`
		Where     string `json:"where"`
		What      string `json:"what"`
	} `json:"violations"`
}

// pico is an amount in 1e-12 of its currency. It reads decimal strings on its
// own, so that the tests do not count with the code under test.
type pico int64

const unit pico = 1e12

// UnmarshalJSON reads a quoted decimal such as "-0.0000022".
func (p *pico) UnmarshalJSON(raw []byte) error {
	text, ok := strings.CutPrefix(string(raw), `"`)
	text, ok2 := strings.CutSuffix(text, `"`)
	if !ok || !ok2 {
		return fmt.Errorf("the amount %s is no decimal string", raw)
	}
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	if whole == "" || len(fraction) > 12 {
		return fmt.Errorf("the amount %q is no decimal of up to 12 places", text)
	}
	var n pico
	for _, c := range whole + fraction + strings.Repeat("0", 12-len(fraction)) {
		if c < '0' || c > '9' {
			return fmt.Errorf("the amount %q is no decimal", text)
		}
		n = n*10 + pico(c-'0')
	}
	if negative {
		n = -n
	}
	*p = n
	return nil
}

// tariff is a model's price in pico a token, which is micro a million tokens.
type tariff struct{ input, cached, output pico }

// charge is what the tokens cost, by the definition of a price.
func (p tariff) charge(u tokens) pico {
	return p.input*pico(u.Input+u.CacheWrite) + p.cached*pico(u.Cached) + p.output*pico(u.Output+u.Reasoning)
}

// flags are the price flags of `sluice model price`.
func (p tariff) flags() []string {
	return []string{"--input", perMillion(p.input), "--cached", perMillion(p.cached), "--output", perMillion(p.output), "--currency", "USD"}
}

func perMillion(p pico) string { return fmt.Sprintf("%d.%06d", p/1e6, p%1e6) }

// customer makes an organisation with credit and a key of it.
func (s *server) customer(t testing.TB, name, credit string, keyFlags ...string) (organisation, key) {
	t.Helper()
	org := one[organisation](t, s, "org", "create", name, "--currency", "USD", "--credit", credit)
	return org, s.key(t, org, keyFlags...)
}

// key makes one more key of an organisation.
func (s *server) key(t testing.TB, org organisation, flags ...string) key {
	t.Helper()
	return one[key](t, s, append([]string{"key", "create", "--org", org.ID}, flags...)...)
}

// expiredKey makes a key that has expired. The expiry must be ahead when the
// server reads it, however slow the machine is.
func (s *server) expiredKey(t testing.TB, org organisation) key {
	t.Helper()
	for in := 10 * time.Millisecond; in < patience; in *= 3 {
		r := s.try(t, "key", "create", "--org", org.ID, "--expires-in", in.String(), "--json")
		if r.code != 0 {
			continue
		}
		var k key
		if err := json.Unmarshal([]byte(r.out), &k); err != nil {
			t.Fatal(err)
		}
		time.Sleep(in) // a span of time is what is to pass
		return k
	}
	t.Fatal("no key with an expiry could be made")
	return key{}
}

// sell attaches an engine that serves one model, and prices it.
func (s *server) sell(t testing.TB, model, url string, price tariff) {
	t.Helper()
	s.run(t, "engine", "add", "engine-"+model, "--url", url, "--model", model, "--json")
	s.run(t, append([]string{"model", "price", model, "--json"}, price.flags()...)...)
}

// balance returns what an organisation has.
func (s *server) balance(t testing.TB, org organisation) balance {
	t.Helper()
	return one[balance](t, s, "balance", "--org", org.ID)
}

// usage returns an organisation's calls.
func (s *server) usage(t testing.TB, org organisation, flags ...string) []usage {
	t.Helper()
	return list[usage](t, s, append([]string{"usage", "--org", org.ID}, flags...)...)
}

// verify proves the ledger, of the running server or of the stopped one's folder.
func (s *server) verify(t testing.TB) {
	t.Helper()
	r := s.try(t, "ledger", "verify", "--json")
	if r.code != 0 {
		t.Fatalf("ledger verify: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	if v := one[verification](t, s, "ledger", "verify"); !v.OK || len(v.Violations) > 0 {
		t.Fatalf("ledger verify: %+v", v)
	}
}
