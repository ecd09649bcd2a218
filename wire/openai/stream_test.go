package openai

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice"
	"sluice/wire/sse"
)

// shape is an engine's stream, one payload a line: those after ">" pass, those
// after "x" are held back.
type shape struct {
	name     string
	endpoint Endpoint
	strip    bool
	lines    string

	tokens   int64
	usage    sluice.Usage // zero: none
	cache    bool
	finished bool
	fast     int // how many chunks need no decoding
	err      string
}

func shapes() []shape {
	counted := func(in, cached, out, reasoning int64) sluice.Usage {
		return sluice.Usage{sluice.ClassInput: in, sluice.ClassCached: cached, sluice.ClassOutput: out, sluice.ClassReasoning: reasoning}
	}
	return []shape{
		{name: "openai", endpoint: Chat(), lines: `
> {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}],"usage":null}
> {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}],"usage":null}
> {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"!"},"logprobs":null,"finish_reason":null}],"usage":null}
> {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}
x {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":8,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":0}}}
x [DONE]`, tokens: 2, usage: counted(11, 8, 6, 4), cache: true, finished: true, fast: 2},

		{name: "vLLM, not asked for usage", endpoint: Chat(), strip: true, lines: `
> {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"prompt_token_ids":null}
> {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"reasoning":"Hm"},"logprobs":null,"finish_reason":null,"token_ids":null}]}
> {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"reasoning_content":"m"},"logprobs":null,"finish_reason":null,"token_ids":null}]}
> {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":"length","stop_reason":null}]}
x {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":9,"total_tokens":12,"completion_tokens":3}}
x [DONE]`, tokens: 3, usage: counted(9, 0, 3, 0), finished: true, fast: 3},

		{name: "vLLM, usage in each chunk", endpoint: Chat(), lines: `
> {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":9,"total_tokens":9,"completion_tokens":0}}
> {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":{"prompt_tokens":9,"total_tokens":10,"completion_tokens":1}}
> {"id":"1","choices":[{"index":0,"delta":{"content":"!"},"finish_reason":null}],"usage":{"prompt_tokens":9,"total_tokens":11,"completion_tokens":2}}
`, tokens: 2, usage: counted(9, 0, 2, 0)}, // and broken off

		{name: "SGLang", endpoint: Chat(), lines: `
> {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
> {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":"Hm","tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
> {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":"Hi","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}
> {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":null,"reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":"stop","matched_stop":2}],"usage":null}
x {"id":"s","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":0},"reasoning_tokens":1}}
x [DONE]`, tokens: 2, usage: counted(5, 0, 1, 1), cache: true, finished: true, fast: 2},

		{name: "llama.cpp", endpoint: Chat(), lines: `
> {"choices":[{"finish_reason":null,"index":0,"delta":{"role":"assistant","content":null}}],"created":1,"id":"l","model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}
> {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hi"}}],"created":1,"id":"l","model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}
> {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1,"id":"l","model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}
x {"choices":[],"created":1,"id":"l","model":"m","object":"chat.completion.chunk","usage":{"completion_tokens":2,"prompt_tokens":7,"total_tokens":9,"prompt_tokens_details":{"cached_tokens":3}},"timings":{"cache_n":3,"prompt_n":4}}
x [DONE]`, tokens: 1, usage: counted(4, 3, 2, 0), cache: true, finished: true, fast: 1},

		{name: "llama.cpp, older: usage in the last content chunk", endpoint: Chat(), lines: `
> {"choices":[{"finish_reason":null,"index":0,"delta":{"content":"Hi"}}],"created":1,"id":"l"}
> {"choices":[{"finish_reason":"stop","index":0,"delta":{}}],"created":1,"id":"l","usage":{"completion_tokens":1,"prompt_tokens":7,"total_tokens":8}}
x [DONE]`, tokens: 1, usage: counted(7, 0, 1, 0), finished: true, fast: 1},

		{name: "Ollama", endpoint: Chat(), lines: `
> {"id":"o","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"","reasoning":"Hm"},"finish_reason":null}]}
> {"id":"o","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null}]}
> {"id":"o","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}
x {"id":"o","object":"chat.completion.chunk","created":1,"model":"m","system_fingerprint":"fp_ollama","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}
x [DONE]`, tokens: 2, usage: counted(5, 0, 2, 0), finished: true, fast: 2},

		{name: "DeepSeek, spaces after colons", endpoint: Chat(), lines: `
> {"id": "d", "choices": [{"index": 0, "delta": {"role": "assistant", "content": null, "reasoning_content": ""}, "finish_reason": null}], "usage": null}
> {"id": "d", "choices": [{"index": 0, "delta": {"content": null, "reasoning_content": "Hm"}, "finish_reason": null}], "usage": null}
> {"id": "d", "choices": [{"index": 0, "delta": {"content": "Hi", "reasoning_content": null}, "finish_reason": null}], "usage": null}
> {"id": "d", "choices": [{"index": 0, "delta": {"content": "", "reasoning_content": null}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 17, "completion_tokens": 2, "total_tokens": 19, "prompt_cache_hit_tokens": 16, "prompt_cache_miss_tokens": 1, "completion_tokens_details": {"reasoning_tokens": 1}}}
x [DONE]`, tokens: 2, usage: counted(1, 16, 1, 1), cache: true, finished: true, fast: 2},

		{name: "OpenRouter, usage beside an empty delta", endpoint: Chat(), lines: `
> {"id":"g","provider":"p","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"},"finish_reason":null,"native_finish_reason":null}]}
> {"id":"g","provider":"p","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":"stop"}]}
> {"id":"g","provider":"p","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":{"prompt_tokens":5,"completion_tokens":1,"total_tokens":6,"cost":0.1,"prompt_tokens_details":{"cached_tokens":2,"cache_write_tokens":1},"completion_tokens_details":{"reasoning_tokens":null}}}
`, tokens: 1, usage: sluice.Usage{2, 2, 1, 1, 0}, cache: true, finished: true, fast: 1},

		{name: "Azure, an empty chunk first", endpoint: Chat(), strip: true, lines: `
> {"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0}]}
> {"choices":[{"content_filter_results":{"hate":{"filtered":false}},"delta":{"content":"Hi"},"finish_reason":null,"index":0}],"id":"z"}
> {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"id":"z"}
x {"choices":[],"id":"z","usage":{"prompt_tokens":1,"completion_tokens":1}}
> {"choices":[],"id":"z","after":true}
x [DONE]`, tokens: 1, usage: counted(1, 0, 1, 0), finished: true, fast: 1},

		{name: "tools", endpoint: Chat(), lines: `
> {"id":"t","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":""}}]},"finish_reason":null}]}
> {"id":"t","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"usage\":{\"a"}}]},"finish_reason":null}]}
> {"id":"t","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"\":1}}"}}]},"finish_reason":null}]}
> {"id":"t","choices":[{"index":0,"delta":{"tool_calls":[]},"finish_reason":"tool_calls"}]}
x [DONE]`, tokens: 3, finished: true, fast: 3},

		{name: "content that looks like keys", endpoint: Chat(), lines: `
> {"id":"q","choices":[{"index":0,"delta":{"content":"\"delta\":{\"content\":\"x\"}"},"finish_reason":null}]}
> {"id":"q","choices":[{"index":0,"delta":{"content":"\"usage\":{\"prompt_tokens\":5}"},"finish_reason":null}]}
> {"id":"q","choices":[{"index":0,"delta":{"content":"\"error\":{}"},"finish_reason":null}]}
> {"id":"q","choices":[{"index":0,"delta":{"content":"data: [DONE]\n\n"},"finish_reason":null}]}
> {"id":"q","choices":[{"index":0,"delta":{"content":"\\\""},"finish_reason":null}]}
> {"id":"q","choices":[{"index":0,"delta":{"content":"usage"},"finish_reason":null}],"service":"delta"}
> {"id":"\"delta\":{\"content\":\"x\"}","choices":[{"index":0,"delta":{"role":"assistant"},"finish_reason":"stop"}]}
x [DONE]`, tokens: 6, finished: true, fast: 6},

		{name: "two null usages and a real one", endpoint: Chat(), lines: `
> {"x_usage":null,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"usage":null}
> {"x_usage":null,"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":null}],"usage":{"prompt_tokens":3,"completion_tokens":2}}
> {"usage":null,"choices":[{"index":0,"delta":{"content":"c"},"finish_reason":"stop"}]}
> {"choices":[{"index":0,"delta":{"content":"d"},"finish_reason":"stop"}],"usage" : {"prompt_tokens":3,"completion_tokens":4}}
x [DONE]`, tokens: 4, usage: counted(3, 0, 4, 0), finished: true, fast: 2},

		{name: "several choices", endpoint: Chat(), lines: `
> {"id":"n","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null},{"index":1,"delta":{"content":"b"},"finish_reason":null}]}
> {"id":"n","choices":[{"index":1,"delta":{"content":"c"},"finish_reason":null}]}
> {"id":"n","choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{"content":""},"finish_reason":"stop"}]}
x [DONE]`, tokens: 3, finished: true, fast: 1},

		{name: "content in parts, other fields, no delta", endpoint: Chat(), lines: `
> {"id":"p","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"a"}]},"finish_reason":null}]}
> {"id":"p","choices":[{"index":0,"delta":{"audio":{"id":"x"},"content":"b"},"finish_reason":null}]}
> {"id":"p","choices":[{"index":0,"delta":{"name":"a\"b","content":"c"},"finish_reason":null}]}
> {"id":"p","choices":[{"index":0,"delta" : {"refusal":"no"},"finish_reason":null}]}
> {"id":"p","choices":[{"index":0,"finish_reason":"stop"}]}
`, tokens: 4, finished: true},

		{name: "no [DONE] after the usage", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}
> {"id":"e","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"stop"}]}
x {"id":"e","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}
`, tokens: 2, usage: counted(3, 0, 2, 0), finished: true, fast: 2},

		{name: "broken off", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}
`, tokens: 1, fast: 1},

		{name: "one choice of two finished, then broken off", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
> {"id":"e","choices":[{"index":1,"delta":{"content":"a"},"finish_reason":null}]}
`, tokens: 1, fast: 1},

		{name: "usage without counts", endpoint: Chat(), strip: true, lines: `
> {"id":"u","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}
x {"id":"u","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0}}
x [DONE]`, tokens: 1, finished: true, fast: 1},

		{name: "completions", endpoint: Completions(), lines: `
> {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"Hi","logprobs":null,"finish_reason":null,"stop_reason":null}],"usage":null}
> {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"text": "!", "index":0,"logprobs":{"text_offset":[1],"tokens":["!"]},"finish_reason":null}]}
> {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}]}
x {"id":"cmpl-1","object":"text_completion","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":4,"total_tokens":6,"completion_tokens":2}}
x [DONE]`, tokens: 2, usage: counted(4, 0, 2, 0), finished: true, fast: 2},

		{name: "error, wrapped", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}
x {"error":{"object":"error","message":"out of memory","type":"InternalServerError","param":null,"code":500}}
`, tokens: 1, fast: 1, err: "out of memory"},
		{name: "error, flat", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}
