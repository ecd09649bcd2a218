package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"sluice"
)

// versioned is a resource that can be read at the address at which it is changed.
// Its entity tag (RFC 9110, 8.8.3) stands for what can be changed of it: the
// members that its change and its representation have in common. What moves by
// itself, such as an engine's load or when a key was used last, is no part of it, so
// that a tag which still matches means that nobody changed anything.
type versioned struct {
	members []string // in order of their names
}

// part is how many bytes of a tag are of one member, so that a tag tells which
// members differ.
const part = 6

// tag returns the entity tag of a representation, without its quotes; "" for what
// is no object.
func (v *versioned) tag(body []byte) string {
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		return ""
	}
	sums := make([]byte, 0, part*len(v.members))
	for _, name := range v.members {
		sum := sha256.Sum256(object[name]) // an absent member is an empty one
		sums = append(sums, sum[:part]...)
	}
	return base64.RawURLEncoding.EncodeToString(sums)
}

// changed names the members in which two tags differ; all, where they are of
// different builds of the server.
func (v *versioned) changed(old, now string) []string {
	a, errA := base64.RawURLEncoding.DecodeString(old)
	b, errB := base64.RawURLEncoding.DecodeString(now)
	if errA != nil || errB != nil || len(a) != len(b) || len(a) != part*len(v.members) {
		return v.members
	}
	names := []string{}
	for i, name := range v.members {
		if !bytes.Equal(a[part*i:part*(i+1)], b[part*i:part*(i+1)]) {
			names = append(names, name)
		}
	}
	return names
}

// findVersioned pairs what reads an address with what changes it, and says so in
// the contract.
func findVersioned(o *huma.OpenAPI, routes []route) map[string]*versioned {
	found := map[string]*versioned{}
	for path, item := range o.Paths {
		change := item.Put
		if change == nil {
			change = item.Patch
		}
		if item.Get == nil || change == nil || change.RequestBody == nil {
			continue
		}
		read, write := membersOf(o, item.Get.Responses["200"].Content), membersOf(o, change.RequestBody.Content)
		v := &versioned{members: []string{}}
		for _, name := range slices.Sorted(maps.Keys(write)) {
			if read[name] != nil {
				v.members = append(v.members, name)
			}
		}
		if len(v.members) > 0 {
			found[path] = v
		}
	}
	for i := range routes {
		r := &routes[i]
		op := operation(o.Paths[r.path], r.method)
		switch {
		case found[r.path] == nil || op == nil:
		case r.method == http.MethodGet:
			ok := op.Responses["200"]
			if ok.Headers == nil {
				ok.Headers = map[string]*huma.Param{}
			}
			ok.Headers["ETag"] = &huma.Param{Description: "Stands for what can be changed of it. Send it as If-Match with a change.", Schema: &huma.Schema{Type: huma.TypeString}}
		case r.method == http.MethodPut || r.method == http.MethodPatch || r.method == http.MethodDelete:
			op.Parameters = append(op.Parameters, &huma.Param{
				Name: "If-Match", In: "header", Schema: &huma.Schema{Type: huma.TypeString},
				Description: "The ETag of what was read, or * for whatever is there: the change is made only if nobody changed it meanwhile.",
			})
			op.Responses["412"] = &huma.Response{Ref: "#/components/responses/" + nameOf("412")}
		}
	}
	return found
}

// membersOf are the members of a body's schema.
func membersOf(o *huma.OpenAPI, content map[string]*huma.MediaType) map[string]*huma.Schema {
	body := content["application/json"]
	if body == nil || body.Schema == nil {
		return nil
	}
	schema := body.Schema
	if schema.Ref != "" {
		schema = o.Components.Schemas.SchemaFromRef(schema.Ref)
	}
	return schema.Properties
}

// tagged adds the entity tag to what a GET answers, and lets a change through only
// where its If-Match still holds. Changes of one address run one after the other, so
// that what was compared is what is changed.
func (s *Server) tagged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := s.versionOf(r)
		switch {
		case v == nil:
			next.ServeHTTP(w, r)
		case r.Method == http.MethodGet:
			kept := keptAnswer{header: w.Header()}
			next.ServeHTTP(&kept, r)
			kept.send(w, v)
		default:
			lock := s.addresses.of(r.URL.Path)
			lock.Lock()
			defer lock.Unlock()
			if s.holds(w, r, v, next) {
				next.ServeHTTP(w, r)
			}
		}
	})
}

// versionOf finds what a request reads or changes; nil for everything else.
func (s *Server) versionOf(r *http.Request) *versioned {
	switch r.Method {
	case http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return nil
	}
	_, pattern := s.mux.Handler(r)
	_, path, _ := strings.Cut(pattern, " ")
	return s.versions[strings.TrimPrefix(path, Prefix)]
}

// holds reports whether a change's If-Match holds, and answers where it does not.
func (s *Server) holds(w http.ResponseWriter, r *http.Request, v *versioned, next http.Handler) bool {
	want := strings.Join(r.Header.Values("If-Match"), ",")
	if want == "" {
		return true
	}
	read := r.Clone(r.Context())
	read.Method, read.Body, read.ContentLength, read.URL.RawQuery = http.MethodGet, http.NoBody, 0, ""
	for _, name := range []string{"If-Match", "Content-Type", "Content-Length"} {
		read.Header.Del(name)
	}
	now := keptAnswer{header: http.Header{}}
	next.ServeHTTP(&now, read)
	if now.status != http.StatusOK && now.status != http.StatusNotFound {
		return true // who may not read it may not change it either: the change itself says so
	}
	there := now.status == http.StatusOK
	tag := v.tag(now.body.Bytes())
	var old string
	for one := range strings.SplitSeq(want, ",") {
		one = strings.TrimSpace(one)
		if there && (one == "*" || one == `"`+tag+`"`) {
			return true
		}
		if q := strings.Trim(one, `"`); old == "" && q != one {
			old = q
		}
	}
	p := problem(&sluice.Error{Code: codeChanged, Message: "It is no longer there."})
	if there {
		p.Detail = "Somebody changed it meanwhile. Look at what it is now, and change that."
		p.Changed, p.Current = v.changed(old, tag), json.RawMessage(now.body.Bytes())
		w.Header().Set("ETag", `"`+tag+`"`)
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a caller who left
	return false
}

// keptAnswer keeps an answer until it is known.
type keptAnswer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (k *keptAnswer) Header() http.Header { return k.header }

func (k *keptAnswer) WriteHeader(status int) {
	if k.status == 0 {
		k.status = status
	}
}

func (k *keptAnswer) Write(b []byte) (int, error) {
	k.WriteHeader(http.StatusOK)
	return k.body.Write(b)
}

// send passes the answer on, with the tag of what it says.
func (k *keptAnswer) send(w http.ResponseWriter, v *versioned) {
	if k.status == http.StatusOK {
		if tag := v.tag(k.body.Bytes()); tag != "" {
			w.Header().Set("ETag", `"`+tag+`"`)
		}
	}
	w.WriteHeader(k.status)
	_, _ = w.Write(k.body.Bytes()) // a caller who left
}

// addresses are locks, one for many addresses each.
type addresses struct {
	seed  maphash.Seed
	locks [64]sync.Mutex
}

func (a *addresses) of(path string) *sync.Mutex {
	return &a.locks[maphash.String(a.seed, path)%uint64(len(a.locks))]
}
