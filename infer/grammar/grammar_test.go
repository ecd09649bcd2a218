package grammar

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// words is a vocabulary for tests: all bytes, then words, then special tokens,
// the last of which ends an answer.
type words struct {
	pieces  []string
	special map[string]int32
	end     int32
}

func newWords(more ...string) *words {
	w := &words{special: map[string]int32{}}
	for b := range 256 {
		w.pieces = append(w.pieces, string([]byte{byte(b)}))
	}
	w.pieces = append(w.pieces, `{"`, `":`, `": `, `",`, `", "`, `"}`, `}}`, `[[`, `]]`, ` "`, `true`, `null`, `name`, `abc`, `12`, `00`, `\"`, `\u00`, "\xe4\xbd", "你", "好\"", "😀", `{"a":`, `e+`, `.5`, "\n  ", `, `, `"a`, `],`, `"`)
	w.pieces = append(w.pieces, more...)
	for _, name := range []string{"<call>", "</call>", "<think>", "</think>", "<other>", "<end>"} {
		w.special[name] = int32(len(w.pieces))
		w.pieces = append(w.pieces, name)
	}
	w.end = w.special["<end>"]
	return w
}

func (w *words) Size() int                         { return len(w.pieces) }
func (w *words) Piece(id int32) string             { return w.pieces[id] }
func (w *words) Special(name string) (int32, bool) { id, ok := w.special[name]; return id, ok }
func (w *words) Control(id int32) bool             { return w.pieces[id] == "<other>" || id == w.end }
func (w *words) Ends(id int32) bool                { return id == w.end }
func (w *words) vocabulary() *Vocabulary           { return NewVocabulary(w) }

// accept reads a document byte by byte.
func accept(g *Grammar, doc string) (*State, error) {
	s := g.Start()
	for i := range len(doc) {
		if err := s.Accept(int32(doc[i])); err != nil {
			return s, fmt.Errorf("after %q: %w", doc[:i], err)
		}
	}
	return s, nil
}

// takes reports whether a document is accepted from its first byte to its end.
func takes(g *Grammar, doc string) bool {
	s, err := accept(g, doc)
	return err == nil && s.MayEnd()
}

