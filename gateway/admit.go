package gateway

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"sluice"
	"sluice/money/price"
	"sluice/wire/openai"
)

// admit takes the call's place under its limits and reserves for its prompt
// and its output: the first slice of a stream's, all of another's. Errors:
// CodeInvalid (a service tier without prices, a header about waiting), CodeModelNotFound (no price),
// CodeRateLimited, CodeConcurrency, CodeQuotaExhausted, CodeModelNotInPlan,
// CodeInsufficientFunds, CodeSpendingCap.
func (c *call) admit() error {
	book := c.book()
	if book == nil {
		return sluice.Errorf(sluice.CodeModelNotFound, "No prices in %s are published yet.", c.principal.Org.Currency)
	}
	if err := c.need(book); err != nil {
		return err
	}
	if err := c.budget.price(book, c.query()); err != nil {
		return err
	}
	if err := c.checkTier(book); err != nil {
		return err
	}
	if err := c.mayWait(); err != nil {
		return err
	}
	if c.errand.Held {
		c.takeHold()
		return nil
	}
	pass, err := c.g.limits.enter(c.principal, c.budget.likelyTokens(), c.admitted)
	c.pass = pass
	c.pass.state.writeTo(c.w.Header())
	if err != nil {
		return err
	}
	return c.hold()
}

// need estimates what the call will use.
func (c *call) need(book *price.Book) error {
	if c.media != nil {
		return c.needMedia(book)
	}
	if !c.hasPrice(book, sluice.ClassInput) {
		return &sluice.Error{
			Code: sluice.CodeModelNotFound, Param: "model",
			Message: "The model " + c.request.Model + " has no price in " + string(book.Currency) + " for tokens.",
		}
	}
	c.budget = newBudget(c.request, c.textBytes, c.g.Slice, c.model.ContextLength)
	return nil
}

// query is what decides the call's prices besides what it uses.
func (c *call) query() price.Query {
	return price.Query{
		Model: c.request.Model, At: c.admitted,
		Batch: c.errand.Batch, ServiceTier: c.request.ServiceTier, Thinking: c.request.Thinking,
	}
}

// checkTier refuses a service tier that the model has no prices for: it would
// cost as none, and be served as none.
func (c *call) checkTier(book *price.Book) error {
	tier := c.request.ServiceTier
	if tier == "" || slices.Contains(book.ServiceTiers(c.request.Model), tier) {
		return nil
	}
	return &sluice.Error{
		Code: sluice.CodeInvalid, Param: "service_tier",
		Message: fmt.Sprintf("The model %q has no service tier %.64q.", c.request.Model, tier),
	}
}

// budget follows how many output tokens the hold covers. Prompts are not
// tokenised here: a token has at least one byte, and prose has about four.
type budget struct {
	promptMost   int64 // tokens: no more than the body has bytes
	promptLikely int64 // tokens: until the engine says
	promptLeast  int64
	choices      int64
	slice        int64 // output tokens to reserve at a time, over all choices
	outputMost   int64 // output tokens, over all choices: what is known of it before
	outputLikely int64 // over all choices: what counts under tokens per minute until the usage is known
	clamped      bool  // the hold is less than was wanted

	book        *price.Book  // nil under a plan, which counts tokens
	query       price.Query  // without what is used
	units       sluice.Usage // beside tokens, at most
	fewest      sluice.Usage // beside tokens, at least
	inputPrice  sluice.Pico  // of a token that was not cached, once the prompt's length is known
	outputPrice sluice.Pico  // of the dearer output class
	fees        sluice.Pico  // for the call itself and for units beside tokens
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
	whole := min(mostOutput, cmp.Or(contextLength, r.MaxTokens, wholeOutput))
	if !r.Stream {
		slice = whole
	}
	b.slice, b.outputMost = min(slice, output)*r.Choices, min(whole, output)*r.Choices
	return b
}

