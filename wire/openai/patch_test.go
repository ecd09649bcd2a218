package openai

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// reference is the patch by meaning: decoded, changed, to be compared decoded.
func reference(t testing.TB, raw []byte, p Patch) map[string]any {
	t.Helper()
	body := decode(t, raw)
	if p.Model != "" {
		body["model"] = p.Model
	}
	if body["stream"] == true {
		options, _ := body["stream_options"].(map[string]any)
		if options == nil {
			options = map[string]any{}
		}
		options["include_usage"] = true
		body["stream_options"] = options
	}
	names := []string{"max_tokens", "max_completion_tokens", "n_predict"}
	most := p.MaxTokens
	for _, name := range names {
		if n, ok := body[name].(json.Number); ok {
			v, err := strconv.ParseInt(string(n), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			if most == 0 || v < most {
				most = v
			}
		}
	}
	if most > 0 {
		named := false
		for _, name := range names {
			if _, ok := body[name]; ok {
				body[name], named = json.Number(strconv.FormatInt(most, 10)), true
			}
		}
		if !named {
			body["max_tokens"] = json.Number(strconv.FormatInt(most, 10))
		}
	}
	if p.CacheSalt != "" {
		body["cache_salt"] = p.CacheSalt
	}
	return body
}

func decode(t testing.TB, raw []byte) map[string]any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var body map[string]any
	if err := dec.Decode(&body); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	return body
}

// bodies are requests with every combination of the fields that a patch
// touches, in two orders and two ways of writing.
func bodies() (all []string) {
	for _, stream := range []string{"", `"stream":true`, `"stream":false`, `"stream":null`} {
		for _, options := range []string{
			"", `"stream_options":null`, `"stream_options":{}`, `"stream_options":{ }`, `"stream_options":{"include_usage":true}`,
			`"stream_options":{"include_usage":false}`, `"stream_options":{"include_usage":null,"x":[1]}`, `"stream_options":{"x":{"include_usage":true} }`,
		} {
			if strings.Contains(options, "{") && !strings.Contains(stream, "true") {
				continue // refused
			}
			for _, limits := range []string{
				"", `"max_tokens":null`, `"max_tokens":50`, `"max_completion_tokens":50`, `"max_tokens":20,"max_completion_tokens":1000`,
				`"max_completion_tokens":7,"n_predict":null`, `"n_predict":99`,
			} {
				for _, salt := range []string{"", `"cache_salt":null`, `"cache_salt":"theirs"`} {
					fields := []string{`"model":"public"`, stream, options, limits, salt, `"messages":[{"role":"user","content":"\u00e9 \ud83d\ude00 \"model\":"}]`, `"x_unknown":[1.0, 2e5]`}
					fields = slices.DeleteFunc(fields, func(s string) bool { return s == "" })
					all = append(all, "{"+strings.Join(fields, ",")+"}")
					slices.Reverse(fields)
					all = append(all, " {\n  "+strings.Join(fields, " ,\n  ")+"\n}\n")
				}
			}
		}
	}
	return all
}

func patches() (all []Patch) {
	for _, model := range []string{"", "public", "/models/a \"b\" é"} {
		for _, most := range []int64{0, 10, 50, 5000} {
			for _, salt := range []string{"", "tenant"} {
				all = append(all, Patch{Model: model, MaxTokens: most, CacheSalt: salt})
			}
		}
	}
	return all
}

// TestPatched holds every patch of every body to the reference, and the rest
// of its bytes to the original.
func TestPatched(t *testing.T) {
	for _, body := range bodies() {
		r, err := Parse(Chat(), []byte(body))
		if err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, p := range patches() {
			got := r.Patched([]byte("before"), p)
			got, ok := bytes.CutPrefix(got, []byte("before"))
			if !ok {
				t.Fatalf("dst was overwritten: %q", got)
			}
			checkPatched(t, r, body, p, got)
		}
	}
}

// checkPatched checks one patched request: by meaning, by reading it again, and by its bytes.
func checkPatched(t testing.TB, r *Request, body string, p Patch, got []byte) {
	t.Helper()
	want := reference(t, []byte(body), p)
	if have := decode(t, got); !reflect.DeepEqual(have, want) {
		t.Fatalf("patch %+v of\n%s\nis\n%s\nwhich means %v\nwant %v", p, body, got, have, want)
	}
	again, err := Parse(r.Endpoint, got)
	if err != nil {
		t.Fatalf("patch %+v of\n%s\nis refused: %v\n%s", p, body, err, got)
	}
	if again.Stream != r.Stream || again.IncludeUsage != r.Stream && r.Stream || again.Choices != r.Choices {
		t.Fatalf("patch %+v of\n%s\nis read otherwise:\n%s", p, body, got)
	}
	if twice := again.Patched(nil, p); !bytes.Equal(twice, got) {
		t.Fatalf("patched twice:\n%s\nonce:\n%s", twice, got)
	}
	if p == (Patch{}) && (!r.Stream || r.IncludeUsage) && r.limited() && string(got) != body {
		t.Fatalf("an empty patch changes\n%s\nto\n%s", body, got)
	}
	// What stands between the places a patch may touch is there, in order.
	rest := string(got)
	for _, piece := range r.untouched() {
		_, after, ok := strings.Cut(rest, piece)
		if !ok {
			t.Fatalf("patch %+v of\n%s\nloses %q:\n%s", p, body, piece, got)
		}
		rest = after
	}
}

