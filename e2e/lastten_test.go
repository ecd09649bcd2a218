package e2e

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"

	"sluice/store/storetest/pgtest"
)

// TestBalanceForTen sends 1,000 calls at once on a balance for exactly 10.
func TestBalanceForTen(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { balanceForTen(t, start(t, t.TempDir())) })
	t.Run("PostgreSQL", func(t *testing.T) {
		dsn := postgres(t)
		s := start(t, t.TempDir(), "--database", dsn)
		s.env = append(s.env, "SLUICE_DATABASE="+dsn) // for `ledger verify` on the stopped server's database
		balanceForTen(t, s)
	})
}

func balanceForTen(t *testing.T, s *server) {
	const calls = 1000
	eng := newEngine(t)
	o := order{prompt: 20, output: 20}
	price := tariff{input: 20_000 * 1e6, cached: 20_000 * 1e6, output: 30_000 * 1e6} // USD 1.00 a call
	if price.charge(o.tokens()) != unit {
		t.Fatalf("a call costs %d pico, want %d", price.charge(o.tokens()), unit)
	}
	s.sell(t, "m", eng.URL, price)
	org, key := s.customer(t, "acme", "10.00")

	client := web(t, calls)
	body := chatBody("m", o, false, false)
	replies := make([]reply, calls)
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range calls {
		wg.Go(func() {
			<-begin
			var err error
			if replies[i], err = send(client, http.MethodPost, s.ready.URL+"/v1/chat/completions", key.Secret, strings.NewReader(body)); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	close(begin)
	wg.Wait()

	count := map[int]int{}
	for _, r := range replies {
		count[r.status]++
		if r.status == http.StatusPaymentRequired && r.failure(t).Error.Code != "insufficient_funds" {
			t.Errorf("a refusal says %s", r.body)
		}
	}
	if count[http.StatusOK] != 10 || count[http.StatusPaymentRequired] != 990 {
		t.Errorf("statuses are %v, want 10 × 200 and 990 × 402", count)
	}
	if asked := eng.asked.Load(); asked != 10 {
		t.Errorf("the engine was asked %d times, want 10", asked)
	}
	if got := len(s.usage(t, org)); got != 10 {
		t.Errorf("usage shows %d calls, want 10", got)
	}
	if b := s.balance(t, org); b.Available != 0 || b.Held != 0 {
		t.Errorf("the balance is %+v, want exactly nothing, nothing held", b)
	}
	s.verify(t)
	client.CloseIdleConnections() // a server that stops waits 5 s for connections without a request
	s.stop(t)
	s.verify(t)
}

// postgres returns a URL of an empty PostgreSQL database, or skips the test.
func postgres(t testing.TB) string {
	t.Helper()
	at := map[string]string{}
	for pair := range strings.FieldsSeq(pgtest.StartUnsynced(t)) {
		name, value, _ := strings.Cut(pair, "=")
		at[name] = value
	}
	u := url.URL{
		Scheme: "postgres", User: url.User(at["user"]), Path: path.Join("/", at["dbname"]),
		RawQuery: url.Values{"host": {at["host"]}, "sslmode": {at["sslmode"]}}.Encode(),
	}
	return u.String()
}
