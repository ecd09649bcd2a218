package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/money/plan"
)

func (c *cli) planCommand() *cobra.Command {
	return group("plan", "Publish plans, list them, pause their sales",
		c.planPublishCommand(), c.planListCommand(), c.planShowCommand(),
		c.planSalesCommand("pause", "Pause a plan's sales: no new subscription and no upgrade to it", true),
		c.planSalesCommand("unpause", "Take up a plan's sales again", false))
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
