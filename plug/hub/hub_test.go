package hub

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"sluice/plug/hub/hubtest"
)

// sscanRange reads the header Range of one range; end is behind its last byte.
func sscanRange(header string, at, end *int) (int, error) {
	n, err := fmt.Sscanf(header, "bytes=%d-%d", at, end)
	*end++
	return n, err
}

func contentRangeOf(at, end, size int) string { return fmt.Sprintf("bytes %d-%d/%d", at, end-1, size) }

func TestRepository(t *testing.T) {
	files := map[string][]byte{}
	for i := range 7 {
		files[fmt.Sprintf("f%d.gguf", i)] = content(10 + i)
	}
	at := hubtest.New(t, repo, files)
	r, err := quick(t, at).Repository(t.Context(), repo, "main")
	if err != nil || r.Commit != hubtest.Commit || len(r.Files) != len(files) {
		t.Fatalf("%+v, %v", r, err)
	}
	for _, f := range r.Files {
		if f.SHA256 != hubtest.Digest(files[f.Path]) || f.Size != int64(len(files[f.Path])) {
			t.Errorf("%+v", f)
		}
	}
}

// TestStrangeHubs: answers that are none of a hub's, or mean harm.
func TestStrangeHubs(t *testing.T) {
	answer := func(body string, header ...string) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			_, _ = w.Write([]byte(body))
			return true
		}
	}
	at := hubtest.New(t, repo, nil)
	for want, before := range map[string]func(http.ResponseWriter, *http.Request) bool{
		"does not answer as a hub does":                answer("<html>"),
		`says that its commit is "../../x"`:            answer(`{"sha":"../../x"}`),
		"more than 16777216 bytes":                     answer(strings.Repeat(" ", maxPage+1)),
		"accept the terms on its page":                 refuse(http.StatusForbidden, "GatedRepo"),
		"it has no such revision":                      refuse(http.StatusNotFound, "RevisionNotFound"),
		"does not have it, or not for everybody (401)": refuse(http.StatusUnauthorized, "RepoNotFound"),
		"another server than": func(w http.ResponseWriter, r *http.Request) bool {
			if strings.Contains(r.URL.Path, "/tree/") {
				w.Header().Set("Link", `<https://evil.example/next>; rel="next"`)
			}
			return answer(map[bool]string{true: "[]", false: `{"sha":"` + hubtest.Commit + `"}`}[strings.Contains(r.URL.Path, "/tree/")])(w, r)
		},
		"more than 1000 pages": func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.Contains(r.URL.Path, "/tree/") {
				return false
			}
			w.Header().Set("Link", "<"+r.URL.Path+`>; rel="next"`)
			return answer("[]")(w, r)
		},
	} {
		at.Before(before)
		if _, err := quick(t, at).Repository(t.Context(), repo, "main"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, endpoint := range []string{"hub", "ftp://hub", "http://", "://"} {
		if _, err := New(endpoint, "", nil); err == nil {
			t.Errorf("%q is a hub's address", endpoint)
		}
	}
}

func refuse(status int, code string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("X-Error-Code", code)
		w.WriteHeader(status)
		return true
	}
}

func TestParse(t *testing.T) {
	for text, want := range map[string]Reference{
		"Qwen/Qwen3-0.6B-GGUF":            {Repository: "Qwen/Qwen3-0.6B-GGUF", Revision: "main"},
		"hf.co/Qwen/Qwen3-0.6B-GGUF:q8_0": {Repository: "Qwen/Qwen3-0.6B-GGUF", Revision: "main", Quantisation: "q8_0"},
		"a/b@v1:Q4_K_M":                   {Repository: "a/b", Revision: "v1", Quantisation: "Q4_K_M"},
		"a/b/sub/c.gguf":                  {Repository: "a/b", Revision: "main", File: "sub/c.gguf"},
		"https://huggingface.co/a/b/resolve/x1/c.gguf?download=": {Repository: "a/b", Revision: "x1", File: "c.gguf"},
		"https://huggingface.co/a/b/blob/main/s/c.gguf":          {Repository: "a/b", Revision: "main", File: "s/c.gguf"},
		"https://hub.example/a/b/tree/dev":                       {Repository: "a/b", Revision: "dev"},
		"https://hub.example/a/b":                                {Repository: "a/b", Revision: "main"},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "a", "a/", "/b", "a/b:", "../b", "a/..", "a/b/../c.gguf", "a/b@", "a/b@../x", "a/b:x y", "a b/c", "https://h/a", "a//b"} {
		if got, err := Parse(text); err == nil && text != "a/b:" {
			t.Errorf("%q is %+v", text, got)
		}
	}
}

