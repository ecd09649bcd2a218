package storetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/money/calendar"
	"sluice/money/electricity"
	"sluice/money/exact"
	"sluice/store"
)

func testPower(t *testing.T, db *store.DB) {
	ctx, slot := t.Context(), electricity.SlotOf(start())
	first := &electricity.Batch{
		ID: "1",
		Drawn: []electricity.Drawn{
			{Slot: slot, Engine: "eng_a", Measured: electricity.Part{Energy: 1 << 50, For: time.Minute}},
			{Slot: slot, Engine: "eng_b", Estimated: electricity.Part{Energy: 5, For: time.Microsecond}},
			{Slot: slot.Add(electricity.Slot), Engine: "eng_a", Measured: electricity.Part{Energy: 9, For: time.Second}},
		},
		Worked:  []electricity.Worked{{Slot: slot, Engine: "eng_a", Model: "m", Tokens: electricity.Tokens{Read: 3, Written: 4}}},
		Watched: []electricity.Watched{{Engine: "eng_a", Name: "a", First: slot, Last: slot.Add(time.Minute)}},
	}
	for range 2 { // the second time it is known
		if err := db.AddPower(ctx, first); err != nil {
			t.Fatal(err)
		}
	}
	second := *first
	second.ID = "2"
	second.Watched = []electricity.Watched{{Engine: "eng_a", Name: "b", First: slot.Add(time.Hour), Last: slot.Add(2 * time.Hour)}}
	if err := db.AddPower(ctx, &second); err != nil {
		t.Fatal(err)
	}
	drawn, worked, watched, err := db.Power(ctx, slot, slot.Add(electricity.Slot))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]electricity.Drawn{
		{Slot: slot, Engine: "eng_a", Measured: electricity.Part{Energy: 1 << 51, For: 2 * time.Minute}},
		{Slot: slot, Engine: "eng_b", Estimated: electricity.Part{Energy: 10, For: 2 * time.Microsecond}},
	}, drawn); d != "" {
		t.Errorf("drawn (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]electricity.Worked{{Slot: slot, Engine: "eng_a", Model: "m", Tokens: electricity.Tokens{Read: 6, Written: 8}}}, worked); d != "" {
		t.Errorf("worked (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]electricity.Watched{{Engine: "eng_a", Name: "b", First: slot, Last: slot.Add(2 * time.Hour)}}, watched); d != "" {
		t.Errorf("watched (-want +got):\n%s", d)
	}
}

func testPowerContract(t *testing.T, db *store.DB) {
	ctx := t.Context()
	if none := must[*electricity.Contract](t)(db.PowerContract(ctx)); len(none.Terms()) != 0 {
		t.Errorf("terms of nobody: %v", none.Terms())
	}
	night := []calendar.Version{{Zone: "Asia/Shanghai", Arcs: []calendar.Arc{{From: 0, To: 420}}}}
	later := start().Truncate(time.Hour)
	for _, terms := range [][]electricity.Terms{
		{{Currency: "CNY", Price: exact.Of(1, 4), Contracted: 1, ContractedPrice: exact.Int(2), Overhead: 3}},
		{{Currency: "CNY", Price: exact.Of(1, 2), Bands: []electricity.Band{{Name: "night", Price: exact.Of(1, 10), Hours: night}}}, {From: later, Currency: "CNY", Price: exact.Of(3, 4)}},
	} {
		if err := db.PutPowerContract(ctx, must[*electricity.Contract](t)(electricity.NewContract(terms...))); err != nil {
			t.Fatal(err)
		}
	}
	all := must[*electricity.Contract](t)(db.PowerContract(ctx)).Terms()
	if len(all) != 2 || !all[0].From.IsZero() || all[0].Price.Cmp(exact.Of(1, 2)) != 0 || all[0].Bands[0].Name != "night" || all[0].Contracted != 0 || !all[1].From.Equal(later) {
		t.Errorf("terms: %+v", all)
	}
	for _, supply := range []string{`{"chips":1}`, `{"chips":2}`} {
		if err := db.PutPowerSupply(ctx, "eng_a", json.RawMessage(supply)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(map[string]json.RawMessage{"eng_a": json.RawMessage(`{"chips":2}`)}, must[map[string]json.RawMessage](t)(db.PowerSupplies(ctx))); d != "" {
		t.Errorf("supplies (-want +got):\n%s", d)
	}
	if err := db.RemovePowerSupply(ctx, "eng_a"); err != nil {
		t.Fatal(err)
	}
	fails(t, "a supply that is gone", db.RemovePowerSupply(ctx, "eng_a"), sluice.CodeNotFound)
}
