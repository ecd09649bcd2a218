package main

import (
	"cmp"
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
)

func (c *cli) balanceCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "balance", Short: "Show what an organisation has, and its credits with terms of their own", Args: none,
		Example: "  sluice balance --org acme\n  sluice balance --json | jq -r .available",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			id, err := onlyOrg(cmd.Context(), cl, org)
			if err != nil {
				return err
			}
			b, err := cl.Balance(cmd.Context(), id)
			if err != nil {
				return err
			}
			var credits []api.Credit
			if !c.json {
				if credits, err = activeCredits(cmd.Context(), cl, id); err != nil {
					return err
				}
			}
			return c.show(b, func(w io.Writer) { showBalance(w, b, credits) })
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

// activeCredits returns an organisation's credits of which something is left, in
// the order in which they are used up.
func activeCredits(ctx context.Context, cl *client.Client, org string) ([]api.Credit, error) {
	var active []api.Credit
	for credit, err := range client.All(func(cursor string) (api.Page[api.Credit], error) {
		return cl.Credits(ctx, org, api.Paging{Cursor: cursor})
	}) {
		if err != nil {
			return nil, err
		}
		if credit.State == "active" {
			active = append(active, credit)
		}
	}
	slices.SortFunc(active, func(a, b api.Credit) int { return cmp.Compare(a.Place, b.Place) })
	return active, nil
}

func showBalance(w io.Writer, b api.Balance, credits []api.Credit) {
	row(w, "available", b.Available, b.Currency)
	row(w, "held", b.Held, b.Currency)
	if len(credits) == 0 {
		return
	}
	row(w, "paid", b.Paid, b.Currency)
	row(w, "promotional", b.Promotional, b.Currency)
	if !b.ExpiresAt.IsZero() {
		row(w, "expires next", b.Expiring, b.Currency, day(b.ExpiresAt))
	}
	_, _ = io.WriteString(w, "\f")
	creditHead(w)
	for _, credit := range credits {
		creditRow(w, credit)
	}
}

func creditHead(w io.Writer) {
	row(w, "CREDIT", "KIND", "LEFT", "OF", "PRIORITY", "EXPIRES (UTC)", "MODELS", "STATE", "MEMO")
}

func creditRow(w io.Writer, l api.Credit) {
	row(w, l.ID, l.Kind, fmt.Sprint(l.Left, " ", l.Currency), l.Amount, l.Priority, day(l.ExpiresAt),
		cmp.Or(strings.Join(l.Models, ","), "all"), l.State, l.Memo)
}

