package api

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"sluice"
	"sluice/store"
)

// AuditEntry is one change, or an attempt to sign in.
type AuditEntry struct {
	Number       int64            `json:"number" doc:"From 1 on, without gaps."`
	At           time.Time        `json:"at"`
	Actor        sluice.ActorKind `json:"actor" enum:"user,key,operator,nobody" doc:"operator is the server's Unix socket; nobody has not signed in."`
	ActorID      string           `json:"actor_id,omitempty"`
	ActorName    string           `json:"actor_name,omitempty" doc:"A user's e-mail address, or a key's name."`
	Acting       string           `json:"acting,omitempty" doc:"The organisation for which it was done, or operator."`
	Organisation string           `json:"organisation,omitempty" doc:"Whose object it was; absent: the operator's."`
	Action       string           `json:"action" example:"create-key" doc:"The operation's id, or a word such as sign-in."`
	Object       string           `json:"object,omitempty" doc:"The ids of what it was about."`
	Outcome      string           `json:"outcome" example:"done" doc:"done, or the error's code."`
	Address      string           `json:"address,omitempty"`
	Agent        string           `json:"agent,omitempty"`
	Detail       map[string]any   `json:"detail,omitempty" doc:"What was asked, and where it is known what was before and after. Secrets are left out."`
}

// Journal is what the audit log is read and checked with.
type Journal interface {
	Audit(ctx context.Context, q store.AuditQuery) ([]sluice.AuditEntry, error)
	VerifyAudit(ctx context.Context) (entries, bad int64, head sluice.KeyHash, err error)
}

// AuditCheck is what checking the audit log found.
type AuditCheck struct {
	Entries int64  `json:"entries"`
	Head    string `json:"head" doc:"The last good entry's hash, in hex. Note it elsewhere: that entries are missing at the end shows by comparing."`
	Intact  bool   `json:"intact"`
	Bad     int64  `json:"bad,omitempty" doc:"The number of the first entry that is not as it was written."`
}

func (s *Server) registerAudit() {
	const tag = "audit"
	readers := operators()
	readers.organisation = admins().organisation
	register(s, route{
		id: "list-audit", method: http.MethodGet, path: "/audit", tag: tag,
		summary: "List changes and attempts to sign in, the latest first; a tenant sees what was done to its own objects", roles: readers,
	}, s.listAudit)
	register(s, route{
		id: "verify-audit", method: http.MethodGet, path: "/audit/verify", tag: tag,
		summary: "Check that no entry of the audit log was changed, added or taken out", roles: operators(),
	}, s.verifyAudit)
}

type inAudit struct {
	Cursor       string    `query:"cursor" maxLength:"20" pattern:"^[0-9]*$" doc:"Where to go on: next of the page before."`
	Limit        int       `query:"limit" minimum:"1" maximum:"1000" doc:"At most so many items; 100 when absent."`
	Organisation string    `query:"organisation" maxLength:"64" doc:"Whose objects."`
	Actor        string    `query:"actor" maxLength:"254" doc:"The id of a user or a key, or its name."`
	Action       string    `query:"action" maxLength:"64"`
	Object       string    `query:"object" maxLength:"128" doc:"One of the ids that it was about."`
	Outcome      string    `query:"outcome" maxLength:"64" doc:"done, or an error's code."`
	Since        time.Time `query:"since" doc:"From then on."`
	Until        time.Time `query:"until" doc:"Before then."`
}

func (s *Server) listAudit(ctx context.Context, who *caller, in *inAudit) (Page[AuditEntry], error) {
	q := store.AuditQuery{
		Org: in.Organisation, Actor: in.Actor, Action: in.Action, Object: in.Object, Outcome: in.Outcome,
		Since: in.Since, Until: in.Until, Limit: Paging{Limit: in.Limit}.limit() + 1,
	}
	if !who.operator() {
		if q.Org != "" && q.Org != who.org {
			return Page[AuditEntry]{}, sluice.Errorf(sluice.CodeNotFound, "There is no organisation %q.", q.Org)
		}
		q.Org = who.org
	}
	if in.Cursor != "" {
		var err error
		if q.Before, err = strconv.ParseInt(in.Cursor, 10, 64); err != nil {
			return Page[AuditEntry]{}, &sluice.Error{Code: sluice.CodeInvalid, Param: "cursor", Message: "That is no cursor of this list."}
		}
	}
	found, err := s.opt.Journal.Audit(ctx, q)
	if err != nil {
		return Page[AuditEntry]{}, err
	}
	page := Page[AuditEntry]{Data: []AuditEntry{}}
	if len(found) == q.Limit {
		found = found[:q.Limit-1]
		page.Next = strconv.FormatInt(found[len(found)-1].Seq, 10)
	}
	for i := range found {
		page.Data = append(page.Data, auditEntry(&found[i], who))
	}
	return page, nil
}

