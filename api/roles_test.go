package api_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"sluice"
	"sluice/api"
	"sluice/api/apitest"
)

// tenant is an organisation with one of everything.
type tenant struct {
	org, project, key, call, payment string
	keys                             map[sluice.Role]string // secrets
	subscription                     string
}

// row is what one operation is for whom: written down apart from the server, so
// that a change of its declarations shows.
type row struct {
	roles   string // the first letters of the operator's roles and, after a slash, of an organisation's; "*": whoever is signed in; "+": of whom only those; "public": everybody
	foreign int    // what a tenant's role that may do this gets for another's; zero: the request names no tenant
	status  int
	request func(n tenant, once int) (path, body string)
	before  func(t *testing.T, w *apitest.World)
}

func matrix(book string) map[string]row {
	org := func(tail string) func(tenant, int) (string, string) {
		return func(n tenant, _ int) (string, string) { return "/organisations/" + n.org + tail, "" }
	}
	fixed := func(path, body string) func(tenant, int) (string, string) {
		return func(tenant, int) (string, string) { return path, body }
	}
	model := func(t *testing.T, w *apitest.World) {
		if _, err := w.Local.PutModel(t.Context(), "gone", api.PutModel{}); err != nil {
			t.Fatal(err)
		}
	}
	engine := func(t *testing.T, w *apitest.World) {
		if _, err := w.Local.PutEngine(t.Context(), "gone", api.PutEngine{URL: "http://127.0.0.1:1", Models: map[string]string{"m": "m"}}); err != nil {
			t.Fatal(err)
		}
	}
	program := func(t *testing.T, w *apitest.World) {
		def := api.PutProcess{Command: []string{"/nowhere/engine"}, Port: 1}
		if _, err := w.Local.PutEngine(t.Context(), "program", api.PutEngine{Process: &def, Models: map[string]string{"m": "m"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Local.StartEngine(t.Context(), "program"); err != nil {
			t.Fatal(err)
		}
	}
	return map[string]row{
		"list-organisations": {"oafs/oabdv", 0, 200, fixed("/organisations", ""), nil},
		"create-organisation": {"oa", 0, 201, func(_ tenant, once int) (string, string) {
			return "/organisations", fmt.Sprintf(`{"name":"made %d","currency":"USD"}`, once)
		}, nil},
		"get-organisation":  {"oafs/oabdv", 404, 200, org(""), nil},
		"get-balance":       {"oafs/oabdv", 404, 200, org("/balance"), nil},
		"list-transactions": {"oafs/oabdv", 404, 200, org("/transactions"), nil},
		"list-usage":        {"oafs/oabdv", 404, 200, org("/usage"), nil},
		"create-credit": {"of", 404, 201, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/credits", `{"amount":"1.00","kind":"grant"}`
		}, nil},
		"list-credits": {"oafs/oabdv", 404, 200, org("/credits"), nil},
		"redeem-code": {"of/oabd", 404, 400, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/redemptions", `{"code":"mistyped"}`
		}, nil},
		"get-refund":          {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/calls/" + n.call + "/refund", "" }, nil},
		"refund-call":         {"of", 0, 200, func(n tenant, _ int) (string, string) { return "/calls/" + n.call + "/refund", `{}` }, nil},
		"list-credit-codes":   {"oafs", 0, 200, fixed("/credit-codes", ""), nil},
		"create-credit-codes": {"of", 0, 201, fixed("/credit-codes", `{"amount":"1.00","currency":"USD"}`), nil},
		"revoke-credit-code":  {"of", 0, 404, fixed("/credit-codes/code_x/revoke", ""), nil},
		"list-payments":       {"oafs/oabdv", 404, 200, org("/payments"), nil},
		"create-payment": {"of/oab", 404, 201, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/payments", `{"amount":"1.00","provider":"manual"}`
		}, nil},
		"get-payment": {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/payments/" + n.payment, ""
		}, nil},
		"confirm-payment": {"of", 404, 200, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/payments/" + n.payment + "/confirm", fmt.Sprintf(`{"amount":"1.00","reference":%q}`, "bank "+n.org)
		}, nil},
		"refund-payment": {"of", 404, 200, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org + "/payments/" + n.payment + "/refund", `{}`
		}, nil},
		"get-call":      {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/calls/" + n.call, "" }, nil},
		"list-projects": {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/projects?organisation=" + n.org, "" }, nil},
		"create-project": {"oa/oa", 404, 201, func(n tenant, once int) (string, string) {
			return "/projects", fmt.Sprintf(`{"organisation":%q,"name":"made %d"}`, n.org, once)
		}, nil},
		"get-project": {"oafs/oabdv", 404, 200, func(n tenant, _ int) (string, string) { return "/projects/" + n.project, "" }, nil},
		"update-project": {"oa/oa", 404, 200, func(n tenant, _ int) (string, string) {
			return "/projects/" + n.project, `{"limits":{"concurrent":7}}`
		}, nil},
		"update-organisation": {"oa", 404, 200, func(n tenant, _ int) (string, string) {
			return "/organisations/" + n.org, `{"queue_class":"agent"}`
		}, nil},
		"list-queues":        {"oafs", 0, 200, fixed("/queues", ""), nil},
		"get-chips":          {"oafs", 0, 200, fixed("/chips", ""), nil},
		"list-engine-offers": {"oafs", 0, 200, fixed("/engine-offers", ""), nil},
		"list-keys":          {"oas/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/keys?organisation=" + n.org, "" }, nil},
		"create-key": {"oa/oa", 404, 201, func(n tenant, _ int) (string, string) {
			return "/keys", fmt.Sprintf(`{"organisation":%q}`, n.org)
		}, nil},
		"get-key":    {"oas/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/keys/" + n.key, "" }, nil},
		"update-key": {"oa/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/keys/" + n.key, `{"name":"renamed"}` }, nil},
		"revoke-key": {"oa/oa", 404, 200, func(n tenant, _ int) (string, string) { return "/keys/" + n.key + "/revoke", "" }, nil},

		"list-models":      {"oafs/oabdv", 0, 200, fixed("/models", ""), nil},
		"list-model-files": {"oafs", 0, 200, fixed("/model-files", ""), nil},
		"get-model":        {"oafs/oabdv", 0, 200, fixed("/models/gone", ""), model},
		"put-model":        {"oa", 0, 200, fixed("/models/some", `{"context_length":4096}`), nil},
		"delete-model":     {"oa", 0, 204, fixed("/models/gone", ""), model},
		"list-engines":     {"oafs", 0, 200, fixed("/engines", ""), nil},
		"put-engine":       {"oa", 0, 200, fixed("/engines/some", `{"url":"http://127.0.0.1:1","models":{"m":"m"}}`), nil},
		"delete-engine":    {"oa", 0, 204, fixed("/engines/gone", ""), engine},

		"get-engine":         {"oafs", 0, 200, fixed("/engines/gone", ""), engine},
		"start-engine":       {"oa", 0, 200, fixed("/engines/program/start", ""), program},
		"stop-engine":        {"oa", 0, 200, fixed("/engines/program/stop", `{"now":true}`), program},
		"restart-engine":     {"oa", 0, 200, fixed("/engines/program/restart", `{}`), program},
		"list-engine-starts": {"oafs", 0, 200, fixed("/engines/program/starts", ""), program},
		"get-engine-log":     {"oafs", 0, 200, fixed("/engines/program/log", ""), program},
		"probe-engine":       {"oa", 0, 200, fixed("/engines/gone/probe", ""), engine},

		"list-price-books":   {"oafs/oabdv", 0, 200, fixed("/price-books", ""), nil},
		"get-price-book":     {"oafs/oabdv", 0, 200, fixed("/price-books/"+book, ""), nil},
		"publish-price-book": {"of", 0, 201, fixed("/price-books", `{"currency":"EUR","models":[{"model":"m","input":"1","output":"2"}]}`), nil},
		"draft-price-book":   {"of", 0, 200, fixed("/price-books/draft", `{"currency":"EUR","models":[{"model":"m","input":"1","output":"2"}]}`), nil},
		"get-price":          {"oafs/oabdv", 0, 200, fixed("/prices?model=m&currency=USD", ""), nil},
		"price-model":        {"of", 0, 200, fixed("/prices", `{"currency":"EUR","model":"m","input":"1","output":"2"}`), nil},

		"verify-ledger": {"oafs", 0, 200, fixed("/ledger/verify", ""), nil},

		"get-ledger-head":     {"oafs/oabdv", 0, 200, fixed("/ledger/head", ""), nil},
		"get-receipt":         {"oafs/oabdv", 404, 409, func(n tenant, _ int) (string, string) { return "/calls/" + n.call + "/receipt", "" }, nil},
		"get-day":             {"oafs", 0, 200, fixed("/closing/days/2026-01-01", ""), nil},
		"get-statement-file":  {"oafs", 0, 200, fixed("/statements/2026-01-01/file?format=xlsx", ""), nil},
		"list-days":           {"oafs", 0, 200, fixed("/closing/days?from=2026-01-01&through=2026-01-03", ""), nil},
		"list-hours":          {"oafs", 0, 200, fixed("/closing/days/2026-01-01/hours", ""), nil},
		"get-statement":       {"oafs", 0, 200, fixed("/statements/2026-01-01", ""), nil},
		"get-statement-rows":  {"oafs", 0, 200, fixed("/statements/2026-01-01/rows", ""), nil},
		"close-day":           {"of", 0, 409, fixed("/closing/days/2026-01-01/close", ""), nil},
		"reopen-day":          {"of", 0, 409, fixed("/closing/days/2026-01-01/reopen", `{"reason":"late calls"}`), nil},
		"explain-difference":  {"of", 0, 404, fixed("/closing/days/2026-01-02/explanations", `{"subject":"engine:eng_1","note":"a restart"}`), nil},
		"put-counters":        {"of", 0, 204, fixed("/closing/counters", `{"counters":[{"engine":"eng_1","hour":"2026-01-01T00:00:00Z","prompt_tokens":1,"completion_tokens":2,"source":"test"}]}`), nil},
		"get-nodes":           {"oafs", 0, 200, fixed("/nodes", ""), nil},
		"import-nodes":        {"of", 0, 200, fixed("/nodes/import", `{"file":"pool,from,to,nodes,chips,price\nh800,2026-01-01,2026-01-02,1,8,2\n","replace":true}`), nil},
		"put-node-pool":       {"of", 0, 200, fixed("/nodes/pools/h800", `{"chips":8,"price":"2"}`), nil},
		"delete-node-pool":    {"of", 0, 404, fixed("/nodes/pools/none", ""), nil},
		"delete-nodes":        {"of", 0, 404, fixed("/nodes/pools/none/schedule?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z", ""), nil},
		"place-engine":        {"of", 0, 404, fixed("/nodes/engines/none", `{"pool":"h800"}`), nil},
		"add-cost":            {"of", 0, 201, fixed("/costs", `{"kind":"people","amount":"310.00","from":"2026-01-01T00:00:00Z","to":"2026-02-01T00:00:00Z"}`), nil},
		"delete-cost":         {"of", 0, 404, fixed("/costs/cost_1", ""), nil},
		"get-book-settings":   {"oafs", 0, 200, fixed("/books/settings", ""), nil},
		"put-book-settings":   {"of", 0, 200, fixed("/books/settings", `{"reference":"m"}`), nil},
		"put-book-timezone":   {"of", 0, 200, fixed("/books/timezone", `{"timezone":"UTC","from":"2030-01-01"}`), nil},
		"ask-what-if":         {"oafs", 0, 400, fixed("/whatif", `{"day":"never"}`), nil},
		"get-what-if":         {"oafs", 0, 404, fixed("/whatif/none", ""), nil},
		"cancel-what-if":      {"oafs", 0, 404, fixed("/whatif/none", ""), nil},
		"open-bar":            {"oafs", 0, 200, fixed("/statements/2026-01-01/open?bar=free%20traffic", ""), nil},
		"open-bar-calls":      {"oafs", 0, 200, fixed("/statements/2026-01-01/open/calls?bar=free%20traffic&customer=org_1", ""), nil},
		"report-segments":     {"oafs", 0, 200, fixed("/statements/segments", `{"periods":[{"name":"a","day":"2026-01-01","through":"2026-01-02"}]}`), nil},
		"list-deployments":    {"oafs", 0, 200, fixed("/deployments", ""), nil},
		"register-deployment": {"of", 0, 400, fixed("/deployments", `{"name":"dc1","organisation":"org_1","public_key":"short"}`), nil},
		"import-report":       {"of", 0, 400, fixed("/deployments/reports", `{"file":"no report"}`), nil},
		"audit-seals":         {"of", 0, 200, fixed("/closing/audit", `{}`), nil},
		"apply":               {"o", 0, 200, fixed("/apply", `{"manifest":{"models":[{"name":"m"}]}}`), nil},
		"get-status":          {"oafs", 0, 200, fixed("/status", ""), nil},
		"get-version":         {"oafs/oabdv", 0, 200, fixed("/version", ""), nil},
		"get-me":              {"oafs/oabdv", 0, 200, fixed("/me", ""), nil},
	}
}

