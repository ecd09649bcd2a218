package storetest

import (
	"testing"
	"time"

	"sluice"
	"sluice/money/electricity"
	"sluice/store"
)

// testPrune removes what is old of usage by the hour and of power, and nothing else.
func testPrune(t *testing.T, db *store.DB) {
	day := 24 * time.Hour
	for i := range 10 {
		at := midnight().Add(time.Duration(i) * day)
		row := sluice.UsageRow{Start: at.Add(time.Hour), UsageKey: sluice.UsageKey{Org: "org_a", Key: "key_a", Model: "glm", Currency: "USD"}, UsageSum: sluice.UsageSum{Calls: 1}}
		check(t, db.AddUsage(t.Context(), []sluice.UsageRow{row}))
		batch := electricity.Batch{ID: at.String(), Drawn: []electricity.Drawn{{Slot: at, Engine: "eng_a", Measured: electricity.Part{Energy: 5, For: time.Minute}}}, Worked: []electricity.Worked{{Slot: at, Engine: "eng_a", Model: "glm"}}}
		check(t, db.AddPower(t.Context(), &batch))
	}
	if since := must[time.Time](t)(db.PowerSince(t.Context())); !since.IsZero() {
		t.Errorf("before anything was removed, since %s", since)
	}
	before := midnight().Add(7 * day)
	if n := must[int64](t)(db.PruneUsage(t.Context(), before)); n != 3*7 {
		t.Errorf("%d rows of usage were removed", n)
	}
	if n := must[int64](t)(db.PrunePower(t.Context(), before)); n != 2*7 {
		t.Errorf("%d rows of power were removed", n)
	}
	series := func(step sluice.UsageStep) int {
		return len(must[[]sluice.UsageRow](t)(db.UsageSeries(t.Context(), store.SeriesQuery{Org: "org_a", Since: midnight(), Until: midnight().Add(10 * day), Step: step})))
	}
	if hours, days := series(sluice.UsageHour), series(sluice.UsageDay); hours != 3 || days != 10 {
		t.Errorf("%d hours and %d days are left", hours, days)
	}
	drawn, worked, watched, err := db.Power(t.Context(), midnight(), midnight().Add(10*day))
	if err != nil || len(drawn) != 3 || len(worked) != 3 || len(watched) != 0 || !drawn[0].Slot.Equal(before) {
		t.Errorf("%v, %v, %v, %v are left", drawn, worked, watched, err)
	}
	if since := must[time.Time](t)(db.PowerSince(t.Context())); since.After(before) || since.Before(before.Add(-day)) {
		t.Errorf("power is there since %s", since)
	}
	if n := must[int64](t)(db.PrunePower(t.Context(), before)); n != 0 {
		t.Errorf("again: %d", n)
	}
}
