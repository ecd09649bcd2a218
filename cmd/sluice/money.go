package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/store"
)

func (c *cli) balanceCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "balance", Short: "Show what an organisation has", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (api.Balance, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Balance{}, err
				}
				return cl.Balance(cmd.Context(), id)
			}, func(w io.Writer, b api.Balance) {
				row(w, "available", b.Available, b.Currency)
				row(w, "held", b.Held, b.Currency)
			})
		},
	}
	orgFlag(cmd, &org)
	return cmd
}

func (c *cli) creditCommand() *cobra.Command {
	var org, memo, once string
	var grant bool
	cmd := &cobra.Command{
		Use: "credit AMOUNT", Short: "Add to an organisation's balance", Args: exactly(1, "one AMOUNT"),
		Long: "Books a payment that came in or, with --grant, credit that the operator gives.\n" +
			"With --once ID the command can be repeated safely: the same ID is booked once.",
		RunE: func(cmd *cobra.Command, args []string) error {
			amount, err := sluice.ParseAmount(args[0])
			if err != nil {
				return err
			}
			in := api.CreateCredit{Amount: amount, Kind: sluice.TxPayment, Memo: memo}
			if grant {
				in.Kind = sluice.TxGrant
			}
			return ask(c, func(cl *client.Client) (api.Transaction, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Transaction{}, err
				}
				return cl.AddCredit(cmd.Context(), id, cmp.Or(once, newToken()), in)
			}, showTransaction)
		},
	}
	orgFlag(cmd, &org)
	cmd.Flags().StringVar(&memo, "memo", "", "shown on the statement")
	cmd.Flags().StringVar(&once, "once", "", "an id of your choice, so that a repetition is harmless")
	cmd.Flags().BoolVar(&grant, "grant", false, "the operator gives it; it is used up first")
	return cmd
}

func (c *cli) usageCommand() *cobra.Command {
	var org string
	var q api.UsageQuery
	var since time.Duration
	var limit int
	cmd := &cobra.Command{
		Use: "usage [CALL]", Short: "Show calls with their tokens and charges, or one call with its entries",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.showCall(cmd, args[0])
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			id, err := onlyOrg(cmd.Context(), cl, org)
			if err != nil {
				return err
			}
			if since > 0 {
				q.Since = clock().Add(-since)
			}
			var calls []api.Call
			for call, err := range client.All(func(cursor string) (api.Page[api.Call], error) {
				q.Cursor = cursor
				return cl.Usage(cmd.Context(), id, q)
			}) {
				if err != nil {
					return err
				}
				if calls = append(calls, call); limit > 0 && len(calls) == limit {
					break
				}
			}
			return c.showCalls(cmd, cl, id, calls)
		},
	}
	orgFlag(cmd, &org)
	f := cmd.Flags()
	f.StringVar(&q.Key, "key-id", "", "only of this key")
	f.StringVar(&q.Model, "model", "", "only of this model")
	f.DurationVar(&since, "since", 0, "only calls that ended in the last, such as 24h")
	f.IntVar(&limit, "limit", 0, "at most so many, the latest first; 0 is all")
	return cmd
}

// showCalls prints calls: one JSON object each, or for people a table, under
// it the entries that booked the latest call, and the balance that is left.
func (c *cli) showCalls(cmd *cobra.Command, cl *client.Client, org string, calls []api.Call) error {
	heads := []any{"CALL", "TIME", "MODEL", "STATUS", "INPUT", "CACHED", "OUTPUT", "REASONING", "CHARGE", "NOTE"}
	err := showAll(c, heads, calls, func(w io.Writer, u api.Call) {
		row(w, u.ID, day(u.Time), u.Model, u.Status, u.Tokens.Input, u.Tokens.Cached, u.Tokens.Output, u.Tokens.Reasoning,
			fmt.Sprint(u.Charge, " ", u.Currency), note(u))
	})
	if err != nil || c.json || len(calls) == 0 {
		return err
	}
	detail, err := cl.Call(cmd.Context(), calls[0].ID)
	if err != nil {
		return err
	}
	balance, err := cl.Balance(cmd.Context(), org)
	if err != nil {
		return err
	}
	return c.show(nil, func(w io.Writer) {
		row(w)
		showTransaction(w, detail.Transaction)
		row(w)
		row(w, "available", balance.Available, balance.Currency)
	})
}

// showCall prints one call with the transaction that booked it.
func (c *cli) showCall(cmd *cobra.Command, id string) error {
	return ask(c, func(cl *client.Client) (api.CallDetail, error) { return cl.Call(cmd.Context(), id) },
		func(w io.Writer, d api.CallDetail) {
			row(w, "call", d.ID, d.Model, d.Status, note(d.Call))
			row(w, "tokens", fmt.Sprintf("input %d, cached %d, cache write %d, output %d, reasoning %d",
				d.Tokens.Input, d.Tokens.Cached, d.Tokens.CacheWrite, d.Tokens.Output, d.Tokens.Reasoning))
			row(w, "charge", d.Charge, d.Currency)
			showTransaction(w, d.Transaction)
		})
}

// note says what is special about a call.
func note(u api.Call) string {
	switch {
	case u.Simulated:
		return "simulated"
	case u.Estimated:
		return "estimated"
	}
	return ""
}

func showTransaction(w io.Writer, t api.Transaction) {
	row(w, "transaction", t.ID, t.Kind, day(t.At), t.Memo)
	for _, e := range t.Entries {
		row(w, "", e.Owner, e.Account, e.Amount, e.Currency)
	}
}

func (c *cli) ledgerCommand() *cobra.Command {
	verify := &cobra.Command{
		Use: "verify", Short: "Check every invariant of the ledger, on a running server or a stopped one's folder", Args: none,
		RunE: c.verify,
	}
	return group("ledger", "The ledger", verify)
}

// verify asks the server or, when none runs on the folder, looks itself. It
// fails when an invariant does not hold.
func (c *cli) verify(cmd *cobra.Command, _ []string) error {
	v, err := c.verification(cmd)
	if err != nil {
		return err
	}
	err = c.show(v, func(w io.Writer) {
		row(w, "transactions", v.Transactions)
		row(w, "entries", v.Entries)
		row(w, "accounts", v.Accounts)
		row(w, "calls", v.Events)
		for _, f := range v.Violations {
			row(w, "violated:", f.Invariant, f.Where, f.What)
		}
		if v.OK {
			row(w, "every invariant holds")
		}
	})
	if err == nil && !v.OK {
		err = &reported{fmt.Errorf("%d violations of the ledger's invariants", v.Violated)}
	}
	return err
}

func (c *cli) verification(cmd *cobra.Command) (api.Verification, error) {
	if cl, err := c.client(); err == nil {
		v, err := cl.VerifyLedger(cmd.Context())
		if c.server != "" || sluice.CodeOf(err) != sluice.CodeUnavailable {
			return v, err
		}
	}
	cfg, err := c.config(cmd.Context())
	if err != nil {
		return api.Verification{}, err
	}
	db, err := store.OpenReadOnly(cmd.Context(), cfg.DSN())
	if err != nil {
		return api.Verification{}, fmt.Errorf("opening the ledger of %q: %w", c.data, err)
	}
	defer func() { _ = db.Close() }() // read only
	report, err := db.Verify(cmd.Context())
	if err != nil {
		return api.Verification{}, err
	}
	return api.Verification{OK: report.OK(), Report: report}, nil
}
