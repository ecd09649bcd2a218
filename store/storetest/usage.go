package storetest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

// testUsageSums books calls over three days and reads them as series: before
// they are folded, in the middle and after, which must all say the same.
func testUsageSums(t *testing.T, db *store.DB) {
	day := start().Truncate(24 * time.Hour)
	var all []*sluice.Event
	postings := []sluice.Posting{payment("tx_0", "org_0", sluice.Amount{Nano: 1_000_000}), payment("tx_1", "org_1", sluice.Amount{Nano: 1_000_000})}
	for n := range 90 {
		p := usage(fmt.Sprintf("call_%03d", n), fmt.Sprintf("org_%d", n%2), fmt.Sprintf("key_%d", n%6), sluice.Pico(1_000+n))
		e := p.Event
		e.AdmittedAt = day.Add(time.Duration(n) * 47 * time.Minute)
		e.FirstAt, e.EndedAt = e.AdmittedAt.Add(time.Duration(n+1)*time.Millisecond), e.AdmittedAt.Add(time.Second)
		e.Project, e.Model = fmt.Sprintf("proj_%d", n%4), fmt.Sprintf("model_%d", n%3)
		e.Usage[sluice.ClassImage] = int64(n % 2)
		e.Simulated = n%10 == 0
		all, postings = append(all, e), append(postings, p)
	}
	commit(t, db, postings...)
	refused := sluice.UsageRow{Start: day.Add(90 * time.Minute), UsageKey: sluice.UsageKey{Org: "org_0", Project: "proj_0", Key: "key_0", Model: "model_0", Currency: "USD"}}
	refused.AddResult("rate_limited", 2)
	refused.AddResult(sluice.ResultOK, 1)
	nobody := sluice.UsageRow{Start: day}
	nobody.AddResult("unauthenticated", 1)
	for range 2 {
		if err := db.AddUsage(t.Context(), []sluice.UsageRow{refused, nobody}); err != nil {
			t.Fatal(err)
		}
	}
	counted := []sluice.UsageRow{refused, refused, nobody, nobody}

	queries := map[string]store.SeriesQuery{
		"everybody":            {},
		"by model":             {By: store.UsageByModel},
		"by organisation":      {By: store.UsageByOrganisation},
		"one's":                {Org: "org_0"},
		"one's by key":         {Org: "org_0", By: store.UsageByKey},
		"one's by project":     {Org: "org_1", By: store.UsageByProject},
		"one's of a model":     {Org: "org_1", Model: "model_1"},
		"one's of a key":       {Org: "org_0", Key: "key_2", By: store.UsageByModel},
		"one's of a project":   {Org: "org_0", Project: "proj_2"},
		"from the middle on":   {Since: day.Add(30*time.Hour + 10*time.Minute), By: store.UsageByModel},
		"up to the middle":     {Org: "org_0", Until: day.Add(48 * time.Hour), By: store.UsageByOrganisation},
		"nothing":              {Since: day.Add(240 * time.Hour)},
		"of one who is not":    {Org: "org_9"},
		"everybody's, a model": {Model: "model_2"},
	}
	check := func(state string) {
		t.Helper()
		for name, q := range queries {
			for _, q.Step = range []sluice.UsageStep{sluice.UsageHour, sluice.UsageDay} {
				got, err := db.UsageSeries(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if d := cmp.Diff(plainSeries(t, all, counted, q), got, cmp.AllowUnexported(sluice.Latencies{})); d != "" {
					t.Errorf("%s, by %s, %s (-want +got):\n%s", name, q.Step, state, d)
				}
			}
		}
	}
	check("before it is folded")
	for _, limit := range []int{7, 50, 1000} {
		if _, err := db.FoldUsage(t.Context(), limit); err != nil {
			t.Fatal(err)
		}
		check(fmt.Sprintf("after folding %d", limit))
	}
	if n, err := db.FoldUsage(t.Context(), 1000); n != 0 || err != nil {
		t.Errorf("there are %d more to fold, %v", n, err)
	}
	_, err := db.UsageSeries(t.Context(), store.SeriesQuery{Step: sluice.UsageDay, Key: "key_0"})
	fails(t, "a key of nobody", err, sluice.CodeInvalid)
	_, err = db.UsageSeries(t.Context(), store.SeriesQuery{Step: "week"})
	fails(t, "weeks", err, sluice.CodeInvalid)
}

// plainSeries adds up what a query asks for, call by call.
func plainSeries(t *testing.T, events []*sluice.Event, counted []sluice.UsageRow, q store.SeriesQuery) []sluice.UsageRow {
	t.Helper()
	rows := map[string]*sluice.UsageRow{}
	add := func(at time.Time, key sluice.UsageKey, add func(*sluice.UsageSum) error) {
		since := q.Since.Truncate(q.Step.Duration())
		if at.Before(since) || (!q.Until.IsZero() && !at.Before(q.Until)) || (q.Org != "" && key.Org != q.Org) ||
			(q.Model != "" && key.Model != q.Model) || (q.Key != "" && key.Key != q.Key) || (q.Project != "" && key.Project != q.Project) {
			return
		}
		if q.By == store.UsageByOrganisation && key.Org == "" {
			return
		}
		place := sluice.UsageKey{Currency: key.Currency, Simulated: key.Simulated}
		switch q.By {
		case store.UsageByModel:
			place.Model = key.Model
		case store.UsageByKey:
			place.Key = key.Key
		case store.UsageByProject:
			place.Project = key.Project
		case store.UsageByOrganisation:
			place.Org = key.Org
		case store.UsageByNothing:
		}
		at = at.Truncate(q.Step.Duration())
		name := fmt.Sprintf("%d %s %s %s %s %s %t", at.Unix(), place.Model, place.Key, place.Project, place.Org, place.Currency, place.Simulated)
		if rows[name] == nil {
			rows[name] = &sluice.UsageRow{Start: at, UsageKey: place}
		}
		if err := add(&rows[name].UsageSum); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range events {
		add(e.EndedAt, sluice.UsageKey{Org: e.Org, Project: e.Project, Key: e.Key, Model: e.Model, Currency: e.Currency, Simulated: e.Simulated},
			func(s *sluice.UsageSum) error { return s.AddEvent(e) })
	}
	for _, r := range counted {
		add(r.Start, r.UsageKey, func(s *sluice.UsageSum) error { return s.Add(&r.UsageSum) })
	}
	all := make([]sluice.UsageRow, 0, len(rows))
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		all = append(all, *rows[name])
	}
	return all
}

// testIdempotentRequests notes requests under keys.
func testIdempotentRequests(t *testing.T, db *store.DB) {
	one := &sluice.IdempotentRequest{Principal: "key_1", Key: "k", Request: "r", BegunAt: start()}
	begin := func(r *sluice.IdempotentRequest) *sluice.IdempotentRequest {
		t.Helper()
		before, err := db.BeginRequest(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return before
	}
	if before := begin(one); before != nil {
		t.Errorf("the first finds %+v", before)
	}
	if d := cmp.Diff(one, begin(&sluice.IdempotentRequest{Principal: "key_1", Key: "k", Request: "other", BegunAt: start().Add(time.Hour)})); d != "" {
		t.Errorf("the second finds (-want +got):\n%s", d)
	}
	if before := begin(&sluice.IdempotentRequest{Principal: "key_2", Key: "k", Request: "r", BegunAt: start()}); before != nil {
		t.Errorf("another principal finds %+v", before)
	}
	one.Status, one.ContentType, one.Answer = 201, "application/json", "sealed"
	if err := db.EndRequest(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(one, begin(&sluice.IdempotentRequest{Principal: "key_1", Key: "k"})); d != "" {
		t.Errorf("after the answer (-want +got):\n%s", d)
	}
	if err := db.EndRequest(t.Context(), &sluice.IdempotentRequest{Principal: "key_2", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	if before := begin(&sluice.IdempotentRequest{Principal: "key_2", Key: "k", BegunAt: start().Add(time.Hour)}); before != nil {
		t.Errorf("after it was forgotten: %+v", before)
	}
	if err := db.DropRequests(t.Context(), start().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if before := begin(one); before != nil {
		t.Errorf("after a day: %+v", before)
	}
	if before := begin(&sluice.IdempotentRequest{Principal: "key_2", Key: "k"}); before == nil {
		t.Error("a younger one was dropped")
	}
}