x {"object":"error","message":"out of memory","type":"BadRequestError","param":null,"code":400}
`, tokens: 1, fast: 1, err: "out of memory"},
		{name: "error, text", endpoint: Chat(), lines: `
x {"error":"out of memory"}
`, err: "out of memory"},
		{name: "error beside content", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}],"error":null}
x {"id":"e","choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"error"}],"error":{"code":502,"message":"out of memory"}}
`, tokens: 1, fast: 1, err: "out of memory"},
		{name: "malformed", endpoint: Chat(), lines: `
> {"id":"e","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}
x {"id":"e","choices":[{"index":0,"del
`, tokens: 1, fast: 1, err: "malformed"},
		{name: "other JSON", endpoint: Chat(), lines: `
x {"status":"ok","data":[1,2,3]}
`, err: "no chunk"},
		{name: "malformed usage", endpoint: Chat(), lines: `
x {"id":"e","choices":[],"usage":"none"}
`, err: "usage"},
		{name: "usage that contradicts itself", endpoint: Chat(), lines: `
x {"id":"e","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":4}}}
`, err: "contradicts"},
	}
}

// events makes the stream and what is to pass of it, with the line end given.
func (c shape) events(end string) (in, pass string) {
	for line := range strings.Lines(strings.TrimSpace(c.lines)) {
		mark, payload, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		event := "data: " + payload + end + end
		in += event
		if mark == ">" {
			pass += event
		}
	}
	return in, pass
}

