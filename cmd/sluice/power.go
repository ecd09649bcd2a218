package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/power"
	"sluice/money/electricity"
	"sluice/money/exact"
)

// powerFlags are what `sluice power` is asked for.
type powerFlags struct {
	api.PowerReportQuery

	by string
}

func (c *cli) powerCommand() *cobra.Command {
	var f powerFlags
	cmd := &cobra.Command{
		Use: "power", Short: "Show what engines draw, what it costs, and what waits for it", Args: known,
		Long: "Shows what engines draw now, measured or estimated; with --day what they drew in that day, in kWh, joules a token and\n" +
			"money, by hour, engine or model. An engine's power is known once `sluice power supply` says how.",
		Example: "  sluice power\n  sluice power --day 2026-11-21 --zone Asia/Shanghai\n  sluice power --day 2026-11-01 --days 30 --by model --json",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.showPower(cmd, &f) },
	}
	cmd.SuggestionsMinimumDistance = 2
	fl := cmd.Flags()
	fl.StringVar(&f.Day, "day", "", "the first day of a report, by the zone; now when absent")
	fl.IntVar(&f.Days, "days", 1, "how many days, 1 to 31")
	fl.StringVar(&f.Zone, "zone", "UTC", "timezone of days and hours")
	fl.StringVar((*string)(&f.Currency), "currency", "", "of the report; that of the price of power when absent")
	fl.StringVar(&f.by, "by", "hour", "what a line of the table stands for: hour, engine, model, or row for all three")
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions([]string{"hour", "engine", "model", "row"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.AddCommand(c.powerSupply(), c.powerPrice(), c.powerLimit())
	return cmd
}

func (c *cli) showPower(cmd *cobra.Command, f *powerFlags) error {
	if f.Day == "" {
		return ask(c, func(cl *client.Client) (power.SitePower, error) { return cl.Power(cmd.Context()) }, showPowerNow)
	}
	pick := map[string]func(*electricity.Consumption) []electricity.ConsumptionLine{
		"hour":   func(r *electricity.Consumption) []electricity.ConsumptionLine { return r.Hours },
		"engine": func(r *electricity.Consumption) []electricity.ConsumptionLine { return r.Engines },
		"model":  func(r *electricity.Consumption) []electricity.ConsumptionLine { return r.Models },
		"row":    func(r *electricity.Consumption) []electricity.ConsumptionLine { return r.Rows },
	}[f.by]
	if pick == nil {
		return misused("--by %q is none of hour, engine, model and row", f.by)
	}
	return ask(c, func(cl *client.Client) (*electricity.Consumption, error) {
		return cl.PowerReport(cmd.Context(), f.PowerReportQuery)
	}, func(w io.Writer, r *electricity.Consumption) { showPowerReport(w, r, pick(r), f.by) })
}

func showPowerNow(w io.Writer, n power.SitePower) {
	row(w, "site", fmt.Sprintf("%d W", n.Watts), string(n.Source))
	if n.Overhead > 0 {
		row(w, "", fmt.Sprintf("with %d %% beside the engines", n.Overhead))
	}
	if n.Unknown > 0 {
		row(w, "", fmt.Sprintf("without %d engines whose power nobody knows: see `sluice power supply --help`", n.Unknown))
	}
	if n.Limit != nil {
		say := ""
		switch {
		case n.Stuck:
			say = "EXCEEDED, and nothing is left to cut"
		case n.Above:
			say = "exceeded"
		}
		row(w, "limit", fmt.Sprintf("%d W", *n.Limit), say)
		row(w, "batches", fmt.Sprintf("%d %% of their places", n.Batches))
		row(w, "jobs", fmt.Sprintf("%d %% of their places", n.Jobs))
	}
	if n.Contracted > 0 {
		row(w, "contracted", fmt.Sprintf("%d W", n.Contracted))
	}
	if n.Price != nil {
		until := ""
		if n.Changes != nil {
			until = "until " + n.Changes.UTC().Format(time.RFC3339)
		}
		row(w, "a kWh costs", n.Price.Price.Text(4)+" "+string(n.Price.Currency), n.Price.Band, until)
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "ENGINE", "WATTS", "SOURCE", "CALLS", "")
	for _, e := range n.Engines {
		watts, note := strconv.FormatInt(e.Watts, 10), e.Fault
		if e.Source == electricity.Unknown {
			watts = "-"
		}
		if e.Parked {
			note = strings.TrimSpace("parked " + note)
		}
		row(w, e.Name, watts, string(e.Source), e.Running, note)
	}
}

func showPowerReport(w io.Writer, r *electricity.Consumption, lines []electricity.ConsumptionLine, by string) {
	row(w, strings.ToUpper(by), "KWH", "SOURCE", "UNKNOWN", "PROMPT", "COMPLETION", "J/TOKEN", "J/COMPLETION", "COST "+string(r.Currency))
	put := func(name string, l *electricity.ConsumptionLine) {
		row(w, name, l.KWh.Text(3), string(l.Source), time.Duration(l.Unknown)*time.Second, l.Read, l.Written,
			dash(l.JoulesPerToken.Text(3)), dash(l.JoulesPerOutput.Text(3)), priced(l))
	}
	for i := range lines {
		put(lineName(&lines[i], by), &lines[i])
	}
	put("total", &r.Total)
	_, _ = io.WriteString(w, "\f")
	if r.Contracted.Sign() > 0 {
		row(w, "contracted power costs besides", r.Contracted.Text(2), string(r.Currency))
	}
	if r.Peak > 0 {
		row(w, "peak of a quarter of an hour", fmt.Sprintf("%d W", r.Peak), r.PeakAt.Format(time.RFC3339))
	}
	if r.Above > 0 {
		row(w, "quarters above what is contracted", r.Above)
	}
}

// priced is a line's cost, with a dash where there is no price for all of it.
func priced(l *electricity.ConsumptionLine) string {
	if l.Unpriced.Sign() > 0 && l.Cost.Sign() == 0 {
		return "-"
	}
	return l.Cost.Text(4)
}

func lineName(l *electricity.ConsumptionLine, by string) string {
	model := l.Model
	if model == "" {
		model = "(idle)"
	}
	engine := l.Name
	if engine == "" {
		engine = l.Engine
	}
	switch by {
	case "engine":
		return engine
	case "model":
		return model
	case "row":
		return strings.Join([]string{l.Hour.Format("2006-01-02T15:04Z07:00"), engine, model}, " ")
	default:
		return l.Hour.Format("2006-01-02T15:04Z07:00")
	}
}

func (c *cli) powerSupply() *cobra.Command {
	var s power.Supply
	var m power.Metric
	var labels []string
	var none bool
	cmd := &cobra.Command{
		Use: "supply ENGINE", Short: "Say how the power of an engine is known", Args: one("ENGINE"),
		Long: "By its cards on this machine, by a meter in Prometheus's format, or by an estimate: idle watts, and up to its busy watts with\n" +
			"the calls that it works on. The estimate also stands in while what should measure says nothing; it is labelled so.",
		Example: "  sluice power supply gpu1 --card nvidia:0 --card nvidia:1\n" +
			"  sluice power supply gpu2 --meter http://10.0.0.7:9400/metrics --metric DCGM_FI_DEV_POWER_USAGE --label Hostname=gpu2\n" +
			"  sluice power supply gpu3 --chip h20 --chips 4 --full 48\n  sluice power supply gpu4 --idle 400 --busy 2600\n  sluice power supply gpu4 --none",
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if none {
				return c.do(func(cl *client.Client) error { return cl.DeletePowerSupply(cmd.Context(), args[0]) }, "power supply", args[0])
			}
			if m.URL != "" {
				m.Labels = map[string]string{}
				for _, l := range labels {
					name, value, ok := strings.Cut(l, "=")
					if !ok {
						return misused("--label %q is not NAME=VALUE", l)
					}
					m.Labels[name] = value
				}
				s.Metric = &m
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			if err := cl.PutPowerSupply(cmd.Context(), args[0], s); err != nil {
				return err
			}
			return c.show(map[string]any{"engine": args[0], "supply": s}, func(w io.Writer) { row(w, "the power of", args[0], "is watched") })
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&s.Cards, "card", nil, "a card of this machine, as VENDOR:NUMBER; `sluice chips` lists them (repeatable)")
	fl.StringVar(&m.URL, "meter", "", "URL of a meter that speaks Prometheus's text format")
	fl.StringVar(&m.Name, "metric", "", "the metric there")
	fl.StringArrayVar(&labels, "label", nil, "NAME=VALUE that its series must have (repeatable)")
	fl.Float64Var(&m.Factor, "factor", 0, "from the metric's unit to watts; 1 when absent")
	fl.StringVar(&s.Chip, "chip", "", "estimate by this chip: "+strings.Join(chipNames(), " "))
	fl.Int64Var(&s.Chips, "chips", 0, "how many of it; 1 when absent")
	fl.Int64Var(&s.Idle, "idle", 0, "watts that the engine draws without work; a quarter of --busy when absent")
	fl.Int64Var(&s.Busy, "busy", 0, "watts that it draws when it is full; those of its chips when absent")
	fl.Int64Var(&s.Full, "full", 0, "calls at once at which it is full; its limit of calls, or 32, when absent")
	fl.BoolVar(&none, "none", false, "forget it: the engine's power is no longer watched")
	_ = cmd.RegisterFlagCompletionFunc("chip", cobra.FixedCompletions(chipNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) powerPrice() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "price", Short: "Show what power costs, or say so with -f", Args: none,
		Long: "The file has terms in order of time: a price, hours with prices of their own, what power is contracted, and how much is\n" +
			"drawn beside the engines. It takes the place of all that was said before. See docs/power.md.",
		Example: "  sluice power price\n  sluice power price -f power.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			var in api.PowerPrice
			if file != "" {
				raw, err := c.readInput(file)
				if err != nil {
					return err
				}
				if in, err = api.ParsePowerPrice(raw); err != nil {
					return fmt.Errorf("%s: %s", file, sluice.ErrorOf(err).Message)
				}
			}
			return ask(c, func(cl *client.Client) (api.PowerPrice, error) {
				if file != "" {
					return cl.PutPowerPrice(cmd.Context(), in)
				}
				return cl.PowerPrice(cmd.Context())
			}, showPowerPrice)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "a YAML file with what it costs; - is standard input")
	return cmd
}

func showPowerPrice(w io.Writer, p api.PowerPrice) {
	if len(p.Terms) == 0 {
		row(w, "nothing is known of what power costs: see `sluice power price --help`")
	}
	for _, t := range p.Terms {
		since := "from ever"
		if t.Since != nil {
			since = "from " + t.Since.UTC().Format(time.RFC3339)
		}
		row(w, since, "a kWh costs", t.Price+" "+string(t.Currency))
		for _, b := range t.Bands {
			row(w, "", b.Name, b.Price+" "+string(t.Currency), strings.Join(b.Hours.Arcs, "; "), b.Hours.Zone)
		}
		if t.Contracted > 0 {
			row(w, "", "contracted", fmt.Sprintf("%d kW", t.Contracted), t.ContractedPrice, "for a kW and month")
		}
		if t.Overhead > 0 {
			row(w, "", "overhead", fmt.Sprintf("%d %%", t.Overhead))
		}
	}
}

func (c *cli) powerLimit() *cobra.Command {
	var during time.Duration
	var none bool
	cmd := &cobra.Command{
		Use: "limit [KW]", Short: "Show what the site may draw, or say so", Args: atMostOne("KW"),
		Long: "Beyond the limit batches and jobs wait, then the engines are parked that are needed least, never the last one of a model.\n" +
			"Both come back by themselves. With --for it holds for a time in place of the standing one.",
		Example: "  sluice power limit\n  sluice power limit 120\n  sluice power limit 60 --for 2h\n  sluice power limit --none",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && !none {
				return ask(c, func(cl *client.Client) (api.PowerLimit, error) { return cl.PowerLimit(cmd.Context()) }, showPowerLimit)
			}
			watts := int64(0)
			if len(args) == 1 {
				var err error
				if watts, err = parseKW(args[0]); err != nil || none {
					return misused("`%s` takes kW such as 120 or 62.5, or --none", cmd.CommandPath())
				}
			}
			return ask(c, func(cl *client.Client) (api.PowerLimit, error) {
				limit := api.PowerLimit{Limit: watts}
				if during > 0 {
					standing, err := cl.PowerLimit(cmd.Context())
					if err != nil {
						return limit, err
					}
					until := clock().Add(during)
					limit = api.PowerLimit{Limit: standing.Limit, Temporary: watts, Until: &until}
				}
				return cl.PutPowerLimit(cmd.Context(), limit)
			}, showPowerLimit)
		},
	}
	cmd.Flags().DurationVar(&during, "for", 0, "only for this time, such as 2h")
	cmd.Flags().BoolVar(&none, "none", false, "no limit")
	cmd.MarkFlagsMutuallyExclusive("for", "none")
	return cmd
}

// parseKW reads kW as watts.
func parseKW(text string) (int64, error) {
	kw, err := exact.Parse(text)
	if err != nil {
		return 0, err
	}
	watts, ok := kw.Mul(exact.Int(1000)).Ceil()
	if !ok || watts < 0 || watts > 10_000_000_000 {
		return 0, errors.New("out of range")
	}
	return watts, nil
}

func showPowerLimit(w io.Writer, l api.PowerLimit) {
	say := func(watts int64) string { return exact.Of(watts, 1000).String() + " kW" }
	if l.Limit == 0 {
		row(w, "limit", "none")
	} else {
		row(w, "limit", say(l.Limit))
	}
	if l.Until != nil && l.Until.After(clock()) {
		row(w, "in its place", say(l.Temporary), "until "+l.Until.UTC().Format(time.RFC3339))
	}
}