// price works out the hold: what is wanted covers the longest prompt that the
// body can be, a slice of output and what is charged beside tokens, at the
// dearest price that the call can come to; the least is a short reading of the
// prompt and one token, at the cheapest. A price beyond 64 bits holds all there is.
func (b *budget) price(book *price.Book, q price.Query) error {
	b.book, b.query = book, q
	_, long, err := b.bounds(0, b.promptMost)
	if err != nil {
		return &sluice.Error{
			Code: sluice.CodeModelNotFound, Param: "model",
			Message: "The model " + q.Model + " has no price in " + string(book.Currency) + ".",
		}
	}
	short, _, err := b.bounds(b.promptLeast, b.promptLeast)
	if err != nil {
		return err
	}
	b.outputPrice = dearerOutput(&long)
	b.fees = beside(&long, &b.units)
	prompt := max(long[sluice.ClassInput], long[sluice.ClassCacheWrite], long[sluice.ClassCacheWriteHour])
	b.want = max(long[price.ClassMinimum], addUp(b.fees, times(prompt, b.promptMost), times(b.outputPrice, b.slice)))
	first := min(b.slice, 1)
	b.least = max(short[price.ClassMinimum], addUp(beside(&short, &b.fewest),
		times(min(short[sluice.ClassInput], short[sluice.ClassCached]), b.promptLeast),
		times(min(short[sluice.ClassOutput], short[sluice.ClassReasoning]), first)))
	_, likely, err := b.bounds(b.promptLikely, b.promptLikely)
	b.inputPrice = likely[sluice.ClassInput]
	return err
}

// stand lets the ledger work out the hold for a price with steps by volume,
// since it knows how much of them is used. Until then, any step is possible.
func (b *budget) stand() *sluice.StepHold {
	book, q := b.book, b.query
	most := b.units
	for _, class := range []sluice.Class{sluice.ClassInput, sluice.ClassCached, sluice.ClassCacheWrite, sluice.ClassCacheWriteHour} {
		most[class] = b.promptMost
	}
	most[sluice.ClassOutput], most[sluice.ClassReasoning] = b.outputMost, b.outputMost
	q.Counts = price.CountsOf(most)
	want, least := b.want, b.least
	rate := func(used func(class string) int64) (sluice.Pico, sluice.Pico) {
		q.Before = new(price.Counts)
		for class := range q.Before {
			q.Before[class] = used(price.ClassName(sluice.Class(class)))
		}
		if b.price(book, q) != nil {
			return want, least // it has prices: it was asked before
		}
		return b.want, b.least
	}
	return &sluice.StepHold{Book: book.ID, Rate: rate, Most: most}
}

// bounds are the least and the greatest prices for prompts from one length to another.
func (b *budget) bounds(from, to int64) (least, most price.Prices, err error) {
	q := b.query
	q.PromptLength = from
	return b.book.Bounds(q, to)
}

func dearerOutput(p *price.Prices) sluice.Pico {
	return max(p[sluice.ClassOutput], p[sluice.ClassReasoning])
}

// beside is what a call costs beside its tokens.
func beside(p *price.Prices, units *sluice.Usage) sluice.Pico {
	sum := p[price.ClassCall]
	for class, n := range units {
		sum = addUp(sum, times(p[class], n))
	}
	return sum
}

// times and addUp calculate with prices that are not negative; what leaves 64
// bits is the greatest amount.
func times(p sluice.Pico, n int64) sluice.Pico {
	product, err := sluice.MulPico(p, n)
	if err != nil {
		return math.MaxInt64
	}
	return product
}

func addUp(amounts ...sluice.Pico) (sum sluice.Pico) {
	for _, p := range amounts {
		var err error
		if sum, err = sluice.AddPico(sum, p); err != nil {
			return math.MaxInt64
		}
	}
	return sum
}

// likelyTokens is what the call counts for under tokens per minute until its usage is known.
func (b *budget) likelyTokens() int64 { return b.promptLikely + b.outputLikely }

// grant takes in the first hold.
func (b *budget) grant(granted sluice.Pico) {
	b.granted = granted
	b.clamped = granted < b.want
	b.plan()
}

// promptCounted corrects the prompt's length when the engine announces it, and
// the prices with it: they may depend on the length.
func (b *budget) promptCounted(tokens int64) {
	if tokens < 0 {
		return
	}
	b.promptLikely = tokens
	if b.book != nil {
		if _, prices, err := b.bounds(tokens, tokens); err == nil {
			b.inputPrice, b.outputPrice = prices[sluice.ClassInput], dearerOutput(&prices)
		}
	}
	b.plan()
}

// plan works out from the grant how far the output may go.
func (b *budget) plan() {
	if b.outputPrice == 0 || b.slice == 0 {
		b.extendAt, b.endsAt = math.MaxInt64, math.MaxInt64
		return
	}
	left := max(b.granted-addUp(b.fees, times(b.inputPrice, b.promptLikely)), 0)
	b.endsAt = max(int64(left/b.outputPrice), 1) // whoever was let in gets a token
	b.extendAt = b.endsAt - min(b.endsAt, b.slice)/4
}

// more is what to ask for next when so many output tokens have passed: a slice
// beyond them. A fast engine sends many at once, also more than were covered.
func (b *budget) more(passed int64) sluice.Pico {
	return times(b.outputPrice, max(passed-b.endsAt, 0)+b.slice)
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
