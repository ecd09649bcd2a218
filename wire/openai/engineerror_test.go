package openai

import (
	"strings"
	"testing"
	"unicode/utf8"

	"sluice"
)

// TestReported: an error in a stream is the engine's, unless it blames the request.
func TestReported(t *testing.T) {
	for in, want := range map[string]sluice.Code{
		`{"message":"no","type":"invalid_request_error"}`:                       sluice.CodeInvalid,
		`{"object":"error","message":"no","type":"BadRequestError","code":400}`: sluice.CodeInvalid,
		`{"type":"invalid_request_error"}`:                                      sluice.CodeInvalid,
		`{"message":"no","type":"server_error"}`:                                sluice.CodeInternal,
		`{"message":"no"}`:                                                      sluice.CodeInternal,
		`"invalid_request_error"`:                                               sluice.CodeInternal,
	} {
		err := reported([]byte(in))
		if got := sluice.CodeOf(err); got != want || err.Error() == "" {
			t.Errorf("%s: %q (%v), want %q", in, got, err, want)
		}
	}
}

func TestEngineError(t *testing.T) {
	for in, want := range map[string][2]string{
		`{"error":{"message":"too long","type":"x","param":"messages","code":400}}`: {"too long", "messages"},
		`{"object":"error","message":"too long","param":null,"code":400}`:           {"too long", ""},
		`{"object":"error","message":"too long","param":"max_tokens","code":400}`:   {"too long", "max_tokens"},
		`{"error":"model not loaded"}`:                                              {"model not loaded", ""},
		`{"detail":"Not Found"}`:                                                    {"Not Found", ""},
		`{"error":{"code":400,"message":"too long","type":"exceed","n_ctx":4096}}`:  {"too long", ""},
		`{"detail":[{"loc":["body","n"],"msg":"bad"}]}`:                             {"", ""},
		`{"error":{}}`: {"", ""}, `{"error":null}`: {"", ""}, `{}`: {"", ""}, `[]`: {"", ""}, `"x"`: {"", ""}, ``: {"", ""}, `<html>`: {"", ""},
	} {
		if message, param := EngineError([]byte(in)); message != want[0] || param != want[1] {
			t.Errorf("%s: %q, %q; want %q", in, message, param, want)
		}
	}
	long, _ := EngineError([]byte(`{"error":"` + strings.Repeat("é", 9000) + `"}`))
	if len(long) > maxEngineMessage+5 || !strings.HasSuffix(long, "é…") || !utf8.ValidString(long) {
		t.Errorf("a long message: %d bytes, %q", len(long), long)
	}
	if _, param := EngineError([]byte(`{"message":"m","param":"` + strings.Repeat("p", 9000) + `"}`)); len(param) > maxEngineMessage+5 {
		t.Errorf("a long param: %d bytes", len(param))
	}
}
