package simulator

import (
	"context"
	"net/http"
	"strconv"
	"time"
)

// answer is one answer to a chat or a completion on its way out.
type answer struct {
	generation
	fault        Fault
	chat         bool // or else a completion
	id           string
	model        []byte // as a JSON string
	includeUsage bool   // in the stream
	batch        int    // events in one write
	prompt       int    // tokens
	output       int    // tokens
	text         []byte // of the answer
	finish       string
	created      int64
}

// announce sets the headers that come before the body: what the prompt counts.
func (a *answer) announce(w http.ResponseWriter, contentType string) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if a.fault.Kind != FaultOmitUsage {
		h.Set("X-Prompt-Tokens", strconv.Itoa(a.prompt))
		h.Set("X-Cached-Tokens", strconv.Itoa(a.cached()))
	}
}

// appendHead appends what every object of the answer begins with, up to where
// its choices follow.
func (a *answer) appendHead(b []byte, chunk bool) []byte {
	object := "text_completion"
	switch {
	case a.chat && chunk:
		object = "chat.completion.chunk"
	case a.chat:
		object = "chat.completion"
	}
	b = append(b, `{"id":"`...)
	b = append(b, a.id...)
	b = append(b, `","object":"`...)
	b = append(b, object...)
	b = append(b, `","created":`...)
	b = strconv.AppendInt(b, a.created, 10)
	b = append(b, `,"model":`...)
	b = append(b, a.model...)
	return append(b, `,"system_fingerprint":"simulated","choices":[`...)
}

// appendUsage appends OpenAI's usage object.
func (a *answer) appendUsage(b []byte) []byte {
	b = append(b, `{"prompt_tokens":`...)
	b = strconv.AppendInt(b, int64(a.prompt), 10)
	b = append(b, `,"completion_tokens":`...)
	b = strconv.AppendInt(b, int64(a.output), 10)
	b = append(b, `,"total_tokens":`...)
	b = strconv.AppendInt(b, int64(a.prompt+a.output), 10)
	b = append(b, `,"prompt_tokens_details":{"cached_tokens":`...)
	b = strconv.AppendInt(b, int64(a.cached()), 10)
	return append(b, `},"completion_tokens_details":{"reasoning_tokens":0}}`...)
}

// whole answers with one object when all tokens are produced. It gives up
// when the client leaves.
func (a *answer) whole(ctx context.Context, w http.ResponseWriter) {
	breaks := (a.fault.Kind == FaultDie || a.fault.Kind == FaultStall) && a.fault.After <= a.output
	need := a.output
	if breaks {
		need = a.fault.After
	}
	for produced := 0; produced < need; {
		var err error
		if produced, err = a.wait(ctx, produced); err != nil {
			return
		}
	}
	if breaks {
		breakOff(ctx, a.fault.Kind)
		return
	}
	if a.fault.Kind == FaultSlow {
		slow := time.Duration(max(a.output-a.fault.After, 0)) * a.fault.Delay
		if sleep(ctx, slow) != nil {
			return
		}
	}
	body := a.appendHead(nil, false)
	if a.chat {
		body = append(body, `{"index":0,"message":{"role":"assistant","content":"`...)
		body = append(body, a.text...)
		body = append(body, `","refusal":null},"logprobs":null,"finish_reason":"`...)
	} else {
		body = append(body, `{"text":"`...)
		body = append(body, a.text...)
		body = append(body, `","index":0,"logprobs":null,"finish_reason":"`...)
	}
	body = append(body, a.finish...)
	body = append(body, `"}]`...)
	if a.fault.Kind != FaultOmitUsage {
		body = append(body, `,"usage":`...)
		body = a.appendUsage(body)
	}
	body = append(body, '}')
	if a.fault.Kind == FaultMalformed {
		body = body[:len(body)/2]
	}
	a.announce(w, "application/json")
	send(w, http.StatusOK, body)
}
