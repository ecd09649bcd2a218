package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

func person(id, email string) *sluice.User {
	return &sluice.User{ID: id, Email: email, Name: "N", Language: "fr", Password: "$hash", PasswordAt: start(), CreatedAt: start()}
}

// people makes two users and two organisations.
func people(t *testing.T, db *store.DB) (ada, bob *sluice.User) {
	t.Helper()
	tenants(t, db)
	ada, bob = person("user_1", "ada@example.com"), person("user_2", "bob@example.com")
	for _, u := range []*sluice.User{ada, bob} {
		if err := db.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
	return ada, bob
}

func testUsers(t *testing.T, db *store.DB) {
	ada, bob := people(t, db)
	ctx := t.Context()
	fails(t, "the address again", db.CreateUser(ctx, person("user_3", "bob@example.com")), sluice.CodeConflict)
	_, err := db.User(ctx, "user_3")
	fails(t, "nobody", err, sluice.CodeNotFound)

	ada.Operator, ada.TOTP, ada.Name, ada.DisabledAt = sluice.RoleOwner, "sealed", "Ada", start().Add(time.Hour)
	if err := db.UpdateUser(ctx, ada); err != nil {
		t.Fatal(err)
	}
	taken := *ada
	taken.Email = bob.Email
	fails(t, "another's address", db.UpdateUser(ctx, &taken), sluice.CodeConflict)

	for _, m := range []sluice.Membership{
		{Org: "org_a", User: "user_1", Role: sluice.RoleViewer, CreatedAt: start()},
		{Org: "org_b", User: "user_1", Role: sluice.RoleOwner, CreatedAt: start().Add(time.Second)},
		{Org: "org_a", User: "user_1", Role: sluice.RoleAdmin, CreatedAt: start().Add(time.Minute)}, // another role; since when stays
	} {
		if err := db.PutMember(ctx, m); err != nil {
			t.Fatal(err)
		}
	}
	fails(t, "of no organisation", db.PutMember(ctx, sluice.Membership{Org: "org_c", User: "user_1", Role: sluice.RoleViewer}), sluice.CodeNotFound)
	fails(t, "not a member", db.RemoveMember(ctx, "org_b", "user_2"), sluice.CodeNotFound)
	ada.Members = []sluice.Membership{
		{Org: "org_a", User: "user_1", Role: sluice.RoleAdmin, CreatedAt: start()},
		{Org: "org_b", User: "user_1", Role: sluice.RoleOwner, CreatedAt: start().Add(time.Second)},
	}
	for what, got := range map[string]*sluice.User{
		"by id":      must[*sluice.User](t)(db.User(ctx, "user_1")),
		"by address": must[*sluice.User](t)(db.UserByEmail(ctx, "ada@example.com")),
	} {
		if d := cmp.Diff(ada, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", what, d)
		}
	}
	all := must[[]*sluice.User](t)(db.Users(ctx, "", "", 10))
	if d := cmp.Diff([]*sluice.User{ada, bob}, all); d != "" {
		t.Errorf("all (-want +got):\n%s", d)
	}
	if got := must[[]*sluice.User](t)(db.Users(ctx, "org_b", "", 10)); len(got) != 1 || got[0].ID != "user_1" {
		t.Errorf("of an organisation: %v", got)
	}
	if got := must[[]*sluice.User](t)(db.Users(ctx, "", "user_1", 10)); len(got) != 1 || got[0].ID != "user_2" {
		t.Errorf("after the first: %v", got)
	}
	owners := func(org string, want int) {
		t.Helper()
		if n := must[int](t)(db.CountOwners(ctx, org)); n != want {
			t.Errorf("%d owners of %q, want %d", n, org, want)
		}
	}
	owners("", 0) // she is disabled
	owners("org_b", 0)
	ada.DisabledAt = time.Time{}
	if err := db.UpdateUser(ctx, ada); err != nil {
		t.Fatal(err)
	}
	owners("", 1)
	owners("org_b", 1)
	owners("org_a", 0)
}

func testSecondFactors(t *testing.T, db *store.DB) {
	people(t, db)
	ctx := t.Context()
	if err := db.UseTOTPStep(ctx, "user_1", 100); err != nil {
		t.Fatal(err)
	}
	fails(t, "the same step", db.UseTOTPStep(ctx, "user_1", 100), sluice.CodeConflict)
	fails(t, "an earlier step", db.UseTOTPStep(ctx, "user_1", 99), sluice.CodeConflict)
	if err := db.UseTOTPStep(ctx, "user_1", 101); err != nil {
		t.Fatal(err)
	}
	one, two := sluice.HashKey("1"), sluice.HashKey("2")
	if err := db.PutRecoveryCodes(ctx, "user_1", []sluice.KeyHash{one, two}); err != nil {
		t.Fatal(err)
	}
	fails(t, "another's recovery code", db.UseRecoveryCode(ctx, "user_2", one), sluice.CodeNotFound)
	if err := db.UseRecoveryCode(ctx, "user_1", one); err != nil {
		t.Fatal(err)
	}
	fails(t, "a used recovery code", db.UseRecoveryCode(ctx, "user_1", one), sluice.CodeNotFound)
	if n := must[int](t)(db.CountRecoveryCodes(ctx, "user_1")); n != 1 {
		t.Errorf("%d are left, want 1", n)
	}

	reset := &sluice.Reset{Hash: one, User: "user_1", CreatedAt: start(), ExpiresAt: start().Add(time.Hour)}
	if err := db.CreateReset(ctx, reset); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(reset, must[*sluice.Reset](t)(db.Reset(ctx, one, start()))); d != "" {
		t.Errorf("reset (-want +got):\n%s", d)
	}
	_, err := db.Reset(ctx, one, start().Add(time.Hour))
	fails(t, "an old link", err, sluice.CodeNotFound)
	newer := &sluice.Reset{Hash: two, User: "user_1", CreatedAt: start().Add(time.Minute), ExpiresAt: start().Add(time.Hour)}
	if err := db.CreateReset(ctx, newer); err != nil {
		t.Fatal(err)
	}
	_, err = db.Reset(ctx, one, start())
	fails(t, "a replaced link", err, sluice.CodeNotFound)
	if err := db.UseReset(ctx, two); err != nil {
		t.Fatal(err)
	}
	fails(t, "a used link", db.UseReset(ctx, two), sluice.CodeNotFound)
}

func testSessions(t *testing.T, db *store.DB) {
	people(t, db)
	ctx := t.Context()
	session := func(id, user string, life time.Duration) *sluice.Session {
		s := &sluice.Session{
			ID: id, Hash: sluice.HashKey(id), User: user, Kind: sluice.SignInTOTP, Address: "192.0.2.1", Agent: "Firefox",
			CreatedAt: start(), SeenAt: start(), ExpiresAt: start().Add(life), ProvenAt: start(),
		}
		if err := db.CreateSession(ctx, s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	a, _, other := session("sess_1", "user_1", time.Hour), session("sess_2", "user_1", 2*time.Hour), session("sess_3", "user_2", time.Hour)
	if u := must[*sluice.User](t)(db.User(ctx, "user_1")); !u.SignedInAt.Equal(start()) {
		t.Errorf("signed in at %v", u.SignedInAt)
	}
	if d := cmp.Diff(a, must[*sluice.Session](t)(db.SessionByHash(ctx, a.Hash))); d != "" {
		t.Errorf("a session (-want +got):\n%s", d)
	}
	if err := db.TouchSession(ctx, "sess_1", start().Add(time.Minute), "192.0.2.9"); err != nil {
		t.Fatal(err)
	}
	fresh := sluice.HashKey("fresh")
	if err := db.RotateSession(ctx, "sess_1", a.Hash, fresh, start().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	fails(t, "rotating by the old token", db.RotateSession(ctx, "sess_1", a.Hash, sluice.HashKey("x"), start()), sluice.CodeNotFound)
	_, err := db.SessionByHash(ctx, a.Hash)
	fails(t, "the old token", err, sluice.CodeNotFound)
	if err := db.UnproveSessions(ctx, "user_1"); err != nil {
		t.Fatal(err)
	}
	got := must[[]*sluice.Session](t)(db.Sessions(ctx, "user_1"))
	if len(got) != 2 || got[0].ID != "sess_1" || got[0].Hash != fresh || got[0].Address != "192.0.2.9" || !got[0].ProvenAt.IsZero() {
		t.Errorf("the sessions are %+v", got)
	}
	fails(t, "another's", db.EndSession(ctx, "user_1", "sess_3"), sluice.CodeNotFound)
	if err := db.EndSessions(ctx, "user_1", "sess_2"); err != nil {
		t.Fatal(err)
	}
	if got := must[[]*sluice.Session](t)(db.Sessions(ctx, "user_1")); len(got) != 1 || got[0].ID != "sess_2" {
		t.Errorf("left are %+v", got)
	}
	late := &sluice.Session{ID: "sess_4", Hash: sluice.HashKey("4"), User: "user_1", CreatedAt: start().Add(90 * time.Minute), ExpiresAt: start().Add(3 * time.Hour)}
	if err := db.CreateSession(ctx, late); err != nil {
		t.Fatal(err)
	}
	_, err = db.SessionByHash(ctx, other.Hash)
	fails(t, "an expired session", err, sluice.CodeNotFound)
}

func testInvitations(t *testing.T, db *store.DB) {
	ada, _ := people(t, db)
	ctx := t.Context()
	invite := func(id, org string, role sluice.Role) *sluice.Invitation {
		i := &sluice.Invitation{ID: id, Hash: sluice.HashKey(id), Org: org, Role: role, Email: "eve@example.com", InvitedBy: "user_1", CreatedAt: start(), ExpiresAt: start().Add(time.Hour)}
		if err := db.CreateInvitation(ctx, i); err != nil {
			t.Fatal(err)
		}
		return i
	}
	a, own, old, ended := invite("invite_1", "org_a", sluice.RoleDeveloper), invite("invite_2", "", sluice.RoleSupport), invite("invite_3", "org_a", sluice.RoleOwner), invite("invite_4", "org_a", sluice.RoleOwner)
	if d := cmp.Diff(a, must[*sluice.Invitation](t)(db.InvitationByHash(ctx, a.Hash))); d != "" {
		t.Errorf("an invitation (-want +got):\n%s", d)
	}
	if got := must[[]*sluice.Invitation](t)(db.Invitations(ctx, "", "", 10)); len(got) != 1 || got[0].ID != own.ID {
		t.Errorf("the operator's are %v", got)
	}
	fails(t, "another's", db.RevokeInvitation(ctx, "org_b", ended.ID, start()), sluice.CodeNotFound)
	if err := db.RevokeInvitation(ctx, "org_a", ended.ID, start()); err != nil {
		t.Fatal(err)
	}
	eve := person("user_9", "eve@example.com")
	fails(t, "a revoked one", db.AcceptInvitation(ctx, ended, eve, true, start()), sluice.CodeConflict)
	fails(t, "an expired one", db.AcceptInvitation(ctx, old, eve, true, start().Add(time.Hour)), sluice.CodeConflict)
	_, err := db.User(ctx, "user_9")
	fails(t, "made by an invitation that has ended", err, sluice.CodeNotFound)
	if err := db.AcceptInvitation(ctx, a, eve, true, start()); err != nil {
		t.Fatal(err)
	}
	fails(t, "a used one", db.AcceptInvitation(ctx, a, ada, false, start()), sluice.CodeConflict)
	if err := db.AcceptInvitation(ctx, own, eve, false, start()); err != nil {
		t.Fatal(err)
	}
	got := must[*sluice.User](t)(db.User(ctx, "user_9"))
	if got.RoleFor("org_a") != sluice.RoleDeveloper || got.RoleFor("") != sluice.RoleSupport || got.RoleFor("org_b") != "" || got.Password != eve.Password {
		t.Errorf("she is %+v", got)
	}
	clash := person("user_8", "ada@example.com")
	fails(t, "with an address that is taken", db.AcceptInvitation(ctx, old, clash, true, start()), sluice.CodeConflict)
	if i := must[*sluice.Invitation](t)(db.InvitationByHash(ctx, old.Hash)); !i.AcceptedAt.IsZero() {
		t.Error("an invitation was used up although nothing came of it")
	}
}

func testAudit(t *testing.T, db *store.DB) {
	ctx := t.Context()
	for i := range 6 {
		e := &sluice.AuditEntry{
			At: start().Add(time.Duration(i) * time.Minute), Actor: sluice.ActorUser, ActorID: fmt.Sprint("user_", i%2), Name: "a_b@example.com", Acting: "operator",
			Org: []string{"", "org_a"}[i%2], Action: []string{"create-key", "sign-in"}[i%2], Object: []string{"key_1 org_a", "key_12"}[i%2], Outcome: sluice.AuditDone,
			Address: "192.0.2.1", Agent: "Firefox", Detail: `{"asked":{}}`,
		}
		if err := db.AddAudit(ctx, e); err != nil {
			t.Fatal(err)
		}
		if e.Seq != int64(i+1) {
			t.Errorf("entry %d has the number %d", i+1, e.Seq)
		}
	}
	seqs := func(q store.AuditQuery) (out []int64) {
		t.Helper()
		for _, e := range must[[]sluice.AuditEntry](t)(db.Audit(ctx, q)) {
			out = append(out, e.Seq)
		}
		return out
	}
	for name, c := range map[string]struct {
		q    store.AuditQuery
		want []int64
	}{
		"all":           {store.AuditQuery{}, []int64{6, 5, 4, 3, 2, 1}},
		"a page":        {store.AuditQuery{Limit: 2, Before: 5}, []int64{4, 3}},
		"by owner":      {store.AuditQuery{Org: "org_a"}, []int64{6, 4, 2}},
		"by actor":      {store.AuditQuery{Actor: "user_0"}, []int64{5, 3, 1}},
		"by name":       {store.AuditQuery{Actor: "a_b@example.com", Action: "sign-in"}, []int64{6, 4, 2}},
		"no wildcard":   {store.AuditQuery{Object: "key_%"}, nil},
		"no character":  {store.AuditQuery{Object: "key-1"}, nil},
		"by object":     {store.AuditQuery{Object: "key_1"}, []int64{5, 3, 1}},
		"by its second": {store.AuditQuery{Object: "org_a"}, []int64{5, 3, 1}},
		"by time":       {store.AuditQuery{Since: start().Add(time.Minute), Until: start().Add(3 * time.Minute)}, []int64{3, 2}},
		"failures":      {store.AuditQuery{Outcome: "forbidden"}, nil},
	} {
		if d := cmp.Diff(c.want, seqs(c.q)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	if n, bad, _, err := db.VerifyAudit(ctx); n != 6 || bad != 0 || err != nil {
		t.Errorf("%d entries, bad %d, %v", n, bad, err)
	}
}

// testAuditDamage alters the audit log behind the store's back.
func testAuditDamage(t *testing.T, dsn string) {
	db := open(t, dsn)
	for range 3 {
		if err := db.AddAudit(t.Context(), &sluice.AuditEntry{At: start(), Actor: sluice.ActorOperator, Action: "apply", Outcome: sluice.AuditDone}); err != nil {
			t.Fatal(err)
		}
	}
	behind := raw(t, dsn)
	for _, change := range []string{`UPDATE audit SET action = 'x' WHERE seq = 2`, `DELETE FROM audit WHERE seq = 2`} {
		if _, err := behind.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", change, err)
		}
	}
	drop := "DROP TRIGGER audit_update"
	if !strings.HasPrefix(dsn, "sqlite:") {
		drop = "DROP TRIGGER audit_append_only ON audit"
	}
	for _, change := range []string{drop, `UPDATE audit SET action = 'nothing' WHERE seq = 2`} {
		if _, err := behind.ExecContext(t.Context(), change); err != nil {
			t.Fatal(err)
		}
	}
	if n, bad, _, err := db.VerifyAudit(t.Context()); n != 1 || bad != 2 || err != nil {
		t.Errorf("%d good entries, the first bad one %d, %v; want 1 and 2", n, bad, err)
	}
}
