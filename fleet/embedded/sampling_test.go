package embedded

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// TestLogprobs: the log probabilities are those of the tokens of the answer, in
// both dialects, streamed and whole; that of the greedy token is the highest.
func TestLogprobs(t *testing.T) {
	e := newEngine(t, 4)
	type token struct {
		Token   string
		Logprob float64
		Bytes   []byte
		Top     []token `json:"top_logprobs"`
	}
	var whole struct {
		Choices []struct {
			Message  struct{ Content string }
			Logprobs struct{ Content []token }
		}
	}
	body := post(e, "/v1/chat/completions", `{`+hello+`,"logprobs":true,"top_logprobs":3,"max_tokens":12}`).Body.String()
	if err := json.Unmarshal([]byte(strings.ReplaceAll(body, `"bytes":[`, `"ignored":[`)), &whole); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, tok := range whole.Choices[0].Logprobs.Content {
		text += tok.Token
		if len(tok.Top) != 3 || tok.Top[0].Token != tok.Token || tok.Top[0].Logprob != tok.Logprob || tok.Logprob > 0 || tok.Top[1].Logprob > tok.Logprob {
			t.Errorf("token %+v", tok)
		}
	}
	if text != whole.Choices[0].Message.Content || text == "" {
		t.Errorf("the tokens say %q, the answer %q", text, whole.Choices[0].Message.Content)
	}
	if !strings.Contains(body, `"bytes":[73]`) && !strings.Contains(body, `"bytes":[`) {
		t.Errorf("no bytes: %s", body)
	}
	streamed := ""
	for frame := range strings.SplitSeq(post(e, "/v1/chat/completions", `{`+hello+`,"logprobs":true,"max_tokens":12,"stream":true}`).Body.String(), "\n\n") {
		var chunk struct {
			Choices []struct {
				Delta    struct{ Content string }
				Logprobs struct {
					Content []struct{ Token string }
				}
			}
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(frame, "data: ")), &chunk) != nil || len(chunk.Choices) == 0 {
			continue
		}
		part := ""
		for _, tok := range chunk.Choices[0].Logprobs.Content {
			part += tok.Token
		}
		if part != chunk.Choices[0].Delta.Content {
			t.Errorf("a chunk with %q has the tokens of %q", chunk.Choices[0].Delta.Content, part)
		}
		streamed += part
	}
	if streamed != text {
		t.Errorf("streamed %q, whole %q", streamed, text)
	}
	var completion struct {
		Choices []struct {
			Text     string
			Logprobs struct {
				Tokens []string
				Scores []float64            `json:"token_logprobs"`
				Top    []map[string]float64 `json:"top_logprobs"`
				Offset []int                `json:"text_offset"`
			}
		}
	}
	if err := json.Unmarshal(post(e, "/v1/completions", `{"model":"tiny","prompt":"Hello","logprobs":2,"max_tokens":6}`).Body.Bytes(), &completion); err != nil {
		t.Fatal(err)
	}
	c := completion.Choices[0]
	if got := strings.Join(c.Logprobs.Tokens, ""); got != c.Text || len(c.Logprobs.Scores) != len(c.Logprobs.Tokens) || len(c.Logprobs.Top[0]) != 2 || c.Logprobs.Offset[0] != 0 || c.Logprobs.Offset[1] != len(c.Logprobs.Tokens[0]) {
		t.Errorf("%+v", c)
	}
}

// TestParametersReachTheSampler: each of them changes an answer.
func TestParametersReachTheSampler(t *testing.T) {
	e := newEngine(t, 4)
	said := func(extra string) string {
		w := post(e, "/v1/completions", `{"model":"tiny","prompt":"the the the the","max_tokens":12`+extra+`}`)
		var got struct{ Choices []struct{ Text string } }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", extra, w.Code, w.Body)
		}
		return got.Choices[0].Text
	}
	plain, hot := said(""), said(`,"temperature":2,"seed":5`)
	first := e.cfg.Model.Tokenizer().Encode(nil, plain)[0]
	if plain == hot {
		t.Errorf("temperature: still %q", hot)
	}
	for name, c := range map[string][2]string{
		"logit_bias":         {plain, said(fmt.Sprintf(`,"logit_bias":{"%d":-100}`, first))},
		"seed":               {hot, said(`,"temperature":2,"seed":6`)},
		"min_p":              {hot, said(`,"temperature":2,"seed":5,"min_p":0.5`)},
		"top_k":              {hot, said(`,"temperature":2,"seed":5,"top_k":2`)},
		"top_p":              {hot, said(`,"temperature":2,"seed":5,"top_p":0.2`)},
		"repetition_penalty": {plain, said(`,"repetition_penalty":50`)},
		"presence_penalty":   {hot, said(`,"temperature":2,"seed":5,"presence_penalty":2`)},
		"frequency_penalty":  {hot, said(`,"temperature":2,"seed":5,"frequency_penalty":2`)},
	} {
		if c[0] == c[1] {
			t.Errorf("%s: still %q", name, c[0])
		}
	}
	if again := said(`,"temperature":2,"seed":5`); again != hot {
		t.Errorf("the same seed says %q, then %q", hot, again)
	}
}
