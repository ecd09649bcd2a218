package embedded

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/infer"
)

// TestFormsOnesOwnFault: a form that turns out to be too much is the request's fault.
// An engine that answered 500 would be taken for one that is not well.
func TestFormsOnesOwnFault(t *testing.T) {
	f := asFailure(fmt.Errorf("%w: too complex", infer.ErrForm))
	if f.status != 400 || f.Type != "invalid_request_error" || !strings.Contains(f.Message, "too complex. Ask for a simpler") {
		t.Errorf("%d %+v", f.status, f)
	}
}

// TestAnswersKeepToTheirSchema draws at a high temperature: whatever the model
// would rather say, each answer that is not cut off fits its schema.
func TestAnswersKeepToTheirSchema(t *testing.T) {
	e := newEngine(t, 4)
	complete := 0
	for seed := range 20 {
		format := `{"type":"json_schema","json_schema":{"name":"weather","strict":true,"schema":{"type":"object","additionalProperties":false,` +
			`"properties":{"city":{"enum":["Rome","Oslo"]},"degrees":{"type":"integer","minimum":-50,"maximum":60}},"required":["city","degrees"]}}}`
		if seed%4 == 0 {
			format = `{"type":"json_object"}`
		}
		w := post(e, "/v1/chat/completions", fmt.Sprintf(`{%s,"temperature":1.5,"seed":%d,"max_tokens":150,"response_format":%s}`, hello, seed, format))
		var whole struct {
			Choices []struct {
				Message      struct{ Content string }
				FinishReason string `json:"finish_reason"`
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &whole); err != nil || w.Code != 200 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		c := whole.Choices[0]
		if c.FinishReason == "length" {
			continue
		}
		complete++
		var object map[string]any
		if err := json.Unmarshal([]byte(c.Message.Content), &object); err != nil {
			t.Errorf("seed %d: %q: %v", seed, c.Message.Content, err)
		}
		if degrees, ok := object["degrees"].(float64); seed%4 != 0 && (len(object) != 2 || !ok || degrees < -50 || degrees > 60 || !slices.Contains([]any{"Rome", "Oslo"}, object["city"])) {
			t.Errorf("seed %d: %q", seed, c.Message.Content)
		}
	}
	if complete < 15 {
		t.Errorf("only %d answers of 20 are complete", complete)
	}
}
