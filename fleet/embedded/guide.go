package embedded

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"sluice/infer"
	"sluice/infer/guide"
	"sluice/infer/template"
)

// guided returns what the guide makes of a request, and false when it has no
// business with it. It answers plain questions of people alone: a conversation with
// a system message, tools, a form of the answer, or a wish to see or steer single
// tokens is put to the model as it is, since whoever asks so wants the model and
// not a guide to Sluice.
//
// Of a conversation the last message counts: each question is looked up by itself.
func (e *Engine) guided(req *request, c *template.Conversation) *guide.Task {
	last := c.Messages[len(c.Messages)-1]
	if e.cfg.Guide == nil || last.Role != "user" || len(last.Content) > longestQuestion ||
		len(c.Tools) > 0 || given(req.Logprobs) || given(req.Stop) || len(req.LogitBias) > 0 ||
		req.ResponseFormat.Type != "" && req.ResponseFormat.Type != "text" {
		return nil
	}
	for _, m := range c.Messages {
		if m.Role != "user" && m.Role != "assistant" {
			return nil
		}
	}
	task := e.cfg.Guide.Prepare(last.Content)
	return &task
}

// given reports whether a value of JSON asks for something.
func given(v jsontext.Value) bool {
	switch string(v) {
	case "", "null", "false", "[]", "0":
		return false
	}
	return true
}

// longestQuestion is from how many bytes on a message is no question to look up, but
// a text to be worked on.
const longestQuestion = 400

// guidedConversation is what is put to the model for a task: the passages that were
// found, and the question.
func guidedConversation(task *guide.Task) *template.Conversation {
	c := &template.Conversation{}
	if system := task.System(); system != "" {
		c.Messages = append(c.Messages, template.Message{Role: "system", Content: system})
	}
	c.Messages = append(c.Messages, template.Message{Role: "user", Content: task.Question})
	return c
}

// compute has the model answer and hands the answer to emit. One that is guided is held
// against the passages first and then handed on in as many pieces as the model made
// of it, each with the usage of its own: what is counted is what was computed, and
// not what stands in for it.
func (a *answer) compute(ctx context.Context, emit func(infer.Piece) error) (infer.Result, error) {
	if a.task == nil {
		return a.model.Generate(ctx, a.request, emit)
	}
	var pieces []infer.Piece
	var text strings.Builder
	result, err := a.model.Generate(ctx, a.request, func(p infer.Piece) error {
		text.WriteString(p.Text)
		pieces = append(pieces, p)
		return nil
	})
	if err != nil {
		return result, err
	}
	said := text.String()
	if result.Finish == infer.FinishStop { // one that was cut off is left as it is
		loss, err := a.surprise(ctx)
		if err != nil {
			return result, err
		}
		said, _ = a.task.Check(said, loss)
	}
	if len(pieces) == 0 {
		pieces = []infer.Piece{{Usage: result.Usage}}
	}
	return result, deal(said, pieces, emit)
}

// surprise is the mean loss of the question's tokens. It is the guide's own work and
// no part of what is counted.
func (a *answer) surprise(ctx context.Context) (float64, error) {
	tokenizer := a.model.Tokenizer()
	question := tokenizer.Encode(nil, a.task.Question)
	if len(question) == 0 {
		return 0, nil
	}
	// In the prompt the question stands at the end, behind what its turn begins with.
	var head []int32
	if start, ok := tokenizer.Special("<|im_start|>"); ok {
		head = append(head, start)
	}
	return a.model.Loss(ctx, a.request.CacheSalt, tokenizer.Encode(head, "user\n"), question)
}

// deal hands a text on in as many parts as there are pieces, cut between words
// where there are enough.
func deal(text string, pieces []infer.Piece, emit func(infer.Piece) error) error {
	words := strings.SplitAfter(text, " ")
	for i, p := range pieces {
		from, to := i*len(words)/len(pieces), (i+1)*len(words)/len(pieces)
		if p.Text = strings.Join(words[from:to], ""); p.Text == "" {
			continue
		}
		if err := emit(p); err != nil {
			return err
		}
	}
	return nil
}
