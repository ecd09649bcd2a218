package assist

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"sluice"
	"sluice/wire/chat"
	"sluice/wire/openai"
)

const (
	keepEvery   = 2 * time.Second  // an answer under way is written down so often
	longest     = 30 * time.Minute // that an answer may take
	settleLimit = 30 * time.Second // to write down how an answer ended
)

// answer is a message that is being written.
type answer struct {
	s      *Service
	who    Person
	ctx    context.Context //nolint:containedctx // of the work, which outlives requests
	cancel context.CancelFunc
	begun  time.Time

	mu              sync.Mutex
	message         sluice.ChatMessage // but for its texts
	text, reasoning bytes.Buffer
	stopped         bool          // by the person
	changed         chan struct{} // closed when there is more, and replaced; nil at the end
}

// begin notes that a message is being written. Errors: CodeConcurrency.
func (s *Service) begin(who Person, m *sluice.ChatMessage) (*answer, error) {
	a := &answer{s: s, who: who, message: *m, changed: make(chan struct{}), begun: s.opt.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := 0
	for _, other := range s.answers {
		if other.who == who {
			own++
		}
	}
	if own >= maxRunning {
		return nil, &sluice.Error{Code: sluice.CodeConcurrency, RetryAfter: 5 * time.Second, Message: "Some answers are still being written: stop one, or wait."}
	}
	a.ctx, a.cancel = context.WithTimeout(s.base, longest)
	s.answers[m.ID] = a
	return a, nil
}

// running returns the work on a message; nil when there is none.
func (s *Service) running(id string) *answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[id]
}

// forget ends the work and wakes who waits for it.
func (a *answer) forget() {
	a.cancel()
	a.s.mu.Lock()
	delete(a.s.answers, a.message.ID)
	a.s.mu.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.changed != nil {
		close(a.changed)
		a.changed = nil
	}
}

// soFar is the message as far as it is.
func (a *answer) soFar() *sluice.ChatMessage {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := a.message
	m.Text, m.Reasoning = strings.ToValidUTF8(a.text.String(), ""), strings.ToValidUTF8(a.reasoning.String(), "")
	return &m
}

// live asks the model and keeps what it says.
func (a *answer) live(body []byte) {
	defer a.forget()
	ctx, cancel := context.WithCancel(a.ctx)
	defer cancel()
	var keeping sync.WaitGroup
	keeping.Go(func() { a.keep(ctx) })

	w := &reader{answer: a, header: http.Header{}}
	r, err := http.NewRequestWithContext(a.ctx, http.MethodPost, openai.PathChat, bytes.NewReader(body))
	if err == nil {
		r.Header.Set("Content-Type", "application/json")
		a.s.opt.Models.Complete(w, r, a.who.Org, a.message.Call)
	}
	cancel()
	keeping.Wait()
	a.end(w, err)
}

// keep writes the message down now and then, so that little is lost with the process.
func (a *answer) keep(ctx context.Context) {
	tick := time.NewTicker(keepEvery)
	defer tick.Stop()
	kept := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m := a.soFar()
		if n := len(m.Text) + len(m.Reasoning); n != kept {
			kept = n
			if err := a.s.opt.Messages.PutChatMessages(ctx, []*sluice.ChatMessage{m}); err != nil && ctx.Err() == nil {
				a.s.opt.Log.Warn("keeping an answer that is being written", "message", m.ID, "error", err)
			}
		}
	}
}

