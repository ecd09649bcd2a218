package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// TestRepeated asks for new keys, which show that an answer is the same one.
func TestRepeated(t *testing.T) {
	w := apitest.New(t)
	owner, other := keyOf(t, w, sluice.RoleOwner), keyOf(t, w, sluice.RoleOwner)
	o := w.Org("one")
	body := fmt.Sprintf(`{"organisation":%q,"name":"a"}`, o.ID)
	ask := func(who, path, key, body string) (*http.Response, string) {
		t.Helper()
		return do(t, w, "POST", path, who, body, api.HeaderIdempotencyKey, key)
	}
	resp, first := ask(owner, "/keys", "k1", body)
	if resp.StatusCode != http.StatusCreated || resp.Header.Get(api.HeaderReplayed) != "" {
		t.Fatalf("the first: %d %s", resp.StatusCode, first)
	}
	resp, again := ask(owner, "/keys", "k1", body)
	if resp.StatusCode != http.StatusCreated || again != first || resp.Header.Get(api.HeaderReplayed) != "true" || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("the second: %d %v %s, want %s", resp.StatusCode, resp.Header, again, first)
	}
	for name, c := range map[string]struct{ path, body string }{
		"another body":      {"/keys", fmt.Sprintf(`{"organisation":%q,"name":"b"}`, o.ID)},
		"another operation": {"/projects", body},
		"another query":     {"/keys?x=1", body},
	} {
		resp, got := ask(owner, c.path, "k1", c.body)
		if p := problemOf(t, resp, got); p.Code != string(sluice.CodeConflict) || p.Param != api.HeaderIdempotencyKey {
			t.Errorf("%s: %s", name, got)
		}
	}
	if resp, got := ask(other, "/keys", "k1", body); resp.StatusCode != http.StatusCreated || got == first {
		t.Errorf("another principal: %d %s", resp.StatusCode, got)
	}

	// What is refused is not kept: it can be put right under the same key.
	if resp, got := ask(owner, "/organisations", "k2", `{"name":"one","currency":"USD"}`); resp.StatusCode != http.StatusConflict {
		t.Errorf("a name that is taken: %d %s", resp.StatusCode, got)
	}
	if resp, got := ask(owner, "/organisations", "k2", `{"name":"two","currency":"USD"}`); resp.StatusCode != http.StatusCreated {
		t.Errorf("put right: %d %s", resp.StatusCode, got)
	}
	if resp, got := ask(owner, "/organisations", "k3", `{"name":`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("a broken body: %d %s", resp.StatusCode, got)
	}

	w.Advance(25 * time.Hour)
	if resp, got := ask(owner, "/keys", "k1", body); resp.StatusCode != http.StatusCreated || got == first {
		t.Errorf("after a day: %d %s", resp.StatusCode, got)
	}
	if resp, got := ask(owner, "/keys", string(make([]byte, 0, 1))+fmt.Sprintf("%0256d", 1), body); problemOf(t, resp, got).Param != api.HeaderIdempotencyKey {
		t.Errorf("a long key: %s", got)
	}
}

// TestRepeatedAtOnce asks for one thing many times at the same moment: it is
// made once, and who is not answered with it is told to ask again.
func TestRepeatedAtOnce(t *testing.T) {
	w := apitest.New(t)
	owner := keyOf(t, w, sluice.RoleOwner)
	var mu sync.Mutex
	made, told := map[string]int{}, 0
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			resp, body := do(t, w, "POST", "/organisations", owner, `{"name":"one","currency":"USD"}`, api.HeaderIdempotencyKey, "k")
			var o api.Organisation
			mu.Lock()
			defer mu.Unlock()
			switch {
			case resp.StatusCode == http.StatusConflict && resp.Header.Get("Retry-After") == "1":
				told++
			case resp.StatusCode != http.StatusCreated || json.Unmarshal([]byte(body), &o) != nil:
				t.Errorf("%d %s", resp.StatusCode, body)
			default:
				made[o.ID]++
			}
		})
	}
	all.Wait()
	if len(made) != 1 {
		t.Errorf("made %v, told %d to ask again", made, told)
	}
}

// TestBegunAndLost finds a request that a server began and did not answer.
func TestBegunAndLost(t *testing.T) {
	w := apitest.New(t)
	owner := keyOf(t, w, sluice.RoleOwner)
	ask := func() (*http.Response, string) {
		return do(t, w, "POST", "/organisations", owner, `{"name":"one","currency":"USD"}`, api.HeaderIdempotencyKey, "k")
	}
	if resp, body := ask(); resp.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	me, err := w.Client(owner).Me(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// sha256("k"): as it would be without its answer.
	lost := &sluice.IdempotentRequest{Principal: me.Key, Key: "8254c329a92850f6d539dd376f4816ee2764517da5e0235514af433164480d7a"}
	known, err := w.Store.BeginRequest(t.Context(), lost)
	if err != nil || known == nil {
		t.Fatalf("%+v, %v", known, err)
	}
	if err := w.Store.EndRequest(t.Context(), lost); err != nil {
		t.Fatal(err)
	}
	known.Status, known.Answer = 0, ""
	if _, err := w.Store.BeginRequest(t.Context(), known); err != nil {
		t.Fatal(err)
	}
	resp, body := ask()
	if p := problemOf(t, resp, body); p.Code != string(sluice.CodeConflict) || resp.Header.Get("Retry-After") != "" {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
