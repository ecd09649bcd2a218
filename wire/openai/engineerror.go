package openai

import (
	"encoding/json"
	"fmt"

	"sluice"
)

// maxEngineMessage bounds what of an engine's error text reaches a client.
const maxEngineMessage = 500

// EngineError reads what an engine says about a request that it refused (a
// 400, 413 or 422): the message and the field at fault, in the forms of OpenAI
// ({"error":{"message":…}}), of older vLLM ({"message":…}) and of FastAPI
// ({"detail":…}). The message is empty when there is none.
func EngineError(raw []byte) (message, param string) {
	var body struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"`
		Param   string          `json:"param"`
		Detail  string          `json:"detail"`
	}
	if json.Unmarshal(raw, &body) != nil && body.Error == nil && body.Message == "" {
		return "", ""
	}
	var inner struct {
		Message string `json:"message"`
		Param   string `json:"param"`
	}
	if json.Unmarshal(body.Error, &inner) != nil {
		_ = json.Unmarshal(body.Error, &inner.Message) // Ollama: "error": "text"
	}
	for _, m := range []string{inner.Message, body.Message, body.Detail} {
		if m != "" {
			return clip(m), clip(inner.Param + body.Param)
		}
	}
	return "", ""
}

// reported is the error object that an engine sent in place of a chunk. One that
// blames the request, by OpenAI's type or by vLLM's, is the client's to hear, as a
// 400 would be: an answer under way has no status left to say it by.
func reported(raw []byte) error {
	var e struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &e) // what is no object blames nobody
	if e.Type == "invalid_request_error" || e.Type == "BadRequestError" {
		message, param := EngineError(fmt.Appendf(nil, `{"error":%s}`, raw))
		if message == "" {
			message = "The engine refused the request."
		}
		return &sluice.Error{Code: sluice.CodeInvalid, Message: message, Param: param}
	}
	return fmt.Errorf("the engine reported an error: %.200s", raw)
}

// clip cuts a text at a rune boundary.
func clip(s string) string {
	for i := range s {
		if i > maxEngineMessage {
			return s[:i] + "…"
		}
	}
	return s
}
