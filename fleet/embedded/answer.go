package embedded

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"

	"sluice/infer"
)

// prompt is what a request puts to the model.
type prompt struct {
	tokens []int32
	param  string // the parameter that the tokens come from
}

// chatPrompt renders a chat's messages.
func (e *Engine) chatPrompt(req *request) (prompt, error) {
	messages, err := req.conversation()
	if err != nil {
		return prompt{}, err
	}
	tokens, err := e.cfg.Model.Chat(messages)
	if errors.Is(err, infer.ErrNoChat) {
		err = refuse("messages", "This model has no chat template that is known: ask it at /v1/completions.")
	}
	return prompt{tokens, "messages"}, err
}

// textPrompt encodes a completion's prompt.
func (e *Engine) textPrompt(req *request) (prompt, error) {
	text, tokens, err := req.completion()
	if err != nil {
		return prompt{}, err
	}
	if err := e.checkTokens("prompt", tokens); err != nil {
		return prompt{}, err
	}
	if tokens == nil {
		tokens = e.encode(text)
	}
	if len(tokens) == 0 {
		return prompt{}, refuse("prompt", "prompt must not be empty.")
	}
	return prompt{tokens, "prompt"}, nil
}

// serve answers a chat or a completion.
func (e *Engine) serve(w http.ResponseWriter, r *http.Request, chat bool) {
	var req request
	a, err := e.prepare(w, r, &req, chat)
	if err != nil {
		fail(w, err)
		return
	}
	if req.Stream {
		a.stream(w, r, &req)
	} else {
		a.whole(w, r)
	}
}

// answer is one answer to be given.
type answer struct {
	tally   tally
	model   *infer.Model
	request infer.Request
	chat    bool
	head    reply // what every object of it has in common
}

// prepare reads and checks the request, so that only what can be computed
// waits.
func (e *Engine) prepare(w http.ResponseWriter, r *http.Request, req *request, chat bool) (*answer, error) {
	if err := decode(w, r, req); err != nil {
		return nil, err
	}
	if err := e.checkModel(req.Model); err != nil {
		return nil, err
	}
	if e.cfg.Model == nil {
		return nil, errEmbeds(req.Model)
	}
	if err := req.unsupported(); err != nil {
		return nil, err
	}
	generation, err := req.generation(e.cfg.Temperature, e.cfg.Model.Tokenizer().Size(), chat)
	if err != nil {
		return nil, err
	}
	render := e.textPrompt
	if chat {
		render = e.chatPrompt
	}
	p, err := render(req)
	if err != nil {
		return nil, err
	}
	if context := e.cfg.Model.Context(); len(p.tokens) >= context {
		return nil, tooLong(p.param, context, len(p.tokens))
	}
	if generation.Form, err = e.form(req); err != nil {
		return nil, err
	}
	generation.Prompt, generation.CacheSalt = p.tokens, req.CacheSalt
	head := reply{ID: "cmpl-" + rand.Text(), Object: "text_completion", Created: e.cfg.Now().Unix(), Model: e.cfg.ID}
	if chat {
		head.ID, head.Object = "chat"+head.ID, "chat.completion"
	}
	return &answer{tally: tally{counted: &e.counted}, model: e.cfg.Model, request: generation, chat: chat, head: head}, nil
}

// whole answers with one object when all of it is generated.
func (a *answer) whole(w http.ResponseWriter, r *http.Request) {
	var text strings.Builder
	var tokens []infer.Token
	result, err := a.model.Generate(r.Context(), a.request, func(p infer.Piece) error {
		text.WriteString(p.Text)
		tokens = append(tokens, p.Tokens...)
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	out := a.head
	if a.chat {
		out.Choices = []any{chatChoice{Message: chatMessage{Role: "assistant", Content: text.String()}, Logprobs: chatLogprobs(tokens), FinishReason: result.Finish}}
	} else {
		out.Choices = []any{textChoice{Text: text.String(), Logprobs: textLogprobs(tokens, 0), FinishReason: &result.Finish}}
	}
	out.Usage = usageOf(result.Usage)
	announce(w, result.Usage)
	a.tally.wrote(send(w, http.StatusOK, out), result.Usage)
	a.tally.close(w, false)
}
