package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"sluice"
	"sluice/api/browser"
)

// maxBody bounds a request's body, in bytes.
const maxBody = 1 << 20

// config describes the API, with strict JSON and without huma's extras.
func config() huma.Config {
	registry := huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer)
	registry.RegisterTypeAlias(reflect.TypeFor[huma.ErrorModel](), reflect.TypeFor[Problem]())
	format := huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title:   "Sluice management API",
				Version: "1",
				Description: "Organisations, keys, models, engines, prices, usage and the ledger. " +
					"Money is written as decimal strings, lists come in pages, errors are problem details (RFC 9457) with a code.",
			},
			Components: &huma.Components{
				Schemas: registry,
				SecuritySchemes: map[string]*huma.SecurityScheme{
					"key":     {Type: "http", Scheme: "bearer", Description: "An API key. Not needed on the server's Unix socket."},
					"session": {Type: "apiKey", In: "cookie", Name: "sluice", Description: "The session of a signed-in user (__Host-sluice over HTTPS). A change needs the header " + browser.HeaderCSRF + "; the header " + browser.HeaderOrganisation + " names the organisation that the user acts for, or " + browser.AsOperator + "."},
				},
			},
			Security: []map[string][]string{{"key": {}}, {"session": {}}},
		},
		Formats:                      map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
		Transformers:                 []huma.Transformer{problemOfHuma},
	}
}

// unmarshal reads a body strictly: lenient readers disagree about which of two
// equal names counts. huma reads each body twice, into an any to check it
// against the schema and then into the request's type.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v, json.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	var where string
	if s := new(json.SemanticError); errors.As(err, &s) {
		where = string(s.JSONPointer)
	}
	if own, ok := errors.AsType[*sluice.Error](err); ok {
		return fmt.Errorf("%s: %s", where, own.Message)
	}
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return fmt.Errorf("the body has a name twice: %w", err)
	}
	if where != "" {
		return fmt.Errorf("%s does not fit", where)
	}
	return fmt.Errorf("the body is no JSON: %w", err)
}

// route is an operation as it is registered, with the roles it is open to.
type route struct {
	id      string
	method  string
	path    string // below Prefix
	tag     string
	summary string
	roles   access
	status  int    // of success; zero is 200, or 204 without a body
	content string // of what is no JSON: its media type
	most    int64  // bytes of a request's body; zero is maxBody
	reads   bool   // it changes nothing, whatever its method
	proof   bool   // a signed-in user must have proved to be it a moment ago
	keyed   bool   // it looks after idempotency keys itself
	public  bool   // it is open to everybody, without a key; roles say nothing
}

// answer is what huma writes: a body and nothing else.
type answer[O any] struct{ Body O }

// register adds an operation that answers with a body.
func register[I, O any](s *Server, r route, handle func(context.Context, *caller, *I) (O, error)) {
	add(s, r, func(ctx context.Context, in *I) (*answer[O], error) {
		out, err := handle(ctx, callerOf(ctx), in)
		if err != nil {
			return nil, err
		}
		return &answer[O]{out}, nil
	})
}

// registerEmpty adds an operation that answers without a body.
func registerEmpty[I any](s *Server, r route, handle func(context.Context, *caller, *I) error) {
	add(s, r, func(ctx context.Context, in *I) (*struct{}, error) {
		return &struct{}{}, handle(ctx, callerOf(ctx), in)
	})
}

