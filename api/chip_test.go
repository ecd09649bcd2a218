package api_test

import (
	"testing"
	"time"

	"sluice/api"
	"sluice/api/apitest"
	"sluice/fleet/chip"
)

// TestChips: what is found is told, and not looked for again at once.
func TestChips(t *testing.T) {
	w := apitest.New(t)
	w.Chips = &chip.Report{Cards: []chip.Card{{Vendor: "ascend", Index: 3, Name: "910B3", Memory: 64 << 30, Health: chip.Healthy}}, Tools: []chip.Tool{}}
	got, err := w.Local.Chips(t.Context())
	if err != nil || len(got.Cards) != 1 || got.Cards[0].Name != "910B3" || got.Cards[0].Index != 3 {
		t.Fatalf("%+v, %v", got, err)
	}
	w.Chips = &chip.Report{Cards: []chip.Card{}, Tools: []chip.Tool{}}
	if got, err = w.Local.Chips(t.Context()); err != nil || len(got.Cards) != 1 {
		t.Errorf("it was looked for at once again: %+v, %v", got, err)
	}
	w.Advance(time.Minute)
	if got, err = w.Local.Chips(t.Context()); err != nil || len(got.Cards) != 0 {
		t.Errorf("a card that is gone is still told of: %+v, %v", got, err)
	}
}

// TestChangeWithoutTheProcess: who may not say what runs on the machine can change
// the rest of an engine that is started there.
func TestChangeWithoutTheProcess(t *testing.T) {
	w := apitest.New(t)
	def := api.PutProcess{Command: []string{"/nowhere/engine"}, Env: map[string]string{"TOKEN": "kept"}, Port: 1}
	if _, err := w.Local.PutEngine(t.Context(), "program", api.PutEngine{Process: &def, Models: map[string]string{"m": "m"}, Lacks: []string{"images"}}); err != nil {
		t.Fatal(err)
	}
	resp, body := do(t, w, "PUT", "/engines/program", keyOf(t, w, "admin"), `{"kind":"process","models":{"m":"m","n":"n"},"concurrent":3}`)
	if resp.StatusCode != 200 {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	e, err := w.Local.Engine(t.Context(), "program")
	if err != nil || e.Concurrent != 3 || len(e.Models) != 2 || len(e.Declared) != 0 {
		t.Fatalf("%+v, %v", e, err)
	}
	if e.Process == nil || e.Process.Command[0] != "/nowhere/engine" || len(e.Process.EnvNames) != 1 {
		t.Errorf("its process became %+v", e.Process)
	}
}