func TestSchemas(t *testing.T) {
	v := newWords().vocabulary()
	for _, c := range []struct {
		schema  string
		yes, no []string
	}{
		{
			`{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["a","b"],"additionalProperties":false}`,
			[]string{`{"a":1,"b":"x"}`, `{"a": -20, "b": "\n\u00e9😀"}`, "{\n  \"a\": 0,\n  \"b\": \"\"\n}"},
			[]string{`{"a":1}`, `{"a":01,"b":""}`, `{"b":"x","a":1}`, `{"a":1.5,"b":""}`, `{"a":1,"b":"x","c":1}`, `{"a":1,"b":"x"} `, `{"a":1,,"b":""}`, `{}`},
		},
		{
			`{"type":"object","properties":{"a":{"type":"null"},"b":{"type":"null"}}}`,
			[]string{`{}`, `{"a":null}`, `{"b":null}`, `{"a":null,"b":null}`},
			[]string{`{"b":null,"a":null}`, `{,"b":null}`, `{"a":null,}`},
		},
		{
			`{"type":"object","properties":{"ab":{"type":"null"},"a":{"type":"null"}},"required":["a"],"additionalProperties":{"type":"integer"}}`,
			[]string{`{"a":null}`, `{"a":null,"b":1}`, `{"a":null,"abc":1,"":2}`, `{"ab":null,"a":null,"x":3}`},
			[]string{`{"a":null,"ab":1}`, `{"a":null,"a":1}`, `{"a":null,"\u0061":1}`, `{"x":1,"a":null}`},
		},
		{`{"type":"object","additionalProperties":{"type":"boolean"}}`, []string{`{}`, `{"x":true}`, `{"x":true,"y":false}`}, []string{`{"x":1}`, `{,}`}},
		{`{"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3}`, []string{`[true]`, `[true, false,true]`}, []string{`[]`, `[true,true,true,true]`, `[true,]`}},
		{`{"type":"array","items":{"type":"null"},"maxItems":0}`, []string{`[]`}, []string{`[null]`}},
		{`{"type":"array","items":{"type":"null"},"minItems":2}`, []string{`[null,null]`, `[null,null,null]`}, []string{`[null]`}},
		{`{"type":"string","minLength":2,"maxLength":3}`, []string{`"ab"`, `"你\n😀"`, `"\ud83d\ude00x"`}, []string{`"a"`, `"abcd"`, `"\ud83dx"`}},
		{`{"type":"string","pattern":"^[a-c]+(-\\d{2})?$"}`, []string{`"abc"`, `"a-12"`}, []string{`""`, `"d"`, `"a-1"`, `"a-123"`}},
		{`{"type":"string","pattern":"b\"\\\\"}`, []string{`"b\"\\"`, `"xxb\"\\y\n"`}, []string{`"b"`, `"b\\\""`}},
		{`{"type":"string","pattern":"^a|b$"}`, []string{`"ax"`, `"xb"`}, []string{`"xa"`, `"bx"`}},
		{`{"type":"string","pattern":"(?i)^straße$"}`, []string{`"Straße"`, `"STRAẞE"`}, []string{`"strasse"`}},
		{`{"type":"string","pattern":"^\\p{Greek}.[^x]$"}`, []string{`"λ你好"`, `"Ω  "`}, []string{`"a你好"`, `"λλx"`}},
		{`{"type":"string","format":"date-time"}`, []string{`"2026-11-22T19:31:00Z"`}, []string{`"2026-13-22T19:31:00Z"`, `"x"`}},
		{`{"type":"string","format":"uuid"}`, []string{`"123e4567-e89b-12d3-a456-426614174000"`}, []string{`"123e4567"`}},
		{`{"type":"string","format":"email"}`, []string{`"a.b@example.org"`}, []string{`"a@b"`, `"a b@c.de"`}},
		{`{"type":"integer","minimum":-12,"maximum":105}`, []string{`-12`, `-1`, `0`, `7`, `99`, `100`, `105`}, []string{`-13`, `106`, `-0`, `05`, `1000`, `1.0`}},
		{`{"type":"integer","exclusiveMinimum":0}`, []string{`1`, `999999999999999999`}, []string{`0`, `-1`, `1000000000000000000`}},
		{`{"type":"integer","minimum":1.5,"exclusiveMaximum":4}`, []string{`2`, `3`}, []string{`1`, `4`}},
		{`{"type":"number","minimum":0,"maximum":1}`, []string{`0`, `1`, `0.25`, `1.0`, `0.999999`}, []string{`-0.1`, `1.1`, `2`, `1e1`}},
		{`{"type":"number","minimum":-2}`, []string{`-2`, `-1.5`, `3.25`, `-2.0`, `-0.5`}, []string{`-2.1`, `-3`}},
		{`{"type":"number"}`, []string{`0`, `-1.5e-7`, `12E+3`}, []string{`.5`, `1.`, `00`, `+1`, `1e999`, `NaN`}},
		{`{"enum":["a",1,null,{"x":[true,"\u00e9"]}]}`, []string{`"a"`, `1`, `null`, `{"x":[true,"é"]}`}, []string{`"b"`, `2`, `{"x": [true,"é"]}`}},
		{`{"type":"string","enum":["a",1]}`, []string{`"a"`}, []string{`1`}},
		{`{"const":"x\"y"}`, []string{`"x\"y"`}, []string{`"x"`}},
		{`{"type":["integer","null"],"description":"d","default":null}`, []string{`1`, `null`}, []string{`"a"`}},
		{`{"anyOf":[{"type":"integer"},{"type":"array","items":{"$ref":"#"}}]}`, []string{`1`, `[]`, `[1,[2,[[]]]]`}, []string{`[null]`, `[1`}},
		{
			`{"$ref":"#/$defs/node","$defs":{"node":{"type":"object","properties":{"v":{"type":"integer"},"next":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]}},"required":["v","next"]}}}`,
			[]string{`{"v":1,"next":null}`, `{"v":1,"next":{"v":2,"next":null}}`},
			[]string{`{"v":1}`, `{"v":1,"next":{}}`},
		},
		{`{"allOf":[{"type":"boolean"}]}`, []string{`true`}, []string{`1`}},
		{`true`, []string{`{"a":[1,"x",{}]}`, `null`, `[ 1, 2 ]`}, []string{`{a:1}`, `[1,]`}},
		{`{}`, []string{`"x"`}, []string{`x`}},
		{`{"type":"object"}`, []string{`{}`, `{"a": {"b":1}}`}, []string{`[]`, `{"a"}`}},
		{`{"type":"integer","multipleOf":1}`, []string{`3`}, []string{`"3"`}},
	} {
		g, err := Compile([]byte(c.schema), v, Format{})
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		for _, doc := range c.yes {
			if _, err := accept(g, doc); err != nil || !takes(g, doc) {
				t.Errorf("%s refuses %s: %v", c.schema, doc, err)
			}
			if err := check(c.schema, doc); err != nil {
				t.Errorf("the example %s is wrong for %s: %v", doc, c.schema, err)
			}
		}
		for _, doc := range c.no {
			if takes(g, doc) {
				t.Errorf("%s takes %s", c.schema, doc)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	v := newWords().vocabulary()
	deep := strings.Repeat(`{"items":`, 200) + `{}` + strings.Repeat(`}`, 200)
	for schema, want := range map[string]string{
		`{`:                                   "not valid JSON",
		`{} {}`:                               "more text follows",
		`{"type":"string","type":"x"}`:        "duplicate",
		`3`:                                   "must be an object or a boolean",
		`false`:                               "allows nothing",
		`{"type":"strng"}`:                    `type "strng" is unknown`,
		`{"oneOf":[{}]}`:                      "oneOf is not supported",
		`{"properties":{"a":{"not":{}}}}`:     "at #/properties/a: the keyword not",
		`{"type":"array","uniqueItems":true}`: "uniqueItems",
		`{"$ref":"#/$defs/x"}`:                "points to nothing",
		`{"$ref":"http://x/y"}`:               "does not point into this schema",
		`{"$ref":"#"}`:                        "no finite document",
		`{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}`: "no finite document",
		`{"type":"array","minItems":3,"maxItems":2}`:                         "over maxItems",
		`{"type":"string","minLength":-1}`:                                   "whole number",
		`{"type":"string","maxLength":100000000}`:                            "too large",
		`{"type":"string","pattern":"a(?=b)"}`:                               "pattern",
		`{"type":"string","pattern":"a^b"}`:                                  "supported only at an end",
		`{"type":"string","pattern":"((a{1,900}){1,900}){1,900}"}`:           "pattern",
		`{"type":"string","pattern":"(\\p{L}{1,400}\\p{L}{1,400})"}`:         "too large",
		`{"type":"string","pattern":"a","maxLength":3}`:                      "minLength and maxLength beside",
		`{"type":"string","format":"iri"}`:                                   `format "iri"`,
		`{"type":"number","exclusiveMinimum":0}`:                             "whole, inclusive",
		`{"type":"number","minimum":0.5}`:                                    "whole, inclusive",
		`{"type":"integer","minimum":2,"maximum":1}`:                         "within the bounds",
		`{"type":"integer","multipleOf":5}`:                                  "multipleOf 5",
		`{"required":["a"]}`:                                                 "which properties does not have",
		`{"enum":[]}`:                                                        "no value",
		`{"type":"string","enum":[1]}`:                                       "no value of the type",
		`{"anyOf":[]}`:                                                       "list of schemas",
		`{"anyOf":[{}],"properties":{}}`:                                     "beside",
		deep:                                                                 "deeper than 100",
		`{"x":"` + strings.Repeat("a", maxSchema) + `"}`:                     "more than 262144",
	} {
		_, err := Compile([]byte(schema), v, Format{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %v, want %q", schema, err, want)
		}
	}
}

// TestAmbiguityIsBounded: two readings of each bracket make 2^n stacks.
func TestAmbiguityIsBounded(t *testing.T) {
	v := newWords().vocabulary()
	g, err := Compile([]byte(`{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/a"},"title":"x"},{"type":"array","items":{"$ref":"#/$defs/a"}},{"type":"null"}]}}}`), v, Format{})
	if err != nil {
		t.Fatal(err)
	}
	doc := strings.Repeat("[", 40) + "null" + strings.Repeat("]", 40)
	if !takes(g, doc) {
		t.Error("the document is refused")
	}
	if s, err := accept(g, strings.Repeat("[", 1000)); err == nil {
		t.Errorf("1,000 levels are taken, %d ways", len(s.at.configs))
	}
}

// TestHostilePatterns: what a schema can make the automaton do is bounded.
func TestHostilePatterns(t *testing.T) {
	v := newWords().vocabulary()
	deep := "a"
	for range 12 {
		deep = "(" + deep + "|" + deep + ")*"
	}
	for _, pattern := range []string{deep, "^(a?){1000}a$", "((((((a*)*)*)*)*)*)*", "(.*){900}x", "(\\pL|\\pN|.)*x{0,900}", "^([a-z]*[b-y]*){400}$"} {
		g, err := Compile([]byte(`{"type":"string","pattern":"`+pattern+`"}`), v, Format{})
		if err != nil {
			continue
		}
		s := g.Start()
		for _, b := range []byte(`"aaaaaaaaaaaaaaaa`) {
			if s.Accept(int32(b)) != nil {
				break
			}
			s.Mask()
			if g.visits > maxWork+2*maxVisits {
				t.Errorf("%.40s: a mask looked at %d nodes", pattern, g.visits)
			}
			if len(s.at.configs) > maxConfigs {
				t.Errorf("%.40s: %d ways to read it", pattern, len(s.at.configs))
			}
		}
	}
}

// schemas draws schemas, all of which have finite documents.
func schemas(depth int) *rapid.Generator[map[string]any] {
	return rapid.Custom(func(t *rapid.T) map[string]any {
		kinds := []string{"integer", "number", "string", "boolean", "null", "enum", "pattern"}
		if depth > 0 {
			kinds = append(kinds, "object", "object", "array", "anyOf", "ref")
		}
		switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
		case "enum":
			return map[string]any{"enum": rapid.SliceOfN(rapid.SampledFrom([]any{"a", "ab", "\"\\", 1, -2.5, nil, true, []any{1, "x"}}), 1, 4).Draw(t, "enum")}
		case "pattern":
			return map[string]any{"type": "string", "pattern": rapid.SampledFrom([]string{"^[a-z]{2,4}$", "x", "^(a|bc)*$", "^[^a-z]{1,3}$", "\\d+$", "^.$"}).Draw(t, "pattern")}
		case "integer":
			low := rapid.IntRange(-2000, 2000).Draw(t, "low")
			return map[string]any{"type": kind, "minimum": low, "maximum": low + rapid.IntRange(0, 3000).Draw(t, "more")}
		case "number":
			return map[string]any{"type": kind, "minimum": rapid.IntRange(-50, 0).Draw(t, "low"), "maximum": rapid.IntRange(0, 120).Draw(t, "high")}
		case "string":
			low := rapid.IntRange(0, 3).Draw(t, "low")
			return map[string]any{"type": kind, "minLength": low, "maxLength": low + rapid.IntRange(0, 5).Draw(t, "more")}
		case "array":
			low := rapid.IntRange(0, 2).Draw(t, "low")
			return map[string]any{"type": kind, "items": schemas(depth-1).Draw(t, "items"), "minItems": low, "maxItems": low + rapid.IntRange(0, 2).Draw(t, "more")}
		case "anyOf":
			return map[string]any{"anyOf": rapid.SliceOfN(schemas(depth-1), 1, 3).Draw(t, "anyOf")}
		case "ref":
			// Inside of an array, so that the validator reads on before it comes back.
			return map[string]any{"type": "array", "items": map[string]any{"$ref": "#"}, "maxItems": 2}
		case "object":
			properties := map[string]any{}
			var required []string
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "ab", "b", "é", "\"", ""}), 0, 4, rapid.ID).Draw(t, "names") {
				properties[name] = schemas(depth-1).Draw(t, name)
				if rapid.Bool().Draw(t, "required") {
					required = append(required, name)
				}
			}
			out := map[string]any{"type": kind, "properties": properties, "additionalProperties": false}
			if required != nil {
				out["required"] = required
			}
			if rapid.Bool().Draw(t, "open") {
				out["additionalProperties"] = schemas(depth-1).Draw(t, "more")
			}
			return out
		default:
			return map[string]any{"type": kind}
		}
	})
}

