package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
)

// Inference answers requests to the inference API in an organisation's name:
// for people who have signed in, and no key. They are metered and billed like those of
// a key.
type Inference interface {
	Infer(w http.ResponseWriter, r *http.Request, org string)
}

// registerInference adds what the playground and the chat need of the
// inference API. Bodies and answers are that API's, and pass as they are.
func (s *Server) registerInference() {
	const tag = "playground"
	roles := access{operator: []sluice.Role{sluice.RoleOwner, sluice.RoleAdmin}, organisation: sluice.OrganisationRoles()}
	add(s, route{
		id: "play-chat", method: http.MethodPost, path: "/playground/chat/completions", tag: tag, keyed: true, reads: true, content: "application/json",
		summary: "Call a model as POST /v1/chat/completions does, in an organisation's name", roles: roles,
	}, s.infer("/v1/chat/completions"))
	add(s, route{
		id: "upload-file", method: http.MethodPost, path: "/playground/files", tag: tag, keyed: true, reads: true, content: "application/json",
		summary: "Upload a file as POST /v1/files does, in an organisation's name", roles: roles,
	}, s.infer("/v1/files"))
}

type inInference struct {
	Organisation string `query:"organisation" maxLength:"64" doc:"In whose name; the caller's own when absent."`
}

// paying is the organisation in whose name a caller does what is billed: the one
// that was named, or the caller's own. Errors: CodeNotFound, CodeInvalid.
func (s *Server) paying(ctx context.Context, who *caller, named string) (string, error) {
	if named != "" {
		o, err := s.organisation(ctx, who, named)
		if err != nil {
			return "", err
		}
		return o.ID, nil
	}
	if who.org == "" {
		return "", &sluice.Error{Code: sluice.CodeInvalid, Param: "organisation", Message: "In which organisation's name? Say 'organisation'."}
	}
	return who.org, nil
}

// infer hands a request on to a path of the inference API.
func (s *Server) infer(path string) func(context.Context, *inInference) (*huma.StreamResponse, error) {
	return func(ctx context.Context, in *inInference) (*huma.StreamResponse, error) {
		org, err := s.paying(ctx, callerOf(ctx), in.Organisation)
		if err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			out := r.Clone(ctx)
			out.URL.Path, out.URL.RawPath, out.URL.RawQuery, out.RequestURI = path, "", "", ""
			out.Header = http.Header{"Content-Type": r.Header["Content-Type"]}
			s.opt.Inference.Infer(w, out, org)
		}}, nil
	}
}
