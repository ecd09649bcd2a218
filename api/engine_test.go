package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/fleet"
)

func TestEngines(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	secret := "s3cret"
	made, err := w.Local.PutEngine(ctx, "gpu 1", api.PutEngine{
		URL: "http://127.0.0.1:1/v1/", Secret: &secret, Models: map[string]string{"zai/glm": "glm-own", "same": ""}, Concurrent: 4, FirstByteTimeout: "90s",
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Kind != sluice.EngineHTTP || made.URL != "http://127.0.0.1:1/" && made.URL != "http://127.0.0.1:1" || made.OnLeave != sluice.LeaveCancel || !made.HasSecret || made.FirstByteTimeout != "1m30s" {
		t.Errorf("made %+v", made)
	}
	if d := cmp.Diff(map[string]string{"zai/glm": "glm-own", "same": "same"}, made.Models); d != "" {
		t.Errorf("its models (-want +got):\n%s", d)
	}
	if made.Status == nil || made.Status.Health != fleet.HealthServing {
		t.Errorf("its state %+v", made.Status)
	}
	models, err := w.Local.Models(ctx, api.Paging{})
	if err != nil || len(models.Data) != 2 || models.Data[1].Name != "zai/glm" {
		t.Errorf("what it serves is not sold: %+v, %v", models.Data, err)
	}

	changed, err := w.Local.PutEngine(ctx, "gpu 1", api.PutEngine{URL: "http://127.0.0.1:2", Models: map[string]string{"same": "same"}, OnLeave: sluice.LeaveDrain})
	if err != nil || changed.ID != made.ID || !changed.HasSecret || len(changed.Models) != 1 || changed.OnLeave != sluice.LeaveDrain || changed.Concurrent != 0 {
		t.Errorf("changed to %+v, %v", changed, err)
	}
	if stored, err := w.Store.Engines(ctx); err != nil || stored[0].Secret != secret {
		t.Errorf("the secret did not stay: %v", err)
	}
	empty := ""
	if changed, err = w.Local.PutEngine(ctx, "gpu 1", api.PutEngine{URL: "http://127.0.0.1:2", Secret: &empty, Models: map[string]string{"same": "same"}}); err != nil || changed.HasSecret {
		t.Errorf("the secret was not removed: %+v, %v", changed, err)
	}

	if _, err := w.Local.PutEngine(ctx, "sim", api.PutEngine{URL: "sim:instant", Models: map[string]string{"same": "same"}}); err != nil {
		t.Fatal(err)
	}
	list, err := w.Local.Engines(ctx, api.Paging{})
	if err != nil || len(list.Data) != 2 || list.Data[1].Kind != sluice.EngineSimulated {
		t.Errorf("listed %+v, %v", list.Data, err)
	}
	status, err := w.Local.Status(ctx)
	if err != nil || status.Engines != 2 || status.EnginesServing != 2 || status.Version != "test" {
		t.Errorf("the status %+v, %v", status, err)
	}
	if err := w.Local.DeleteEngine(ctx, "sim"); err != nil {
		t.Error(err)
	}
	if err := w.Local.DeleteEngine(ctx, "sim"); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("removed twice: %v", err)
	}
	if got := w.Fleet.Status(); len(got) != 1 {
		t.Errorf("the fleet did not follow: %+v", got)
	}
	if err := w.Local.DeleteModel(ctx, "zai/glm"); err != nil {
		t.Errorf("a model with a slash: %v", err)
	}
}

// TestLacks shows what an engine lacks: what it is said to, and what no engine
// of its kind has.
func TestLacks(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	in := api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": "m"}, Lacks: []string{"files", "images", "files"}}
	made, err := w.Local.PutEngine(ctx, "gpu", in)
	if d := cmp.Diff([]string{"images", "files"}, made.Lacks); err != nil || d != "" {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	in.Lacks = nil
	if made, err = w.Local.PutEngine(ctx, "gpu", in); err != nil || len(made.Lacks) != 0 {
		t.Errorf("put without: %v, %v", made.Lacks, err)
	}
	in.Lacks = []string{"charm"}
	if _, err = w.Local.PutEngine(ctx, "gpu", in); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("a feature that is none: %v", err)
	}
	sim, err := w.Local.PutEngine(ctx, "sim", api.PutEngine{URL: "sim:instant", Models: map[string]string{"m": "m"}})
	if err != nil || !slices.Contains(sim.Lacks, "json_schema") {
		t.Errorf("a simulator: %v, %v", sim.Lacks, err)
	}
}

func TestBadEngines(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	serves := map[string]string{"m": "m"}
	for name, in := range map[string]api.PutEngine{
		"no URL":                    {Models: serves},
		"a file":                    {URL: "file:///etc/passwd", Models: serves},
		"no models":                 {URL: "http://127.0.0.1:1"},
		"a model's name":            {URL: "http://127.0.0.1:1", Models: map[string]string{"a b": "x"}},
		"a chip that is none":       {URL: "sim:abacus", Models: serves},
		"http for a simulator":      {URL: "sim:instant", Kind: sluice.EngineHTTP, Models: serves},
		"a kind that is none":       {URL: "http://127.0.0.1:1", Kind: "ftp", Models: serves},
		"a policy that is none":     {URL: "http://127.0.0.1:1", OnLeave: "stay", Models: serves},
		"embedded with a URL":       {URL: "http://127.0.0.1:1", Kind: sluice.EngineEmbedded, Models: serves},
		"no time":                   {URL: "http://127.0.0.1:1", FirstByteTimeout: "soon", Models: serves},
		"a negative number of them": {URL: "http://127.0.0.1:1", Concurrent: -1, Models: serves},
	} {
		if _, err := w.Local.PutEngine(ctx, "e", in); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v, want invalid", name, err)
		}
	}
	if got, err := w.Store.Engines(ctx); err != nil || len(got) != 0 {
		t.Errorf("refused engines left %v, %v", got, err)
	}
}

