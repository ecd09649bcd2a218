// Package price rates usage: it turns counted tokens into a charge by the
// rules of a published price book. It is pure: integers only, no clock, no I/O.
//
// A book is drafted as rules and published once. Publishing checks the rules,
// fills in the classes that a vendor leaves out (so that rating never derives
// a price) and seals the result with a hash; after that a book never changes.
package price

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"sluice"
)

// Rule is one line of a price list: what one unit of a class costs for a model
// when the prompt's length is in [ContextMin, ContextMax) tokens.
type Rule struct {
	Model      string       `json:"model"`
	Class      sluice.Class `json:"class"`
	ContextMin int64        `json:"context_min"`
	ContextMax int64        `json:"context_max"` // exclusive; zero is open-ended
	Price      sluice.Pico  `json:"price"`       // pico per token, the same number as micro per million
}

// Draft is a price list before it is published.
type Draft struct {
	Currency    sluice.Currency
	EffectiveAt time.Time
	Rules       []Rule
}

// Book is a published price list. It is immutable and safe for concurrent use.
type Book struct {
	ID          string
	Currency    sluice.Currency
	EffectiveAt time.Time // it is in force from this instant until a later book's
	PublishedAt time.Time
	Hash        string // SHA-256 of its currency, instant and rules, in hex

	rules []Rule
	tiers map[string][]tier
}

// Prices holds a price for every class, in pico per token.
type Prices [sluice.NumClasses]sluice.Pico

// tier is the prices of one model from a prompt length on.
type tier struct {
	from   int64
	prices Prices
}

// Publish checks a draft and seals it as a book. Errors are CodeInvalid and
// name the rule: an unknown currency, a negative price, overlapping or missing
// context ranges, a model without an input or an output price.
//
// Classes that a draft leaves out are filled in: cached and cache_write at the
// input price, reasoning at the output price.
func Publish(id string, d Draft, now time.Time) (*Book, error) {
	if _, err := sluice.ParseCurrency(string(d.Currency)); err != nil {
		return nil, err
	}
	at := d.EffectiveAt.UTC().Truncate(time.Microsecond)
	tiers, err := compile(d.Rules)
	if err != nil {
		return nil, err
	}
	b := &Book{
		ID: id, Currency: d.Currency, EffectiveAt: at, PublishedAt: now.UTC().Truncate(time.Microsecond),
		rules: flatten(tiers), tiers: tiers,
	}
	b.Hash = b.seal()
	return b, nil
}

// Rules returns the book's rules, complete and in order. The caller may keep them.
func (b *Book) Rules() []Rule { return slices.Clone(b.rules) }

// Models returns the priced models in order.
func (b *Book) Models() []string {
	names := make([]string, 0, len(b.tiers))
	for name := range b.tiers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Prices returns the prices of a model for a prompt of the given length. ok is
// false for a model that the book does not price: it is refused, never free.
func (b *Book) Prices(model string, promptTokens int64) (p *Prices, ok bool) {
	tiers := b.tiers[model]
	for i := len(tiers) - 1; i >= 0; i-- {
		if promptTokens >= tiers[i].from {
			return &tiers[i].prices, true
		}
	}
	return nil, false
}

// Rate returns the charge for the usage of one call: the sum over the classes
// of count × price, with the tier picked by the length of the whole prompt.
// Errors: CodeModelNotFound when the book does not price the model; an error
// wrapping sluice.ErrOverflow when the charge leaves 64 bits.
func (b *Book) Rate(model string, u sluice.Usage) (sluice.Pico, error) {
	prices, ok := b.Prices(model, u.Prompt())
	if !ok {
		return 0, sluice.Errorf(sluice.CodeModelNotFound, "The model %q has no price in %s.", model, b.Currency)
	}
	var sum sluice.Pico
	for class, count := range u {
		part, err := sluice.MulPico(prices[class], count)
		if err == nil {
			sum, err = sluice.AddPico(sum, part)
		}
		if err != nil {
			return 0, fmt.Errorf("rating %d %s tokens of %s: %w", count, sluice.Class(class), model, err)
		}
	}
	return sum, nil
}

// Order compares two books of a currency by when they take over: the one that
// takes effect later comes later; of two that take effect together, the one
// published later.
func Order(a, b *Book) int {
	return cmp.Or(a.EffectiveAt.Compare(b.EffectiveAt), a.PublishedAt.Compare(b.PublishedAt), cmp.Compare(a.ID, b.ID))
}

// InForce returns the book of the currency that decides at the instant, the
// last in Order that has taken effect, or nil when there is none.
func InForce(books []*Book, currency sluice.Currency, at time.Time) *Book {
	var best *Book
	for _, b := range books {
		if b.Currency == currency && !b.EffectiveAt.After(at) && (best == nil || Order(b, best) > 0) {
			best = b
		}
	}
	return best
}

// seal hashes what the book says, in one canonical text.
func (b *Book) seal() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", b.Currency, b.EffectiveAt.Format(time.RFC3339Nano))
	for _, r := range b.rules {
		fmt.Fprintf(h, "%q %s %d %d %d\n", r.Model, r.Class, r.ContextMin, r.ContextMax, r.Price)
	}
	return hex.EncodeToString(h.Sum(nil))
}
