package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// complete adds to the contract what is the same for many operations: what
// groups and parameters mean, and which errors there are.
func complete(o *huma.OpenAPI, routes []route) {
	tidySchemas(o)
	for _, name := range slices.Sorted(maps.Keys(tags())) {
		o.Tags = append(o.Tags, &huma.Tag{Name: name, Description: tags()[name]})
	}
	o.Components.Responses = map[string]*huma.Response{}
	for code, about := range errorsByStatus() {
		o.Components.Responses[nameOf(code)] = &huma.Response{
			Description: about, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
		}
	}
	for i := range routes {
		op := operation(o.Paths[routes[i].path], routes[i].method)
		if op == nil { // hidden from the contract
			continue
		}
		for _, p := range op.Parameters {
			if p.Description == "" {
				p.Description = parameters()[p.In+" "+p.Name]
			}
		}
		for _, code := range refusals(&routes[i], op) {
			op.Responses[code] = &huma.Response{Ref: "#/components/responses/" + nameOf(code)}
		}
		tellFiles(op)
	}
}

func operation(p *huma.PathItem, method string) *huma.Operation {
	if p == nil {
		return nil
	}
	switch method {
	case http.MethodGet:
		return p.Get
	case http.MethodPost:
		return p.Post
	case http.MethodPut:
		return p.Put
	case http.MethodPatch:
		return p.Patch
	case http.MethodDelete:
		return p.Delete
	}
	return nil
}

// errorsByStatus are the errors that operations have in common.
func errorsByStatus() map[string]string {
	return map[string]string{
		"400": "The request does not fit: `param` or `errors` say what of it.",
		"401": "Nobody is known by what was sent: no key, an unknown, expired or revoked one, or an ended session.",
		"403": "The caller's role may not do this.",
		"404": "What the address names is not there, or not the caller's.",
		"412": "Somebody changed it after the entity tag of If-Match was read: `current` is what it is now, `changed` which members differ.",
		"409": "It does not go with what is there: a name is taken, it was changed meanwhile, or its idempotency key was used for something else.",
	}
}

func nameOf(code string) string {
	return map[string]string{"400": "Invalid", "401": "Unauthenticated", "403": "Forbidden", "404": "NotFound", "409": "Conflict", "412": "Changed"}[code]
}

// refusals are the statuses with which an operation may refuse.
func refusals(r *route, op *huma.Operation) []string {
	var codes []string
	if len(op.Parameters) > 0 || op.RequestBody != nil {
		codes = append(codes, "400")
	}
	if !r.public {
		codes = append(codes, "401", "403")
	}
	if r.public || strings.Contains(r.path, "{") {
		codes = append(codes, "404")
	}
	if r.method != http.MethodGet {
		codes = append(codes, "409")
	}
	return codes
}

// tellFiles says of operations that answer with a file which kinds there are.
func tellFiles(op *huma.Operation) {
	ok := op.Responses["200"]
	if ok == nil || ok.Content["application/json"] == nil || ok.Content["application/json"].Schema.ContentEncoding == "" {
		return
	}
	file := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	ok.Content = map[string]*huma.MediaType{"application/pdf": file, "text/csv": file}
}

// tags are the groups of operations.
func tags() map[string]string {
	return map[string]string{
		"audit":         "Who changed what, and when.",
		"balance":       "What an organisation has, and what adds to it.",
		"batches":       "Batches of requests, as the inference API made them.",
		"budgets":       "Thresholds of spending by day and month, and who is told.",
		"chats":         "Chats of signed-in people with models.",
		"closing":       "The books: seals of hours, closes of days, receipts, statements.",
		"costs":         "What nodes and other things cost the operator.",
		"credit codes":  "Codes that are redeemed for credit.",
		"deployments":   "Deployments at customers', which report what they serve.",
		"engines":       "What answers calls, its live state and its life.",
		"files":         "What organisations uploaded, and what was made for them.",
		"invoices":      "Invoices by month, and their corrections.",
		"keys":          "API keys, and the limits that they are under.",
		"ledger":        "What moved balances, and the proof of the whole.",
		"members":       "Who belongs to an organisation, in which role.",
		"models":        "What is sold.",
		"organisations": "Customers.",
		"payments":      "Money that comes in, by providers or by hand.",
		"plans":         "What is subscribed to.",
		"playground":    "Models and files for those who are signed in, as the inference API has them.",
		"power":         "Energy, what it costs, and a site's limit.",
		"prices":        "Price books, and what a model costs now.",
		"projects":      "Divisions of an organisation.",
		"public":        "What everybody may see, without a key.",
		"server":        "The server itself: how it does, and what goes on.",
		"session":       "Who is signed in.",
		"subscriptions": "Who is on which plan, and what they have used of it.",
		"usage":         "Calls, and what they come to by hour and day.",
		"users":         "People, and how they sign in.",
		"webhooks":      "Where organisations are told of events, and what they were told.",
	}
}

// parameters are what parameters mean that say nothing themselves.
func parameters() map[string]string {
	return map[string]string{
		"path organisation":  "The organisation's id.",
		"path batch":         "The batch's id.",
		"path book":          "The price book's id.",
		"path budget":        "The budget's id.",
		"path call":          "The call's id, as the header x-request-id of its answer says.",
		"path chat":          "The chat's id.",
		"path message":       "The message's id.",
		"path token":         "What stands at the end of the link.",
		"path code":          "The code's id.",
		"path cost":          "The cost's id.",
		"path day":           "The day, such as 2026-11-21.",
		"path delivery":      "The delivery's id.",
		"path file":          "The file's id.",
		"path invitation":    "The invitation's id.",
		"path key":           "The key's id.",
		"path model":         "The model's name.",
		"path number":        "The invoice's number.",
		"path passkey":       "The passkey's id.",
		"path payment":       "The payment's id.",
		"path period":        "The month, such as 2026-11.",
		"path plan":          "The plan's short name.",
		"path pool":          "The pool's name.",
		"path project":       "The project's id.",
		"path question":      "The question's name.",
		"path session":       "The session's id.",
		"path subscription":  "The subscription's id.",
		"path user":          "The user's id.",
		"path webhook":       "The webhook's id.",
		"query action":       "Only what was done so.",
		"query currency":     "The currency, by three capital letters.",
		"query days":         "How many days.",
		"query format":       "The kind of file.",
		"query from":         "From this instant on.",
		"query model":        "Only of this model.",
		"query organisation": "Only of this organisation, by its id.",
		"query to":           "Before this instant.",
		"query zone":         "An IANA timezone.",
	}
}
