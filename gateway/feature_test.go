package gateway_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sluice"
	"sluice/fleet/fleettest"
)

// picture is a request with an image.
const picture = `{"model":"test-model","messages":[{"role":"user","content":[{"type":"text","text":"what is it?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo="}}]}]}`

// TestLacks has an engine that cannot do what is asked: another one is asked, and
// where there is none the parameter is named.
func TestLacks(t *testing.T) {
	t.Run("another engine", func(t *testing.T) {
		r := newRig(t, setup{engines: 3, engine: func(e *sluice.Engine) {
			if e.ID != "eng_2" {
				e.Lacks = sluice.FeatureImages
			}
		}})
		for range 8 {
			if a := r.post(chatPath, picture); a.StatusCode != 200 {
				t.Fatal(a.body)
			}
		}
		if n := len(r.engines[1].Calls()); n != 8 {
			t.Errorf("the engine that sees was asked %d times of 8", n)
		}
		// What needs no eyes, the others answer.
		r.engines[1].Default(fleettest.Status(500, `{"error":{"message":"broken"}}`))
		for range 4 {
			if a := r.post(chatPath, plainCall); a.StatusCode != 200 {
				t.Fatal(a.body)
			}
		}
		if n := len(r.engines[0].Calls()) + len(r.engines[2].Calls()); n != 4 {
			t.Errorf("the engines that cannot see were asked %d times of 4", n)
		}
	})
	t.Run("the able one fails", func(t *testing.T) {
		r := newRig(t, setup{engines: 2, engine: func(e *sluice.Engine) {
			if e.ID == "eng_1" {
				e.Lacks = sluice.FeatureImages
			}
		}})
		r.engines[1].Default(fleettest.Status(500, `{"error":{"message":"broken"}}`))
		if a := r.post(chatPath, picture); a.StatusCode != 502 || len(r.engines[0].Calls()) != 0 {
			t.Errorf("%d, %s", a.StatusCode, a.body)
		}
	})
	t.Run("no engine", func(t *testing.T) {
		all, err := sluice.ParseFeatures(sluice.FeatureNames())
		if err != nil {
			t.Fatal(err)
		}
		r := newRig(t, setup{engines: 2, engine: func(e *sluice.Engine) { e.Lacks = all }})
		for _, c := range []struct{ fields, param string }{
			{`"tools":[{"type":"function","function":{"name":"f"}}]`, "tools"},
			{`"tool_choice":"required"`, "tool_choice"},
			{`"parallel_tool_calls":false`, "parallel_tool_calls"},
			{`"response_format":{"type":"json_object"}`, "response_format"},
			{`"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":{}}}`, "response_format"},
			{`"logprobs":true`, "logprobs"},
			{`"top_logprobs":3`, "top_logprobs"},
			{`"n":2`, "n"},
			{`"seed":0`, "seed"},
			{`"presence_penalty":0.1`, "presence_penalty"},
			{`"frequency_penalty":-1`, "frequency_penalty"},
			{`"repetition_penalty":1.1`, "repetition_penalty"},
			{`"logit_bias":{"1":1}`, "logit_bias"},
			{`"reasoning_effort":"high"`, "reasoning_effort"},
			{`"chat_template_kwargs":{"enable_thinking":true}`, "chat_template_kwargs"},
			{`"modalities":["text","audio"]`, "modalities"},
			{`"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]`, "messages[0].content[0]"},
			{`"messages":[{"role":"user","content":"a"},{"role":"user","content":[{"type":"text","text":"a"},{"type":"file","file":{"file_data":""}}]}]`, "messages[1].content[1]"},
		} {
			body := fmt.Sprintf(`{"model":"test-model","messages":[{"role":"user","content":"hi"}],%s}`, c.fields)
			if strings.Contains(c.fields, "messages") {
				body = fmt.Sprintf(`{"model":"test-model",%s}`, c.fields)
			}
			a := r.post(chatPath, body)
			var got struct {
				Error struct{ Type, Param, Message string }
			}
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatal(err)
			}
			if a.StatusCode != 400 || got.Error.Param != c.param || !strings.Contains(got.Error.Message, c.param) {
				t.Errorf("%s: %d, %s", c.fields, a.StatusCode, a.body)
			}
		}
		for _, fields := range []string{
			`"tools":[],"tool_choice":"auto","parallel_tool_calls":true,"response_format":{"type":"text"},"logprobs":false,"top_logprobs":0,"n":1,"logit_bias":{}`,
			`"tools":null,"tool_choice":"none","seed":null,"presence_penalty":0,"frequency_penalty":0.0,"repetition_penalty":1.0,"reasoning_effort":"none","stop":["\"image_url\""],"temperature":1`,
			`"user":"\"type\":\"image_url\"","metadata":{"type":"image_url"}`,
		} {
			if a := r.post(chatPath, fmt.Sprintf(`{"model":"test-model","messages":[{"role":"user","content":"hi"}],%s}`, fields)); a.StatusCode != 200 {
				t.Errorf("%s, which asks for nothing: %s", fields, a.body)
			}
		}
		for fields, param := range map[string]string{`"echo":true`: "echo", `"suffix":"x"`: "suffix", `"logprobs":0`: "logprobs", `"best_of":2`: "best_of"} {
			if a := r.post("/v1/completions", fmt.Sprintf(`{"model":"test-model","prompt":"hi",%s}`, fields)); a.StatusCode != 400 || !strings.Contains(a.body, `"param":"`+param+`"`) {
				t.Errorf("%s: %d, %s", fields, a.StatusCode, a.body)
			}
		}
	})
}