// pump feeds a stream in pieces as a gateway does and returns what passes.
func pump(s *Stream, pieces ...string) string {
	var out strings.Builder
	var buf []byte
	for _, p := range pieces {
		buf = append(buf, p...)
		pass, consumed := s.Pass(buf)
		out.Write(buf[:pass])
		buf = append(buf[:0], buf[consumed:]...)
	}
	return out.String()
}

func TestStreamShapes(t *testing.T) {
	for _, c := range shapes() {
		for name, end := range map[string]string{"LF": "\n", "CR LF": "\r\n", "CR": "\r"} {
			in, pass := c.events(end)
			for feed, pieces := range map[string][]string{"at once": {in}, "byte by byte": strings.Split(in, ""), "between": {in[:len(in)/3], in[len(in)/3:]}} {
				t.Run(strings.Join([]string{c.name, name, feed}, "/"), func(t *testing.T) {
					s := &Stream{Endpoint: c.endpoint, StripUsage: c.strip}
					if got := pump(s, pieces...); got != pass {
						t.Errorf("passed %q\nwant   %q", got, pass)
					}
					c.check(t, s)
				})
			}
		}
	}
}

// check holds what a stream has counted to what it should have.
func (c shape) check(t *testing.T, s *Stream) {
	if s.Tokens != c.tokens {
		t.Errorf("%d tokens, want %d", s.Tokens, c.tokens)
	}
	if (s.TextBytes > 0) != (c.tokens > 0) {
		t.Errorf("%d bytes of output", s.TextBytes)
	}
	if s.HasUsage != (c.usage != sluice.Usage{}) || s.Counted.Usage != c.usage || s.Counted.CacheKnown != c.cache {
		t.Errorf("usage %v (%t), cache known %t; want %v, %t", s.Counted.Usage, s.HasUsage, s.Counted.CacheKnown, c.usage, c.cache)
	}
	if s.Finished() != c.finished {
		t.Errorf("finished = %t", s.Finished())
	}
	if s.Done != strings.Contains(c.lines, "x [DONE]") {
		t.Errorf("done = %t", s.Done)
	}
	if (s.Err == nil) != (c.err == "") || (s.Err != nil && !strings.Contains(s.Err.Error(), c.err)) {
		t.Errorf("error %v, want %q", s.Err, c.err)
	}
	held := c.err == "" && !c.strip && strings.Contains(c.lines, "\nx {")
	if (len(s.Tail()) > 0) != held {
		t.Errorf("tail %q", s.Tail())
	}
	if held && !strings.Contains(c.lines, strings.TrimRight(string(s.Tail()[len("data: "):]), "\r\n")) {
		t.Errorf("the tail is not the engine's: %q", s.Tail())
	}
}

