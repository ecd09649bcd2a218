package api

import (
	"time"

	"sluice"
)

// Price is what a million tokens cost, as a decimal string with at most six
// decimals. In memory it is pico per token, as everywhere.
type Price sluice.Pico

// MarshalText writes the price as a decimal per million.
func (p Price) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a decimal per million. Errors: CodeInvalid.
func (p *Price) UnmarshalText(text []byte) error {
	v, err := sluice.ParsePrice(string(text))
	*p = Price(v)
	return err
}

// String returns the price as a decimal per million, such as "0.60".
func (p Price) String() string { return sluice.FormatPrice(sluice.Pico(p)) }

// ClassPrices holds the price of each token class. A class that is absent
// costs as much as the one it is a kind of: cached and cache_write as input,
// reasoning as output.
type ClassPrices struct {
	Input      Price  `json:"input" yaml:"input" example:"0.60"`
	Cached     *Price `json:"cached,omitempty" yaml:"cached" example:"0.11"`
	CacheWrite *Price `json:"cache_write,omitempty" yaml:"cache_write" example:"0.75"`
	Output     Price  `json:"output" yaml:"output" example:"2.20"`
	Reasoning  *Price `json:"reasoning,omitempty" yaml:"reasoning" example:"2.20"`
}

// ModelPrices is what a model costs, per million tokens.
type ModelPrices struct {
	Model       string `json:"model" yaml:"model" minLength:"1" maxLength:"128" example:"glm-4.6"`
	ClassPrices `yaml:",inline"`
	Tiers       []PriceTier `json:"tiers,omitempty" yaml:"tiers" maxItems:"32" doc:"Other prices for long prompts. A tier gives the same classes as the model itself."`
}

// PriceTier is what a model costs for prompts of at least so many tokens.
type PriceTier struct {
	From        int64 `json:"from" yaml:"from" minimum:"1" example:"32000" doc:"The prompt's length in tokens from which it applies."`
	ClassPrices `yaml:",inline"`
}

// PriceBook is a published price list. It never changes.
type PriceBook struct {
	ID          string          `json:"id"`
	Currency    sluice.Currency `json:"currency" example:"USD"`
	EffectiveAt time.Time       `json:"effective_at" doc:"It is in force from then until the next book of its currency."`
	PublishedAt time.Time       `json:"published_at"`
	InForce     bool            `json:"in_force" doc:"Whether it decides now."`
	Hash        string          `json:"hash" doc:"SHA-256 of what it says, in hex."`
	Models      []ModelPrices   `json:"models"`
}

// PublishPriceBook asks to publish a whole price list.
type PublishPriceBook struct {
	Currency    sluice.Currency `json:"currency" yaml:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"USD"`
	EffectiveAt *time.Time      `json:"effective_at,omitempty" yaml:"effective_at" doc:"Now when absent; not in the past."`
	Models      []ModelPrices   `json:"models" yaml:"models" minItems:"1" maxItems:"1024" doc:"The whole list: a model that is not in it is not sold in this currency."`
}

// PriceModel asks to price one model: to publish the book that is in force at
// the instant with this model's prices in the place of its earlier ones.
type PriceModel struct {
	Currency    sluice.Currency `json:"currency" pattern:"^[A-Z]{3}$" patternDescription:"three capital letters (ISO 4217)" example:"USD"`
	EffectiveAt *time.Time      `json:"effective_at,omitempty" doc:"Now when absent; not in the past."`
	DryRun      bool            `json:"dry_run,omitempty" doc:"Only tell what would change."`
	ModelPrices
}

// PriceChange is what became, or would become, of one price.
type PriceChange struct {
	Model  string `json:"model"`
	Class  string `json:"class" enum:"input,cached,cache_write,output,reasoning"`
	From   int64  `json:"from" doc:"The prompt's length in tokens from which the price applies."`
	Before *Price `json:"before,omitempty" example:"0.60" doc:"Absent for a price that is new."`
	After  *Price `json:"after,omitempty" example:"0.55" doc:"Absent for a price that goes."`
}

// Repricing is what came of pricing a model.
type Repricing struct {
	DryRun      bool            `json:"dry_run"`
	Book        string          `json:"book,omitempty" doc:"The book that was published, or the one in force if nothing changes."`
	Currency    sluice.Currency `json:"currency"`
	EffectiveAt time.Time       `json:"effective_at"`
	Changes     []PriceChange   `json:"changes"`
	Warnings    []string        `json:"warnings,omitempty" doc:"What to look at, such as a later book with other prices for the model."`
}
