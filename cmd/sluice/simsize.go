package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/fleet/sim"
	"sluice/fleet/simulator"
)

// sized is one kind of engine that would do, or would not. Amounts are of a day.
type sized struct {
	Engine  string `json:"engine"` // as CHIPS x CHIP
	Engines int    `json:"engines"`
	Chips   int    `json:"chips"`
	Meets   bool   `json:"meets"`
	Why     string `json:"why,omitempty"` // it does not

	HitRate   float64   `json:"hit_rate"`
	TTFT      sim.Times `json:"ttft"`
	ITL       sim.Times `json:"inter_token"`
	Output    float64   `json:"output_per_second"`
	Busy      float64   `json:"busy"`
	ChipHours float64   `json:"chip_hours"`
	KWh       float64   `json:"kwh"`
	Cost      float64   `json:"cost"`
	Income    float64   `json:"income"`
	Margin    *float64  `json:"margin_percent,omitempty"` // of the income; absent without any
}

// simSize is `sim size`.
func (c *cli) simSize() *cobra.Command {
	o := simOptions{}
	var kinds []string
	var goal sim.Goal
	var seed int64
	cmd := &cobra.Command{
		Use: "size", Short: "Find how many of which chips serve a load well enough", Args: none,
		Long: "For each kind of engine it looks for the fewest that serve the load within the goals, for 99 of 100 requests, and shows\n" +
			"what they would cost and bring in a day, the cheapest first. Only what comes after --warmup counts. The simulated kWh are\n" +
			"an estimate: a chip draws a quarter of its limit without work and all of it with.",
		Example: "  sluice sim size --engine 4xh20 --engine 2xh200 --rate 1.6 --ttft 3s --itl 50ms\n" +
			"  sluice sim size --engine 8xh800 --model moe-671b-a37b --rate 2 --ttft 5s --rent 2 --price-input 0.55 --price-cached 0.14 --price-output 2.19\n" +
			"  sluice sim size --engine 4xh20 --engine 4xmi300x --trace day.csv --duration 1h --ttft 2s --rent h20=1.2,mi300x=1.9 --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(kinds) == 0 {
				return misused("--engine is missing: engines of which chips?")
			}
			if goal == (sim.Goal{}) {
				return misused("--ttft or --itl is missing: how well is the load to be served?")
			}
			run, err := o.run(c.in)
			if err != nil {
				return err
			}
			run.Policy, run.Workload.Seed = sim.Policies()[0], uint64(seed)
			var all []sized
			for _, text := range kinds {
				if err := cmd.Context().Err(); err != nil {
					return err
				}
				kind, err := parseKind(text)
				if err != nil {
					return misused("--engine %s: %w", text, err)
				}
				all = append(all, o.size(*run, goal, text, kind))
			}
			slices.SortStableFunc(all, func(a, b sized) int {
				return cmp.Or(compareBools(b.Meets, a.Meets), cmp.Compare(a.Cost, b.Cost), cmp.Compare(a.Chips, b.Chips))
			})
			return c.show(all, func(w io.Writer) { showSized(w, all) })
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&kinds, "engine", nil, "a kind of engine, as CHIPS x CHIP: 4xh20 (repeatable, required)")
	f.DurationVar(&goal.TTFT, "ttft", 0, "time to the first token that 99 of 100 requests may take")
	f.DurationVar(&goal.ITL, "itl", 0, "time between two tokens that 99 of 100 answers may take on average")
	f.Int64Var(&seed, "seed", 1, "of the workload")
	o.loadFlags(cmd)
	cmd.Flags().Lookup("warmup").DefValue = "5m0s"
	o.warmup = 5 * time.Minute
	return cmd
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// parseKind reads "4xh20".
func parseKind(text string) (g sim.Group, err error) {
	chips, name, ok := strings.Cut(text, "x")
	n, err := strconv.Atoi(chips)
	if !ok || err != nil || n < 1 || n > 1024 {
		return g, fmt.Errorf("it must read like 4xh20: chips of an engine, chip")
	}
	chip, ok := simulator.ChipNamed(name)
	if !ok {
		return g, fmt.Errorf("there is no chip %q; there are %s", name, strings.Join(chipNames(), ", "))
	}
	return sim.Group{Chips: n, Chip: chip}, nil
}

// size finds how many engines of a kind do, and what they come to in a day.
func (o *simOptions) size(run sim.Run, goal sim.Goal, text string, kind sim.Group) sized {
	s := sized{Engine: text}
	n, r, ok, err := run.Size(goal, kind)
	switch {
	case err != nil:
		s.Why = err.Error()
		return s
	case !ok:
		s.Why = fmt.Sprintf("%d engines are too slow: %.2f s to the first token, %.0f ms between tokens", n, r.TTFT.P99, 1000*r.ITL.P99)
	}
	kind.Engines = n
	day := (24 * time.Hour).Seconds() / (run.Duration - run.Warmup).Seconds()
	s.Engines, s.Chips, s.Meets = n, n*kind.Chips, ok
	s.HitRate, s.TTFT, s.ITL, s.Output, s.Busy = r.HitRate, r.TTFT, r.ITL, r.OutputPerSecond, r.Busy
	s.ChipHours, s.KWh = r.ChipHours*day, o.worth.kWh(r)*day
	s.Cost, s.Income = o.worth.cost([]sim.Group{kind}, r)*day, o.worth.income(r)*day
	if s.Income > 0 {
		margin := 100 * (s.Income - s.Cost) / s.Income
		s.Margin = &margin
	}
	return s
}

func showSized(w io.Writer, all []sized) {
	row(w, "ENGINE", "ENGINES", "CHIPS", "HIT %", "TTFT P99", "ITL P99", "OUT TOK/S", "BUSY %", "CHIP-H/DAY", "KWH/DAY", "COST/DAY", "INCOME/DAY", "MARGIN %", "")
	for _, s := range all {
		if s.Engines == 0 {
			row(w, s.Engine, "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-", s.Why)
			continue
		}
		margin := "-"
		if s.Margin != nil {
			margin = fmt.Sprintf("%.1f", *s.Margin)
		}
		row(w, s.Engine, s.Engines, s.Chips, fmt.Sprintf("%.1f", 100*s.HitRate), fmt.Sprintf("%.2fs", s.TTFT.P99), fmt.Sprintf("%.0fms", 1000*s.ITL.P99),
			fmt.Sprintf("%.0f", s.Output), fmt.Sprintf("%.0f", 100*s.Busy), fmt.Sprintf("%.0f", s.ChipHours), fmt.Sprintf("%.0f", s.KWh),
			fmt.Sprintf("%.2f", s.Cost), fmt.Sprintf("%.2f", s.Income), margin, s.Why)
	}
}