// TestRandomAnswersValidate draws tokens at random under the mask: what comes
// out is JSON that the schema's validator accepts, and Accept agrees with the mask.
func TestRandomAnswersValidate(t *testing.T) {
	w := newWords()
	v := w.vocabulary()
	rapid.Check(t, func(t *rapid.T) {
		schema, err := json.Marshal(schemas(3).Draw(t, "schema"))
		if err != nil {
			t.Fatal(err)
		}
		g, err := Compile(schema, v, Format{})
		if err != nil {
			t.Fatalf("%s: %v", schema, err)
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		doc := ""
		s := g.Start()
		for step := 0; ; step++ {
			if step > 3000 {
				return // an answer may go on for ever; what it can end in is seen often enough
			}
			mask := s.Mask()
			var allowed []int32
			for id := range int32(w.Size()) {
				in := mask[id/64]>>(id%64)&1 == 1
				if in {
					allowed = append(allowed, id)
				}
				if step%7 == 0 && (s.Clone().Accept(id) == nil) != in {
					t.Fatalf("%s after %q: mask and Accept differ on %q", schema, doc, w.Piece(id))
				}
			}
			if len(allowed) == 0 {
				t.Fatalf("%s: nothing can follow %q", schema, doc)
			}
			id := allowed[random.IntN(len(allowed))]
			if closing := slices.IndexFunc(allowed, func(id int32) bool { return id == w.end || id == '"' || id == '}' || id == ']' }); closing >= 0 && step > 40 {
				id = allowed[closing]
			}
			if err := s.Accept(id); err != nil {
				t.Fatal(err)
			}
			if id == w.end {
				break
			}
			doc += w.Piece(id)
		}
		if err := check(string(schema), doc); err != nil {
			t.Fatalf("%s gave %q: %v", schema, doc, err)
		}
	})
}

func TestCalls(t *testing.T) {
	w := newWords()
	v := w.vocabulary()
	format := Format{Open: "<call>\n{\"name\": \"", Middle: `", "arguments": `, Close: "}\n</call>", Between: "\n", ThinkOpen: "<think>", ThinkClose: "</think>"}
	tools := []Tool{{Name: "add", Parameters: []byte(`{"type":"object","properties":{"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`)}, {Name: "address"}}
	// An answer is text with the special tokens in it by name.
	read := func(g *Grammar, answer string) bool {
		s := g.Start()
		for answer != "" {
			id := int32(answer[0])
			for name, special := range w.special {
				if strings.HasPrefix(answer, name) {
					id = special
				}
			}
			if s.Accept(id) != nil {
				return false
			}
			answer = strings.TrimPrefix(answer, w.Piece(id))
		}
		return s.MayEnd()
	}
	add := "<call>\n{\"name\": \"add\", \"arguments\": {\"n\":1}}\n</call>"
	address := "<call>\n{\"name\": \"address\", \"arguments\": {\"x\": []}}\n</call>"
	for _, c := range []struct {
		choice Choice
		answer string
		want   bool
	}{
		{Auto, "", true},
		{Auto, "Hello {\"n\"}", true},
		{Auto, add, true},
		{Auto, "I call " + add + "\n" + address, true},
		{Auto, "<call>", false},
		{Auto, add + "and more", false},
		{Auto, "a<other>b", true},
		{Required, "Hello", false},
		{Required, "", false},
		{Required, add, true},
		{Required, add + "\n" + add, true},
		{Required, "<think>hm " + "</think>\n\n" + add, true},
		{Required, "<think>" + add, false},
		{Single, add, true},
		{Single, add + "\n" + add, false},
		{Required, strings.Replace(add, `"n":1`, `"n":"1"`, 1), false},
		{Required, strings.Replace(add, "add", "ad", 1), false},
	} {
		g, err := Calls(tools, c.choice, v, format)
		if err != nil {
			t.Fatal(err)
		}
		if got := read(g, c.answer); got != c.want {
			t.Errorf("choice %d, %q: %t, want %t", c.choice, c.answer, got, c.want)
		}
	}
	plain := Format{Open: `{"name": "`, Middle: `", "parameters": `, Close: `}`, Between: "; "}
	g, err := Calls(tools, Auto, v, plain)
	if err != nil {
		t.Fatal(err)
	}
	for answer, want := range map[string]bool{`{"name": "add", "parameters": {"n":1}}`: true, `{"x":1}`: false, `Yes {"x":1}`: true, "": true} {
		if got := read(g, answer); got != want {
			t.Errorf("plain: %q: %t, want %t", answer, got, want)
		}
	}
	for want, bad := range map[string][]Tool{"no tools": nil, "stands twice": {{Name: "a"}, {Name: "a"}}, "has a '\"'": {{Name: `a"`}}, "characters": {{Name: ""}}, "not valid JSON": {{Name: "a", Parameters: []byte("{")}}} {
		if _, err := Calls(bad, Auto, v, format); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", bad, err, want)
		}
	}
}

