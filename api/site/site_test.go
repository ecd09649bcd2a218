package site_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/browser"
	"sluice/api/site"
)

// shop is a world that sells models, with a history, and its public pages.
func shop(t testing.TB, models, days int) (*apitest.World, *site.Site) {
	t.Helper()
	w := apitest.New(t)
	o := w.Org("one")
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	price := func(text string) *api.Price {
		p, err := sluice.ParsePrice(text)
		must(err)
		return (*api.Price)(&p)
	}
	list := api.PriceList{Currency: "USD", Calendars: []api.Calendar{{Name: "peak", Versions: []api.CalendarVersion{{Zone: "UTC", Arcs: []string{"Mon-Sun 00:00-12:00"}}}}}}
	today := w.Now().UTC().Truncate(24 * time.Hour)
	var rows []sluice.UsageRow
	for n := range models {
		name := fmt.Sprintf("model-%02d", n)
		if _, err := w.Local.PutEngine(ctx, "e-"+name, api.PutEngine{URL: "sim:instant", Models: map[string]string{name: ""}}); err != nil {
			t.Fatal(err)
		}
		_, err := w.Local.PutModel(ctx, name, api.PutModel{Description: "Good at <b>everything</b>", ContextLength: 131072, OwnedBy: "acme"})
		must(err)
		m := api.ModelPrices{Model: name, ClassPrices: api.ClassPrices{Input: price("0.60"), Cached: price("0.11"), Output: price("2.20")}}
		m.When = []api.PriceWhen{{Calendar: "peak", ClassPrices: api.ClassPrices{Input: price("1.20")}}}
		list.Models = append(list.Models, m)
		for day := range days {
			r := sluice.UsageRow{Start: today.AddDate(0, 0, -day), UsageKey: sluice.UsageKey{Org: o.ID, Key: "key_1", Model: name, Currency: "USD"}}
			r.Usage[sluice.ClassInput] = int64(1000 * (n + day + 1))
			r.AddResult(sluice.ResultOK, 1000)
			r.AddResult(string(sluice.CodeEngineFailed), int64(day%7))
			rows = append(rows, r)
		}
	}
	must(w.Store.AddUsage(ctx, rows))
	_, err := w.Local.PublishPriceBook(ctx, api.PublishPriceBook{PriceList: list})
	must(err)
	_, err = w.Local.PutSite(ctx, api.Site{Name: "Acme & Co", Prices: true, Status: true, Rankings: true, Contact: "mailto:help@acme.example"})
	must(err)
	return w, site.New(site.Options{Source: w.API, Browser: browser.New("http://sluice.test", nil), URL: "https://api.acme.example", Console: "/console/", Now: w.Now})
}

func get(t testing.TB, s *site.Site, path string, header ...string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	mux := http.NewServeMux()
	for _, p := range s.Paths() {
		mux.Handle(p, s)
	}
	rec := httptest.NewRecorder()
	mux.ServeHTTP(rec, r)
	resp := rec.Result()
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestPages(t *testing.T) {
	_, s := shop(t, 2, 10)
	for path, says := range map[string][]string{
		"/":                {"Acme &amp; Co", "https://api.acme.example/v1", "model-00", "All models are operational", `href="/console/"`},
		"/prices":          {"model-01", "0.11", "2.20", "128K", "peak until", "mailto:help@acme.example"},
		"/models/model-00": {"&lt;b&gt;everything&lt;/b&gt;", "0.60", "1.20", "Mon-Sun 00:00-12:00", "acme", "<svg class=\"days\""},
		"/status":          {"model-01", "Operational", "99.", "<title>"},
		"/rankings":        {"model-01", "polyline", "%"},
	} {
		for _, lang := range browser.Languages() {
			resp, body := get(t, s, path, "Accept-Language", lang)
			if resp.StatusCode != http.StatusOK || !strings.Contains(body, `<html lang="`+lang+`">`) {
				t.Errorf("%s in %s: %d\n%s", path, lang, resp.StatusCode, body)
			}
			if strings.Contains(body, "<script") || strings.Contains(body, " style=") || strings.Contains(body, "<b>everything") || strings.Contains(body, "ZgotmplZ") {
				t.Errorf("%s in %s: what the policy forbids, or a name as markup:\n%s", path, lang, body)
			}
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") || strings.Contains(csp, "script-src") {
				t.Errorf("%s: the policy is %q", path, csp)
			}
			for _, text := range says {
				if lang == "en" && !strings.Contains(body, text) {
					t.Errorf("%s does not say %q:\n%s", path, text, body)
				}
			}
		}
	}
	if _, body := get(t, s, "/status?lang=zh", "Accept-Language", "en"); !strings.Contains(body, "运行正常") {
		t.Errorf("by ?lang=: %s", body)
	}
	if _, body := get(t, s, "/status", "Accept-Language", "fr-CH, en;q=0.5"); !strings.Contains(body, "opérationnels") {
		t.Errorf("by preference: %s", body)
	}
	if resp, body := get(t, s, "/models/nothing"); resp.StatusCode != http.StatusNotFound || !strings.Contains(body, "There is nothing here") {
		t.Errorf("a model that is not: %d %s", resp.StatusCode, body)
	}
}

