package api_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
	"sluice/api/client"
)

func TestKeys(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("a").ID
	p, err := w.Local.CreateProject(ctx, api.CreateProject{Organisation: org, Name: " web ", Limits: api.Limits{Concurrent: 3}})
	if err != nil || p.Name != "web" || p.Limits.Concurrent != 3 {
		t.Fatal(p, err)
	}
	spendingCap, expiry := amount(t, "2.50"), w.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
	made, err := w.Local.CreateKey(ctx, api.CreateKey{
		Organisation: org, Project: p.ID, Name: "k", Models: []string{"zai/glm"},
		Limits: api.Limits{RequestsPerMinute: 5, TokensPerMinute: 6}, SpendingCap: &spendingCap, ExpiresAt: &expiry,
	})
	if err != nil {
		t.Fatal(err)
	}
	if made.Secret[:3] != "sk-" || made.Last4 != made.Secret[len(made.Secret)-4:] || made.Role != sluice.RoleDeveloper {
		t.Errorf("made %+v", made)
	}
	got, err := w.Local.Key(ctx, made.ID)
	if d := cmp.Diff(made.Key, got, cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() < time.Microsecond })); err != nil || d != "" {
		t.Errorf("read back (-made +read) %v:\n%s", err, d)
	}

	none := []string{}
	name, zero, nine := "renamed", int64(0), int64(9)
	got, err = w.Local.UpdateKey(ctx, made.ID, api.UpdateKey{
		Name: &name, Models: &none, Limits: &api.ChangeLimits{TokensPerMinute: &zero, Concurrent: &nine}, NoSpendingCap: true, NoExpiry: true,
	})
	if err != nil || got.Name != "renamed" || len(got.Models) != 0 || got.SpendingCap != nil || !got.ExpiresAt.IsZero() ||
		got.Limits != (api.Limits{RequestsPerMinute: 5, Concurrent: 9}) || got.Project != p.ID {
		t.Errorf("changed to %+v, %v", got, err)
	}
	if _, err := w.Local.UpdateKey(ctx, made.ID, api.UpdateKey{NoExpiry: true, ExpiresAt: &expiry}); sluice.CodeOf(err) != sluice.CodeInvalid {
		t.Errorf("set and lifted at once: %v", err)
	}

	used := w.Call(sluice.Event{Org: creditedOrg(w, org), Key: made.ID, Model: "m", List: 2_200_000})
	keys, err := w.Local.Keys(ctx, org, api.Paging{})
	if err != nil || len(keys.Data) != 1 || keys.Data[0].Spent.String() != "0.0000022" || keys.Data[0].LastUsedAt.Sub(used.AdmittedAt).Abs() > time.Microsecond {
		t.Errorf("listed as %+v, %v", keys.Data, err)
	}

	before := w.Reloads.Load()
	first, err := w.Local.RevokeKey(ctx, made.ID)
	if err != nil || first.RevokedAt.IsZero() || w.Reloads.Load() != before+1 {
		t.Errorf("revoked as %+v, %v, %d reloads", first, err, w.Reloads.Load()-before)
	}
	again, err := w.Local.RevokeKey(ctx, made.ID)
	if err != nil || again.RevokedAt.Sub(first.RevokedAt).Abs() > time.Microsecond {
		t.Errorf("revoked again at %v, first at %v, %v", again.RevokedAt, first.RevokedAt, err)
	}
}

func creditedOrg(w *apitest.World, org string) string {
	w.Credit(org, "1.00")
	return org
}

// TestRevokeStays renames a key while it is revoked: none of the renames may
// write the key back as it was before.
func TestRevokeStays(t *testing.T) {
	w := apitest.New(t)
	for range 5 {
		k := w.Key(sluice.RoleFinance, "")
		for _, err := range together(8, func(i int) error {
			if i == 3 {
				_, err := w.Local.RevokeKey(t.Context(), k.ID)
				return err
			}
			name := fmt.Sprint(i)
			_, err := w.Local.UpdateKey(t.Context(), k.ID, api.UpdateKey{Name: &name})
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if got, err := w.Local.Key(t.Context(), k.ID); err != nil || got.RevokedAt.IsZero() {
			t.Fatalf("the key is in use again: %+v, %v", got, err)
		}
	}
}

func TestProjects(t *testing.T) {
	w := apitest.New(t)
	ctx := t.Context()
	org := w.Org("a").ID
	p, err := w.Local.CreateProject(ctx, api.CreateProject{Organisation: org, Name: "p", Limits: api.Limits{TokensPerMinute: 100, Concurrent: 2}})
	if err != nil {
		t.Fatal(err)
	}
	zero := int64(0)
	name := "q"
	p, err = w.Local.UpdateProject(ctx, p.ID, api.UpdateProject{Name: &name, Limits: &api.ChangeLimits{Concurrent: &zero}})
	if err != nil || p.Name != "q" || p.Limits != (api.Limits{TokensPerMinute: 100}) {
		t.Errorf("changed to %+v, %v", p, err)
	}
	if _, err := w.Local.CreateProject(ctx, api.CreateProject{Organisation: org, Name: "q"}); sluice.CodeOf(err) != sluice.CodeConflict {
		t.Errorf("the name again: %v", err)
	}
	if _, err := w.Local.CreateProject(ctx, api.CreateProject{Name: "r"}); sluice.CodeOf(err) != sluice.CodeNotFound {
		t.Errorf("the operator names no organisation: %v", err)
	}
	admin := w.Client(w.Key(sluice.RoleAdmin, org).Secret)
	if own, err := admin.CreateProject(ctx, api.CreateProject{Name: "own"}); err != nil || own.Organisation != org {
		t.Errorf("an admin names no organisation: %+v, %v", own, err)
	}
}

// TestPages walks lists in pages of every size.
func TestPages(t *testing.T) {
	w := apitest.New(t)
	var want []string
	for i := range 7 {
		want = append(want, w.Org(fmt.Sprint("org ", i)).ID)
	}
	slices.Sort(want)
	for limit := 1; limit <= 8; limit++ {
		var got []string
		pages := 0
		for o, err := range client.All(func(cursor string) (api.Page[api.Organisation], error) {
			pages++
			return w.Local.Organisations(context.WithoutCancel(t.Context()), api.Paging{Cursor: cursor, Limit: limit})
		}) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, o.ID)
		}
		if d := cmp.Diff(want, got); d != "" || pages != (7+limit-1)/limit {
			t.Errorf("limit %d, %d pages (-want +got):\n%s", limit, pages, d)
		}
	}
}
