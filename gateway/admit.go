package gateway

import (
	"cmp"
	"math"
	"time"

	"sluice"
	"sluice/money/price"
	"sluice/wire/openai"
)

// admit takes the call's place under its limits and reserves for its prompt
// and its output: the first slice of a stream's, all of another's. Errors:
// CodeModelNotFound (no price), CodeRateLimited, CodeConcurrency,
// CodeQuotaExhausted, CodeModelNotInPlan, CodeInsufficientFunds, CodeSpendingCap.
func (c *call) admit() error {
	book := c.book()
	if book == nil {
		return sluice.Errorf(sluice.CodeModelNotFound, "No prices in %s are published yet.", c.principal.Org.Currency)
	}
	c.budget = newBudget(c.request, len(c.body), c.g.Slice, c.model.ContextLength)
	if err := c.budget.price(book, c.request.Model, c.admitted); err != nil {
		return err
	}
	pass, err := c.g.limits.enter(c.principal, c.budget.likelyTokens(), c.admitted)
	c.pass = pass
	c.pass.state.writeTo(c.w.Header())
	if err != nil {
		return err
	}
	return c.hold()
}

// budget follows how many output tokens the hold covers. Prompts are not
// tokenised here: a token has at least one byte, and prose has about four.
type budget struct {
	promptMost   int64 // tokens: no more than the body has bytes
	promptLikely int64 // tokens: until the engine says
	promptLeast  int64
	choices      int64
	slice        int64 // output tokens to reserve at a time, over all choices
	outputLikely int64 // over all choices: what counts under tokens per minute until the usage is known
	clamped      bool  // the hold is less than was wanted

	prices      price.Prices
	outputPrice sluice.Pico // of the dearer output class
	want, least sluice.Pico
	granted     sluice.Pico

	extendAt int64 // output tokens at which more is asked for
	endsAt   int64 // output tokens that the grant covers
}

// Bounds of an answer that comes whole, in tokens per choice: what is reserved
// where neither the request nor the model's context length says how long it can
// get, and what no request is taken at its word beyond.
const (
	wholeOutput = 32 << 10
	mostOutput  = 1 << 20
)

// newBudget estimates what a request will need. A stream can ask for more on
// its way and be cut off; an answer that comes whole cannot, so that all of its
// output is reserved. contextLength is the model's, zero when it is not known.
func newBudget(r *openai.Request, bodyBytes int, slice, contextLength int64) budget {
	n := int64(bodyBytes)
	b := budget{promptMost: n, promptLikely: openai.EstimateTokens(bodyBytes), promptLeast: n/8 + 1, choices: r.Choices}
	if !r.Endpoint.Generates() {
		return b
	}
	output := cmp.Or(r.MaxTokens, math.MaxInt64)
	b.outputLikely = min(slice, output) * r.Choices
	if !r.Stream {
		slice = min(mostOutput, cmp.Or(contextLength, r.MaxTokens, wholeOutput))
	}
	b.slice = min(slice, output) * r.Choices
	return b
}

// price works out the hold: what is wanted covers the longest prompt that the
// body can be and a slice of output, at the dearest price that the call can
// come to; the least is a short reading of the prompt and one token, at the cheapest.
func (b *budget) price(book *price.Book, model string, at time.Time) error {
	bounds := func(from, to int64) (least, most price.Prices, err error) {
		return book.Bounds(price.Query{Model: model, At: at, PromptLength: from}, to)
	}
	_, long, err := bounds(0, b.promptMost)
	if err != nil {
		return &sluice.Error{
			Code: sluice.CodeModelNotFound, Param: "model",
			Message: "The model " + model + " has no price in " + string(book.Currency) + ".",
		}
	}
	short, _, err := bounds(b.promptLeast, b.promptLeast)
	if err != nil {
		return err
	}
	if _, b.prices, err = bounds(b.promptLikely, b.promptLikely); err != nil {
		return err
	}
	b.outputPrice = max(long[sluice.ClassOutput], long[sluice.ClassReasoning])
	if b.want, err = cost(max(long[sluice.ClassInput], long[sluice.ClassCacheWrite]), b.promptMost, b.outputPrice, b.slice); err != nil {
		return err
	}
	first := min(b.slice, 1)
	if b.least, err = cost(min(short[sluice.ClassInput], short[sluice.ClassCached]), b.promptLeast, min(short[sluice.ClassOutput], short[sluice.ClassReasoning]), first); err != nil {
		return err
	}
	return nil
}

// cost is input × tokens + output × tokens. Beyond 64 bits the prompt is too dear for any balance.
func cost(inputPrice sluice.Pico, input int64, outputPrice sluice.Pico, output int64) (sluice.Pico, error) {
	in, err := sluice.MulPico(inputPrice, input)
	if err != nil {
		return 0, err
	}
	out, err := sluice.MulPico(outputPrice, output)
	if err != nil {
		return 0, err
	}
	return sluice.AddPico(in, out)
}

// likelyTokens is what the call counts for under tokens per minute until its usage is known.
func (b *budget) likelyTokens() int64 { return b.promptLikely + b.outputLikely }

// grant takes in the first hold.
func (b *budget) grant(granted sluice.Pico) {
	b.granted = granted
	b.clamped = granted < b.want
	b.plan()
}

// promptCounted corrects the prompt's length when the engine announces it.
func (b *budget) promptCounted(tokens int64) {
	if tokens >= 0 {
		b.promptLikely = tokens
		b.plan()
	}
}

// plan works out from the grant how far the output may go.
func (b *budget) plan() {
	if b.outputPrice == 0 || b.slice == 0 {
		b.extendAt, b.endsAt = math.MaxInt64, math.MaxInt64
		return
	}
	prompt, err := sluice.MulPico(b.prices[sluice.ClassInput], b.promptLikely)
	if err != nil {
		prompt = b.granted
	}
	left := max(b.granted-prompt, 0)
	b.endsAt = max(int64(left/b.outputPrice), 1) // whoever was let in gets a token
	b.extendAt = b.endsAt - min(b.endsAt, b.slice)/4
}

// more is what to ask for next when so many output tokens have passed: a slice
// beyond them. A fast engine sends many at once, also more than were covered.
func (b *budget) more(passed int64) sluice.Pico {
	p, err := sluice.MulPico(b.outputPrice, max(passed-b.endsAt, 0)+b.slice)
	if err != nil {
		return 0
	}
	return p
}

// extend takes in what was granted further. Nothing granted: there is no
// asking again, and the output ends where the hold ends.
func (b *budget) extend(granted sluice.Pico) {
	b.granted += granted
	b.plan()
	if granted == 0 {
		b.extendAt = math.MaxInt64
	}
}

// maxTokens bounds the output of a call whose hold was clamped, per choice;
// zero sets no bound.
func (b *budget) maxTokens() int64 {
	if !b.clamped || b.endsAt == math.MaxInt64 {
		return 0
	}
	return max(b.endsAt/b.choices, 1)
}