// TestStreamFast decodes every chunk that the fast path takes: it must count
// as one token and hold nothing to look at.
func TestStreamFast(t *testing.T) {
	for _, c := range shapes() {
		taken := 0
		for line := range strings.Lines(strings.TrimSpace(c.lines)) {
			payload := strings.TrimSuffix(line[2:], "\n")
			s := &Stream{Endpoint: c.endpoint}
			if !s.fast([]byte(payload)) {
				continue
			}
			taken++
			event := sse.AppendData(nil, []byte(payload))
			if pass := s.slow(event, []byte(payload)); !pass || s.Err != nil || s.HasUsage || s.Tokens != 1 {
				t.Errorf("%s: taken though pass = %t, error %v, usage %t, %d tokens: %s", c.name, pass, s.Err, s.HasUsage, s.Tokens, payload)
			}
		}
		if taken != c.fast {
			t.Errorf("%s: %d chunks were fast, want %d", c.name, taken, c.fast)
		}
	}
}

func TestStreamComments(t *testing.T) {
	in := ": ping\n\nevent: message\nid: 4\nretry: 10\ndata: {\"choices\":\ndata: [{\"delta\":{\"content\":\"a\"}}]}\n\ndata:\n\n: pong\r\n\r\ndata: [DONE] \n\n"
	s := &Stream{Endpoint: Chat()}
	got := pump(s, in)
	want := strings.Replace(strings.Replace(in, "data:\n\n", "", 1), "data: [DONE] \n\n", "", 1)
	if got != want || s.Tokens != 1 || !s.Done || s.Err != nil {
		t.Errorf("passed %q, %d tokens, done %t, %v", got, s.Tokens, s.Done, s.Err)
	}
	if pass, consumed := s.Pass([]byte("data: more\n\n")); pass != 0 || consumed != 0 {
		t.Errorf("after [DONE]: %d, %d", pass, consumed)
	}
}

func TestStreamLimit(t *testing.T) {
	for name, event := range map[string]string{
		"complete":   `data: {"choices":[{"delta":{"content":"` + strings.Repeat("x", MaxEvent) + `"}}]}` + "\n\n",
		"incomplete": "data: " + strings.Repeat("x", MaxEvent),
	} {
		for feed, pieces := range map[string][]string{"at once": {event}, "in two": {event[:MaxEvent/2], event[MaxEvent/2:]}} {
			s := &Stream{Endpoint: Chat()}
			if got := pump(s, append([]string{": a\n\n"}, pieces...)...); got != ": a\n\n" || s.Err == nil {
				t.Errorf("%s, %s: passed %d bytes, %v", name, feed, len(got), s.Err)
			}
		}
	}
	s := &Stream{Endpoint: Chat()}
	chunk := `data: {"choices":[{"delta":{"content":"` + strings.Repeat("x", MaxEvent-100) + `"}}]}` + "\n\n"
	if got := pump(s, chunk); got != chunk || s.Err != nil {
		t.Errorf("just within: passed %d bytes, %v", len(got), s.Err)
	}
}

