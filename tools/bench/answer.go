package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// What the engine answers. The load generator knows it too and compares every
// byte, so that nothing which drops, repeats or rewrites a chunk looks fast.

const (
	model        = "bench"
	promptTokens = 250 // what the engine counts for the prompt
	wholeTokens  = 20  // what it counts for an answer that is not streamed
	numWords     = 16  // the tokens of a stream repeat after so many
)

// tokenEvent is one token of a stream, 233 bytes whatever i is.
func tokenEvent(i int) []byte {
	return event(fmt.Sprintf(`{"index":0,"delta":{"content":" word%02d"},"logprobs":null,"finish_reason":null}`, i%numWords), "null")
}

// event is one server-sent event with a chunk of a chat completion.
func event(choice, usage string) []byte {
	return []byte(`data: {"id":"chatcmpl-5a1c0e77","object":"chat.completion.chunk","created":1760000000,"model":"` + model +
		`","choices":[` + choice + `],"usage":` + usage + "}\n\n")
}

// usage is the engine's count of a call.
func usage(completion int) string {
	return fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d,"prompt_tokens_details":{"cached_tokens":0}}`,
		promptTokens, completion, promptTokens+completion)
}

// opening and closing are the events before the first token and after the last.
func opening() []byte {
	return event(`{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}`, "null")
}

func closing(tokens int, withUsage bool) [][]byte {
	events := [][]byte{event(`{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}`, "null")}
	if withUsage {
		events = append(events, event("", usage(tokens)))
	}
	return append(events, []byte("data: [DONE]\n\n"))
}

// wholeAnswer is the answer to a request that does not stream.
func wholeAnswer() []byte {
	return []byte(`{"id":"chatcmpl-5a1c0e77","object":"chat.completion","created":1760000000,"model":"` + model +
		`","choices":[{"index":0,"message":{"role":"assistant","content":"A short answer, as a classifier or a router of tools gives it."},` +
		`"logprobs":null,"finish_reason":"stop"}],"usage":` + usage(wholeTokens) + "}")
}

// streamAnswer is what a client that did not ask for usage must get.
func streamAnswer(tokens int) []byte {
	var b bytes.Buffer
	b.Write(opening())
	for i := range tokens {
		b.Write(tokenEvent(i))
	}
	for _, e := range closing(tokens, false) {
		b.Write(e)
	}
	return b.Bytes()
}

// framed puts an event into a chunk of its own (RFC 9112, 7.1), as engines do.
func framed(e []byte) []byte {
	b := strconv.AppendInt(nil, int64(len(e)), 16)
	b = append(b, "\r\n"...)
	b = append(b, e...)
	return append(b, "\r\n"...)
}

// script is an answer on the wire: a part before the tokens, tokens of equal
// length, and a part after them. Its bytes are made as they are sent.
type script struct {
	before []byte
	block  []byte // tokens, a multiple of numWords of them
	each   int    // bytes of a token
	tokens int
	after  []byte
}

// length is the bytes of the whole answer.
func (s *script) length() int { return len(s.before) + s.tokens*s.each + len(s.after) }

// released is how many bytes may have been sent after n tokens.
func (s *script) released(n int) int {
	if n >= s.tokens {
		return s.length()
	}
	return len(s.before) + n*s.each
}

// fill copies bytes from position pos up to end into dst and returns how many.
func (s *script) fill(dst []byte, pos, end int) int {
	n := 0
	for n < len(dst) && pos < end {
		part := s.at(pos)
		part = part[:min(len(part), end-pos)]
		m := copy(dst[n:], part)
		n, pos = n+m, pos+m
	}
	return n
}

// at returns some bytes from position pos on.
func (s *script) at(pos int) []byte {
	if pos < len(s.before) {
		return s.before[pos:]
	}
	pos -= len(s.before)
	all := s.tokens * s.each
	if pos >= all {
		return s.after[pos-all:]
	}
	from := pos % len(s.block)
	return s.block[from:min(len(s.block), from+all-pos)]
}

// tokenBlock is tokens in frames, enough to fill a large write.
func tokenBlock() (block []byte, each int) {
	for i := range 16 * numWords {
		f := framed(tokenEvent(i))
		block, each = append(block, f...), len(f)
	}
	return block, each
}
