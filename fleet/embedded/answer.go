package embedded

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"sluice/infer"
	"sluice/infer/guide"
	"sluice/infer/template"
)

// prompt is what a request puts to the model.
type prompt struct {
	tokens       []int32
	param        string                 // the parameter that the tokens come from
	conversation *template.Conversation // nil for a completion
	speech       *speech                // likewise
	task         *guide.Task            // what the guide holds the answer against, if it does
}

// chatPrompt renders a chat's messages. most is how many tokens there may be, 0 for
// any number: what is sure to have more is not even encoded.
func (e *Engine) chatPrompt(req *request, most int) (prompt, error) {
	t, err := e.cfg.Model.Template()
	if err != nil {
		return prompt{}, refuse("messages", "This model cannot be talked to (%v). Ask it for completions, at /v1/completions.", err)
	}
	c, err := req.conversation()
	if err != nil {
		return prompt{}, err
	}
	if req.Effort != "" && !c.NoThinking && t.Format(c).ThinkOpen == "" {
		return prompt{}, refuse("reasoning_effort", "This model's template (%s) knows no reasoning.", t.Name())
	}
	if len(c.Tools) > 0 && !t.CallsTools() {
		return prompt{}, refuse("tools", "This model's template (%s) knows no tools.", t.Name())
	}
	task := e.guided(req, c)
	if task != nil {
		c = guidedConversation(task)
	}
	bytes := 0
	for _, m := range c.Messages {
		if m.Role != "assistant" { // of whose thoughts some are left out
			bytes += len(strings.TrimSpace(m.Content))
		}
	}
	if err := e.checkLength("messages", bytes, most); err != nil {
		return prompt{}, err
	}
	tokens, err := t.Prompt(c)
	if err != nil {
		return prompt{}, refuse("messages", "The messages cannot be put to this model: %v.", err)
	}
	p := prompt{tokens: tokens, param: "messages", conversation: c, task: task}
	if task == nil { // what is guided is text
		p.speech = &speech{parser: t.Parser(c)}
	}
	return p, nil
}

// checkLength refuses a text of so many bytes that it is sure to have more than most
// tokens: encoding it would take time and memory for nothing.
func (e *Engine) checkLength(param string, bytes, most int) error {
	if least := bytes / e.longest; most > 0 && least >= most {
		return tooLong(param, most, fmt.Sprintf("at least %d", least))
	}
	return nil
}

// textPrompt encodes a completion's prompt, of fewer tokens than most.
func (e *Engine) textPrompt(req *request, most int) (prompt, error) {
	text, tokens, err := req.completion()
	if err != nil {
		return prompt{}, err
	}
	if err := e.checkTokens("prompt", tokens); err != nil {
		return prompt{}, err
	}
	if err := e.checkLength("prompt", len(text), most); err != nil {
		return prompt{}, err
	}
	if tokens == nil {
		tokens = e.encode(text)
	}
	if len(tokens) == 0 {
		return prompt{}, refuse("prompt", "prompt must not be empty.")
	}
	return prompt{tokens: tokens, param: "prompt"}, nil
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
	speech  *speech // nil: the text is what is said
	oneCall bool
	task    *guide.Task
	head    reply // what every object of it has in common
}

// errEnough ends an answer behind its only call.
var errEnough = errors.New("one call is enough")

// generate computes the answer and hands what it says to emit, with the piece
// that says it, and at last with what was held back.
func (a *answer) generate(ctx context.Context, emit func(said, infer.Piece) error) (infer.Result, error) {
	enough := false
	result, err := a.compute(ctx, func(p infer.Piece) error {
		if enough {
			return errEnough
		}
		s := said{content: p.Text}
		if a.speech != nil {
			s = a.speech.piece(p)
			enough = a.oneCall && len(s.calls) > 0
		}
		return emit(s, p)
	})
	if errors.Is(err, errEnough) {
		err, result.Finish = nil, infer.FinishStop
	}
	if err != nil || a.speech == nil {
		return result, err
	}
	if rest := a.speech.close(result.Usage); !rest.empty() {
		err = emit(rest, infer.Piece{Usage: result.Usage})
	}
	return result, err
}

// finish is the finish reason: an answer that calls tools waits for theirs.
func (a *answer) finish(f infer.Finish, calls int) infer.Finish {
	if calls > 0 && f == infer.FinishStop {
		return "tool_calls"
	}
	return f
}

// count is a result's usage, with the tokens of reasoning.
func (a *answer) count(u infer.Usage) usage {
	out := usageOf(u)
	if a.speech != nil && a.speech.thought > 0 {
		out.Details = &completionDetails{a.speech.thought}
	}
	return out
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
	context := e.cfg.Model.Context()
	p, err := render(req, context)
	if err != nil {
		return nil, err
	}
	if len(p.tokens) >= context {
		return nil, tooLong(p.param, context, strconv.Itoa(len(p.tokens)))
	}
	if generation.Form, err = e.form(req, p.conversation); err != nil {
		return nil, err
	}
	generation.Prompt, generation.CacheSalt = p.tokens, req.CacheSalt
	head := reply{ID: "cmpl-" + rand.Text(), Object: "text_completion", Created: e.cfg.Now().Unix(), Model: e.cfg.ID}
	if chat {
		head.ID, head.Object = "chat"+head.ID, "chat.completion"
	}
	return &answer{tally: tally{counter: e.counter}, model: e.cfg.Model, request: generation, chat: chat, speech: p.speech, oneCall: req.oneCall(), task: p.task, head: head}, nil
}

// whole answers with one object when all of it is generated.
func (a *answer) whole(w http.ResponseWriter, r *http.Request) {
	var all said
	var tokens []infer.Token
	result, err := a.generate(r.Context(), func(s said, p infer.Piece) error {
		all.content += s.content
		all.reasoning += s.reasoning
		all.calls = append(all.calls, s.calls...)
		tokens = append(tokens, p.Tokens...)
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	out := a.head
	finish := a.finish(result.Finish, len(all.calls))
	if a.chat {
		m := chatMessage{Role: "assistant", Content: &all.content, Reasoning: all.reasoning, Calls: all.calls}
		if all.content == "" && len(all.calls) > 0 {
			m.Content = nil
		}
		out.Choices = []any{chatChoice{Message: m, Logprobs: chatLogprobs(tokens), FinishReason: finish}}
	} else {
		out.Choices = []any{textChoice{Text: all.content, Logprobs: textLogprobs(tokens, 0), FinishReason: &finish}}
	}
	out.Usage = marshal(a.count(result.Usage))
	announce(w, result.Usage)
	a.tally.wrote(send(w, http.StatusOK, out), &result.Usage)
	a.tally.close(w, false)
}
