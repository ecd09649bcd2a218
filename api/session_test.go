package api_test

import (
	"fmt"
	"testing"

	"sluice"
	"sluice/api/apitest"
)

// sessionRows are the rows of who is signed in, of users, members and the audit log.
func sessionRows(t *testing.T, w *apitest.World) map[string]row {
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	ann := w.User("ann@example.com", "")
	ben := w.User("ben@example.com", "")
	join := func(role sluice.Role) func(*testing.T, *apitest.World) {
		return func(t *testing.T, w *apitest.World) {
			orgs, err := w.Store.Organisations(t.Context())
			for _, o := range orgs {
				if err == nil {
					err = w.Store.PutMember(t.Context(), sluice.Membership{Org: o.ID, User: ben.ID, Role: role, CreatedAt: w.Now()})
				}
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return map[string]row{
		"get-session":           {"*oafs/oabdv", 0, 200, fixed("/session", ""), nil},
		"end-session":           {"*", 0, 204, fixed("/session", ""), nil},
		"update-session":        {"*", 0, 200, fixed("/session", `{"language":"fr"}`), nil},
		"prove-session":         {"*", 0, 403, fixed("/session/proof", `{"password":"wrong"}`), nil},
		"change-password":       {"*", 0, 403, fixed("/session/password", `{"present":"wrong","password":"correct horse battery"}`), nil},
		"list-sessions":         {"*", 0, 200, fixed("/session/browsers", ""), nil},
		"end-other-session":     {"*", 0, 404, fixed("/session/browsers/sess_x", ""), nil},
		"end-other-sessions":    {"*", 0, 204, fixed("/session/browsers", ""), nil},
		"offer-second-factor":   {"*", 0, 200, fixed("/session/second-factor", ""), nil},
		"confirm-second-factor": {"*", 0, 403, fixed("/session/second-factor", `{"offer":"none","code":"123456"}`), nil},
		"remove-second-factor":  {"*", 0, 204, fixed("/session/second-factor", ""), nil},
		"new-recovery-codes":    {"*", 0, 409, fixed("/session/recovery-codes", ""), nil},

		"list-passkeys":     {"*", 0, 200, fixed("/session/passkeys", ""), nil},
		"offer-passkey":     {"*", 0, 200, fixed("/session/passkeys/offer", ""), nil},
		"add-passkey":       {"*", 0, 403, fixed("/session/passkeys", `{"offer":"none","credential":{}}`), nil},
		"rename-passkey":    {"*", 0, 404, fixed("/session/passkeys/passkey_x", `{"name":"n"}`), nil},
		"delete-passkey":    {"*", 0, 404, fixed("/session/passkeys/passkey_x", ""), nil},
		"challenge-session": {"*", 0, 200, fixed("/session/challenge", ""), nil},

		"list-users": {"oafs", 0, 200, fixed("/users?limit=2", ""), nil},
		"create-user": {"oa", 0, 201, func(_ tenant, once int) (string, string) {
			return "/users", fmt.Sprintf(`{"email":"made-%d@example.com"}`, once)
		}, nil},
		"get-user":                  {"oafs", 0, 200, fixed("/users/"+ann.ID, ""), nil},
		"update-user":               {"oa", 0, 200, fixed("/users/"+ann.ID, `{"name":"Ann"}`), nil},
		"reset-user":                {"oa", 0, 200, fixed("/users/"+ann.ID+"/reset", ""), nil},
		"remove-user-second-factor": {"oa", 0, 204, fixed("/users/"+ann.ID+"/second-factor", ""), nil},
		"sign-user-out":             {"oa", 0, 204, fixed("/users/"+ann.ID+"/sessions", ""), nil},

		"list-members": {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/members?organisation=" + n.org, "" }, nil},
		"put-member": {"oa/oa", 404, 200, func(n tenant, _ int) (string, string) {
			return "/members/" + ben.ID, fmt.Sprintf(`{"organisation":%q,"role":"viewer"}`, n.org)
		}, join(sluice.RoleDeveloper)},
		"delete-member": {"oa/oa", 404, 204, func(n tenant, _ int) (string, string) {
			return "/members/" + ben.ID + "?organisation=" + n.org, ""
		}, join(sluice.RoleDeveloper)},
		"list-invitations": {"oas/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/invitations?organisation=" + n.org, "" }, nil},
		"create-invitation": {"oa/oa", 404, 201, func(n tenant, once int) (string, string) {
			return "/invitations", fmt.Sprintf(`{"organisation":%q,"role":"viewer","email":"new-%d@example.com"}`, n.org, once)
		}, nil},
		"revoke-invitation": {"oa/oa", 404, 404, func(n tenant, _ int) (string, string) { return "/invitations/invite_x?organisation=" + n.org, "" }, nil},

		"list-audit":   {"oafs/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/audit?limit=2&organisation=" + n.org, "" }, nil},
		"verify-audit": {"oafs", 0, 200, fixed("/audit/verify", ""), nil},
	}
}
