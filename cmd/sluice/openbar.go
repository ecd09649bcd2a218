package main

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/statements"
	"sluice/money/statement"
)

func (c *cli) statementOpenCommand() *cobra.Command {
	var q api.BarCallsQuery
	var currency string
	cmd := &cobra.Command{
		Use: "open BAR", Short: "Show the events and entries behind a bar of the waterfall", Args: one("BAR"), ValidArgsFunction: completeBars,
		Long: "Lists the sums of events, or of ledger entries, that add something to a bar, the greatest first. With --customer it lists\n" +
			"the calls or the transactions of one, each with what it adds, the last first.",
		Example: "  sluice statement open 'free traffic' --day 2026-11-21\n" +
			"  sluice statement open 'time of day' --day 2026-11-21 --customer org_01 --model glm-4.6",
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.Day == "" {
				return misused("--day is missing: which day?")
			}
			q.Bar, q.Currency = args[0], sluice.Currency(currency)
			places := q.Currency.Decimals() + 4
			if q.Customer == "" {
				return listAll(c, []any{"HOUR", "CUSTOMER", "MODEL", "POOL", "SEGMENT", "WHAT", "CALLS", "AMOUNT"}, func(cl *client.Client, p api.Paging) (api.Page[api.BarPart], error) {
					q.Paging = p
					return cl.OpenBar(cmd.Context(), q.BarQuery)
				}, func(w io.Writer, p api.BarPart) {
					what := string(p.Outcome)
					if p.Kind != "" {
						what = string(p.Kind) + " on " + string(p.Account)
					}
					row(w, p.Hour.UTC().Format(time.RFC3339), p.Customer, p.Model, p.Pool, string(p.Segment), what, orDash(p.Calls), p.Amount.Text(places))
				})
			}
			return listAll(c, []any{"AT", "ID", "MODEL OR KIND", "AMOUNT"}, func(cl *client.Client, p api.Paging) (api.Page[api.BarCall], error) {
				q.Paging = p
				return cl.OpenBarCalls(cmd.Context(), q)
			}, func(w io.Writer, b api.BarCall) {
				row(w, b.At.UTC().Format(time.RFC3339), b.ID, b.Model+string(b.Kind), b.Amount.Text(places))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Day, "day", "", "the day, by the timezone of the books")
	f.StringVar(&q.Through, "through", "", "the last day, of several")
	f.StringVar(&currency, "currency", "USD", "currency of the statement")
	f.StringVar(&q.Reference, "reference", "", "the model at whose list prices theoretical revenue is counted")
	f.StringVar(&q.Customer, "customer", "", "an organisation, whose calls or transactions are listed")
	f.StringVar(&q.Model, "model", "", "of its calls only those to this model")
	_ = cmd.RegisterFlagCompletionFunc("customer", c.completeOrgs())
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	_ = cmd.RegisterFlagCompletionFunc("reference", c.completeModels())
	return cmd
}

func completeBars(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return statement.Bars(), cobra.ShellCompDirectiveNoFileComp
}

func (c *cli) statementSegmentsCommand() *cobra.Command {
	var in api.ReportSegments
	var periods []string
	var currency string
	cmd := &cobra.Command{
		Use: "segments", Short: "Segments over time: revenue, margin, growth, concentration, research", Args: none,
		Long: "Reports periods of the server's books as a prospectus does: revenue, gross margin and growth by segment, the blend, the\n" +
			"shares of the greatest customers, what research costs, and, between whole years, the rate at which revenue grew. Costs of\n" +
			"the kinds training and research are no part of the gross margin.",
		Example: "  sluice statement segments --period 2025=2025-01-01:2025-12-31 --period 2026=2026-01-01:2026-12-31\n" +
			"  sluice statement segments --period H1-25=2025-01-01:2025-06-30 --period 2025=2025-01-01:2025-12-31 --period H1-26=2026-01-01:2026-06-30:H1-25",
		RunE: func(cmd *cobra.Command, _ []string) error {
			in.Currency = sluice.Currency(currency)
			for _, p := range periods {
				name, rest, _ := strings.Cut(p, "=")
				days := strings.Split(rest, ":")
				if len(days) < 2 || len(days) > 3 || name == "" {
					return misused("--period %q is not NAME=FIRST:LAST or NAME=FIRST:LAST:AGAINST", p)
				}
				of := statements.Period{Name: name, Day: days[0], Through: days[1]}
				if len(days) == 3 {
					of.Against = days[2]
				}
				in.Periods = append(in.Periods, of)
			}
			if len(in.Periods) == 0 {
				return misused("--period is missing: which periods?")
			}
			return ask(c, func(cl *client.Client) (*statements.Segments, error) {
				return cl.ReportSegments(context.WithoutCancel(cmd.Context()), in)
			}, showSegments)
		},
	}
	cmd.Flags().StringArrayVar(&periods, "period", nil, "NAME=FIRST:LAST days, in order, and :NAME of the one that growth is measured against; may be repeated")
	cmd.Flags().StringVar(&currency, "currency", "USD", "currency of the figures")
	return cmd
}

func showSegments(w io.Writer, s *statements.Segments) {
	places := s.Currency.Decimals()
	row(w, "PERIOD", "SEGMENT", "REVENUE", "SHARE", "MARGIN", "GROWTH", "TOP 1", "TOP 5", "RESEARCH", "OF IT COMPUTING")
	for i := range s.Periods {
		p := &s.Periods[i]
		row(w, p.Name, "all", p.Revenue.Text(places), "", percent(p.Margin), percent(p.Growth), percent(p.TopOne), percent(p.TopFive), percent(p.Research), percent(p.Compute))
		for j := range p.Segments {
			g := &p.Segments[j]
			row(w, "", g.Name, g.Revenue.Text(places), percent(g.Share), percent(g.Margin), percent(g.Growth))
		}
	}
	if s.CAGR != nil {
		row(w, "growth a year", s.CAGR.Percent(1)+"%")
	}
	for _, n := range s.Notes {
		row(w, "note", n)
	}
}
