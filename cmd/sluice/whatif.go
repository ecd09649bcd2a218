package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/statements"
	"sluice/money/exact"
	"sluice/money/whatif"
)

// whatIfFlags are what `sluice whatif` is asked.
type whatIfFlags struct {
	api.AskWhatIf

	currency, file, vendor      string
	hit, elasticity, hour, cost string
	moves                       []string
}

func (c *cli) whatIfCommand() *cobra.Command {
	var f whatIfFlags
	cmd := &cobra.Command{
		Use: "whatif", Short: "What a past day would have come to at other prices, demand, cost or routing", Args: none,
		Long: "Rates every call of a day, or of several, again: under a published price book, a draft in a file (as `sluice price import`\n" +
			"writes it, or `sluice price publish` reads it), or a vendor's list prices; at another hit rate; with calls handed to other\n" +
			"models; weighed by another plan. What follows from the price for demand and cost is worked out on the sums. With\n" +
			"nothing changed, what was billed comes out. It changes nothing on the server; Ctrl-C stops it.",
		Example: "  sluice whatif --day 2026-11-21 --prices cheaper.yaml --elasticity -0.5 --cost-follows 0.6\n" +
			"  sluice whatif --day 2026-11-01 --through 2026-11-30 --catalogue deepseek\n" +
			"  sluice whatif --day 2026-11-21 --hit-rate 0.7 --move glm-4.6=glm-4.5-air:20 --hour-cost 1.1",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.read(c); err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			a, err := f.wait(cmd.Context(), c, cl)
			if err != nil {
				return err
			}
			return c.show(a, func(w io.Writer) { showAnswer(w, a) })
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Day, "day", "", "the day, by the timezone of the books")
	fl.StringVar(&f.Through, "through", "", "the last day, of several")
	fl.StringVar(&f.currency, "currency", "USD", "currency of the calls that are looked at")
	fl.StringVar(&f.Book, "book", "", "id of a published price book that rates all of it, or in_force")
	fl.StringVar(&f.file, "prices", "", "file of a price list that nobody published, YAML or JSON; - is stdin")
	fl.StringVar(&f.vendor, "catalogue", "", "a vendor whose published list prices are asked: deepseek, glm, kimi, minimax or qwen")
	fl.StringVar(&f.hit, "hit-rate", "", "share of prompt tokens that come from the cache, such as 0.7 or 70%")
	fl.StringArrayVar(&f.moves, "move", nil, "MODEL=OTHER:PERCENT of the calls to a model that go to another; may be repeated")
	fl.StringVar(&f.Plan, "plan", "", "id of a version of a plan that weighs all calls under plans")
	fl.StringVar(&f.elasticity, "elasticity", "", "percent by which demand changes for each percent of the price, such as -0.5")
	fl.StringVar(&f.hour, "hour-cost", "", "what an hour of a node costs, as a multiple of what it did")
	fl.StringVar(&f.cost, "cost-follows", "", "share of the cost that follows demand: 0, the nodes are there anyhow, to 1")
	fl.StringVar(&f.Prefill, "prefill-rate", "", "tokens of prompts that a node reads in a second")
	fl.StringVar(&f.Decode, "decode-rate", "", "tokens of answers that a node writes in a second")
	_ = cmd.RegisterFlagCompletionFunc("book", c.completeBooks())
	_ = cmd.RegisterFlagCompletionFunc("catalogue", cobra.FixedCompletions([]string{"deepseek", "glm", "kimi", "minimax", "qwen"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// read reads the flags and the file.
func (f *whatIfFlags) read(c *cli) error {
	if f.Day == "" {
		return misused("--day is missing: which day?")
	}
	given := 0
	for _, s := range []string{f.Book, f.file, f.vendor} {
		if s != "" {
			given++
		}
	}
	if given > 1 {
		return misused("of --book, --prices and --catalogue one is given")
	}
	f.Currency = sluice.Currency(f.currency)
	for _, n := range []struct {
		flag, text string
		to         *exact.Number
	}{{"elasticity", f.elasticity, &f.Elasticity}, {"hour-cost", f.hour, &f.HourCost}, {"cost-follows", f.cost, &f.Follows}} {
		if n.text == "" {
			continue
		}
		v, err := exact.Parse(n.text)
		if err != nil {
			return misused("--%s: %v", n.flag, sluice.ErrorOf(err).Message)
		}
		*n.to = v
	}
	if f.hit != "" {
		v, err := exact.Parse(f.hit)
		if err != nil {
			return misused("--hit-rate: %v", sluice.ErrorOf(err).Message)
		}
		f.HitRate = &v
	}
	for _, m := range f.moves {
		from, rest, _ := strings.Cut(m, "=")
		to, share, ok := strings.Cut(rest, ":")
		percent, err := strconv.ParseInt(strings.TrimSuffix(share, "%"), 10, 64)
		if !ok || err != nil {
			return misused("--move %q is not MODEL=OTHER:PERCENT", m)
		}
		f.Moves = append(f.Moves, api.MoveCalls{From: from, To: to, Percent: percent})
	}
	return f.readPrices(c)
}

func (f *whatIfFlags) readPrices(c *cli) error {
	switch {
	case f.file != "":
		text, err := c.readInput(f.file)
		if err != nil {
			return err
		}
		m, err := api.ParseManifest(text)
		if err != nil {
			return fmt.Errorf("%s: %s", f.file, sluice.ErrorOf(err).Message)
		}
		if len(m.Prices) != 1 {
			return fmt.Errorf("%s: it must have one price list", f.file)
		}
		f.Prices = &m.Prices[0]
	case f.vendor != "":
		d, err := newPriceImport(f.vendor, nil, f.Currency, time.Now())
		if err != nil {
			return err
		}
		f.Prices = &d.list
	}
	return nil
}

// poll is how often the server is asked how far it is.
const poll = 100 * time.Millisecond

// wait asks, tells a person how far the answer is, and returns it. When ctx ends
// the server is told to stop.
func (f *whatIfFlags) wait(ctx context.Context, c *cli, cl *client.Client) (*statements.Answer, error) {
	r, err := cl.AskWhatIf(ctx, f.AskWhatIf)
	if err != nil {
		return nil, err
	}
	defer func() {
		if ctx.Err() != nil {
			_ = cl.CancelWhatIf(context.WithoutCancel(ctx), r.ID) // it ends by itself otherwise
		}
	}()
	told := time.Now()
	for r.State == statements.Running {
		select {
		case <-time.After(poll):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if r, err = cl.WhatIf(ctx, r.ID); err != nil {
			return nil, err
		}
		if r.Total > 0 && !c.json && time.Since(told) > time.Second {
			told = time.Now()
			_, _ = fmt.Fprintf(c.err, "%d of %d transactions read, %d%%\n", r.Done, r.Total, 100*r.Done/r.Total) // for a person who may not look
		}
	}
	switch r.State {
	case statements.Finished:
		return r.Answer, nil
	case statements.Cancelled:
		return nil, sluice.Errorf(sluice.CodeConflict, "The question was cancelled.")
	}
	return nil, sluice.Errorf(sluice.CodeInvalid, "%s", r.Error)
}

func showAnswer(w io.Writer, a *statements.Answer) {
	figures := func(name string, before, after whatif.Figures) {
		m := func(n exact.Number) string { return n.Text(a.Currency.Decimals()) }
		row(w, name, m(before.List), m(after.List), m(before.Charged), m(after.Charged), m(before.Cost), m(after.Cost), m(before.Profit), m(after.Profit), after.Demand.Percent(1)+"%")
	}
	row(w, "MODEL ("+string(a.Currency)+")", "LIST", "THEN", "CHARGED", "THEN", "COST", "THEN", "PROFIT", "THEN", "DEMAND")
	for _, m := range a.Models {
		figures(m.Model, m.Before, m.After)
	}
	figures("all", a.Before, a.After)
	_, _ = io.WriteString(w, "\f")
	for _, m := range a.Models {
		if len(m.Paying) == 0 {
			continue
		}
		pays := "at no multiple of its prices"
		if m.Pays != nil {
			pays = "from " + m.Pays.Low.Text(3) + " times its prices"
			if !m.Pays.Endless {
				pays += " to " + m.Pays.High.Text(3) + ", best at " + m.Pays.Best.Text(3)
			}
		}
		row(w, m.Model+" pays for its chips", pays)
		var classes []string
		for class := range m.Paying {
			classes = append(classes, class)
		}
		slices.Sort(classes)
		for _, class := range classes {
			row(w, "  a million of "+class, m.Paying[class].Text(4), a.Currency)
		}
	}
	row(w, "customers that pay for themselves", a.Users.Customers, "then", a.UsersAfter.Customers)
	row(w, "what the others lose", a.Users.Lost.Text(a.Currency.Decimals()), "then", a.UsersAfter.Lost.Text(a.Currency.Decimals()))
	if cr := a.Crowd; cr != nil {
		row(w, "customers like these", cr.Customers)
		row(w, "as many pay for the nodes", orDash(cr.Needed))
		row(w, "past so many, more cost more than they bring", orDash(cr.Most))
	}
	for _, n := range a.Notes {
		row(w, "note", n)
	}
}