func (c *cli) creditCommand() *cobra.Command {
	var org, memo, once string
	var grant bool
	var terms termFlags
	cmd := &cobra.Command{
		Use: "credit AMOUNT", Short: "Add to an organisation's balance; make and redeem codes", Args: one("AMOUNT"),
		Example: "  sluice credit 100 --org acme --memo 'invoice 17' --once invoice-17\n  sluice credit 5.00 --org acme --grant\n" +
			"  sluice credit 20 --org acme --grant --expires-in 30d --models glm-4.6\n" +
			"  sluice credit codes --count 100 --amount 5 --currency USD --expires-in 30d --valid-until 2027-01-01\n" +
			"  sluice credit redeem 7H2K-… --org acme",
		Long: "Books a payment that came in or, with --grant, credit that the operator gives.\n" +
			"With --once ID the command can be repeated safely: the same ID is booked once.\n" +
			"With --expires-in, --models or --priority it is a credit with terms of its own. Credits are used up in this order:\n" +
			"those for the call's model first, then the smaller priority, then what expires first, then what was granted, then the older.",
		RunE: func(cmd *cobra.Command, args []string) error {
			amount, err := sluice.ParseAmount(args[0])
			if err != nil {
				return misused("%s", sluice.ErrorOf(err).Message)
			}
			in := api.CreateCredit{Amount: amount, Kind: sluice.TxPayment, Memo: memo, Models: terms.models, Priority: terms.priority}
			if terms.life > 0 {
				at := clock().Add(terms.life)
				in.ExpiresAt = &at
			}
			if grant {
				in.Kind = sluice.TxGrant
			}
			var balance api.Balance
			return ask(c, func(cl *client.Client) (api.Transaction, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Transaction{}, err
				}
				tx, err := cl.AddCredit(cmd.Context(), id, cmp.Or(once, newToken()), in)
				if err == nil && !c.json {
					balance, err = cl.Balance(cmd.Context(), id)
				}
				return tx, err
			}, func(w io.Writer, t api.Transaction) {
				showTransaction(w, t)
				row(w, "available", balance.Available, balance.Currency)
			})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().StringVar(&memo, "memo", "", "shown on the statement")
	cmd.Flags().StringVar(&once, "once", "", "an id of your choice, so that a repetition is harmless")
	cmd.Flags().BoolVar(&grant, "grant", false, "the operator gives it; it is used up first")
	terms.add(c, cmd)
	cmd.AddCommand(c.creditListCommand(), c.creditCodesCommand(), c.creditRedeemCommand())
	return cmd
}

// termFlags are the terms of a credit.
type termFlags struct {
	life     time.Duration
	models   []string
	priority *int64
}

func (t *termFlags) add(c *cli, cmd *cobra.Command) {
	f := cmd.Flags()
	f.Var(lifeFlag(&t.life), "expires-in", "how long it lasts, such as 30d or 12h; without end when absent")
	f.StringSliceVar(&t.models, "models", nil, "the only models whose calls it pays, with commas between; all when absent")
	f.Var(&parsed{kind: "number", parse: func(text string) error {
		n, err := strconv.ParseInt(text, 10, 64)
		t.priority = &n
		if err != nil {
			return sluice.Errorf(sluice.CodeInvalid, "%q is no number", text)
		}
		return nil
	}}, "priority", "0 to 1000, the smaller is used up first; 100 when absent")
	_ = cmd.RegisterFlagCompletionFunc("models", c.completeModels())
}

// lifeFlag is a flag for a duration, also in days.
func lifeFlag(to *time.Duration) *parsed {
	return &parsed{kind: "duration", parse: func(text string) error {
		d, err := time.ParseDuration(text)
		if days, ok := strings.CutSuffix(text, "d"); ok {
			var n int64
			n, err = strconv.ParseInt(days, 10, 32)
			d = time.Duration(n) * 24 * time.Hour
		}
		if err != nil || d <= 0 || d > maxLife {
			return sluice.Errorf(sluice.CodeInvalid, "%q is no duration such as 30d or 12h, up to 100 years", text)
		}
		*to = d
		return nil
	}}
}

const maxLife = 36525 * 24 * time.Hour

func (c *cli) creditListCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "list", Short: "List an organisation's credits with terms of their own, also used up and expired ones", Args: none,
		Example: "  sluice credit list --org acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listOf(cmd, c, org, []any{"CREDIT", "KIND", "LEFT", "OF", "PRIORITY", "EXPIRES (UTC)", "MODELS", "STATE", "MEMO"},
				func(cl *client.Client, id string, p api.Paging) (api.Page[api.Credit], error) {
					return cl.Credits(cmd.Context(), id, p)
				}, creditRow)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) creditRedeemCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "redeem CODE", Short: "Redeem a code for credit", Args: one("CODE"),
		Example: "  sluice --server https://models.example.com --key sk-… credit redeem 7H2K-…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Credit, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Credit{}, err
				}
				return cl.RedeemCode(cmd.Context(), id, args[0])
			}, func(w io.Writer, credit api.Credit) {
				creditHead(w)
				creditRow(w, credit)
			})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) creditCodesCommand() *cobra.Command {
	var amount *sluice.Amount
	var until string
	var paid bool
	var terms termFlags
	in := api.CreateCreditCodes{}
	cmd := &cobra.Command{
		Use: "codes", Short: "Make codes that can be redeemed for credit, and show them, this once", Args: none,
		Long: "Makes codes, one on a line. They are not kept: what is not written down now is lost. `sluice credit codes list` shows\n" +
			"their ends and how often they were redeemed.",
		Example: "  sluice credit codes --count 100 --amount 5 --currency USD --expires-in 30d --valid-until 2027-01-01 > codes.txt\n" +
			"  sluice credit codes --amount 10 --currency CNY --uses 500 --max-per-org 1 --models glm-4.6",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if amount == nil || in.Currency == "" {
				return misused("--amount and --currency are needed")
			}
			in.Amount, in.Models, in.Priority, in.ExpiresIn = *amount, terms.models, terms.priority, int64(terms.life/time.Second)
			if paid {
				in.Kind = sluice.AccountPrepaid
			}
			if until != "" {
				at, err := parseDay(until)
				if err != nil {
					return err
				}
				in.ValidUntil = &at
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			made, err := cl.CreateCreditCodes(cmd.Context(), in)
			if err != nil {
				return err
			}
			for _, code := range made.Data {
				if err := c.show(code, func(w io.Writer) { row(w, code.Code) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.IntVar(&in.Count, "count", 1, "how many codes")
	f.Var(amountFlag(&amount), "amount", "what each use of a code is worth")
	f.StringVar((*string)(&in.Currency), "currency", "", "of the amount, such as USD; it is redeemed by organisations of this currency")
	f.Int64Var(&in.Uses, "uses", 1, "how often one code can be redeemed in all")
	f.Int64Var(&in.MaxPerOrg, "max-per-org", 1, "how often by one organisation")
	f.StringVar(&until, "valid-until", "", "the codes can be redeemed before this day or instant, such as 2027-01-01")
	f.BoolVar(&paid, "paid", false, "the codes were sold: what they give is no promotion")
	f.StringVar(&in.Memo, "memo", "", "shown on statements")
	terms.add(c, cmd)
	cmd.AddCommand(c.codesListCommand(), c.codesRevokeCommand())
	return cmd
}

// parseDay reads a day, which begins in UTC, or an instant.
func parseDay(text string) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, misused("%q is no day such as 2027-01-01 and no instant such as 2027-01-01T08:00:00Z", text)
}

func (c *cli) codesListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List codes, without their secrets", Args: none,
		Example: "  sluice credit codes list",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"CODE", "ENDS IN", "AMOUNT", "REDEEMED", "OF", "VALID UNTIL (UTC)", "MODELS", "STATE", "MEMO"},
				func(cl *client.Client, p api.Paging) (api.Page[api.CreditCode], error) {
					return cl.CreditCodes(cmd.Context(), p)
				}, codeRow)
		},
	}
}