// TestSent checks how pages are sent: compressed, and not again.
func TestSent(t *testing.T) {
	w, s := shop(t, 1, 1)
	resp, plain := get(t, s, "/prices")
	tag := resp.Header.Get("ETag")
	if resp, body := get(t, s, "/prices", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified || body != "" {
		t.Errorf("known: %d %s", resp.StatusCode, body)
	}
	resp, small := get(t, s, "/prices", "Accept-Encoding", "br, gzip")
	r, err := gzip.NewReader(strings.NewReader(small))
	if err != nil || resp.Header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("compressed: %v %v", resp.Header, err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != plain {
		t.Errorf("compressed: %v\n%s", err, got)
	}
	css := regexp.MustCompile(`/site/site\.css\?[0-9a-f]+`).FindString(plain)
	if resp, body := get(t, s, css); resp.StatusCode != http.StatusOK || !strings.Contains(body, "--accent") || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("the style %q: %d", css, resp.StatusCode)
	}
	if resp, _ := get(t, s, "/site/other"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("another asset: %d", resp.StatusCode)
	}

	// What is no longer public is gone within seconds.
	if _, err := w.Local.PutSite(t.Context(), api.Site{}); err != nil {
		t.Fatal(err)
	}
	w.Advance(6 * time.Second)
	for _, path := range []string{"/prices", "/models/model-00", "/status", "/rankings"} {
		if resp, _ := get(t, s, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s, not public: %d", path, resp.StatusCode)
		}
	}
	if resp, body := get(t, s, "/"); resp.StatusCode != http.StatusOK || strings.Contains(body, "model-00") || strings.Contains(body, `href="/status"`) {
		t.Errorf("the home of a service that shows nothing: %d %s", resp.StatusCode, body)
	}
}

// TestWords checks that every text is there in every language, and no other.
func TestWords(t *testing.T) {
	used := map[string]bool{}
	texts := regexp.MustCompile(`\bT "([^"]*)"|\bT\("([^"]*)"|(?:tokens|million|one)\([^,()]*(?:"([^"]*)", )?[^"()]*(?:, "([^"]*)")?\)`)
	for _, pattern := range []string{"pages/*.html", "*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range texts.FindAllStringSubmatch(string(text), -1) {
				for _, key := range m[1:] {
					if key != "" {
						used[key] = true
					}
				}
			}
		}
	}
	for _, class := range []string{"input", "output", "day", "month", "Input", "Cached input", "Cache write", "Cache write, kept for an hour", "Output", "Reasoning"} {
		used[class] = true // said of what a price book names
	}
	for _, lang := range browser.Languages()[1:] {
		raw, err := os.ReadFile("messages/" + lang + ".json")
		if err != nil {
			t.Fatal(err)
		}
		words := map[string]string{}
		if err := json.Unmarshal(raw, &words); err != nil {
			t.Fatal(err)
		}
		for key := range used {
			if words[key] == "" {
				t.Errorf("%s lacks %q", lang, key)
			}
			if strings.Count(words[key], "{") != strings.Count(key, "{") {
				t.Errorf("%s says %q for %q: the braces differ", lang, words[key], key)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(words)) {
			if !used[key] {
				t.Errorf("%s has %q, which nobody says", lang, key)
			}
		}
	}
}

// coldLimit is how long the first visitor may wait for a page: 20 ms on a machine that
// has nothing else to do, which the benchmark shows, and five times that on one
// that is slow or busy.
const coldLimit = 100 * time.Millisecond

// TestColdPage writes pages that nobody asked for before, of 40 models with a
// history of 90 days. Of many tries the best one counts: the machine may be busy.
func TestColdPage(t *testing.T) {
	w, s := shop(t, 40, 90)
	s.Warm(t.Context()) // as the server does when it starts
	for _, path := range []string{"/", "/prices", "/models/model-07", "/status", "/rankings"} {
		best := time.Hour
		for range 60 {
			if best <= coldLimit || raced {
				break
			}
			w.Advance(11 * time.Second) // neither the page nor what it shows is kept any longer
			before := time.Now()
			if resp, _ := get(t, s, path); resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d", path, resp.StatusCode)
			}
			best = min(best, time.Since(before))
		}
		t.Logf("%s: %s", path, best)
		if best > coldLimit && !raced {
			t.Errorf("%s takes %s, more than %s", path, best, coldLimit)
		}
	}
}

func BenchmarkColdPage(b *testing.B) {
	w, s := shop(b, 40, 90)
	for _, path := range []string{"/prices", "/status"} {
		b.Run(path[1:], func(b *testing.B) {
			for b.Loop() {
				w.Advance(11 * time.Second)
				get(b, s, path)
			}
		})
	}
	b.Run("kept", func(b *testing.B) {
		for b.Loop() {
			get(b, s, "/prices", "Accept-Encoding", "gzip")
		}
	})
}
