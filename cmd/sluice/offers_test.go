package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/fleet/offer"
	"sluice/infer/box"
)

// TestOffers: programs on the server's PATH are offered and not started, by a
// command that can be run as it stands; what is used is offered no more.
func TestOffers(t *testing.T) {
	dir := t.TempDir()
	started := filepath.Join(dir, "started")
	program := filepath.Join(dir, "llama-server")
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntouch "+started+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	_, data := launch(t)
	file := filepath.Join(data, "models", "My Model.gguf")
	if err := os.WriteFile(file, box.File(), 0o600); err != nil {
		t.Fatal(err)
	}
	look := func() (found []offer.Offer) {
		t.Helper()
		for line := range strings.Lines(sluiceDo(t, data, "engine", "offers", "--json")) {
			var o offer.Offer
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Fatal(err)
			}
			if o.Program == program {
				found = append(found, o)
			}
		}
		return found
	}
	found := look()
	if len(found) != 1 || !slices.Equal(found[0].Commands[0], offer.Words{"sluice", "engine", "add", "my-model-llamacpp", "--model", "my-model", "--", program, "--model", file}) {
		t.Fatalf("%+v", found)
	}
	if out := sluiceDo(t, data, "engine", "offers"); !strings.Contains(out, "-- "+program+" --model '"+file+"'") {
		t.Errorf("a person is told\n%s", out)
	}
	text := ready{URL: "http://127.0.0.1:8080", Offers: found}.text("sluice --data d")
	if !strings.Contains(text, "llama.cpp is on this machine. To use it:\n  sluice --data d engine add my-model-llamacpp --model my-model -- ") {
		t.Errorf("at the start a person is told\n%s", text)
	}
	if _, err := os.Stat(started); err == nil {
		t.Fatal("it was started unasked")
	}
	sluiceDo(t, data, append(found[0].Commands[0][1:3:3], append([]string{"--no-probe"}, found[0].Commands[0][3:]...)...)...)
	if again := look(); again != nil {
		t.Errorf("what is used is offered: %+v", again)
	}
}
