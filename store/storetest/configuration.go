package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sluice"
	"sluice/money/price"
	"sluice/store"
)

// must returns v or ends the test.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// fails checks an error's code.
func fails(t *testing.T, what string, err error, want sluice.Code) {
	t.Helper()
	if sluice.CodeOf(err) != want {
		t.Errorf("%s: got %v, want %s", what, err, want)
	}
}

func organisation(id, name string) *sluice.Organisation {
	return &sluice.Organisation{ID: id, Name: name, Currency: "USD", CreatedAt: start()}
}

func testOrganisations(t *testing.T, db *store.DB) {
	a, b := organisation("org_a", "Acme"), organisation("org_b", "Bolt & Söhne")
	for _, o := range []*sluice.Organisation{b, a} {
		if err := db.CreateOrganisation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, "a name twice", db.CreateOrganisation(t.Context(), organisation("org_c", "Acme")), sluice.CodeConflict)
	fails(t, "an id twice", db.CreateOrganisation(t.Context(), organisation("org_a", "Other")), sluice.CodeConflict)
	b.Queue = sluice.Queueing{Class: "batch", Weight: 3, Free: true}
	if err := db.UpdateOrganisation(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	fails(t, "an unknown one", db.UpdateOrganisation(t.Context(), organisation("org_c", "C")), sluice.CodeNotFound)
	if d := cmp.Diff([]*sluice.Organisation{a, b}, must[[]*sluice.Organisation](t)(db.Organisations(t.Context()))); d != "" {
		t.Errorf("organisations (-want +got):\n%s", d)
	}
}

func testProjects(t *testing.T, db *store.DB) {
	for _, o := range []*sluice.Organisation{organisation("org_a", "A"), organisation("org_b", "B")} {
		if err := db.CreateOrganisation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	a := &sluice.Project{ID: "proj_a", Org: "org_a", Name: "main", Limits: sluice.Limits{RequestsPerMinute: 1, TokensPerMinute: 2, Concurrent: 3, QueueClass: "agent"}, CreatedAt: start()}
	b := &sluice.Project{ID: "proj_b", Org: "org_b", Name: "main", CreatedAt: start()}
	c := &sluice.Project{ID: "proj_c", Org: "org_a", Name: "second", CreatedAt: start()}
	for _, p := range []*sluice.Project{a, b, c} {
		if err := db.CreateProject(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, "a name twice", db.CreateProject(t.Context(), &sluice.Project{ID: "proj_d", Org: "org_a", Name: "main"}), sluice.CodeConflict)
	fails(t, "an unknown organisation", db.CreateProject(t.Context(), &sluice.Project{ID: "proj_d", Org: "org_d", Name: "main"}), sluice.CodeNotFound)

	foreign := *a
	foreign.Org, foreign.Name = "org_b", "stolen"
	fails(t, "another organisation's project", db.UpdateProject(t.Context(), &foreign), sluice.CodeNotFound)
	taken := *a
	taken.Name = "second"
	fails(t, "a taken name", db.UpdateProject(t.Context(), &taken), sluice.CodeConflict)
	a.Name, a.Limits = "renamed", sluice.Limits{Concurrent: 9, QueueClass: "batch"}
	if err := db.UpdateProject(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]*sluice.Project{a, b, c}, must[[]*sluice.Project](t)(db.Projects(t.Context()))); d != "" {
		t.Errorf("projects (-want +got):\n%s", d)
	}
}

func testKeys(t *testing.T, db *store.DB) {
	for _, o := range []*sluice.Organisation{organisation("org_a", "A"), organisation("org_b", "B")} {
		if err := db.CreateOrganisation(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.CreateProject(t.Context(), &sluice.Project{ID: "proj_a", Org: "org_a", Name: "main", CreatedAt: start()}); err != nil {
		t.Fatal(err)
	}
	limit := sluice.Amount{Nano: 5, Carry: 7}
	plain := &sluice.Key{ID: "key_1", Org: "org_a", Name: "plain", Role: sluice.RoleDeveloper, Hash: sluice.HashKey("1"), Last4: "aaaa", CreatedAt: start()}
	full := &sluice.Key{
		ID: "key_2", Org: "org_a", Project: "proj_a", Name: "full", Role: sluice.RoleAdmin, Hash: sluice.HashKey("2"), Last4: "bbbb",
		Models: []string{"glm", "a,b"}, Limits: sluice.Limits{RequestsPerMinute: 1, TokensPerMinute: 2, Concurrent: 3, QueueClass: "batch"}, Cap: &limit,
		ExpiresAt: start().Add(time.Hour), RevokedAt: start().Add(time.Minute), CreatedAt: start(),
	}
	owner := &sluice.Key{ID: "key_3", Name: "owner", Role: sluice.RoleOwner, Hash: sluice.HashKey("3"), Last4: "cccc", CreatedAt: start()}
	for _, k := range []*sluice.Key{plain, full, owner} {
		if err := db.CreateKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	check := func() {
		t.Helper()
		if d := cmp.Diff([]*sluice.Key{plain, full, owner}, must[[]*sluice.Key](t)(db.Keys(t.Context())), cmpopts.EquateEmpty()); d != "" {
			t.Errorf("keys (-want +got):\n%s", d)
		}
	}
	check()

	again := *plain
	again.ID = "key_4"
	fails(t, "a secret twice", db.CreateKey(t.Context(), &again), sluice.CodeConflict)
	again.Hash, again.Org = sluice.HashKey("4"), "org_d"
	fails(t, "an unknown organisation", db.CreateKey(t.Context(), &again), sluice.CodeNotFound)
	again.Org, again.Project = "org_b", "proj_a"
	fails(t, "another organisation's project", db.CreateKey(t.Context(), &again), sluice.CodeNotFound)

	for _, org := range []string{"org_b", ""} {
		foreign := *plain
		foreign.Org, foreign.Name = org, "stolen"
		fails(t, "a key of another organisation", db.UpdateKey(t.Context(), &foreign), sluice.CodeNotFound)
	}
	foreign := *owner
	foreign.Org = "org_a"
	fails(t, "a key of the operator", db.UpdateKey(t.Context(), &foreign), sluice.CodeNotFound)
	check()

	plain.Name, plain.Models, plain.Limits, plain.Cap = "changed", []string{"x"}, sluice.Limits{Concurrent: 4, QueueClass: "agent"}, &sluice.Amount{Nano: 1}
	plain.ExpiresAt, plain.RevokedAt = start().Add(time.Second), start()
	full.Models, full.Cap, full.ExpiresAt, full.RevokedAt = nil, nil, time.Time{}, time.Time{}
	owner.Name = "renamed"
	for _, k := range []*sluice.Key{plain, full, owner} {
		if err := db.UpdateKey(t.Context(), k); err != nil {
			t.Fatal(err)
		}
	}
	check()
}

func testModels(t *testing.T, db *store.DB) {
	a := &sluice.Model{Name: "a", Description: "d", OwnedBy: "o", ContextLength: 4096, Aliases: []string{"a1"}, CreatedAt: start()}
	b := &sluice.Model{Name: "b", Aliases: []string{"claude-b", "b2"}, CreatedAt: start()}
	for _, m := range []*sluice.Model{b, a} {
		if err := db.PutModel(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	again := &sluice.Model{
		Name: "a", Description: "new", CreatedAt: start().Add(time.Hour), Versions: []sluice.ModelVersion{{Model: "b", Weight: 9}, {Model: "c", Weight: 1}},
		Fallbacks: []string{"b", "c"}, Shadow: &sluice.Shadow{Model: "c", Part: 50, Key: "key_1"}, Hidden: true,
	}
	if err := db.PutModel(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	again.CreatedAt = start()
	if d := cmp.Diff([]*sluice.Model{again, b}, must[[]*sluice.Model](t)(db.Models(t.Context()))); d != "" {
		t.Errorf("models (-want +got):\n%s", d)
	}
	if err := db.DeleteModel(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	fails(t, "deleting twice", db.DeleteModel(t.Context(), "a"), sluice.CodeNotFound)
	if d := cmp.Diff([]*sluice.Model{b}, must[[]*sluice.Model](t)(db.Models(t.Context()))); d != "" {
		t.Errorf("models (-want +got):\n%s", d)
	}
}

func testEngines(t *testing.T, db *store.DB) {
	put := func(e *sluice.Engine) *sluice.Engine {
		t.Helper()
		return must[*sluice.Engine](t)(db.PutEngine(t.Context(), e))
	}
	a := &sluice.Engine{
		ID: "eng_a", Name: "alpha", Kind: sluice.EngineHTTP, URL: "http://10.0.0.7:8000", Secret: "s3\x00cret\xff",
		Models: map[string]string{"glm": "zai/glm", "small": "s"}, NoCacheSalt: true, Lacks: sluice.FeatureSeed | sluice.FeatureImages, Mend: true, ReasoningKey: "reasoning", Driver: "vllm", NoProbe: true, OnLeave: sluice.LeaveDrain, Concurrent: 7, FirstByteTimeout: 1500 * time.Millisecond, Origin: sluice.OriginKubernetes, CreatedAt: start(),
	}
	b := &sluice.Engine{ID: "eng_b", Name: "beta", Kind: sluice.EngineSimulated, URL: "sim:h100", Models: map[string]string{}, OnLeave: sluice.LeaveCancel, CreatedAt: start()}
	for _, e := range []*sluice.Engine{b, a} {
		if d := cmp.Diff(e, put(e)); d != "" {
			t.Errorf("put (-want +got):\n%s", d)
		}
	}
	found := &sluice.ProbeResult{
		URL: a.URL, Model: "s", Driver: "vllm", Version: "0.11.0", Label: sluice.CountsExact, Lacks: sluice.FeatureImages,
		ContextLength: 4096, Findings: []string{"It \"stops\".", "好"}, At: start().Add(time.Minute),
	}
	if err := db.PutProbe(t.Context(), "eng_a", found); err != nil {
		t.Fatal(err)
	}
	fails(t, "a probe of none", db.PutProbe(t.Context(), "eng_none", found), sluice.CodeNotFound)
	probed := *a
	probed.Probe = found
	if d := cmp.Diff([]*sluice.Engine{&probed, b}, must[[]*sluice.Engine](t)(db.Engines(t.Context()))); d != "" {
		t.Errorf("probed (-want +got):\n%s", d)
	}
	changed := &sluice.Engine{
		ID: "eng_z", Name: "alpha", Kind: sluice.EngineEmbedded, Models: map[string]string{"glm": "other"},
		OnLeave: sluice.LeaveCancel, CreatedAt: start().Add(time.Hour),
	}
	want := *changed
	want.ID, want.CreatedAt, want.Probe = "eng_a", start(), found
	if d := cmp.Diff(&want, put(changed)); d != "" {
		t.Errorf("put over another (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]*sluice.Engine{&want, b}, must[[]*sluice.Engine](t)(db.Engines(t.Context()))); d != "" {
		t.Errorf("engines (-want +got):\n%s", d)
	}
	_, err := db.PutEngine(t.Context(), &sluice.Engine{ID: "eng_a", Name: "gamma"})
	fails(t, "an id twice", err, sluice.CodeConflict)
	if err := db.DeleteEngine(t.Context(), "alpha"); err != nil {
		t.Fatal(err)
	}
	fails(t, "deleting twice", db.DeleteEngine(t.Context(), "alpha"), sluice.CodeNotFound)
	if d := cmp.Diff([]*sluice.Engine{b}, must[[]*sluice.Engine](t)(db.Engines(t.Context()))); d != "" {
		t.Errorf("engines (-want +got):\n%s", d)
	}
}

// book publishes a price list for "glm" with a tier at 1,000 tokens: 2 pico a
// token of input, 1 cached, 3 of output, and twice that from there on.
func book(t testing.TB, id string) *price.Book {
	t.Helper()
	b, err := price.Publish(id, price.Draft{Currency: "USD", EffectiveAt: start(), Rules: []price.Rule{
		{Model: "glm", Class: sluice.ClassInput, ContextMax: 1000, Price: 2},
		{Model: "glm", Class: sluice.ClassInput, ContextMin: 1000, Price: 4},
		{Model: "glm", Class: sluice.ClassCached, ContextMax: 1000, Price: 1},
		{Model: "glm", Class: sluice.ClassCached, ContextMin: 1000, Price: 2},
		{Model: "glm", Class: sluice.ClassOutput, ContextMax: 1000, Price: 3},
		{Model: "glm", Class: sluice.ClassOutput, ContextMin: 1000, Price: 6},
	}}, start().Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func testBooks(t *testing.T, db *store.DB) {
	a, b := book(t, "book_a"), book(t, "book_b")
	for _, x := range []*price.Book{b, a} {
		if err := db.PublishBook(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, "an id twice", db.PublishBook(t.Context(), a), sluice.CodeConflict)
	got := must[[]*price.Book](t)(db.Books(t.Context()))
	if d := cmp.Diff([]*price.Book{a, b}, got, cmpopts.IgnoreUnexported(price.Book{})); d != "" {
		t.Errorf("books (-want +got):\n%s", d)
	}
	if d := cmp.Diff(a.Rules(), got[0].Rules()); d != "" {
		t.Errorf("rules (-want +got):\n%s", d)
	}
}

func testSettings(t *testing.T, db *store.DB) {
	get := func() string { return must[string](t)(db.Setting(t.Context(), "first-run")) }
	if got := get(); got != "" {
		t.Errorf("a setting never stored is %q", got)
	}
	for _, v := range []string{"one", "two", ""} {
		if err := db.PutSetting(t.Context(), "first-run", v); err != nil {
			t.Fatal(err)
		}
		if got := get(); got != v {
			t.Errorf("setting is %q, want %q", got, v)
		}
	}
}
