package embedded

import (
	"net/http"
	"slices"
)

// serveTokenize answers with the tokens of a chat's messages, of a prompt (as
// vLLM calls it, and with what every sequence begins with) or of a content (as
// llama.cpp calls it, and without).
func (e *Engine) serveTokenize(w http.ResponseWriter, r *http.Request) {
	var req struct {
		request `json:",inline"`
		Special *bool   `json:"add_special_tokens"` // what every sequence begins with; vLLM's default is true
		Text    *string `json:"prompt"`
		Content *string `json:"content"`
	}
	err := decode(w, r, &req)
	if err != nil {
		fail(w, err)
		return
	}
	tokens := []int32{}
	switch {
	case req.Text != nil && (req.Special == nil || *req.Special):
		tokens = e.encode(*req.Text)
	case req.Text != nil:
		tokens = e.cfg.loaded().Tokenizer().Encode(tokens, *req.Text)
	case req.Content != nil:
		tokens = e.cfg.loaded().Tokenizer().Encode(tokens, *req.Content)
	case e.cfg.Model == nil:
		err = errEmbeds(e.cfg.ID)
	default:
		var p prompt
		p, err = e.chatPrompt(&req.request, 0)
		tokens = p.tokens
	}
	if err != nil {
		fail(w, err)
		return
	}
	send(w, http.StatusOK, struct {
		Count       int     `json:"count"`
		MaxModelLen int     `json:"max_model_len"`
		Tokens      []int32 `json:"tokens"`
	}{len(tokens), e.cfg.loaded().Context(), tokens})
}

// serveDetokenize answers with the text of tokens, under the names of vLLM and
// of llama.cpp. Bytes that are no UTF-8 become U+FFFD.
func (e *Engine) serveDetokenize(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Tokens []int32 `json:"tokens"`
	}
	err := decode(w, r, &req)
	if err == nil {
		err = e.checkTokens("tokens", req.Tokens)
	}
	if err != nil {
		fail(w, err)
		return
	}
	text := e.cfg.loaded().Tokenizer().Decode(req.Tokens)
	send(w, http.StatusOK, struct {
		Prompt  string `json:"prompt"`
		Content string `json:"content"`
	}{text, text})
}

// encode returns the tokens of a text that begins a sequence.
func (e *Engine) encode(text string) []int32 {
	if e.cfg.Encoder != nil {
		return e.cfg.Encoder.Tokens(text)
	}
	t := e.cfg.Model.Tokenizer()
	return t.Encode(slices.Clone(t.Start()), text)
}

// checkTokens refuses tokens that are not in the vocabulary.
func (e *Engine) checkTokens(param string, tokens []int32) error {
	size := int32(e.cfg.loaded().Tokenizer().Size())
	for _, token := range tokens {
		if token < 0 || token >= size {
			return refuse(param, "%s has the token %d, the vocabulary has the tokens 0 to %d.", param, token, size-1)
		}
	}
	return nil
}