// operations returns the methods of all operations by id, from the contract.
func operations(t *testing.T) map[string]string {
	t.Helper()
	text, err := api.OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `yaml:"operationId"`
		}
	}
	if err := yaml.Load(text, &doc); err != nil {
		t.Fatal(err)
	}
	ops := map[string]string{}
	for _, methods := range doc.Paths {
		for method, op := range methods {
			ops[op.OperationID] = strings.ToUpper(method)
		}
	}
	return ops
}

func newTenant(t *testing.T, w *apitest.World, name string) tenant {
	t.Helper()
	o := w.Org(name)
	w.Credit(o.ID, "5.00")
	p, err := w.Local.CreateProject(t.Context(), api.CreateProject{Organisation: o.ID, Name: "p"})
	if err != nil {
		t.Fatal(err)
	}
	pay, err := w.Local.CreatePayment(t.Context(), o.ID, api.CreatePayment{Amount: amount(t, "1.00"), Provider: "manual"})
	if err == nil {
		pay, err = w.Local.ConfirmPayment(t.Context(), o.ID, pay.ID, api.ConfirmPayment{Amount: pay.Amount, Reference: "bank " + o.ID})
	}
	if err != nil {
		t.Fatal(err)
	}
	k := w.Key(sluice.RoleDeveloper, o.ID)
	n := tenant{
		org: o.ID, project: p.ID, key: k.ID, payment: pay.ID,
		call: w.Call(sluice.Event{Org: o.ID, Key: k.ID, Model: "m", List: 1000}).CallID,
		keys: map[sluice.Role]string{},
	}
	for _, r := range sluice.OrganisationRoles() {
		n.keys[r] = w.Key(r, o.ID).Secret
	}
	return n
}