// end notes how the answer ended and what it cost, and writes it down.
func (a *answer) end(w *reader, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(a.ctx), settleLimit)
	defer cancel()
	event, unbooked := a.s.opt.Models.Booked(ctx, a.message.Call)
	a.mu.Lock()
	m := &a.message
	m.Took = a.s.opt.Now().Sub(a.begun)
	m.Finish = w.finish
	switch {
	case a.stopped:
		m.Status = sluice.ChatStopped
	case a.s.base.Err() != nil:
		m.Status = sluice.ChatInterrupted
	case err != nil || w.failure() != "":
		m.Status, m.Error = sluice.ChatFailed, w.failure()
	default:
		m.Status = sluice.ChatDone
	}
	if unbooked == nil {
		u := event.Usage
		m.Cached, m.Output, m.Charge = u[sluice.ClassCached], u[sluice.ClassOutput]+u[sluice.ClassReasoning], event.Charge
		m.Input = u[sluice.ClassInput] + u[sluice.ClassCached] + u[sluice.ClassCacheWrite] + u[sluice.ClassCacheWriteHour]
	} else {
		m.Call = "" // nothing was billed
	}
	a.mu.Unlock()
	if err := a.s.opt.Messages.PutChatMessages(ctx, []*sluice.ChatMessage{a.soFar()}); err != nil && sluice.CodeOf(err) != sluice.CodeNotFound {
		a.s.opt.Log.Error("keeping an answer", "message", m.ID, "error", err)
	}
}

// reader takes an answer as it is sent. It is a client of the gateway's.
type reader struct {
	answer  *answer
	header  http.Header
	status  int
	refusal bytes.Buffer // the body of an error
	decoder openai.Decoder
	rest    []byte // of an event that is not whole yet
	broken  string // the error that came in the stream
	finish  string
}

// maxRefusal bounds an error's body, in bytes.
const maxRefusal = 64 << 10

func (r *reader) Header() http.Header { return r.header }

// WriteHeader notes whether there is an answer.
func (r *reader) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

// Flush does nothing: what was written was taken.
func (*reader) Flush() {}

// Write takes events, or an error's body.
func (r *reader) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.status != http.StatusOK {
		if r.refusal.Len() < maxRefusal {
			r.refusal.Write(p)
		}
		return len(p), nil
	}
	r.rest = append(r.rest, p...)
	end := bytes.LastIndex(r.rest, []byte("\n\n"))
	if end < 0 {
		return len(p), nil
	}
	events := r.rest[:end+2]
	if r.broken == "" && bytes.Contains(events, []byte(`"error":`)) {
		r.broken = errorIn(events)
	}
	if err := r.decoder.Feed(events, r.take); err != nil && r.broken == "" && r.finish == "" {
		r.broken = "The model's answer cannot be read."
	}
	r.rest = append(r.rest[:0], r.rest[end+2:]...)
	return len(p), nil
}

// take adds a piece of the answer.
func (r *reader) take(ev *chat.Event) {
	a := r.answer
	a.mu.Lock()
	defer a.mu.Unlock()
	switch ev.Kind {
	case chat.EventText, chat.EventRefusal:
		a.text.Write(ev.Text)
	case chat.EventThinking:
		a.reasoning.Write(ev.Text)
	case chat.EventFinish:
		r.finish = string(ev.Finish)
		return
	default:
		return
	}
	if a.message.First == 0 {
		a.message.First = max(a.s.opt.Now().Sub(a.begun), 1)
	}
	if a.changed != nil {
		close(a.changed)
		a.changed = make(chan struct{})
	}
}

// failure says why there is no answer, or not all of it; empty when there is.
func (r *reader) failure() string {
	switch {
	case r.broken != "":
		return r.broken
	case r.status == http.StatusOK && r.finish != "":
		return ""
	case r.status == http.StatusOK:
		return "The answer broke off."
	case r.status == 0:
		return "There was no answer."
	}
	if text := errorIn(append([]byte("data: "), r.refusal.Bytes()...)); text != "" {
		return text
	}
	return "The model could not be asked: " + http.StatusText(r.status) + "."
}

// errorIn is the message of the first error object in events.
func errorIn(events []byte) string {
	for line := range bytes.Lines(events) {
		data, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			continue
		}
		var object struct {
			Error struct{ Message string }
		}
		if json.Unmarshal(data, &object) == nil && object.Error.Message != "" {
			return object.Error.Message
		}
	}
	return ""
}
