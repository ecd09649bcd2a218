package api_test

import (
	"errors"
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

func TestSyncEngines(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	pod := func(name, url, model string) sluice.Engine {
		return sluice.Engine{Name: name, Kind: sluice.EngineHTTP, URL: url, Models: map[string]string{model: model}, OnLeave: sluice.LeaveCancel}
	}
	sync := func(found ...sluice.Engine) error {
		refused, err := w.API.SyncEngines(ctx, sluice.OriginKubernetes, found)
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(refused...)
	}
	names := func() string {
		engines, err := w.Local.Engines(ctx, api.Paging{})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, e := range engines.Data {
			all = append(all, e.Name+" "+e.Origin+" "+e.URL)
		}
		return strings.Join(all, "\n")
	}
	if _, err := w.Local.PutEngine(ctx, "own", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"a": ""}}); err != nil {
		t.Fatal(err)
	}
	if err := sync(pod("ns.a", "http://127.0.0.1:2", "found"), pod("ns.b", "http://127.0.0.1:3", "found")); err != nil {
		t.Fatal(err)
	}
	if got, want := names(), "ns.a kubernetes http://127.0.0.1:2/\nns.b kubernetes http://127.0.0.1:3/\nown  http://127.0.0.1:1/"; got != want {
		t.Errorf("the engines are\n%s\nwant\n%s", got, want)
	}
	models, err := w.Local.Models(ctx, api.Paging{})
	if err != nil || len(models.Data) != 2 {
		t.Errorf("what they serve is not there: %+v, %v", models.Data, err)
	}
	reloads := w.Reloads.Load()
	if err := sync(pod("ns.a", "http://127.0.0.1:2", "found"), pod("ns.b", "http://127.0.0.1:3", "found")); err != nil || w.Reloads.Load() != reloads {
		t.Errorf("what was found already is taken up once more: %v", err)
	}

	// One changes, one goes; a name that an operator has, and what is no engine, are told and keep nothing out.
	err = sync(pod("ns.a", "http://127.0.0.1:9", "found"), pod("own", "http://127.0.0.1:4", "found"), pod("ns.c", "no url", "found"), pod("ns.d", "http://127.0.0.1:5", "found"))
	if err == nil || !strings.Contains(err.Error(), `"own"`) || !strings.Contains(err.Error(), `"ns.c"`) {
		t.Errorf("what is refused is not told: %v", err)
	}
	if got, want := names(), "ns.a kubernetes http://127.0.0.1:9/\nns.d kubernetes http://127.0.0.1:5/\nown  http://127.0.0.1:1/"; got != want {
		t.Errorf("the engines are\n%s\nwant\n%s", got, want)
	}

	// What was found is not an operator's to change.
	_, err = w.Local.PutEngine(ctx, "ns.a", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"a": ""}})
	if sluice.ErrorOf(err).Code != sluice.CodeConflict {
		t.Errorf("changing one: %v", err)
	}
	if err := w.Local.DeleteEngine(ctx, "ns.a"); sluice.ErrorOf(err).Code != sluice.CodeConflict {
		t.Errorf("removing one: %v", err)
	}
	if err := sync(); err != nil || names() != "own  http://127.0.0.1:1/" {
		t.Errorf("with none left: %s, %v", names(), err)
	}
}