// asker is somebody with a role: by a key, and by a session of a user.
type asker struct {
	role sluice.Role
	org  string // empty: the operator
	key  string
	user *sluice.User
}

// header signs the user in, anew each time: what is asked may end the session.
func (a asker) header(w *apitest.World) []string {
	acting := a.org
	if acting == "" {
		acting = "operator"
	}
	return []string{"Cookie", "sluice=" + w.SignIn(a.user), "Sluice-Csrf", "1", "Sluice-Organisation", acting}
}

// may reports whether roles, as a row writes them, have the asker's.
func (a asker) may(roles string, signedIn bool) bool {
	operator, organisation, _ := strings.Cut(strings.TrimLeft(roles, "*+"), "/")
	switch {
	case roles != "" && roles[0] == '+' && !signedIn:
		return false
	case roles != "" && roles[0] == '*' && signedIn:
		return true
	case a.org == "":
		return strings.IndexByte(operator, a.role[0]) >= 0
	}
	return strings.IndexByte(organisation, a.role[0]) >= 0
}

// TestRoles asks for every operation in every role, of the caller's own and of
// another organisation. An operation without a row fails.
func TestRoles(t *testing.T) {
	w := apitest.New(t)
	own, other := newTenant(t, w, "own"), newTenant(t, w, "other")
	publishLite(t, w)
	for _, n := range []*tenant{&own, &other} { // who still pay from the balance what their plan does not serve
		n.subscription = subscribe(t, w, n.org).ID
		if _, err := w.Local.ChangeSubscription(t.Context(), n.subscription, api.ChangeSubscription{Action: "fall_back"}); err != nil {
			t.Fatal(err)
		}
	}
	var askers []asker
	for _, r := range sluice.OperatorRoles() {
		askers = append(askers, asker{r, "", w.Key(r, "").Secret, w.User("operator-"+string(r)+"@example.com", r)})
	}
	for _, r := range sluice.OrganisationRoles() {
		key := own.keys[r]
		askers = append(askers, asker{r, own.org, key, w.User(string(r)+"@example.com", "", sluice.Membership{Org: own.org, Role: r})})
	}
	book, err := w.Local.PublishPriceBook(t.Context(), api.PublishPriceBook{PriceList: api.PriceList{Currency: "USD", Models: []api.ModelPrices{{Model: "m", ClassPrices: prices(t, "0", "", "0")}}}})
	if err != nil {
		t.Fatal(err)
	}
	rows := matrix(book.ID)
	maps.Copy(rows, invoiceRows(book.ID))
	maps.Copy(rows, planRows())
	maps.Copy(rows, powerRows())
	maps.Copy(rows, webhookRows())
	maps.Copy(rows, budgetRows())
	maps.Copy(rows, batchRows())
	maps.Copy(rows, sessionRows(t, w))
	maps.Copy(rows, seriesRows())
	maps.Copy(rows, chatRows())
	ops := operations(t)
	for id := range rows {
		if ops[id] == "" {
			t.Errorf("there is a row for %s and no such operation", id)
		}
	}
	once := 0
	for id, method := range ops {
		row, ok := rows[id]
		if !ok {
			t.Errorf("the operation %s has no row: who may do it?", id)
			continue
		}
		ask := func(t *testing.T, key string, n tenant, header ...string) int {
			if row.before != nil {
				row.before(t, w)
			}
			once++
			path, body := row.request(n, once)
			resp, _ := do(t, w, method, path, key, body, append(header, "Idempotency-Key", fmt.Sprint(once))...)
			return resp.StatusCode
		}
		t.Run(id, func(t *testing.T) {
			if row.roles == "public" {
				if got := ask(t, "", own); got != row.status {
					t.Errorf("without a key: %d, want %d", got, row.status)
				}
				return
			}
			if got := ask(t, "", own); got != http.StatusUnauthorized {
				t.Errorf("without a key: %d, want 401", got)
			}
			if got := ask(t, "sk-unknown", own); got != http.StatusUnauthorized {
				t.Errorf("with an unknown key: %d, want 401", got)
			}
			for i, a := range askers {
				// The organisation's own object by the key and another's as a user, or the
				// other way round: who asks is found out before anything else.
				mine, others := a.header(w), []string(nil)
				if (i+len(id))%2 == 0 {
					mine, others = others, mine
				}
				for _, c := range []struct {
					n      tenant
					header []string
				}{{own, mine}, {other, others}} {
					want, key := row.status, a.key
					if c.header != nil {
						key = ""
					}
					switch {
					case !a.may(row.roles, c.header != nil):
						want = http.StatusForbidden
					case c.n.org == other.org && a.org != "" && row.foreign != 0:
						want = row.foreign
					}
					if got := ask(t, key, c.n, c.header...); got != want {
						t.Errorf("%s of %q, as a user %t, own organisation %t: %d, want %d", a.role, a.org, key == "", c.n.org == own.org, got, want)
					}
				}
			}
		})
	}
}

