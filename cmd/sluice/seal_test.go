package main

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"sluice"
	"sluice/store"
)

// TestSeal shows what the database holds of an engine's credential, and where
// it can be opened again.
func TestSeal(t *testing.T) {
	dir := t.TempDir()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "sluice.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var log bytes.Buffer
	c, err := newCatalogue(db, dir, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	engine := func(name, url, secret string) *sluice.Engine {
		return &sluice.Engine{
			ID: sluice.NewID(sluice.PrefixEngine, clock()), Name: name, Kind: sluice.EngineHTTP, URL: url, Secret: secret,
			Models: map[string]string{"m": "m"}, OnLeave: sluice.LeaveCancel, CreatedAt: clock(),
		}
	}
	for _, e := range []*sluice.Engine{engine("a", "http://a", "sesame"), engine("b", "http://b", "sesame"), engine("open", "http://c", "")} {
		stored, err := c.PutEngine(t.Context(), e)
		if err != nil || stored.Secret != e.Secret {
			t.Fatalf("%s is returned as %+v, %v", e.Name, stored, err)
		}
	}

	secrets := func(read func(context.Context) ([]*sluice.Engine, error)) (all [3]string) {
		engines, err := read(t.Context())
		if err != nil || len(engines) != len(all) {
			t.Fatalf("%d engines, %v", len(engines), err)
		}
		for i, e := range engines {
			all[i] = e.Secret
		}
		return all
	}
	kept := secrets(db.Engines)
	if kept[2] != "" || kept[0] == kept[1] || !strings.HasPrefix(kept[0], sealedPrefix) || strings.Contains(kept[0], "sesame") {
		t.Errorf("the database keeps %q", kept)
	}
	if got := secrets(c.Engines); got != [3]string{"sesame", "sesame", ""} || log.Len() > 0 {
		t.Errorf("opened again they are %q; %s", got, log.String())
	}

	// The same key is there at the next start.
	again, err := newCatalogue(db, dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if got := secrets(again.Engines); got[0] != "sesame" {
		t.Errorf("after a restart it is %q", got[0])
	}

	// Put to another engine or URL, altered, or in the clear, it opens nowhere.
	for _, e := range []*sluice.Engine{
		engine("b", "http://b", kept[0]), engine("a", "http://evil", kept[0]), engine("a", "http://a", kept[0][:len(kept[0])-4]),
		engine("a", "http://a", sealedPrefix+"%"), engine("a", "http://a", "sesame"),
	} {
		if got, err := c.open(e); err == nil {
			t.Errorf("%+v opens as %q", e, got)
		}
	}

	// Nor with another key.
	other, err := newCatalogue(db, t.TempDir(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if got := secrets(other.Engines); got != [3]string{} || strings.Count(log.String(), "credential cannot be opened") != 2 {
		t.Errorf("another key opens %q; %s", got, log.String())
	}
}
