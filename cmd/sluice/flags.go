package main

import (
	"errors"

	"sluice"
	"sluice/api"
)

// parsed is a flag whose text is checked where the command line is read, so
// that a slip is told with the flag's name. It implements pflag.Value.
type parsed struct {
	kind  string
	text  string
	parse func(string) error
}

// Set takes over a value.
func (p *parsed) Set(text string) error {
	if err := p.parse(text); err != nil {
		return errors.New(sluice.ErrorOf(err).Message)
	}
	p.text = text
	return nil
}

// String returns the value as it was given.
func (p *parsed) String() string { return p.text }

// Type names the kind of value, for help texts.
func (p *parsed) Type() string { return p.kind }

// amountFlag is a flag for an amount of money.
func amountFlag(to **sluice.Amount) *parsed {
	return &parsed{kind: "amount", parse: func(text string) error {
		a, err := sluice.ParseAmount(text)
		*to = &a
		return err
	}}
}

// priceFlag is a flag for a price per million tokens.
func priceFlag(to func(api.Price)) *parsed {
	return &parsed{kind: "price", parse: func(text string) error {
		var p api.Price
		err := p.UnmarshalText([]byte(text))
		to(p)
		return err
	}}
}
