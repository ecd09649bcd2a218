package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice/fleet/sim"
)

// simDay is `sim day`.
func (c *cli) simDay() *cobra.Command {
	var sample int
	var seed int64
	var hours bool
	cmd := &cobra.Command{
		Use: "day [NAME]", Short: "Replay a day that a vendor published, and compare", Args: atMostOne("NAME"),
		Long: "Simulates one request of so many on as large a part of the vendor's fleet, with the router's own code and nodes that are\n" +
			"taken and released by the hour, and puts the figures of the whole beside those that were published. A figure that the\n" +
			"simulation was given, or fitted to, is marked: it proves nothing. Waiting times are those of the sample, which has fewer\n" +
			"chips to choose from than the fleet: the smaller it is, the longer they are.\n\nDays: " + strings.Join(dayNames(), " "),
		Example:           "  sluice sim day\n  sluice sim day deepseek-2025-02-27 --sample 64 --hours\n  sluice sim day --json",
		ValidArgsFunction: cobra.FixedCompletions(dayNames(), cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			name := dayNames()[0]
			if len(args) > 0 {
				name = args[0]
			}
			days := sim.PublishedDays()
			i := slices.IndexFunc(days, func(d sim.Day) bool { return d.Name == name })
			if i < 0 {
				return misused("there is no day %q; there are %s", name, strings.Join(dayNames(), ", "))
			}
			r, err := days[i].Replay(sample, uint64(seed))
			if err != nil {
				return misused("--sample %d: %w", sample, err)
			}
			return c.show(r, func(w io.Writer) { showSimDay(w, &days[i], r, hours) })
		},
	}
	f := cmd.Flags()
	f.IntVar(&sample, "sample", 256, "simulate one request of so many")
	f.Int64Var(&seed, "seed", 1, "of what is drawn")
	f.BoolVar(&hours, "hours", false, "show each hour too")
	return cmd
}

func dayNames() (names []string) {
	for _, d := range sim.PublishedDays() {
		names = append(names, d.Name)
	}
	return names
}

func showSimDay(w io.Writer, d *sim.Day, r *sim.DayResult, hours bool) {
	row(w, d.Source)
	row(w, fmt.Sprintf("one request of %d: %d simulated", r.Sample, r.Requests))
	_, _ = io.WriteString(w, "\f")
	row(w, "FIGURE", "PUBLISHED", "SIMULATED", "", "DIFFERENCE", "", "WHY")
	for _, f := range r.Compared {
		given := "came out"
		if f.Input {
			given = "given"
		}
		row(w, f.Name, figure(f.Value), figure(f.Simulated), f.Unit, fmt.Sprintf("%+.2f %%", 100*(f.Simulated/f.Value-1)), given, f.Why)
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "TTFT in the sample", fmt.Sprintf("p50 %.2f s, p90 %.2f s, p99 %.2f s", r.TTFT.P50, r.TTFT.P90, r.TTFT.P99))
	row(w, "power of the chips, estimated", fmt.Sprintf("%.0f kWh, %.2f J a token of output", r.KWh, r.KWh*3.6e6/r.Output))
	if !hours {
		return
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "HOUR", "READING", "WRITING", "PROMPT B", "OUTPUT B", "BUSY %", "STREAMS/CHIP", "TOK/S")
	for _, h := range r.Hours {
		row(w, fmt.Sprintf("%02d:00", h.Hour), h.Prefill, h.Decode, fmt.Sprintf("%.2f", h.Prompt/1e9), fmt.Sprintf("%.2f", h.Output/1e9),
			fmt.Sprintf("%.0f", 100*h.PrefillBusy), fmt.Sprintf("%.0f", h.Streams), fmt.Sprintf("%.1f", h.Speed))
	}
}

// figure writes a figure with two decimals where it is small.
func figure(v float64) string {
	if v >= 10_000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
