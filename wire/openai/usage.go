package openai

import (
	"cmp"
	"encoding/json"
	"fmt"

	"sluice"
)

// usage is the dialect's usage object. Cached tokens are counted inside the
// prompt, reasoning tokens inside the completion. Cached tokens come in OpenAI's
// form, in DeepSeek's and in Moonshot's; reasoning tokens in OpenAI's and SGLang's.
type usage struct {
	PromptTokens     int64 `json:"prompt_tokens"`
	CompletionTokens int64 `json:"completion_tokens"`
	PromptDetails    struct {
		Cached     *int64 `json:"cached_tokens"`
		CacheWrite int64  `json:"cache_write_tokens"`
	} `json:"prompt_tokens_details"`
	CacheHit          *int64 `json:"prompt_cache_hit_tokens"`
	Cached            *int64 `json:"cached_tokens"`
	Reasoning         int64  `json:"reasoning_tokens"`
	CompletionDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

// Counted is what an engine said it used, in disjoint classes.
type Counted struct {
	Usage      sluice.Usage
	CacheKnown bool // the engine said how much of the prompt was cached, be it zero
}

// parseUsage reads a usage object. ok is false for null and for an object
// without counts. An error is a count that contradicts another or is out of range.
func parseUsage(raw []byte) (c Counted, ok bool, err error) {
	var u *usage
	if err := json.Unmarshal(raw, &u); err != nil {
		return Counted{}, false, fmt.Errorf("reading the engine's usage: %w", err)
	}
	if u == nil || (u.PromptTokens == 0 && u.CompletionTokens == 0) {
		return Counted{}, false, nil
	}
	cached, written := int64(0), u.PromptDetails.CacheWrite
	if said := cmp.Or(u.PromptDetails.Cached, u.CacheHit, u.Cached); said != nil {
		cached, c.CacheKnown = *said, true
	}
	reasoning := cmp.Or(u.CompletionDetails.Reasoning, u.Reasoning)
	c.Usage[sluice.ClassInput] = u.PromptTokens - cached - written
	c.Usage[sluice.ClassCached] = cached
	c.Usage[sluice.ClassCacheWrite] = written
	c.Usage[sluice.ClassOutput] = u.CompletionTokens - reasoning
	c.Usage[sluice.ClassReasoning] = reasoning
	if !c.Usage.Valid() {
		return Counted{}, false, fmt.Errorf("the engine's usage contradicts itself: %s", raw)
	}
	return c, true, nil
}

// EstimateTokens is the token count of text whose engine does not say: one for
// each four bytes, rounded up, which is what byte-pair encodings come to on prose.
func EstimateTokens(bytes int) int64 { return (int64(bytes) + 3) / 4 }