// TestUntouched sends what the gateway does not understand to an engine that
// does, and its answer back, byte by byte.
func TestUntouched(t *testing.T) {
	for name, c := range map[string]struct{ fields, delta string }{
		"a call of a tool": {
			`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true}}],"tool_choice":"required","parallel_tool_calls":false`,
			`{"role":"assistant","content":"","tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]}`,
		},
		"a JSON schema":      {`"response_format":{"type":"json_schema","json_schema":{"name":"a","strict":true,"schema":{"type":"object","additionalProperties":false}}}`, `{"content":"{}"}`},
		"log probabilities":  {`"logprobs":true,"top_logprobs":2`, `{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-0.1,"bytes":[97],"top_logprobs":[]}]}`},
		"a seed, a key":      {`"seed":-9223372036854775808,"prompt_cache_key":"thread-1","prompt_cache_retention":"24h"`, `{"content":"a"}`},
		"thinking":           {`"reasoning_effort":"high","chat_template_kwargs":{"enable_thinking":true}`, `{"reasoning_content":"Hm","content":""}`},
		"unknown fields":     {`"top_a":0.3,"x":{"y":[null]}`, `{"content":"a","x":1}`},
		"odd numbers, order": {`"temperature":1E0, "top_p" : 1.0`, `{"content":"\u00e9\/"}`},
	} {
		r := newRig(t, setup{engine: func(e *sluice.Engine) { e.NoCacheSalt = true }})
		chunk := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"own-name","choices":[{"index":0,"delta":` + c.delta + `,"finish_reason":null}]}` + "\n\n"
		end := `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"own-name","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
		r.engines[0].Next(fleettest.Raw(chunk, end, `data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`+"\n\n", "data: [DONE]\n\n"))
		head := `"stream":true,"messages":[{"role":"assistant","content":"a","reasoning_content":"Hm","tool_calls":[]},{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw0KGgo=","detail":"low"}}]}],`
		a := r.post(chatPath, `{"model":"test-model",`+head+c.fields+`}`)
		if diff := cmp.Diff(chunk+end+"data: [DONE]\n\n", a.body); a.StatusCode != 200 || diff != "" {
			t.Errorf("%s: %d\n%s", name, a.StatusCode, diff)
		}
		want := `{"model":"own-name",` + head + c.fields + `,"stream_options":{"include_usage":true}}`
		if diff := cmp.Diff(want, string(r.engines[0].Calls()[0].Body)); diff != "" {
			t.Errorf("%s: the engine was sent\n%s", name, diff)
		}
	}
}