// TestEnginePutBack has the fleet refuse an engine that the API cannot judge:
// it must not stay, where it would stop every later change.
func TestEnginePutBack(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	embedded := api.PutEngine{Kind: sluice.EngineEmbedded, Models: map[string]string{"m": "m"}}
	if _, err := w.Local.PutEngine(ctx, "new", embedded); err == nil {
		t.Fatal("the fleet took an embedded engine, which this world has not")
	}
	if _, err := w.Local.PutEngine(ctx, "old", api.PutEngine{URL: "sim:instant", Models: map[string]string{"m": "m"}}); err != nil {
		t.Fatalf("a good engine after it: %v", err)
	}
	if _, err := w.Local.PutEngine(ctx, "old", embedded); err == nil {
		t.Fatal("the fleet took it in the place of another")
	}
	got, err := w.Local.Engines(ctx, api.Paging{})
	if err != nil || len(got.Data) != 1 || got.Data[0].Name != "old" || got.Data[0].Kind != sluice.EngineSimulated || got.Data[0].Status == nil {
		t.Errorf("the engines are %+v, %v", got.Data, err)
	}
}

// TestEngineProbe shows what was found about an engine, and that it counts
// where its operator says nothing.
func TestEngineProbe(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	in := api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": "own"}}
	put := func() api.Engine {
		t.Helper()
		e, err := w.Local.PutEngine(ctx, "gpu", in)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := put()
	if e.Probe != nil {
		t.Errorf("probed from the beginning: %+v", e.Probe)
	}
	found := &sluice.ProbeResult{
		URL: e.URL, Model: "own", Driver: "vllm", Version: "0.11.0", Label: sluice.CountsExact, Lacks: sluice.FeatureImages,
		Findings: []string{"It refuses images."}, At: w.Now(),
	}
	if err := w.Store.PutProbe(ctx, e.ID, found); err != nil {
		t.Fatal(err)
	}
	if e = put(); e.Probe == nil || e.Probe.Label != sluice.CountsExact || e.Probe.Outdated || !slices.Equal(e.Lacks, []string{"images"}) {
		t.Errorf("probed: %+v, %v", e.Probe, e.Lacks)
	}
	in.Lacks = []string{"seed"}
	if e = put(); !slices.Equal(e.Lacks, []string{"seed"}) {
		t.Errorf("the operator says seed, it lacks %v", e.Lacks)
	}
	in.Lacks, in.URL, in.Driver, in.NoProbe = nil, "http://127.0.0.1:2", "sglang", true
	if e = put(); len(e.Lacks) > 0 || !e.Probe.Outdated || e.Driver != "sglang" || !e.NoProbe {
		t.Errorf("elsewhere: %+v, %+v", e, e.Probe)
	}
	in.Driver = "abacus"
	if _, err := w.Local.PutEngine(ctx, "gpu", in); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("an engine that nobody knows: %v", err)
	}
}