func TestDone(t *testing.T) {
	w := newWords()
	g, err := Compile([]byte(`{"type":"boolean"}`), w.vocabulary(), Format{ThinkOpen: "<think>", ThinkClose: "--", Thinking: true})
	if err != nil {
		t.Fatal(err)
	}
	s, err := accept(g, "well - true? --\n\ntru")
	if err != nil || s.Done() || s.MayEnd() {
		t.Fatalf("%v, done %t", err, s.Done())
	}
	if err := s.Accept(w.end); err == nil {
		t.Error("the answer ends in the middle")
	}
	if err := s.Accept('e'); err != nil || !s.Done() {
		t.Errorf("%v, done %t", err, s.Done())
	}
	if err := s.Accept(w.end); err != nil || !s.Done() {
		t.Error(err)
	}
	if err := s.Accept('x'); err == nil {
		t.Error("something follows the end")
	}
	if err := g.Start().Accept(int32(w.Size())); err == nil {
		t.Error("a token beyond the vocabulary is taken")
	}
}

// TestForgetting: an answer outlives the states that were remembered for it.
func TestForgetting(t *testing.T) {
	g, err := Object(newWords().vocabulary(), Format{})
	if err != nil {
		t.Fatal(err)
	}
	s := g.Start()
	for i, b := range []byte(`{"a": [1, {"b": "x"}], "c": null}`) {
		if i%3 == 0 {
			g.forget()
		}
		s.Mask()
		if err := s.Accept(int32(b)); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Done() {
		t.Error("the object is not done")
	}
}

func FuzzCompile(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#"}},"additionalProperties":{"enum":["x"]}}`, "{\"a\":{}}")
	f.Add(`{"type":"string","pattern":"^(a|b)*$"}`, "\"ab\"")
	v := newWords().vocabulary()
	f.Fuzz(func(t *testing.T, schema, doc string) {
		g, err := Compile([]byte(schema), v, Format{})
		if err != nil {
			return
		}
		s := g.Start()
		for i := range len(doc) {
			if s.Accept(int32(doc[i])) != nil {
				break
			}
		}
		if mask := s.Mask(); !slices.ContainsFunc(mask, func(w uint64) bool { return w != 0 }) {
			t.Errorf("%s: nothing can follow a beginning of %q", schema, doc)
		}
	})
}

// BenchmarkMask measures masks over 1,000 and 150,000 tokens: cold is one that
// was never computed, warm a remembered one.
func BenchmarkMask(b *testing.B) {
	for _, size := range []int{1024, 150_000} {
		random := rand.New(rand.NewPCG(1, 1))
		var more []string
		for range size - 300 {
			word := []byte{}
			if random.IntN(2) == 0 {
				word = append(word, ' ')
			}
			for range 1 + random.IntN(9) {
				word = append(word, byte('a'+min(25, random.ExpFloat64()*6)))
			}
			more = append(more, string(word))
		}
		w := newWords(more...)
		v := w.vocabulary()
		logits := make([]float32, w.Size())
		for name, schema := range map[string]string{"string": `{"type":"string"}`, "limited": `{"type":"string","maxLength":200}`, "number": `{"type":"number"}`} {
			g, err := Compile([]byte(schema), v, Format{})
			if err != nil {
				b.Fatal(err)
			}
			s := g.Start()
			if name != "number" {
				if err := s.Accept('"'); err != nil {
					b.Fatal(err)
				}
			}
			b.Run(fmt.Sprintf("%d %s cold", size, name), func(b *testing.B) {
				for b.Loop() {
					g.forget()
					s.Mask()
				}
			})
			b.Run(fmt.Sprintf("%d %s next", size, name), func(b *testing.B) {
				for b.Loop() { // states are known, their masks not
					s.at.mask = nil
					s.Mask()
				}
			})
			b.Run(fmt.Sprintf("%d %s warm", size, name), func(b *testing.B) {
				for b.Loop() {
					s.Allow(logits)
				}
			})
		}
	}
}
