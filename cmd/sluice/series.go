package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
)

// seriesFlags are what a series of usage is asked for with.
type seriesFlags struct {
	q                          api.SeriesQuery
	org, by, project, key, out string
	since                      time.Duration
	all                        bool
}

func (c *cli) usageSeriesCommand() *cobra.Command {
	f := seriesFlags{q: api.SeriesQuery{Step: sluice.UsageDay}}
	cmd := &cobra.Command{
		Use: "series", Short: "Add usage up by hour or day, and by model, key, project or organisation", Args: none,
		Long: "What requests came to: how many, how many failed, tokens, what they cost, and the time to first token that half, and all\n" +
			"but one in a hundred, kept within. Hours and days are in UTC. With --csv it goes to a file, with everything told apart.",
		Example: "  sluice usage series --org acme --by model\n  sluice usage series --org acme --by key --step hour --since 24h --csv usage.csv\n" +
			"  sluice usage series --all --by organisation --json | jq .groups",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.showSeries(cmd.Context(), &f) },
	}
	c.orgFlag(cmd, &f.org)
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "of all organisations together")
	flags.StringVar((*string)(&f.q.Step), "step", string(f.q.Step), "hour or day")
	flags.StringVar(&f.by, "by", "", "tell apart by model, key, project or, with --all, organisation")
	flags.StringVar(&f.q.Model, "model", "", "only of this model")
	flags.StringVar(&f.project, "project", "", "only of this project, by its id")
	flags.StringVar(&f.key, "key-id", "", "only of this key")
	flags.DurationVar(&f.since, "since", 0, "the last, such as 72h; a day by hour and 30 days by day unless given")
	flags.IntVar(&f.q.Top, "top", 0, "how many are told apart; 20 unless given")
	flags.StringVar(&f.out, "csv", "", "write a CSV file, or - for stdout")
	for flag, words := range map[string][]string{"step": {"hour", "day"}, "by": {"model", "key", "project", "organisation"}} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	_ = cmd.RegisterFlagCompletionFunc("project", c.completeProjects())
	_ = cmd.RegisterFlagCompletionFunc("key-id", c.completeKeys())
	return cmd
}

// showSeries asks for a series and shows it, or has it written to a file.
func (c *cli) showSeries(ctx context.Context, f *seriesFlags) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if f.since > 0 {
		f.q.Since = clock().Add(-f.since)
	}
	if f.all && (f.org != "" || f.project != "" || f.key != "") {
		return misused("--all is everybody's usage: leave --org, --project and --key-id out")
	}
	if !f.all {
		if f.org, err = onlyOrg(ctx, cl, f.org); err != nil {
			return err
		}
	}
	if f.out != "" {
		return c.toFile(f.out, func(w io.Writer) error {
			if f.all {
				return cl.ExportAllUsageSeries(ctx, f.q, f.by, w)
			}
			return cl.ExportUsageSeries(ctx, f.org, f.q, f.by, f.project, f.key, w)
		})
	}
	var s api.UsageSeries
	if f.all {
		s, err = cl.AllUsageSeries(ctx, f.q, f.by)
	} else {
		s, err = cl.UsageSeries(ctx, f.org, f.q, f.by, f.project, f.key)
	}
	if err != nil {
		return err
	}
	return c.show(s, func(w io.Writer) { seriesTable(w, &s) })
}

// seriesTable prints what is told apart, or the hours and days where nothing is.
func seriesTable(w io.Writer, s *api.UsageSeries) {
	head := []any{"REQUESTS", "ERRORS", "INPUT", "CACHED", "OUTPUT", "CHARGE", "TTFT P50", "P99"}
	line := func(name string, f *api.UsageFigures) {
		var money []string
		for _, m := range f.Charges {
			money = append(money, fmt.Sprint(m.Charge, " ", m.Currency))
		}
		half, most := "-", "-"
		if p := f.FirstToken; p != nil {
			half, most = strconv.FormatInt(p.P50, 10)+" ms", strconv.FormatInt(p.P99, 10)+" ms"
		}
		row(w, name, f.Requests, orDash(f.Errors), f.Tokens.Input, f.Tokens.Cached, f.Tokens.Output+f.Tokens.Reasoning, strings.Join(money, ", "), half, most)
	}
	if s.By == "" {
		row(w, append([]any{strings.ToUpper(string(s.Step)) + " (UTC)"}, head...)...)
		for i := range s.Data {
			line(day(s.Data[i].Start), &s.Data[i].UsageFigures)
		}
	} else {
		row(w, append([]any{strings.ToUpper(string(s.By))}, head...)...)
		for i := range s.Groups {
			g := &s.Groups[i]
			name := g.Name
			switch {
			case g.Others:
				name = "others"
			case g.Label != "":
				name += " " + g.Label
			}
			line(name, &g.UsageFigures)
		}
	}
	line("in all", &s.Total.UsageFigures)
}