// auditEntry shows an entry. To a tenant, who of the operator's people did
// something, and from where, is not its business.
func auditEntry(e *sluice.AuditEntry, who *caller) AuditEntry {
	out := AuditEntry{
		Number: e.Seq, At: e.At, Actor: e.Actor, ActorID: e.ActorID, ActorName: e.Name, Acting: e.Acting, Organisation: e.Org,
		Action: e.Action, Object: e.Object, Outcome: e.Outcome, Address: e.Address, Agent: e.Agent,
	}
	if e.Detail != "" {
		_ = json.Unmarshal([]byte(e.Detail), &out.Detail) // as it was written
	}
	if !who.operator() && e.Acting != who.org {
		out.Number, out.ActorID, out.ActorName, out.Address, out.Agent = e.Seq, "", "", "", ""
	}
	return out
}

func (s *Server) verifyAudit(ctx context.Context, _ *caller, _ *struct{}) (AuditCheck, error) {
	n, bad, head, err := s.opt.Journal.VerifyAudit(ctx)
	return AuditCheck{Entries: n, Head: hex.EncodeToString(head[:]), Intact: bad == 0, Bad: bad}, err
}

// audited is what a handler tells of a change, beside what was asked.
type audited struct {
	org           string // whose object it was; empty: the caller's, or the operator's
	object        string // the ids in the address
	before, after any
}

// about notes whose object the request is about.
func (c *caller) about(org string) { c.note.org = org }

// changed notes what was and what is now, as they are shown to who may see them:
// without secrets.
func (c *caller) changed(before, after any) { c.note.before, c.note.after = before, after }

// record writes a change to the audit log before it is answered. in is the
// request and out the answer, as huma has them.
func (s *Server) record(ctx context.Context, r route, in, out any, failure error) error {
	if s.opt.Accounts == nil {
		return nil
	}
	who := callerOf(ctx)
	e := &sluice.AuditEntry{
		Actor: sluice.ActorKey, ActorID: who.key, Name: who.keyName, Acting: who.org, Org: who.note.org, Action: r.id, Object: who.note.object,
		Outcome: sluice.AuditDone, Address: who.from.Address, Agent: who.from.Agent[:min(len(who.from.Agent), 200)],
	}
	switch {
	case who.local:
		e.Actor, e.ActorID = sluice.ActorOperator, ""
	case who.user != nil:
		e.Actor, e.ActorID, e.Name = sluice.ActorUser, who.user.ID, who.user.Email
	}
	if e.Org == "" {
		e.Org = who.org
	}
	if who.operator() {
		e.Acting = "operator"
	}
	if failure != nil {
		e.Outcome = string(sluice.CodeOf(failure))
	}
	if id := made(out); id != "" && failure == nil && !strings.Contains(" "+e.Object+" ", " "+id+" ") {
		e.Object = strings.TrimSpace(e.Object + " " + id)
	}
	e.Detail = detail(in, who.note)
	return s.opt.Accounts.Record(ctx, e)
}

// made is the id of what an answer shows, or "".
func made(out any) string {
	v := reflect.Indirect(reflect.ValueOf(out))
	if v.Kind() != reflect.Struct {
		return ""
	}
	if body := v.FieldByName("Body"); body.IsValid() {
		v = body
	}
	if v.Kind() == reflect.Struct {
		if id := v.FieldByName("ID"); id.IsValid() && id.Kind() == reflect.String {
			return id.String()
		}
	}
	return ""
}

// maxDetail bounds what is kept of a request, in bytes.
const maxDetail = 4 << 10

// detail writes what was asked, and what was before and after.
func detail(in any, note audited) string {
	all := map[string]any{}
	if v := reflect.Indirect(reflect.ValueOf(in)); v.Kind() == reflect.Struct {
		if body := v.FieldByName("Body"); body.IsValid() {
			all["asked"] = plain(body.Interface())
		}
	}
	if note.before != nil {
		all["before"] = plain(note.before)
	}
	if note.after != nil {
		all["after"] = plain(note.after)
	}
	text, err := json.Marshal(all)
	if err != nil || len(all) == 0 || string(text) == `{"asked":{}}` {
		return ""
	}
	if len(text) > maxDetail {
		return `{"omitted_bytes":` + strconv.Itoa(len(text)) + `}`
	}
	return string(text)
}

// plain is a value as JSON has it, without what may be secret.
func plain(v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		return nil
	}
	return withoutSecrets(out)
}

func withoutSecrets(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if secretName(name) {
				v[name] = "(not kept)"
				continue
			}
			v[name] = withoutSecrets(value)
		}
	case []any:
		for i := range v {
			v[i] = withoutSecrets(v[i])
		}
	}
	return v
}

// secretName reports whether a member of that name may hold a secret.
func secretName(name string) bool {
	name = strings.ToLower(name)
	switch name {
	case "key", "code", "offer", "codes", "credential":
		return true
	}
	for _, part := range []string{"secret", "password", "token", "api_key", "apikey", "credential", "authorization", "private"} {
		if strings.Contains(name, part) && !strings.HasPrefix(name, "has_") && !strings.HasSuffix(name, "_tokens") && !strings.HasSuffix(name, "_per_minute") && !strings.HasSuffix(name, "_per_token") {
			return true
		}
	}
	return false
}