// limited reports whether the client's limits agree with each other.
func (r *Request) limited() bool {
	for _, l := range r.spans.limits {
		if !l.at.empty() && l.tokens != r.MaxTokens {
			return false
		}
	}
	return true
}

// untouched returns the pieces of a request that no patch changes.
func (r *Request) untouched() (pieces []string) {
	s := &r.spans
	places := []span{s.model, s.cacheSalt, s.streamOptions, {s.end, s.end}}
	for _, l := range s.limits {
		places = append(places, l.at)
	}
	slices.SortFunc(places, func(a, b span) int { return a.from - b.from })
	last := 0
	for _, at := range places {
		if at.empty() {
			continue
		}
		pieces = append(pieces, string(r.raw[last:at.from]))
		last = at.to
	}
	return append(pieces, string(r.raw[last:]))
}

// TestPatchedExactly shows some patches as they are written.
func TestPatchedExactly(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	for _, c := range []struct {
		in   string
		p    Patch
		want string
	}{
		{`{"model":"m",` + messages + `}`, Patch{}, `{"model":"m",` + messages + `}`},
		{`{ "model" : "m" , ` + messages + ` }`, Patch{Model: "e", CacheSalt: "s"}, `{ "model" : "e" , ` + messages + ` ,"cache_salt":"s"}`},
		{`{"model":"m","stream":true,` + messages + `}`, Patch{MaxTokens: 9}, `{"model":"m","stream":true,` + messages + `,"stream_options":{"include_usage":true},"max_tokens":9}`},
		{`{"stream_options":{"x":1},"model":"m","stream":true,` + messages + `}`, Patch{}, `{"stream_options":{"x":1,"include_usage":true},"model":"m","stream":true,` + messages + `}`},
		{`{"stream_options":{"include_usage":false},"model":"m","stream":true,` + messages + `}`, Patch{}, `{"stream_options":{"include_usage":true},"model":"m","stream":true,` + messages + `}`},
		{`{"max_tokens":5,"max_completion_tokens":100,"model":"m",` + messages + `}`, Patch{}, `{"max_tokens":5,"max_completion_tokens":5,"model":"m",` + messages + `}`},
		{`{"\u006dodel":"m",` + messages + `}`, Patch{Model: "e\xff\n"}, `{"\u006dodel":"e` + "\ufffd" + `\n",` + messages + `}`},
	} {
		r, err := Parse(Chat(), []byte(c.in))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Patched(nil, c.p)); got != c.want {
			t.Errorf("patch %+v of\n%s\nis\n%s\nwant\n%s", c.p, c.in, got, c.want)
		}
	}
}

// TestPatchedByAnotherName: who calls a model by an alias, or a model that stands for
// it, is answered by an engine that knows neither name.
func TestPatchedByAnotherName(t *testing.T) {
	r, err := Parse(Chat(), []byte(`{"model":"alias","messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Model = "m" // as the gateway knows it
	if got := string(r.Patched(nil, Patch{Model: "m"})); !strings.HasPrefix(got, `{"model":"m",`) {
		t.Errorf("an engine that calls the model m as well was asked %s", got)
	}
}

// FuzzParsePatch: a request that is read, patched in any way, is read again
// and differs as asked and nowhere else.
func FuzzParsePatch(f *testing.F) {
	all := bodies()
	for i := 0; i < len(all); i += len(all) / 20 {
		f.Add([]byte(all[i]), "engine", int64(i%3*10), "salt")
	}
	f.Add([]byte(`{"\u006dodel":"m","messages":[{}],"stream":true,"stream_options":{"\u0069nclude_usage":false}}`), "e", int64(1), "")
	f.Fuzz(func(t *testing.T, raw []byte, model string, most int64, salt string) {
		body := string(raw)
		r, err := Parse(Chat(), raw)
		if string(raw) != body {
			t.Fatalf("Parse changed\n%q\nto\n%q", body, raw)
		}
		if err != nil {
			return
		}
		if most < 0 {
			most = 0
		}
		p := Patch{Model: strings.ToValidUTF8(model, ""), MaxTokens: most, CacheSalt: strings.ToValidUTF8(salt, "")}
		checkPatched(t, r, body, p, r.Patched(nil, p))
	})
}

// BenchmarkParsePatched reads and patches a chat of the given size in messages of 2 KiB.
func BenchmarkParsePatched(b *testing.B) {
	for name, size := range map[string]int{"400B": 400, "4KiB": 4 << 10, "256KiB": 256 << 10} {
		b.Run(name, func(b *testing.B) {
			var body strings.Builder
			body.WriteString(`{"model":"qwen3-32b","stream":true,"temperature":0.7,"top_p":0.95,"max_tokens":1024,"user":"u-1","messages":[{"role":"system","content":"You help."}`)
			for left := size - body.Len(); left > 0; left = size - body.Len() {
				body.WriteString(`,{"role":"user","content":"` + strings.Repeat("lorem ipsum\\n ", min(150, max(1, (left-40)/14))) + `"}`)
			}
			body.WriteString("]}")
			raw := []byte(body.String())
			dst := make([]byte, 0, len(raw)+512)
			parser := new(Parser)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				r, err := parser.Parse(Chat(), raw)
				if err != nil {
					b.Fatal(err)
				}
				dst = r.Patched(dst[:0], Patch{Model: "Qwen/Qwen3-32B", MaxTokens: 512, CacheSalt: "0123456789abcdef"})
			}
		})
	}
}