// add registers an operation with its authorisation, its log line and its errors.
func add[I, O any](s *Server, r route, handle func(context.Context, *I) (*O, error)) {
	var description strings.Builder
	switch {
	case len(r.roles.operator) == 0:
		description.WriteString("Open to signed-in users")
	default:
		description.WriteString("Open to the operator's roles " + words(r.roles.operator))
		if len(r.roles.organisation) > 0 {
			description.WriteString(", and to an organisation's roles " + words(r.roles.organisation))
		}
	}
	op := huma.Operation{
		OperationID: r.id, Method: r.method, Path: r.path, Tags: []string{r.tag},
		Summary: r.summary, Description: description.String() + ".",
		DefaultStatus: r.status, MaxBodyBytes: cmp.Or(r.most, maxBody),
		Middlewares: huma.Middlewares{s.guard(r)},
	}
	s.routes = append(s.routes, r)
	if r.public {
		op.Description, op.Security, op.Middlewares = "Open to everybody, without a key.", []map[string][]string{{}}, huma.Middlewares{openToAll}
	}
	if r.method == http.MethodPost && !r.keyed {
		op.Parameters = append(op.Parameters, idempotencyParameter())
		op.Middlewares = append(op.Middlewares, s.once)
	}
	if r.content != "" {
		op.Responses = map[string]*huma.Response{"200": {
			Description: "OK", Content: map[string]*huma.MediaType{r.content: {Schema: &huma.Schema{Type: huma.TypeString}}},
		}}
	}
	huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if changes(r, err) {
			if lost := s.record(ctx, r, in, out, err); lost != nil && err == nil {
				err = &sluice.Error{Code: sluice.CodeUnavailable, Err: lost, Message: "The change is made, but could not be written to the audit log."}
			}
		}
		if err != nil {
			return nil, s.refused(ctx, r, err)
		}
		if r.method != http.MethodGet {
			s.opt.Log.InfoContext(ctx, "the management API was used", "operation", r.id, "role", string(callerOf(ctx).role), "key", callerOf(ctx).key)
		}
		return out, nil
	})
}

// changes reports whether what came of an operation belongs in the audit log:
// all but what only reads, and what was refused and changed nothing.
func changes(r route, err error) bool {
	return r.method != http.MethodGet && !r.reads && (err == nil || status(sluice.CodeOf(err)) >= http.StatusInternalServerError)
}

// words lists roles.
func words(roles []sluice.Role) string {
	list := make([]string, len(roles))
	for i, r := range roles {
		list[i] = string(r)
	}
	return strings.Join(list, ", ")
}

// guard lets only those through that the route is open to, before anything of
// the request but its head is read.
func (s *Server) guard(r route) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		req, w := humago.Unwrap(ctx)
		who, err := s.authorise(req, r.roles)
		if err != nil {
			writeProblem(w, err)
			return
		}
		if r.proof {
			if err := s.proven(who); err != nil {
				writeProblem(w, err)
				return
			}
		}
		who.note.object = pathValues(req, r.path)
		who.cookies = func(token string, left time.Duration) {
			if token == "" {
				s.browser.EndSession(w)
				return
			}
			s.browser.SetSession(w, token, left)
		}
		next(oneStatus{huma.WithValue(ctx, callerKey{}, who)})
	}
}

// pathValues are the values of a request's {names}, in their order.
func pathValues(r *http.Request, path string) string {
	var values []string
	for part := range strings.SplitSeq(path, "/") {
		if name, ok := strings.CutPrefix(part, "{"); ok {
			values = append(values, r.PathValue(strings.TrimSuffix(name, "}")))
		}
	}
	return strings.Join(values, " ")
}

// tidySchemas says of arrays that they are never null, which is so: the
// handlers make them, and null is refused in requests.
func tidySchemas(o *huma.OpenAPI) {
	for _, s := range o.Components.Schemas.Map() {
		notNull(s)
	}
}

func notNull(s *huma.Schema) {
	if s == nil {
		return
	}
	if s.Type == huma.TypeArray {
		s.Nullable = false
	}
	notNull(s.Items)
	for _, p := range s.Properties {
		notNull(p)
	}
	if more, ok := s.AdditionalProperties.(*huma.Schema); ok {
		notNull(more)
	}
}

// OpenAPI returns the contract as YAML: what openapi.yaml must say.
func OpenAPI() ([]byte, error) {
	text, err := New(Options{}).huma.OpenAPI().YAML()
	if err != nil {
		return nil, fmt.Errorf("writing the OpenAPI document: %w", err)
	}
	return text, nil
}
