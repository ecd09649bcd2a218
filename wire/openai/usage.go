package openai

import (
	"cmp"
	"fmt"
	"strconv"

	"sluice"

	"github.com/go-json-experiment/json/jsontext"
)

// usage is the dialect's usage object. Cached tokens are counted inside the
// prompt, reasoning tokens inside the completion. Cached tokens come in OpenAI's
// form, in DeepSeek's and in Moonshot's; reasoning tokens in OpenAI's and SGLang's.
type usage struct {
	prompt, completion          count
	cached, written             count // prompt_tokens_details
	cacheHit, cachedTop         count
	reasoning, reasoningInParts count // reasoning_tokens, and those of completion_tokens_details
}

// count is a number of tokens that an engine may give.
type count struct {
	tokens int64
	said   bool
}

// Counted is what an engine said it used, in disjoint classes.
type Counted struct {
	Usage      sluice.Usage
	CacheKnown bool // the engine said how much of the prompt was cached, be it zero
}

// parseUsage reads a usage object. ok is false for null and for an object
// without counts. An error is a count that contradicts another or is out of range.
func parseUsage(raw []byte) (c Counted, ok bool, err error) {
	return readUsage(new(Parser).get(raw, true))
}

// readUsage is parseUsage for the value that comes next.
func readUsage(dec *jsontext.Decoder) (Counted, bool, error) {
	var u usage
	if err := u.read(dec); err != nil {
		return Counted{}, false, fmt.Errorf("reading the engine's usage: %w", err)
	}
	if u.prompt.tokens == 0 && u.completion.tokens == 0 {
		return Counted{}, false, nil
	}
	var c Counted
	cached, written := int64(0), u.written.tokens
	for _, n := range []count{u.cached, u.cacheHit, u.cachedTop} {
		if n.said {
			cached, c.CacheKnown = n.tokens, true
			break
		}
	}
	reasoning := cmp.Or(u.reasoningInParts.tokens, u.reasoning.tokens)
	c.Usage[sluice.ClassInput] = u.prompt.tokens - cached - written
	c.Usage[sluice.ClassCached] = cached
	c.Usage[sluice.ClassCacheWrite] = written
	c.Usage[sluice.ClassOutput] = u.completion.tokens - reasoning
	c.Usage[sluice.ClassReasoning] = reasoning
	if !c.Usage.Valid() {
		return Counted{}, false, fmt.Errorf("the engine's usage contradicts itself: by classes it is %v", c.Usage)
	}
	return c, true, nil
}

// read takes in the members of the object that comes next.
func (u *usage) read(dec *jsontext.Decoder) error {
	return members(dec, func(name []byte) error {
		switch string(name) {
		case "prompt_tokens":
			return u.prompt.read(dec)
		case "completion_tokens":
			return u.completion.read(dec)
		case "prompt_tokens_details":
			return members(dec, func(name []byte) error {
				switch string(name) {
				case "cached_tokens":
					return u.cached.read(dec)
				case "cache_write_tokens":
					return u.written.read(dec)
				}
				return dec.SkipValue()
			})
		case "completion_tokens_details":
			return members(dec, func(name []byte) error {
				if string(name) == "reasoning_tokens" {
					return u.reasoningInParts.read(dec)
				}
				return dec.SkipValue()
			})
		case "prompt_cache_hit_tokens":
			return u.cacheHit.read(dec)
		case "cached_tokens":
			return u.cachedTop.read(dec)
		case "reasoning_tokens":
			return u.reasoning.read(dec)
		}
		return dec.SkipValue()
	})
}

// read takes in the number that comes next; null leaves the count as it is.
func (c *count) read(dec *jsontext.Decoder) error {
	v, err := dec.ReadValue()
	if err != nil || v.Kind() == jsontext.KindNull {
		return err
	}
	tokens, err := strconv.ParseInt(string(v), 10, 64)
	if err != nil {
		return fmt.Errorf("%.40s is no count of tokens", v)
	}
	*c = count{tokens, true}
	return nil
}

// EstimateTokens is the token count of text whose engine does not say: one for
// each four bytes, rounded up, which is what byte-pair encodings come to on prose.
func EstimateTokens(bytes int) int64 { return (int64(bytes) + 3) / 4 }
