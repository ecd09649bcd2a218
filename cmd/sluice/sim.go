package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/fleet/sim"
	"sluice/fleet/simulator"
)

// simOptions are the flags of `sluice sim`.
type simOptions struct {
	fleet    []string
	model    string
	rate     float64
	agents   float64
	duration time.Duration
	policies []string
	seeds    []int
	trace    string
	warmup   time.Duration
	mean     bool
	worth    values
}

// simulated is one line of the answer.
type simulated struct {
	Policy string `json:"policy"`
	Seed   int    `json:"seed"` // -1: the mean over all of them
	*sim.Result

	Cost   float64 `json:"cost"`   // of chips and power, in their prices' currency
	Income float64 `json:"income"` // of the tokens, in the prices' currency
}

func (c *cli) simCommand() *cobra.Command {
	o := simOptions{}
	cmd := &cobra.Command{
		Use: "sim", Short: "Simulate a fleet under a load: which chips, how many, routed how", Args: known,
		Long: "Runs engines and router in simulated time: batching, prefix caches and prompts as engines have them, chips as their\n" +
			"data sheets say, and the router's own code. It needs no server. Engines are given as ENGINES x CHIPS x CHIP, such as\n" +
			"8x4xh20 for eight engines of four H20 each; several --fleet make a mixed one. Sessions begin at a mean rate; a part\n" +
			"of them are coding agents with long prompts and many turns. --trace replays requests from a file in place of that,\n" +
			`one on a line: {"at":1.5,"session":"s1","app":"a1","shared":2000,"prompt":2300,"output":200}` + "\n" +
			"or as CSV, whose first line names those columns; at, prompt and output are needed.\n\n" +
			"Chips:  " + strings.Join(chipNames(), " ") + "\nModels: " + strings.Join(shapeNames(), " "),
		Example: "  sluice sim --fleet 8x4xh20 --rate 1.6\n" +
			"  sluice sim --fleet 2x2xh200 --fleet 4x4xh20 --fleet 2x4xascend-910b2 --rate 1.2 --policy all --seed 1 --seed 2\n" +
			"  sluice sim --fleet 4x2xh200 --trace day.jsonl --duration 1h --rent 3.41 --json",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.simulate(cmd, &o) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.fleet, "fleet", nil, "engines, as ENGINES x CHIPS x CHIP: 8x4xh20 (repeatable, required)")
	o.loadFlags(cmd)
	f.StringArrayVar(&o.policies, "policy", []string{"sluice"}, "routing, or all (repeatable)")
	f.IntSliceVar(&o.seeds, "seed", []int{1}, "of the workload (repeatable)")
	f.BoolVar(&o.mean, "mean", false, "show the mean over the seeds alone")
	_ = cmd.MarkFlagRequired("fleet")
	_ = cmd.RegisterFlagCompletionFunc("policy", cobra.FixedCompletions(append(policyNames(), "all"), cobra.ShellCompDirectiveNoFileComp))
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(c.simSize(), c.simDay())
	return cmd
}

// loadFlags are the flags that say what goes on and what it is worth.
func (o *simOptions) loadFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.model, "model", "moe-106b-a12b", "the model's shape")
	f.Float64Var(&o.rate, "rate", 1, "sessions that begin in a second")
	f.Float64Var(&o.agents, "agents", 0.3, "part of the sessions that are coding agents")
	f.DurationVar(&o.duration, "duration", 10*time.Minute, "simulated time")
	f.DurationVar(&o.warmup, "warmup", 0, "at its beginning, in which nothing is counted")
	f.StringVar(&o.trace, "trace", "", "file of requests to replay, - for standard input")
	o.worth.flags(cmd)
	_ = cmd.RegisterFlagCompletionFunc("model", cobra.FixedCompletions(shapeNames(), cobra.ShellCompDirectiveNoFileComp))
}

