package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/money/plan"
)

func (c *cli) subscriptionCommand() *cobra.Command {
	return group("subscription", "Subscribe organisations to plans, and change that",
		c.subscriptionCreateCommand(), c.subscriptionShowCommand(),
		c.subscriptionPlanCommand("upgrade", "Change to a higher plan or a longer cycle, at once"),
		c.subscriptionPlanCommand("downgrade", "Change to a lower plan when the period ends"),
		c.subscriptionActionCommand("cancel", "End the subscription with its period"),
		c.subscriptionActionCommand("resume", "Take back a cancellation or a downgrade"),
		c.subscriptionActionCommand("pay", "Pay what is owed from the prepaid balance"),
		c.subscriptionActionCommand("refund", "End the subscription at once and give the unused days back"),
		c.subscriptionFallbackCommand())
}

func (c *cli) subscriptionCreateCommand() *cobra.Command {
	var org, cycle string
	var trial bool
	cmd := &cobra.Command{
		Use: "create PLAN", Short: "Subscribe an organisation to a plan, paid from its prepaid balance", Args: one("PLAN"),
		Example: "  sluice subscription create lite --org acme\n  sluice subscription create lite --org acme --cycle year",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Subscription, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Subscription{}, err
				}
				return cl.CreateSubscription(cmd.Context(), api.CreateSubscription{Organisation: id, Plan: args[0], Cycle: plan.Cycle(cycle), Trial: trial})
			}, showSubscription)
		},
	}
	c.orgFlag(cmd, &org)
	cycleFlag(cmd, &cycle, "month")
	cmd.Flags().BoolVar(&trial, "trial", false, "begin with the plan's trial")
	return cmd
}

func cycleFlag(cmd *cobra.Command, cycle *string, otherwise string) {
	cmd.Flags().StringVar(cycle, "cycle", otherwise, "month, quarter or year")
	_ = cmd.RegisterFlagCompletionFunc("cycle", cobra.FixedCompletions([]string{"month", "quarter", "year"}, cobra.ShellCompDirectiveNoFileComp))
}

func showSubscription(w io.Writer, s api.Subscription) {
	row(w, "subscription", s.ID, s.Status)
	row(w, "plan", s.Plan, fmt.Sprintf("%s %s a %s", s.Price, s.Currency, s.Cycle))
	row(w, "period", day(s.PeriodStart), "to", day(s.PeriodEnd))
	if s.Owed.Sign() != 0 {
		row(w, "owed", s.Owed, s.Currency)
	}
	if s.Next != "" {
		row(w, "then", s.Next)
	}
	if s.EndsAt != nil {
		row(w, "ends", day(*s.EndsAt))
	}
	row(w, "falls back to the balance", yesNo(s.FallBack))
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// liveSubscription finds an organisation's live subscription.
func liveSubscription(cmd *cobra.Command, cl *client.Client, org string) (api.Subscription, error) {
	id, err := onlyOrg(cmd.Context(), cl, org)
	if err != nil {
		return api.Subscription{}, err
	}
	for s, err := range client.All(func(cursor string) (api.Page[api.Subscription], error) {
		return cl.Subscriptions(cmd.Context(), id, api.Paging{Cursor: cursor})
	}) {
		if err != nil {
			return api.Subscription{}, err
		}
		if s.Status != plan.Cancelled {
			return s, nil
		}
	}
	return api.Subscription{}, sluice.Errorf(sluice.CodeNotFound, "The organisation has no subscription: begin one with `sluice subscription create PLAN`.")
}

func (c *cli) subscriptionShowCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "show", Short: "Show an organisation's subscription", Args: none, Example: "  sluice subscription show --org acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (api.Subscription, error) { return liveSubscription(cmd, cl, org) }, showSubscription)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

// changeLive changes an organisation's live subscription.
func (c *cli) changeLive(cmd *cobra.Command, org string, in api.ChangeSubscription) error {
	return ask(c, func(cl *client.Client) (api.SubscriptionChange, error) {
		s, err := liveSubscription(cmd, cl, org)
		if err != nil {
			return api.SubscriptionChange{}, err
		}
		return cl.ChangeSubscription(cmd.Context(), s.ID, in)
	}, func(w io.Writer, ch api.SubscriptionChange) {
		showSubscription(w, ch.Subscription)
		for _, tx := range ch.Transactions {
			for _, e := range tx.Entries {
				row(w, string(tx.Kind), e.Owner, string(e.Account), e.Amount, e.Currency)
			}
		}
		if ch.Preview {
			row(w, "preview: nothing was changed")
		}
	})
}

func (c *cli) subscriptionPlanCommand(action, short string) *cobra.Command {
	var org, cycle string
	var preview bool
	cmd := &cobra.Command{
		Use: action + " PLAN", Short: short, Args: one("PLAN"),
		Example: "  sluice subscription " + action + " pro --org acme --preview",
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.changeLive(cmd, org, api.ChangeSubscription{Action: action, Plan: args[0], Cycle: plan.Cycle(cycle), Preview: preview})
		},
	}
	c.orgFlag(cmd, &org)
	cycleFlag(cmd, &cycle, "")
	cmd.Flags().BoolVar(&preview, "preview", false, "only tell what would change and be booked")
	return cmd
}