func (c *cli) usageExportCommand() *cobra.Command {
	var org string
	var filter callFilter
	cmd := &cobra.Command{
		Use: "export [FILE]", Short: "Write calls as CSV", Args: atMostOne("FILE"),
		Long:    "All calls of an organisation that are asked for, those that ended last first, to a file or stdout.",
		Example: "  sluice usage export --org acme --since 24h calls.csv\n  sluice usage export --org acme --status failed | head",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			id, err := onlyOrg(cmd.Context(), cl, org)
			if err != nil {
				return err
			}
			file := "-"
			if len(args) == 1 {
				file = args[0]
			}
			return c.toFile(file, func(w io.Writer) error { return cl.ExportUsage(cmd.Context(), id, filter.query(), w) })
		},
	}
	c.orgFlag(cmd, &org)
	filter.add(c, cmd)
	return cmd
}

// callFilter is the flags that select calls.
type callFilter struct {
	api.UsageFilter
	status string
	since  time.Duration
}

// add registers the flags.
func (f *callFilter) add(c *cli, cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.Key, "key-id", "", "only of this key")
	fl.StringVar(&f.Project, "project", "", "only of this project, by its id")
	fl.StringVar(&f.Model, "model", "", "only of this model")
	fl.StringVar(&f.status, "status", "", "only calls that ended so: completed, cancelled, failed, cut_off, recovered")
	fl.DurationVar(&f.since, "since", 0, "only calls that ended in the last, such as 24h")
	_ = cmd.RegisterFlagCompletionFunc("key-id", c.completeKeys())
	_ = cmd.RegisterFlagCompletionFunc("project", c.completeProjects())
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	_ = cmd.RegisterFlagCompletionFunc("status", cobra.FixedCompletions([]string{"completed", "cancelled", "failed", "cut_off", "recovered"}, cobra.ShellCompDirectiveNoFileComp))
}

// query is what the flags ask for.
func (f *callFilter) query() api.UsageFilter {
	q := f.UsageFilter
	q.Status = sluice.Status(f.status)
	if f.since > 0 {
		q.Since = clock().Add(-f.since)
	}
	return q
}

// toFile has something written to a file, or to stdout for "-". Half a file does
// not stay.
func (c *cli) toFile(name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(c.out)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := errors.Join(write(f), f.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	return nil
}

func (c *cli) customersCommand() *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use: "customers", Short: "List organisations with their balance, plan and usage", Args: none,
		Long:    "For the operator: what each organisation has, which plan it is on, and what it used in the last 30 days.",
		Example: "  sluice customers\n  sluice customers --name acme --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ID", "NAME", "AVAILABLE", "PLAN", "KEYS", "REQUESTS", "TOKENS", "LAST USED (UTC)"},
				func(cl *client.Client, p api.Paging) (api.Page[api.Customer], error) {
					return cl.Customers(cmd.Context(), name, p)
				},
				func(w io.Writer, o api.Customer) {
					t := o.Usage.Tokens
					row(w, o.ID, o.Name, fmt.Sprint(o.Balance.Available, " ", o.Currency), o.Plan, o.Keys, o.Usage.Requests,
						t.Input+t.Cached+t.CacheWrite+t.CacheWriteHour+t.Output+t.Reasoning, day(o.LastUse))
				})
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "only those with this in their name or id")
	return cmd
}

func (c *cli) limitsCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "limits", Short: "Show the limits of projects and keys, and the use that is made of them now", Args: none,
		Example: "  sluice limits --org acme\n  sluice limits --json | jq 'select(.running > 0)'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listOf(cmd, c, org, []any{"KIND", "ID", "NAME", "REQUESTS A MINUTE", "LEFT", "TOKENS A MINUTE", "LEFT", "AT ONCE", "RUNNING"},
				func(cl *client.Client, id string, p api.Paging) (api.Page[api.LimitInForce], error) {
					return cl.Limits(cmd.Context(), id, "", p)
				},
				func(w io.Writer, l api.LimitInForce) {
					row(w, l.Kind, l.ID, l.Name, orDash(l.Limits.RequestsPerMinute), orDash(l.RequestsLeft), orDash(l.Limits.TokensPerMinute), orDash(l.TokensLeft),
						orDash(l.Limits.Concurrent), orDash(l.Running))
				})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}
