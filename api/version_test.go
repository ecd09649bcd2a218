package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/client"
)

// change is how a resource is changed, twice, and which member differs for it.
type change struct {
	address       string // below the prefix
	method        string
	first, second string
	member        string
}

// changes are one for each address with an entity tag, by its pattern.
func changes(t *testing.T, w *apitest.World) map[string]change {
	t.Helper()
	ctx := t.Context()
	org := w.Org("acme").ID
	key := w.Key(sluice.RoleDeveloper, org)
	hook, err := w.Local.CreateWebhook(ctx, org, api.CreateWebhook{URL: "https://hooks.example.com/", Events: []string{"batch.*"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.PutEngine(ctx, "gpu1", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": "m"}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.PutModel(ctx, "m", api.PutModel{}); err != nil {
		t.Fatal(err)
	}
	budget, err := w.Local.CreateBudget(ctx, org, api.SetBudget{Amount: amount(t, "5.00")})
	if err != nil {
		t.Fatal(err)
	}
	user := w.User("ada@example.com", sluice.RoleAdmin)
	return map[string]change{
		"/keys/{key}": {"/keys/" + key.ID, "PATCH", `{"name":"one"}`, `{"name":"two"}`, "name"},
		"/organisations/{organisation}/webhooks/{webhook}": {"/organisations/" + org + "/webhooks/" + hook.ID, "PATCH", `{"url":"https://one.example.com/"}`, `{"url":"https://two.example.com/"}`, "url"},
		"/organisations/{organisation}/billing":            {"/organisations/" + org + "/billing", "PUT", `{"name":"one"}`, `{"name":"two"}`, "name"},
		"/organisations/{organisation}/budgets/{budget}":   {"/organisations/" + org + "/budgets/" + budget.ID, "PUT", `{"amount":"1.00"}`, `{"amount":"2.00"}`, "amount"},
		"/projects/{project}":                              {"/projects/" + project(t, w, org), "PATCH", `{"name":"one"}`, `{"name":"two"}`, "name"},
		"/models/{model}":                                  {"/models/m", "PUT", `{"description":"one"}`, `{"description":"two"}`, "description"},
		"/seller":                                          {"/seller", "PUT", `{"name":"one"}`, `{"name":"two"}`, "name"},
		"/engines/{engine}":                                {"/engines/gpu1", "PUT", `{"url":"http://127.0.0.1:1","models":{"m":"m"},"lacks":["images"]}`, `{"url":"http://127.0.0.1:1","models":{"m":"m"},"lacks":["tools"]}`, "lacks"},
		"/books/settings":                                  {"/books/settings", "PUT", `{"reference":"one"}`, `{"reference":"two"}`, "reference"},
		"/users/{user}":                                    {"/users/" + user.ID, "PATCH", `{"name":"one"}`, `{"name":"two"}`, "name"},
		"/power/limit":                                     {"/power/limit", "PUT", `{"limit_watts":1000}`, `{"limit_watts":2000}`, "limit_watts"},
		"/power/price":                                     {"/power/price", "PUT", `{"terms":[{"since":"2026-01-01T00:00:00Z","currency":"USD","price":"0.10"}]}`, `{"terms":[]}`, "terms"},
	}
}

// elsewhere are addresses whose tests stand with what they are of.
var elsewhere = []string{"/chats/{chat}"} //nolint:gochecknoglobals // data of a test

// request asks the operator's own server.
func request(t *testing.T, w *apitest.World, method, path, body, match string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, api.Prefix+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if match != "" {
		r.Header.Set("If-Match", match)
	}
	rec := httptest.NewRecorder()
	w.API.Local().ServeHTTP(rec, r)
	return rec
}

// TestVersions changes each resource that has an entity tag as two people do who
// have read the same.
func TestVersions(t *testing.T) {
	w := apitest.New(t)
	all := changes(t, w)
	for _, path := range tagged(t) {
		if _, ok := all[path]; !ok && !slices.Contains(elsewhere, path) {
			t.Errorf("%s has an entity tag and no row here", path)
		}
	}
	for path, c := range all {
		t.Run(strings.ReplaceAll(path, "/", " "), func(t *testing.T) {
			read := request(t, w, "GET", c.address, "", "")
			tag := read.Header().Get("ETag")
			if read.Code != http.StatusOK || tag == "" || tag != request(t, w, "GET", c.address, "", "").Header().Get("ETag") {
				t.Fatalf("%d, tag %q: %s", read.Code, tag, read.Body)
			}
			if first := request(t, w, c.method, c.address, c.first, tag); first.Code != http.StatusOK && first.Code != http.StatusNoContent {
				t.Fatalf("the first change: %d %s", first.Code, first.Body)
			}
			for _, match := range []string{tag, "W/" + tag, `"x", ` + tag} {
				second := request(t, w, c.method, c.address, c.second, match)
				var p api.Problem
				if err := json.Unmarshal(second.Body.Bytes(), &p); err != nil || second.Code != http.StatusPreconditionFailed || p.Code != "changed" || p.Current == nil {
					t.Fatalf("the second change with %s: %d %s", match, second.Code, second.Body)
				}
				if match == tag && !slices.Equal(p.Changed, []string{c.member}) {
					t.Errorf("%q differ, want %s", p.Changed, c.member)
				}
				tagNow := second.Header().Get("ETag")
				if now := request(t, w, "GET", c.address, "", ""); tagNow != now.Header().Get("ETag") || tagNow == tag {
					t.Errorf("the tag is %q, and the refusal says %q", now.Header().Get("ETag"), tagNow)
				}
			}
			now := request(t, w, "GET", c.address, "", "").Header().Get("ETag")
			for _, match := range []string{now, "*", ""} {
				if again := request(t, w, c.method, c.address, c.second, match); again.Code >= 300 {
					t.Errorf("with %q: %d %s", match, again.Code, again.Body)
				}
			}
		})
	}
}

// tagged lists the addresses whose GET has an entity tag, by the contract.
func tagged(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct{ Headers map[string]any } `yaml:"responses"`
		} `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var paths []string
	for path, ops := range doc.Paths {
		if ops["get"].Responses["200"].Headers["ETag"] != nil {
			paths = append(paths, path)
		}
	}
	if len(paths) < 8 {
		t.Fatalf("only %q have entity tags", paths)
	}
	return paths
}

// TestVersionOfWhatIsGone changes what somebody has deleted, and deletes what somebody has changed.
func TestVersionOfWhatIsGone(t *testing.T) {
	w := apitest.New(t)
	put := `{"url":"http://127.0.0.1:1","models":{"m":"m"}}`
	if made := request(t, w, "PUT", "/engines/gpu1", put, ""); made.Code != http.StatusOK {
		t.Fatal(made.Code, made.Body)
	}
	tag := request(t, w, "GET", "/engines/gpu1", "", "").Header().Get("ETag")
	if changed := request(t, w, "PUT", "/engines/gpu1", `{"url":"http://127.0.0.1:2","models":{"m":"m"}}`, tag); changed.Code != http.StatusOK {
		t.Fatal(changed.Code, changed.Body)
	}
	if gone := request(t, w, "DELETE", "/engines/gpu1", "", tag); gone.Code != http.StatusPreconditionFailed {
		t.Errorf("an engine that was changed is deleted: %d %s", gone.Code, gone.Body)
	}
	if gone := request(t, w, "DELETE", "/engines/gpu1", "", ""); gone.Code != http.StatusNoContent {
		t.Fatal(gone.Code, gone.Body)
	}
	for _, match := range []string{tag, "*"} {
		if late := request(t, w, "PUT", "/engines/gpu1", put, match); late.Code != http.StatusPreconditionFailed || strings.Contains(late.Body.String(), "current") {
			t.Errorf("an engine that is gone is changed: %d %s", late.Code, late.Body)
		}
	}
}

// TestVersionOfUse keeps a key's tag while it is used, since nobody changed it.
func TestVersionOfUse(t *testing.T) {
	w := apitest.New(t)
	org := w.Org("acme")
	w.Credit(org.ID, "10.00")
	key := w.Key(sluice.RoleDeveloper, org.ID)
	before := request(t, w, "GET", "/keys/"+key.ID, "", "")
	w.Call(sluice.Event{Org: org.ID, Key: key.ID, Model: "m", Book: "book_1", List: 5, Charge: 5})
	w.Advance(time.Hour)
	after := request(t, w, "GET", "/keys/"+key.ID, "", "")
	if before.Header().Get("ETag") != after.Header().Get("ETag") {
		t.Errorf("%s became %s", before.Body, after.Body)
	}
}

// TestVersionsAtOnce lets one of many win who read the same and change it at once.
func TestVersionsAtOnce(t *testing.T) {
	w := apitest.New(t)
	key := w.Key(sluice.RoleDeveloper, w.Org("acme").ID)
	tag := request(t, w, "GET", "/keys/"+key.ID, "", "").Header().Get("ETag")
	var won, lost int
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		wg.Go(func() {
			code := request(t, w, "PATCH", "/keys/"+key.ID, `{"name":"`+name+`"}`, tag).Code
			mu.Lock()
			defer mu.Unlock()
			switch code {
			case http.StatusOK:
				won++
			case http.StatusPreconditionFailed:
				lost++
			}
		})
	}
	wg.Wait()
	if won != 1 || lost != 7 {
		t.Errorf("%d won and %d lost", won, lost)
	}
}

// TestCarefulClient changes what a client has read, and not what somebody else changed since.
func TestCarefulClient(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	a, err := client.New(w.URL, w.Key(sluice.RoleOwner, "").Secret)
	if err != nil {
		t.Fatal(err)
	}
	a.Careful = true
	limit := func(watts int64) api.PowerLimit { return api.PowerLimit{Limit: watts} }
	if _, err := a.PowerLimit(ctx); err != nil {
		t.Fatal(err)
	}
	for _, watts := range []int64{1000, 2000} { // its own changes do not stand in its way
		if _, err := a.PutPowerLimit(ctx, limit(watts)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.PowerLimit(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Local.PutPowerLimit(ctx, limit(3000)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.PutPowerLimit(ctx, limit(4000)); sluice.CodeOf(err) != "changed" {
		t.Errorf("the other's change is lost: %v", err)
	}
	if now, err := w.Local.PowerLimit(ctx); err != nil || now.Limit != 3000 {
		t.Errorf("%+v, %v", now, err)
	}
}
