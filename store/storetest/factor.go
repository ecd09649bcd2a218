package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/store"
)

func testPasskeys(t *testing.T, db *store.DB) {
	people(t, db)
	ctx := t.Context()
	key := &sluice.Passkey{ID: "passkey_1", User: "user_1", Name: "laptop", Handle: []byte{0, 1, 255}, Credential: `{"a":1}`, CreatedAt: start()}
	if err := db.CreatePasskey(ctx, key); err != nil {
		t.Fatal(err)
	}
	again := *key
	again.ID, again.User = "passkey_2", "user_2"
	fails(t, "the same credential for another", db.CreatePasskey(ctx, &again), sluice.CodeConflict)
	if err := db.UsePasskey(ctx, key.ID, `{"a":2}`, start().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	fails(t, "renaming another's", db.RenamePasskey(ctx, "user_2", key.ID, "x"), sluice.CodeNotFound)
	if err := db.RenamePasskey(ctx, "user_1", key.ID, "phone"); err != nil {
		t.Fatal(err)
	}
	key.Name, key.Credential, key.UsedAt = "phone", `{"a":2}`, start().Add(time.Minute)
	if d := cmp.Diff([]*sluice.Passkey{key}, must[[]*sluice.Passkey](t)(db.Passkeys(ctx, "user_1"))); d != "" {
		t.Errorf("passkeys (-want +got):\n%s", d)
	}
	fails(t, "removing another's", db.DeletePasskey(ctx, "user_2", key.ID), sluice.CodeNotFound)
	if err := db.DeletePasskey(ctx, "user_1", key.ID); err != nil {
		t.Fatal(err)
	}
	if left := must[[]*sluice.Passkey](t)(db.Passkeys(ctx, "user_1")); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}

func testIdentities(t *testing.T, db *store.DB) {
	people(t, db)
	ctx := t.Context()
	i := &sluice.Identity{Provider: "https://a.example.com", Subject: "1", User: "user_1", Email: "ada@example.com", CreatedAt: start()}
	if err := db.CreateIdentity(ctx, i); err != nil {
		t.Fatal(err)
	}
	taken := *i
	taken.User = "user_2"
	fails(t, "who is somebody already", db.CreateIdentity(ctx, &taken), sluice.CodeConflict)
	if d := cmp.Diff(i, must[*sluice.Identity](t)(db.Identity(ctx, i.Provider, "1"))); d != "" {
		t.Errorf("identity (-want +got):\n%s", d)
	}
	_, err := db.Identity(ctx, "https://b.example.com", "1")
	fails(t, "the same subject of another provider", err, sluice.CodeNotFound)
	fails(t, "another's", db.DeleteIdentity(ctx, "user_2", i.Provider), sluice.CodeNotFound)
	if err := db.DeleteIdentity(ctx, "user_1", i.Provider); err != nil {
		t.Fatal(err)
	}
	if left := must[[]*sluice.Identity](t)(db.Identities(ctx, "user_1")); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
}