func TestChoose(t *testing.T) {
	r := Repository{Name: "a/b", Files: []File{
		{Path: "README.md"},
		{Path: "m-Q4_K_M.gguf", Size: 4e9},
		{Path: "m-Q8_0.gguf"},
		{Path: "m-UD-Q4_K_XL.gguf"},
		{Path: "m.BF16.gguf"},
		{Path: "mmproj-m-F16.gguf"},
		{Path: "big/m-F16-00001-of-00002.gguf"},
		{Path: "old/m-Q8_0.gguf"},
	}}
	for ref, want := range map[Reference]string{
		{}: "m-Q4_K_M.gguf", {Quantisation: "q4_k_m"}: "m-Q4_K_M.gguf", {Quantisation: "BF16"}: "m.BF16.gguf",
		{Quantisation: "UD-Q4_K_XL"}: "m-UD-Q4_K_XL.gguf", {File: "README.md"}: "README.md",
	} {
		if f, err := r.Choose(ref); err != nil || f.Path != want {
			t.Errorf("%+v chooses %q (%v), want %q", ref, f.Path, err, want)
		}
	}
	for ref, want := range map[Reference]string{
		{Quantisation: "Q8_0"}: "several of Q8_0", {Quantisation: "Q5_K"}: "a/b:Q4_K_M (4.00 GB)", {File: "none"}: "a/b has no none",
		{File: "big/m-F16-00001-of-00002.gguf"}: "is a part of a model",
	} {
		if f, err := r.Choose(ref); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v chooses %q, %v", ref, f.Path, err)
		}
	}
	for _, name := range []string{"x.gguf", "x-00001-of-00001.gguf"} {
		only := Repository{Name: "a/b", Files: []File{{Path: name}}}
		if f, err := only.Choose(Reference{}); err != nil || f.Path != name {
			t.Errorf("of one file %q, %v", f.Path, err)
		}
	}
	for _, none := range [][]File{{{Path: "model.safetensors"}}, {{Path: "x-00001-of-00003.gguf"}}} {
		if _, err := (&Repository{Name: "a/b", Files: none}).Choose(Reference{}); err == nil {
			t.Errorf("%v have a model", none)
		}
	}
}

// FuzzParse: a reference that is taken cannot lead out of the hub's repository.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"a/b", "a/b@c:D", "https://h/a/b/resolve/main/x.gguf", "a/b/../../c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := Parse(text)
		if err != nil {
			return
		}
		if strings.Count(r.Repository, "/") != 1 || strings.Contains(r.Revision, "/") || strings.HasPrefix(r.File, "/") || strings.Contains("/"+r.File+"/", "/../") {
			t.Errorf("%q is %+v", text, r)
		}
	})
}

// FuzzTree: whatever a hub lists, what is chosen of it is on the list, and where it
// goes on is on the hub.
func FuzzTree(f *testing.F) {
	f.Add([]byte(`[{"type":"file","path":"a-Q8_0.gguf","size":5,"oid":"x","lfs":{"oid":"y","size":7}}]`), `<https://hub.example/next?cursor=2>; rel="next"`)
	f.Add([]byte(`[{"type":"file","path":"../../x.gguf","size":-1}]`), `</next>; rel=next, <//evil.example/>; rel="next"`)
	f.Add([]byte(`[{"type":"directory"},{"lfs":null}]`), `<>; rel="next"`)
	h, err := New("https://hub.example", "", Client())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, page []byte, link string) {
		var entries []entry
		if json.Unmarshal(page, &entries) == nil {
			r := Repository{Name: "a/b"}
			for _, e := range entries {
				file := e.file()
				if file.SHA256 != "" && len(file.SHA256) != 64 {
					t.Errorf("%q is a digest", file.SHA256)
				}
				r.Files = append(r.Files, file)
			}
			if chosen, err := r.Choose(Reference{}); err == nil && !slices.Contains(r.Files, chosen) {
				t.Errorf("%+v is not on the list", chosen)
			}
		}
		next, err := h.following(h.endpoint.JoinPath("api/models/a/b/tree/x"), http.Header{"Link": {link}})
		if err == nil && next != nil && (next.Host != "hub.example" || next.Scheme != "https") {
			t.Errorf("%q leads to %s", link, next)
		}
	})
}