func (c *cli) subscriptionActionCommand(action, short string) *cobra.Command {
	var org string
	var preview bool
	cmd := &cobra.Command{
		Use: action, Short: short, Args: none, Example: "  sluice subscription " + action + " --org acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.changeLive(cmd, org, api.ChangeSubscription{Action: action, Preview: preview})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().BoolVar(&preview, "preview", false, "only tell what would change and be booked")
	return cmd
}

func (c *cli) subscriptionFallbackCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "fallback on|off", Short: "Say whether what the plan refuses is paid from the balance", Args: one("on or off"),
		Example: "  sluice subscription fallback on --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			action, ok := map[string]string{"on": "fall_back", "off": "no_fall_back"}[args[0]]
			if !ok {
				return misused("it is on or off, not %q", args[0])
			}
			return c.changeLive(cmd, org, api.ChangeSubscription{Action: action})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) quotaCommand() *cobra.Command {
	return group("quota", "Show what plans' windows have used, and forgive it", c.quotaShowCommand(), c.quotaResetCommand())
}

func (c *cli) quotaShowCommand() *cobra.Command {
	var org, model string
	cmd := &cobra.Command{
		Use: "show", Short: "Show what an organisation's plan has used", Args: none,
		Example: "  sluice quota show --org acme --model glm-4.6",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (sluice.PlanMeter, error) {
				s, err := liveSubscription(cmd, cl, org)
				if err != nil {
					return sluice.PlanMeter{}, err
				}
				return cl.Quota(cmd.Context(), s.ID, model)
			}, showMeter)
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().StringVar(&model, "model", "", "tell how many times a call to this model counts now")
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	return cmd
}

func showMeter(w io.Writer, m sluice.PlanMeter) {
	row(w, "WINDOW", "UNIT", "LIMIT", "USED", "RESERVED", "REMAINING", "TIMES", "RESETS (UTC)")
	for _, q := range m.Windows {
		row(w, q.Name, q.Unit, q.Limit/1000, milli(q.Used), milli(q.Reserved), milli(q.Remaining), milli(q.Times), day(q.ResetAt))
	}
}

// milli writes thousandths as a decimal: "3", "0.8".
func milli(n int64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%03d", n/1000, n%1000), "0"), ".")
}

func (c *cli) quotaResetCommand() *cobra.Command {
	var org, window string
	cmd := &cobra.Command{
		Use: "reset", Short: "Forgive what an organisation's plan has used", Args: none,
		Example: "  sluice quota reset --org acme --window 5h",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (sluice.PlanMeter, error) {
				s, err := liveSubscription(cmd, cl, org)
				if err == nil {
					err = cl.ResetQuota(cmd.Context(), s.ID, window)
				}
				if err != nil {
					return sluice.PlanMeter{}, err
				}
				return cl.Quota(cmd.Context(), s.ID, "")
			}, showMeter)
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().StringVar(&window, "window", "", "its name; all windows when it is not given")
	return cmd
}