// simulate runs every policy with every seed, and shows each as soon as it is there.
func (c *cli) simulate(cmd *cobra.Command, o *simOptions) error {
	run, err := o.run(c.in)
	if err != nil {
		return err
	}
	policies, err := o.routing()
	if err != nil {
		return err
	}
	if !c.json {
		_, _ = fmt.Fprintf(c.out, "%-22s %4s %6s %9s %9s %9s %8s %6s %8s %9s %9s\n",
			"policy", "seed", "hit %", "TTFT mean", "TTFT p99", "out tok/s", "ITL p50", "busy %", "kWh", "cost", "income")
	}
	for _, p := range policies {
		var results []*sim.Result
		for _, seed := range o.seeds {
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			run.Policy, run.Workload.Seed = p, uint64(seed)
			result, err := run.Start()
			if err != nil {
				return err
			}
			results = append(results, result)
			if o.mean {
				continue
			}
			if err := c.showSimulated(o.valued(p.Name, seed, run, result)); err != nil {
				return err
			}
		}
		if !o.mean {
			continue
		}
		if err := c.showSimulated(o.valued(p.Name, -1, run, sim.Mean(results))); err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) showSimulated(s simulated) error {
	if c.json {
		return c.show(s, nil)
	}
	_, err := fmt.Fprintf(c.out, "%-22s %4d %6.1f %8.2fs %8.2fs %9.0f %6.0fms %6.0f %8.1f %9.2f %9.2f\n",
		s.Policy, s.Seed, 100*s.HitRate, s.TTFT.Mean, s.TTFT.P99, s.OutputPerSecond, 1000*s.ITL.P50, 100*s.Busy, s.KWh, s.Cost, s.Income)
	return err
}

// valued puts a result into money.
func (o *simOptions) valued(policy string, seed int, run *sim.Run, r *sim.Result) simulated {
	return simulated{Policy: policy, Seed: seed, Result: r, Cost: o.worth.cost(run.Fleet, r), Income: o.worth.income(r)}
}

// run is what the flags describe, but for policy and seed.
func (o *simOptions) run(in io.Reader) (*sim.Run, error) {
	shape, ok := simulator.ShapeNamed(o.model)
	if !ok {
		return nil, misused("--model: there is no shape %q; there are %s", o.model, strings.Join(shapeNames(), ", "))
	}
	run := &sim.Run{Shape: shape, Workload: sim.DefaultWorkload(o.rate, 0), Duration: o.duration, Warmup: o.warmup}
	run.Workload.Agents = o.agents
	if err := o.worth.parse(); err != nil {
		return nil, err
	}
	for _, text := range o.fleet {
		g, err := parseGroup(text)
		if err != nil {
			return nil, misused("--fleet %s: %w", text, err)
		}
		run.Fleet = append(run.Fleet, g)
	}
	if o.trace == "" {
		return run, nil
	}
	if o.trace != "-" {
		file, err := os.Open(o.trace)
		if err != nil {
			return nil, fmt.Errorf("--trace: %w", err)
		}
		defer file.Close()
		in = file
	}
	turns, err := sim.ReadTrace(in)
	if err != nil {
		return nil, fmt.Errorf("--trace %s: %w", o.trace, err)
	}
	run.Trace = turns
	return run, nil
}

// parseGroup reads "8x4xh20".
func parseGroup(text string) (g sim.Group, err error) {
	parts := strings.SplitN(text, "x", 3)
	if len(parts) != 3 {
		return g, errors.New("it must read like 8x4xh20: engines, chips of each, chip")
	}
	for i, to := range []*int{&g.Engines, &g.Chips} {
		if *to, err = strconv.Atoi(parts[i]); err != nil || *to < 1 || *to > 1024 {
			return g, fmt.Errorf("%q is no number from 1 to 1024", parts[i])
		}
	}
	chip, ok := simulator.ChipNamed(parts[2])
	if !ok {
		return g, fmt.Errorf("there is no chip %q; there are %s", parts[2], strings.Join(chipNames(), ", "))
	}
	g.Chip = chip
	return g, nil
}

// routing is the policies that are asked for.
func (o *simOptions) routing() ([]sim.Policy, error) {
	var all []sim.Policy
	for _, name := range o.policies {
		if name == "all" {
			return sim.Policies(), nil
		}
		p, ok := sim.PolicyNamed(name)
		if !ok {
			return nil, misused("--policy: there is no %q; there are %s, and all", name, strings.Join(policyNames(), ", "))
		}
		all = append(all, p)
	}
	return all, nil
}

func policyNames() (names []string) {
	for _, p := range sim.Policies() {
		names = append(names, p.Name)
	}
	return names
}

func chipNames() (names []string) {
	for _, c := range simulator.Chips() {
		names = append(names, c.Name)
	}
	return names
}

func shapeNames() (names []string) {
	for _, s := range simulator.Shapes() {
		names = append(names, s.Name)
	}
	return names
}