// TestTenantsSeeTheirOwn checks that lists hold nothing of others.
func TestTenantsSeeTheirOwn(t *testing.T) {
	w := apitest.New(t)
	own, other := newTenant(t, w, "own"), newTenant(t, w, "other")
	w.Key(sluice.RoleFinance, "")
	for _, path := range []string{"/organisations", "/projects", "/keys"} {
		_, body := do(t, w, "GET", path, own.keys[sluice.RoleAdmin], "")
		if !strings.Contains(body, own.org) || strings.Contains(body, other.org) || strings.Contains(body, `"finance"`) {
			t.Errorf("GET %s shows %s", path, body)
		}
	}
	// Objects of the caller's own organisation do not open the door to another's.
	for name, body := range map[string]string{
		"a key in another's project":         fmt.Sprintf(`{"project":%q}`, other.project),
		"a key of another organisation":      fmt.Sprintf(`{"organisation":%q}`, other.org),
		"a project there, organisation here": fmt.Sprintf(`{"organisation":%q,"project":%q}`, own.org, other.project),
	} {
		if resp, got := do(t, w, "POST", "/keys", own.keys[sluice.RoleAdmin], body); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d %s, want 404", name, resp.StatusCode, got)
		}
	}
	if resp, got := do(t, w, "POST", "/keys", own.keys[sluice.RoleAdmin], `{"role":"finance"}`); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("an admin makes a key of the operator: %d %s, want 400", resp.StatusCode, got)
	}
	if resp, got := do(t, w, "POST", "/keys", own.keys[sluice.RoleAdmin], `{"role":"owner"}`); resp.StatusCode != http.StatusForbidden {
		t.Errorf("an admin makes a key of an owner: %d %s, want 403", resp.StatusCode, got)
	}
	if resp, got := do(t, w, "POST", "/keys", keyOf(t, w, sluice.RoleAdmin), `{"role":"owner"}`); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the operator's admin makes a key of the owner: %d %s, want 403", resp.StatusCode, got)
	}
	if resp, got := do(t, w, "POST", "/keys", keyOf(t, w, sluice.RoleOwner), fmt.Sprintf(`{"organisation":%q,"project":%q}`, own.org, other.project)); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the operator mixes two organisations: %d %s, want 404", resp.StatusCode, got)
	}
}

func keyOf(t *testing.T, w *apitest.World, r sluice.Role) string {
	t.Helper()
	return w.Key(r, "").Secret
}