// TestStreamNeverWaits shows that every split of a stream gives what all of it
// at once gives.
func TestStreamNeverWaits(t *testing.T) {
	in, pass := shapes()[0].events("\n")
	for cut := range len(in) {
		s := &Stream{Endpoint: Chat()}
		if got := pump(s, in[:cut], in[cut:]); got != pass || s.Tokens != 2 || !s.HasUsage {
			t.Fatalf("cut at %d: passed %q, %d tokens", cut, got, s.Tokens)
		}
	}
}

// FuzzStream: what passes and what is held back are the input in its order,
// and neither that nor any count depends on how the bytes arrive.
func FuzzStream(f *testing.F) {
	for _, c := range shapes() {
		in, _ := c.events("\n")
		f.Add([]byte(in), uint(len(in)/2), c.strip)
	}
	f.Add([]byte(": a\r\rdata: {}\r\n\r"), uint(15), false)
	f.Fuzz(func(t *testing.T, in []byte, at uint, strip bool) {
		whole := &Stream{Endpoint: Chat(), StripUsage: strip}
		got := pump(whole, string(in))
		if !inOrder(got, in) {
			t.Fatalf("%q passes %q", in, got)
		}
		for _, pieces := range [][]string{{string(in[:at%uint(len(in)+1)]), string(in[at%uint(len(in)+1):])}, strings.Split(string(in), "")} {
			s := &Stream{Endpoint: Chat(), StripUsage: strip}
			if other := pump(s, pieces...); other != got || summary(s) != summary(whole) {
				t.Fatalf("in pieces it passes %q, %s\nat once %q, %s", other, summary(s), got, summary(whole))
			}
		}
	})
}

// inOrder reports whether passed is the input with whole events left out.
func inOrder(passed string, in []byte) bool {
	for n := sse.Next(in); n > 0; n = sse.Next(in) {
		if rest, ok := strings.CutPrefix(passed, string(in[:n])); ok {
			passed = rest
		}
		in = in[n:]
	}
	return passed == ""
}

func summary(s *Stream) string {
	return fmt.Sprint(s.Counted, s.HasUsage, s.Tokens, s.TextBytes, s.Done, s.Err, s.Finished(), string(s.Tail()))
}

// BenchmarkStreamPass gives the time for one chunk of 250 bytes in a read of 16 KiB.
func BenchmarkStreamPass(b *testing.B) {
	for name, chunk := range map[string]string{
		"OpenAI": `{"id":"chatcmpl-0123456789abcdef0123456789","object":"chat.completion.chunk","created":1790000000,"model":"qwen3-32b","service_tier":"default","choices":[{"index":0,"delta":{"content":" token"},"logprobs":null,"finish_reason":null}],"usage":null}`,
		"SGLang": `{"id":"0123456789abcdef0123456789","object":"chat.completion.chunk","created":1790000000,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":" a","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null}],"usage":null}`,
	} {
		b.Run(name, func(b *testing.B) {
			event := sse.AppendData(nil, []byte(chunk))
			n := 16 << 10 / len(event)
			buf := slices.Repeat(event, n)
			s := &Stream{Endpoint: Chat(), StripUsage: true}
			b.ReportAllocs()
			for b.Loop() {
				if pass, _ := s.Pass(buf); pass != len(buf) {
					b.Fatal(pass)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/chunk")
		})
	}
}

// What has no data and is no comment is no stream.
func TestStreamOfNoEvents(t *testing.T) {
	for text, well := range map[string]bool{
		": ping\n\n": true, "event: ping\n\n": true, "id: 7\n\n": true, "\n\n": true,
		"<!doctype html><title>nginx</title>\n\n": false, "{\"status\":\"ok\"}\n\n": false, "\x00\xff{\xfe\n\n": false,
	} {
		s := Stream{Endpoint: Chat()}
		pass, _ := s.Pass([]byte(text))
		if (s.Err == nil) != well || (pass > 0) != well {
			t.Errorf("%q: %d bytes pass, %v", text, pass, s.Err)
		}
	}
}
