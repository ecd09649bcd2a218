package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/payment"
	"sluice/plug/stripe"
)

// newPayments sets up who takes payments: bank transfers always, Stripe with
// its two secrets.
func (s *server) newPayments() (*payment.Service, error) {
	providers := map[string]payment.Provider{}
	if s.cfg.StripeKey != "" || s.cfg.StripeWebhookSecret != "" {
		p, err := stripe.New(stripe.Options{
			Key: s.cfg.StripeKey, WebhookSecret: s.cfg.StripeWebhookSecret, URL: s.cfg.StripeURL,
			ReturnURL: cmp.Or(s.cfg.PaymentReturnURL, s.cfg.PublicURL),
		})
		if err != nil {
			return nil, fmt.Errorf("setting up payments: %w", err)
		}
		providers[stripe.Name] = p
	}
	return payment.New(payment.Options{Store: s.store, Ledger: s.ledger, Providers: providers, Life: s.cfg.PaymentLife, Log: s.log}), nil
}

// paymentHooks serves the webhooks of those providers that are set up, and of no other.
func (s *server) paymentHooks(mux *http.ServeMux) {
	for _, name := range s.payments.Providers() {
		if hook, ok := s.payments.Hook(name); ok {
			mux.Handle("/hooks/"+name, hook)
		}
	}
}

// finishInterval is how often payments are looked for that were left unfinished.
const finishInterval = time.Minute

// finishPayments books what an earlier process left, again and again until it
// succeeds, and what comes to be left.
func (s *server) finishPayments(ctx context.Context) {
	ticker := time.NewTicker(finishInterval)
	defer ticker.Stop()
	for {
		if err := s.payments.Finish(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("payments are not finished; it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (c *cli) paymentCommand() *cobra.Command {
	return group("payment", "Ask for payments, confirm transfers, refund",
		c.paymentCreateCommand(), c.paymentListCommand(), c.paymentShowCommand(), c.paymentConfirmCommand(), c.paymentRefundCommand())
}

// askPayment does something about an organisation's payment and shows it.
func (c *cli) askPayment(cmd *cobra.Command, org string, call func(cl *client.Client, org string) (api.Payment, error)) error {
	return ask(c, func(cl *client.Client) (api.Payment, error) {
		id, err := onlyOrg(cmd.Context(), cl, org)
		if err != nil {
			return api.Payment{}, err
		}
		return call(cl, id)
	}, showPayment)
}

func showPayment(w io.Writer, p api.Payment) {
	row(w, "payment", p.ID, p.State)
	row(w, "amount", p.Amount, p.Currency)
	row(w, "provider", p.Provider, p.Reference)
	if p.Refunded.Sign() != 0 {
		row(w, "refunded", p.Refunded, p.Currency)
	}
	row(w, "in the books", p.Booked, p.Currency)
	if p.State == sluice.PaymentCreated {
		if p.CheckoutURL != "" {
			row(w, "pay at", p.CheckoutURL)
		}
		row(w, "until", day(p.ExpiresAt))
	}
}

func (c *cli) paymentCreateCommand() *cobra.Command {
	var org, provider string
	cmd := &cobra.Command{
		Use: "create AMOUNT", Short: "Ask an organisation for a payment into its balance", Args: one("AMOUNT"),
		Long: "Makes a payment and, with --provider stripe, the page where it is paid. A bank transfer (manual) is confirmed with\n" +
			"`sluice payment confirm` when it has arrived. The balance changes when the money is there, and not before.",
		Example: "  sluice payment create 100 --org acme --provider stripe\n  sluice payment create 5000 --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			amount, err := sluice.ParseAmount(args[0])
			if err != nil {
				return misused("%s", sluice.ErrorOf(err).Message)
			}
			return c.askPayment(cmd, org, func(cl *client.Client, org string) (api.Payment, error) {
				return cl.CreatePayment(cmd.Context(), org, api.CreatePayment{Amount: amount, Provider: provider})
			})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().StringVar(&provider, "provider", payment.Manual, "who takes the money: manual (a bank transfer), or stripe where it is set up")
	_ = cmd.RegisterFlagCompletionFunc("provider", cobra.FixedCompletions([]string{payment.Manual, stripe.Name}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) paymentListCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "list", Short: "List an organisation's payments, the latest first", Args: none,
		Example: "  sluice payment list --org acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listOf(cmd, c, org, []any{"PAYMENT", "TIME (UTC)", "STATE", "PROVIDER", "AMOUNT", "REFUNDED", "REFERENCE"},
				func(cl *client.Client, id string, p api.Paging) (api.Page[api.Payment], error) {
					return cl.Payments(cmd.Context(), id, p)
				},
				func(w io.Writer, p api.Payment) {
					row(w, p.ID, day(p.CreatedAt), p.State, p.Provider, fmt.Sprint(p.Amount, " ", p.Currency), p.Refunded, p.Reference)
				})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) paymentShowCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "show PAYMENT", Short: "Show a payment", Args: one("PAYMENT id"),
		Example: "  sluice payment show pay_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.askPayment(cmd, org, func(cl *client.Client, org string) (api.Payment, error) {
				return cl.Payment(cmd.Context(), org, args[0])
			})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) paymentConfirmCommand() *cobra.Command {
	var org, reference string
	var amount *sluice.Amount
	cmd := &cobra.Command{
		Use: "confirm PAYMENT", Short: "Say that a bank transfer has arrived", Args: one("PAYMENT id"),
		Long: "Credits the organisation with a transfer that is on the bank's statement, once however often it is said. The amount\n" +
			"must be the payment's, and the bank's reference may confirm no other payment.",
		Example: "  sluice payment confirm pay_… --org acme --amount 5000 --reference statement-2026-10-07-3",
		RunE: func(cmd *cobra.Command, args []string) error {
			if amount == nil || reference == "" {
				return misused("--amount and --reference are needed: what the bank's statement says")
			}
			return c.askPayment(cmd, org, func(cl *client.Client, org string) (api.Payment, error) {
				return cl.ConfirmPayment(cmd.Context(), org, args[0], api.ConfirmPayment{Amount: *amount, Reference: reference})
			})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().Var(amountFlag(&amount), "amount", "what arrived, as on the bank's statement")
	cmd.Flags().StringVar(&reference, "reference", "", "the bank's reference of the transfer")
	return cmd
}

func (c *cli) paymentRefundCommand() *cobra.Command {
	var org string
	var total *sluice.Amount
	cmd := &cobra.Command{
		Use: "refund PAYMENT", Short: "Give money back", Args: one("PAYMENT id"),
		Long: "Takes money out of the balance and has the provider give it back; a bank transfer is sent back by you. With --total\n" +
			"so much of the payment will have been given back in all, so that the same command again changes nothing. What was\n" +
			"spent cannot be refunded.",
		Example: "  sluice payment refund pay_… --org acme\n  sluice payment refund pay_… --org acme --total 25",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.askPayment(cmd, org, func(cl *client.Client, org string) (api.Payment, error) {
				return cl.RefundPayment(cmd.Context(), org, args[0], api.RefundPayment{Total: total})
			})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().Var(amountFlag(&total), "total", "how much of the payment is to be given back in all; all of it when absent")
	return cmd
}