func codeRow(w io.Writer, code api.CreditCode) {
	state := "active"
	switch {
	case !code.RevokedAt.IsZero():
		state = "revoked"
	case code.Redeemed >= code.Uses:
		state = "used"
	case !code.ValidUntil.IsZero() && !clock().Before(code.ValidUntil):
		state = "expired"
	}
	row(w, code.ID, code.Last4, fmt.Sprint(code.Amount, " ", code.Currency), code.Redeemed, code.Uses, day(code.ValidUntil),
		cmp.Or(strings.Join(code.Models, ","), "all"), state, code.Memo)
}

func (c *cli) codesRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke CODE", Short: "End a code; what was redeemed stays", Args: one("CODE id"),
		Example: "  sluice credit codes revoke code_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.CreditCode, error) { return cl.RevokeCreditCode(cmd.Context(), args[0]) }, codeRow)
		},
	}
}

func (c *cli) refundCommand() *cobra.Command {
	var total *sluice.Amount
	var reason string
	cmd := &cobra.Command{
		Use: "refund CALL", Short: "Give a call's charge back", Args: one("CALL id"),
		Long: "Gives what a call was charged back to the accounts that paid for it, by a correction. With --total so much of it will\n" +
			"have been given back in all, so that the same command again changes nothing. Of a call at a\n" +
			"volume price it is what the call costs at the last step: the rest comes back by the steps. Payments are refunded with\n" +
			"`sluice payment refund`.",
		Example: "  sluice refund call_… --reason 'the engine answered nonsense'\n  sluice refund call_… --total 0.25",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.CallRefund, error) {
				return cl.RefundCall(cmd.Context(), args[0], api.RefundCall{Total: total, Reason: reason})
			}, func(w io.Writer, r api.CallRefund) {
				row(w, "call", r.Call)
				row(w, "charged", r.Charged)
				if r.Refundable != r.Charged {
					row(w, "refundable", r.Refundable)
				}
				row(w, "given back", r.Refunded)
				for _, t := range r.Transactions {
					showTransaction(w, t)
				}
			})
		},
	}
	cmd.Flags().Var(amountFlag(&total), "total", "how much of the charge is to be given back in all; all that can be when absent")
	cmd.Flags().StringVar(&reason, "reason", "", "shown on the statement and the invoice")
	return cmd
}
