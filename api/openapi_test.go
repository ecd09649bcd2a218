package api

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write openapi.yaml anew")

// TestOpenAPI keeps the contract that is checked in the same as the one that
// the server follows.
func TestOpenAPI(t *testing.T) {
	got := contract(t)
	if *update {
		if err := os.WriteFile("openapi.yaml", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(openAPI), string(got)); d != "" {
		t.Errorf("openapi.yaml is not what the server follows (-file +server); go test ./api -update writes it anew:\n%s", d)
	}
}

// contract is what the server follows, with schemas described by the comments
// of their types.
func contract(t *testing.T) []byte {
	t.Helper()
	o := New(Options{}).huma.OpenAPI()
	docs := comments(t, "..")
	maps.Copy(docs, comments(t, ".")) // of two types with a name, this package's
	for name, schema := range o.Components.Schemas.Map() {
		if schema.Description == "" {
			schema.Description = docs[name]
		}
		if item, ok := strings.CutPrefix(name, "Page"); ok && schema.Description == "" && docs[item] != "" {
			schema.Description = "A part of a list. Each item: " + docs[item]
		}
	}
	text, err := o.YAML()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// comments returns what the comments of types in a folder, and in those below
// it, say: their first paragraph, by the names that schemas have.
func comments(t *testing.T, folder string) map[string]string {
	t.Helper()
	docs := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (path != folder && strings.HasPrefix(d.Name(), ".") || d.Name() == "node_modules" || d.Name() == "testdata" || d.Name() == "web" || d.Name() == "e2e" || d.Name() == "tools") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, decl := range f.Decls {
			group, ok := decl.(*ast.GenDecl)
			if !ok || group.Tok != token.TYPE {
				continue
			}
			for _, spec := range group.Specs {
				if of, ok := spec.(*ast.TypeSpec); ok && group.Doc != nil {
					name := strings.ToUpper(of.Name.Name[:1]) + of.Name.Name[1:]
					if docs[name] == "" || of.Name.IsExported() {
						docs[name] = paragraph(group.Doc.Text())
					}
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return docs
}

func paragraph(text string) string {
	first, _, _ := strings.Cut(text, "\n\n")
	return strings.TrimSpace(strings.ReplaceAll(first, "\n", " "))
}

// TestContract walks the contract for what all of it promises.
func TestContract(t *testing.T) {
	s := New(Options{})
	o := s.huma.OpenAPI()
	known := map[string]bool{}
	for _, tag := range o.Tags {
		known[tag.Name] = true
		if tag.Description == "" {
			t.Errorf("the tag %s has no description", tag.Name)
		}
	}
	seen := map[string]bool{}
	for i := range s.routes {
		r := &s.routes[i]
		op := operation(o.Paths[r.path], r.method)
		if op == nil {
			t.Errorf("%s is not in the contract", r.id)
			continue
		}
		if seen[op.OperationID] {
			t.Errorf("two operations are called %s", op.OperationID)
		}
		seen[op.OperationID] = true
		if op.Summary == "" || strings.HasSuffix(op.Summary, ".") || op.Description == "" || len(op.Tags) != 1 || !known[op.Tags[0]] {
			t.Errorf("%s: summary %q, description %q, tags %q", r.id, op.Summary, op.Description, op.Tags)
		}
		checkResponses(t, o, r, op)
		checkParameters(t, o, r, op)
	}
	for path, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && !seen[op.OperationID] {
				t.Errorf("%s at %s is registered past the one way", op.OperationID, path)
			}
		}
	}
	for name, schema := range o.Components.Schemas.Map() {
		checkSchema(t, o, name, schema)
	}
}

// checkResponses looks for one success, and for errors that are problems.
func checkResponses(t *testing.T, o *huma.OpenAPI, r *route, op *huma.Operation) {
	t.Helper()
	success := 0
	for code, resp := range op.Responses {
		switch {
		case code[0] == '2':
			success++
		case code == "default":
			if resp.Content["application/problem+json"] == nil {
				t.Errorf("%s: its errors are no problems", r.id)
			}
		default:
			if name := strings.TrimPrefix(resp.Ref, "#/components/responses/"); o.Components.Responses[name] == nil {
				t.Errorf("%s: the answer %s is %q, which is nowhere", r.id, code, resp.Ref)
			}
		}
	}
	open := len(op.Security) > 0
	if success != 1 || op.Responses["default"] == nil || open != r.public || !open && (op.Responses["401"] == nil || op.Responses["403"] == nil) {
		t.Errorf("%s: %d successes, answers %v, security %v", r.id, success, op.Responses, op.Security)
	}
	if strings.Contains(r.path, "{") && op.Responses["404"] == nil {
		t.Errorf("%s names something and never says that it is not there", r.id)
	}
}

// periodsOfBooks are the tags whose times are days and periods of the books.
const periodsOfBooks = "closing costs power"

// checkParameters looks at pages, filters and idempotency keys.
func checkParameters(t *testing.T, o *huma.OpenAPI, r *route, op *huma.Operation) {
	t.Helper()
	has := map[string]bool{}
	for _, p := range op.Parameters {
		has[p.Name] = true
		if p.Description == "" || p.Schema == nil {
			t.Errorf("%s: the parameter %s says nothing", r.id, p.Name)
		}
		if p.In == "path" && !strings.Contains(r.path, "{"+p.Name+"}") {
			t.Errorf("%s: the parameter %s is not in %s", r.id, p.Name, r.path)
		}
		for _, other := range []string{"page", "offset", "page_size", "before", "start", "end", "org", "organization", "key_id", "project_id"} {
			if p.Name == other {
				t.Errorf("%s: the parameter %s has another name elsewhere", r.id, other)
			}
		}
		if (p.Name == "from" || p.Name == "to") && !strings.Contains(periodsOfBooks, op.Tags[0]) {
			t.Errorf("%s: times go from since to until, not %s", r.id, p.Name)
		}
	}
	if post := r.method == "POST"; post != has[HeaderIdempotencyKey] && !r.keyed { // what is keyed says itself what a repetition does
		t.Errorf("%s: a POST takes an idempotency key and nothing else does", r.id)
	}
	if ok := op.Responses["200"]; ok != nil && ok.Content["application/json"] != nil {
		ref := strings.TrimPrefix(ok.Content["application/json"].Schema.Ref, "#/components/schemas/")
		if schema := o.Components.Schemas.Map()[ref]; schema != nil && schema.Properties["next"] != nil && schema.Properties["data"] != nil && (!has["cursor"] || !has["limit"]) {
			t.Errorf("%s: its list comes in pages, and it takes no cursor or no limit", r.id)
		}
		if schema := o.Components.Schemas.Map()[ref]; strings.HasPrefix(r.id, "list-") && (schema == nil || schema.Properties["next"] == nil || schema.Properties["data"] == nil) {
			t.Errorf("%s: its list is no page", r.id)
		}
	}
}

// checkSchema looks for references to nothing and for names in an odd form.
func checkSchema(t *testing.T, o *huma.OpenAPI, name string, s *huma.Schema) {
	t.Helper()
	if s == nil {
		return
	}
	if s.Ref != "" && o.Components.Schemas.SchemaFromRef(s.Ref) == nil {
		t.Errorf("%s refers to %s, which is nowhere", name, s.Ref)
	}
	for _, required := range s.Required {
		if s.Properties[required] == nil {
			t.Errorf("%s requires %s, which it does not have", name, required)
		}
	}
	for property, of := range s.Properties {
		if strings.ToLower(property) != property && !strings.Contains(property, "$") {
			t.Errorf("%s.%s is not written in small letters", name, property)
		}
		checkSchema(t, o, name+"."+property, of)
	}
	checkSchema(t, o, name, s.Items)
}
