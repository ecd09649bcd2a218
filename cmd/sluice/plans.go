package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	vendors "sluice/money/catalogue"
	"sluice/money/plan"
)

func (c *cli) planCommand() *cobra.Command {
	return group("plan", "Publish plans, list them, pause their sales",
		c.planExampleCommand(), c.planPublishCommand(), c.planListCommand(), c.planShowCommand(),
		c.planSalesCommand("pause", "Pause a plan's sales: no new subscription and no upgrade to it", true),
		c.planSalesCommand("unpause", "Take up a plan's sales again", false))
}

func (c *cli) planExampleCommand() *cobra.Command {
	var currency string
	cmd := &cobra.Command{
		Use: "example PLAN", Short: "Print a coding plan that a vendor published, as a file for publish", Args: one("PLAN"),
		Long: "Prints the latest version of a plan in the catalogue of published plans, in JSON, which is YAML as well. Its models and\n" +
			"prices are the vendor's: edit them before publishing it.",
		Example: "  sluice plan example lite --currency CNY > lite.yaml",
		RunE: func(_ *cobra.Command, args []string) error {
			p, err := vendorPlan(args[0], sluice.Currency(currency))
			if err != nil {
				return err
			}
			out := json.NewEncoder(c.out)
			out.SetIndent("", "  ")
			return out.Encode(p)
		},
	}
	cmd.Flags().StringVar(&currency, "currency", "CNY", "which of its prices")
	return cmd
}

// vendorPlan returns the latest version of a plan that a vendor published.
func vendorPlan(name string, currency sluice.Currency) (api.PublishPlan, error) {
	published, err := vendors.Published()
	if err != nil {
		return api.PublishPlan{}, fmt.Errorf("reading the catalogue: %w", err)
	}
	var latest *plan.Draft
	var known []string
	for _, v := range published.Vendors {
		for _, p := range v.Plans {
			d := &p.Draft
			if d.Plan == name && d.Currency == currency && (latest == nil || d.EffectiveAt.After(latest.EffectiveAt)) {
				latest = d
			}
			if text := d.Plan + " in " + string(d.Currency); !slices.Contains(known, text) {
				known = append(known, text)
			}
		}
	}
	if latest == nil {
		return api.PublishPlan{}, sluice.Errorf(sluice.CodeNotFound, "The catalogue has no plan %s in %s; it has %s.", name, currency, strings.Join(known, ", "))
	}
	t := api.PlanTermsOf(latest)
	t.EffectiveAt = nil
	return api.PublishPlan{PlanTerms: t}, nil
}

func (c *cli) planPublishCommand() *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use: "publish FILE", Short: "Publish a version of a plan", Args: one("FILE"),
		Long: "Reads a plan from a YAML file, - for standard input, and shows what differs from the version in force. Subscriptions keep\n" +
			"the version that they were sold under. The fields are told in docs/plans.md.",
		Example: "  sluice plan publish lite.yaml --dry-run\n  sluice plan publish lite.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := c.readInput(args[0])
			if err != nil {
				return err
			}
			in, err := api.ParsePlan(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			in.DryRun = dryRun
			return ask(c, func(cl *client.Client) (api.PublishedPlan, error) { return cl.PublishPlan(cmd.Context(), in) }, showPublished)
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check it and tell what would change")
	return cmd
}

func showPublished(w io.Writer, p api.PublishedPlan) {
	row(w, "plan", p.Version.Plan, p.Version.ID)
	for _, ch := range p.Changes {
		row(w, ch.What, ch.Before, "->", ch.After)
	}
	if p.DryRun {
		row(w, "dry run: nothing was changed")
	}
}

func (c *cli) listPlans(cmd *cobra.Command, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var all []api.PlanVersion
	for v, err := range client.All(func(cursor string) (api.Page[api.PlanVersion], error) {
		return cl.PlanVersions(cmd.Context(), api.Paging{Cursor: cursor})
	}) {
		if err != nil {
			return err
		}
		if name == "" || v.Plan == name {
			all = append(all, v)
		}
	}
	return showAll(c, []any{"VERSION", "PLAN", "CURRENCY", "MONTH", "QUARTER", "YEAR", "WINDOWS", "IN FORCE", "PAUSED"}, all, func(w io.Writer, v api.PlanVersion) {
		cells := []any{v.ID, v.Plan, v.Currency}
		for _, cycle := range []plan.Cycle{plan.Monthly, plan.Quarterly, plan.Yearly} {
			cell := "-"
			if price, ok := v.Prices[string(cycle)]; ok {
				cell = price.String()
			}
			cells = append(cells, cell)
		}
		var windows []string
		for _, q := range v.Windows {
			windows = append(windows, fmt.Sprintf("%s: %d %s", q.Name, q.Limit, q.Unit))
		}
		row(w, append(cells, strings.Join(windows, ", "), yes(v.InForce), yes(v.Paused))...)
	})
}

func (c *cli) planListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the versions of all plans", Args: none, Example: "  sluice plan list",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.listPlans(cmd, "") },
	}
}

func (c *cli) planShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show PLAN", Short: "Show the versions of one plan", Args: one("PLAN"), Example: "  sluice plan show lite --json",
		RunE: func(cmd *cobra.Command, args []string) error { return c.listPlans(cmd, args[0]) },
	}
}

func (c *cli) planSalesCommand(use, short string, paused bool) *cobra.Command {
	return &cobra.Command{
		Use: use + " PLAN", Short: short, Args: one("PLAN"), Example: "  sluice plan " + use + " lite",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.PlanSales, error) { return cl.PausePlan(cmd.Context(), args[0], paused) },
				func(w io.Writer, s api.PlanSales) {
					row(w, "sales of", args[0], "paused:", strconv.FormatBool(s.Paused))
				})
		},
	}
}
