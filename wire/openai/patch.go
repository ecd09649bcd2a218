package openai

import (
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Patch says what an engine's copy of a request differs in. Zero fields leave
// the request as it is.
type Patch struct {
	Model     string // the engine's own name for the model
	MaxTokens int64  // an upper bound for the output, when the wallet sets one below the client's
	CacheSalt string // separates tenants in the engine's prefix cache
	Thoughts  bool   // those in messages are named reasoning too
}

// edit replaces raw[at.from:at.to] by text.
type edit struct {
	at   span
	text string
}

// Patched appends the request as an engine is to get it to dst: the client's
// bytes with the patch spliced in, and, in a stream, with
// stream_options.include_usage set, since every stream must say what it used.
func (r *Request) Patched(dst []byte, p Patch) []byte {
	var buf [8]edit
	edits := buf[:0]
	if p.Model != "" {
		edits = r.rename(edits, p.Model)
	}
	if r.Stream && !r.IncludeUsage {
		edits = append(edits, r.askUsage())
	}
	edits = r.clamp(edits, p.MaxTokens)
	if p.CacheSalt != "" {
		edits = append(edits, r.set(r.spans.cacheSalt, "cache_salt", quote(p.CacheSalt)))
	}
	if p.Thoughts && !r.messages.empty() {
		edits = r.copyThoughts(edits)
	}
	slices.SortStableFunc(edits, func(a, b edit) int { return a.at.from - b.at.from })
	last := 0
	for _, e := range edits {
		dst = append(dst, r.raw[last:e.at.from]...)
		dst = append(dst, e.text...)
		last = e.at.to
	}
	return append(dst, r.raw[last:]...)
}

// rename names the model as the engine does. What the bytes say is not always
// r.Model: who calls a model by an alias, or one that stands for it, wrote another.
func (r *Request) rename(edits []edit, model string) []edit {
	at := r.spans.model
	if at.from == at.to { // the bytes name none: the form's field or the path does
		return edits
	}
	if wrote := r.raw[at.from:at.to]; len(wrote) == len(model)+2 && string(wrote[1:len(wrote)-1]) == model && !strings.Contains(model, `\`) {
		return edits
	}
	return append(edits, edit{at, quote(model)})
}

// askUsage sets stream_options.include_usage to true.
func (r *Request) askUsage() edit {
	s := &r.spans
	switch {
	case !s.includeUsage.empty():
		return edit{s.includeUsage, "true"}
	case s.streamOptions.empty():
		return r.set(span{}, "stream_options", `{"include_usage":true}`)
	case r.raw[s.streamOptions.from] != '{': // null
		return edit{s.streamOptions, `{"include_usage":true}`}
	case s.optionMembers == 0:
		return edit{s.streamOptions, `{"include_usage":true}`}
	}
	end := s.streamOptions.to - 1
	return edit{span{end, end}, `,"include_usage":true`}
}

// clamp bounds the output by the client's own limit and the given one (zero is
// none), under each name that the client used: engines disagree about which of
// several counts, and null may lift another's bound. When the client used none,
// it is set under the oldest name, which every engine knows.
func (r *Request) clamp(edits []edit, most int64) []edit {
	if most <= 0 || (r.MaxTokens > 0 && r.MaxTokens < most) {
		most = r.MaxTokens
	}
	if most == 0 {
		return edits
	}
	text, named := strconv.FormatInt(most, 10), false
	for _, l := range r.spans.limits {
		named = named || !l.at.empty()
		if !l.at.empty() && l.tokens != most {
			edits = append(edits, edit{l.at, text})
		}
	}
	if !named {
		edits = append(edits, r.set(span{}, "max_tokens", text))
	}
	return edits
}

// set replaces the value at a place or, when the place is empty, adds a member at the end.
func (r *Request) set(at span, name, value string) edit {
	if !at.empty() {
		return edit{at, value}
	}
	end := span{r.spans.end, r.spans.end}
	return edit{end, `,"` + name + `":` + value} // never the first: model is always there
}

// quote writes a JSON string. What is not UTF-8 becomes U+FFFD, of which the
// error tells; names are checked when they are configured.
func quote(s string) string {
	b, _ := jsontext.AppendQuote(nil, s)
	return string(b)
}