// TestUntouchedChoices asks for several answers, not streamed.
func TestUntouchedChoices(t *testing.T) {
	r := newRig(t, setup{engine: func(e *sluice.Engine) { e.NoCacheSalt = true }})
	whole := `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"a","reasoning_content":"r"}},{"index":1,"message":{"content":null,"tool_calls":[{"id":"1"}]}}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`
	r.engines[0].Next(fleettest.Status(200, whole))
	body := `{"n":2,"model":"own-name","messages":[{"role":"user","content":"hi"}]}`
	a := r.post(chatPath, strings.Replace(body, "own-name", model, 1))
	if a.StatusCode != 200 || a.body != whole || string(r.engines[0].Calls()[0].Body) != body {
		t.Errorf("%d, %s; the engine was sent %s", a.StatusCode, a.body, r.engines[0].Calls()[0].Body)
	}
}

// TestReasoningKey has an engine that calls thinking by another name: clients do
// not see it.
func TestReasoningKey(t *testing.T) {
	r := newRig(t, setup{engine: func(e *sluice.Engine) { e.NoCacheSalt, e.ReasoningKey = true, "reasoning" }})
	usage := `"usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}`
	r.engines[0].Next(
		fleettest.Raw(`data: {"id":"c","choices":[{"index":0,"delta":{"reasoning":"Hm"},"finish_reason":null}]}`+"\n\n",
			`data: {"id":"c","choices":[{"index":0,"delta":{"content":"\"reasoning\":"},"finish_reason":"stop"}]}`+"\n\n", `data: {"id":"c","choices":[],`+usage+"}\n\n", "data: [DONE]\n\n"),
		fleettest.Status(200, `{"id":"c","choices":[{"index":0,"message":{"content":"a","reasoning":"Hm"},"finish_reason":"stop"}],`+usage+`}`))
	body := `{"model":"test-model","stream":true,"messages":[{"role":"assistant","content":"a","reasoning_content":"b"},{"role":"user","content":"hi"}]}`
	a := r.post(chatPath, body)
	want := `data: {"id":"c","choices":[{"index":0,"delta":{"reasoning_content":"Hm"},"finish_reason":null}]}` + "\n\n" +
		`data: {"id":"c","choices":[{"index":0,"delta":{"content":"\"reasoning\":"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
	if diff := cmp.Diff(want, a.body); diff != "" {
		t.Error(diff)
	}
	if sent := string(r.engines[0].Calls()[0].Body); !strings.Contains(sent, `"reasoning_content":"b","reasoning":"b"`) {
		t.Errorf("the engine was sent %s", sent)
	}
	a = r.post(chatPath, plainCall)
	if want := `{"id":"c","choices":[{"index":0,"message":{"content":"a","reasoning_content":"Hm"},"finish_reason":"stop"}],` + usage + `}`; a.body != want {
		t.Errorf("a whole answer: %s", a.body)
	}
}

// TestMend has an engine whose streams break clients: they are put in order.
func TestMend(t *testing.T) {
	r := newRig(t, setup{engine: func(e *sluice.Engine) { e.Mend, e.ReasoningKey = true, "reasoning" }})
	r.engines[0].Next(fleettest.Raw(
		`data: {"id":"c","choices":[{"delta":{"reasoning":"Hm"}}]}`+"\n\n",
		`data: {"id":"c","choices":[{"delta":{"content":"a"}}]}`+"\n\n",
		`data: {"id":"c","choices":[{"delta":{"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}`+"\n\n",
		`data: {"id":"c","usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}`+"\n\n", "data: [DONE]\n\n"))
	want := `data: {"choices":[{"index":0,"delta":{"content":"","reasoning_content":"Hm"},"finish_reason":null}],"id":"c"}` + "\n\n" +
		`data: {"id":"c","choices":[{"delta":{"content":"a"}}]}` + "\n\n" +
		`data: {"choices":[{"index":0,"delta":{"content":"","tool_calls":[{"index":0,"id":"call_c_0","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"id":"c"}` + "\n\n" +
		`data: {"choices":[],"id":"c","usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4}}` + "\n\ndata: [DONE]\n\n"
	if diff := cmp.Diff(want, r.post(chatPath, withUsage).body); diff != "" {
		t.Error(diff)
	}
	r.engines[0].Next(fleettest.Stream("a", "b"))
	if a := r.post("/v1/completions", `{"model":"test-model","prompt":"hi","stream":true}`); a.StatusCode != 200 || text(t, a.body) != "ab" || strings.Contains(a.body, "delta") {
		t.Errorf("a completion: %s", a.body)
	}
}
