package main

import (
	"context"
	"fmt"
	"math/big"
)

// note adds what a load generator received.
func (b *books) note(p plan, end progress) {
	b.answers += end.Answers
	if p.Stream {
		b.tokens += end.Tokens
	} else {
		b.tokens += end.Answers * wholeTokens
	}
}

// check compares what was received with what was charged, to the last digit,
// and has the stopped server's books verified.
func (b *books) check(ctx context.Context) error {
	after, err := b.balance(ctx)
	if err != nil {
		return err
	}
	have, ok := new(big.Rat).SetString(after)
	had, ok2 := new(big.Rat).SetString(b.before)
	if !ok || !ok2 {
		return fmt.Errorf("the balances %q and %q are no numbers", b.before, after)
	}
	charged := had.Sub(had, have)
	due := big.NewRat(b.answers*promptTokens*priceInput+b.tokens*priceOutput, 1_000_000)
	if charged.Cmp(due) != 0 {
		return fmt.Errorf("%d answers with %d tokens cost %s USD, but %s were charged", b.answers, b.tokens, due.FloatString(6), charged.FloatString(6))
	}
	return nil
}

// verify checks the books of a stopped server.
func (b *books) verify(ctx context.Context) error { return b.run(ctx, nil, "ledger", "verify") }
