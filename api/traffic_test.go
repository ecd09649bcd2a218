package api_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

func TestTraffic(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	put := func(name string, in api.PutModel) error {
		_, err := w.Local.PutModel(ctx, name, in)
		return err
	}
	for _, name := range []string{"a", "b"} {
		if err := put(name, api.PutModel{}); err != nil {
			t.Fatal(err)
		}
	}
	versions := []sluice.ModelVersion{{Model: "a", Weight: 90}, {Model: "b", Weight: 10}}
	if err := put("both", api.PutModel{Versions: versions, Fallbacks: []string{"a"}}); err != nil {
		t.Fatal(err)
	}
	org, err := w.Local.CreateOrganisation(ctx, api.CreateOrganisation{Name: "own", Currency: "USD"})
	if err != nil {
		t.Fatal(err)
	}
	key, err := w.Local.CreateKey(ctx, api.CreateKey{Organisation: org.ID, Name: "shadow"})
	if err != nil {
		t.Fatal(err)
	}
	if err := put("a", api.PutModel{Shadow: &sluice.Shadow{Model: "b", Part: 25, Key: key.ID}}); err != nil {
		t.Fatal(err)
	}
	list, err := w.Local.Models(ctx, api.Paging{})
	if err != nil || len(list.Data) != 3 || list.Data[0].Shadow == nil || len(list.Data[2].Versions) != 2 || list.Data[2].Fallbacks[0] != "a" {
		t.Errorf("listed %+v, %v", list.Data, err)
	}
	for why, in := range map[string]api.PutModel{
		"no model: add it first": {Fallbacks: []string{"none"}},
		"names itself":           {Fallbacks: []string{"c"}},
		"twice":                  {Fallbacks: []string{"a", "a"}},
		"stands for other":       {Versions: []sluice.ModelVersion{{Model: "both", Weight: 1}}},
		"has a weight":           {Versions: []sluice.ModelVersion{{Model: "a"}}},
		"somebody must pay":      {Shadow: &sluice.Shadow{Model: "b", Part: 1, Key: "key_none"}},
	} {
		if err := put("c", in); sluice.ErrorOf(err).Code != sluice.CodeInvalid || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	if err := put("a", api.PutModel{Versions: []sluice.ModelVersion{{Model: "b", Weight: 1}}}); sluice.ErrorOf(err).Code != sluice.CodeInvalid {
		t.Errorf("a version of another gets versions: %v", err)
	}
	if err := w.Local.DeleteModel(ctx, "b"); sluice.ErrorOf(err).Code != sluice.CodeConflict {
		t.Errorf("a model that others lead to is removed: %v", err)
	}

	// A manifest may name what its engines bring.
	_, err = w.Local.Apply(ctx, api.Apply{Manifest: api.Manifest{
		Models:  []api.ManifestModel{{Name: "new", PutModel: api.PutModel{Fallbacks: []string{"brought"}}}},
		Engines: []api.ManifestEngine{{Name: "e", PutEngine: api.PutEngine{URL: "sim:instant", Models: map[string]string{"brought": ""}}}},
	}})
	if err != nil {
		t.Errorf("a fallback that an engine of the manifest serves: %v", err)
	}
}
