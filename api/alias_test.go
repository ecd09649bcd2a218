package api_test

import (
	"strings"
	"testing"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// TestAliases: no name means two models, whichever way it is written.
func TestAliases(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	put := func(name string, aliases ...string) error {
		_, err := w.Local.PutModel(ctx, name, api.PutModel{Aliases: aliases})
		return err
	}
	for name, aliases := range map[string][]string{"one": {"claude-one", "uno"}, "two": {"claude-two"}} {
		if err := put(name, aliases...); err != nil {
			t.Fatal(err)
		}
	}
	for name, err := range map[string]error{
		"another's alias":                    put("two", "claude-two", "uno"),
		"another's name":                     put("two", "one"),
		"its own name":                       put("two", "two"),
		"a name that is an alias of another": put("claude-one"),
		"no name":                            put("two", "a b"),
	} {
		if sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := put("one", "uno"); err != nil {
		t.Errorf("the same again, less one: %v", err)
	}
	if err := put("two", "claude-two", "claude-one"); err != nil {
		t.Errorf("an alias that became free: %v", err)
	}
	m := parsed(t, "models:\n- name: three\n  aliases: [tre, uno]\n")
	if _, err := w.Local.Apply(ctx, api.Apply{Manifest: m}); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("applied over another's alias: %v", err)
	}
	m.Models[0].Aliases = []string{"tre"}
	if _, err := w.Local.Apply(ctx, api.Apply{Manifest: m}); err != nil {
		t.Errorf("applied: %v", err)
	}
	if done, err := w.Local.Apply(ctx, api.Apply{Manifest: m}); err != nil || done.Changes[0].Action != "unchanged" {
		t.Errorf("applied again: %+v, %v", done.Changes, err)
	}
}

// TestHiddenModels: what is hidden is listed to the operator alone.
func TestHiddenModels(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	for name, hidden := range map[string]bool{"shown": false, "hidden": true} {
		if _, err := w.Local.PutModel(ctx, name, api.PutModel{Hidden: hidden}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Local.PriceModel(ctx, api.PriceModel{Currency: "USD", ModelPrices: api.ModelPrices{Model: name, ClassPrices: prices(t, "1", "", "2")}}); err != nil {
			t.Fatal(err)
		}
	}
	o := w.Org("customer")
	for who, key := range map[string]string{"operator": keyOf(t, w, sluice.RoleAdmin), "customer": w.Key(sluice.RoleOwner, o.ID).Secret} {
		_, body := do(t, w, "GET", "/models", key, "")
		if strings.Contains(body, `"hidden"`) != (who == "operator") || !strings.Contains(body, `"shown"`) {
			t.Errorf("the %s sees %s", who, body)
		}
	}
	if _, body := do(t, w, "GET", "/public/models", "", ""); strings.Contains(body, `"hidden"`) || !strings.Contains(body, `"shown"`) {
		t.Errorf("everybody sees %s", body)
	}
}
