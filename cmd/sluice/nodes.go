package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/statement"
)

func (c *cli) nodesCommand() *cobra.Command {
	return group("nodes", "Pools of nodes, how many there were, and what they cost",
		c.nodesImportCommand(), c.nodesListCommand(), c.nodesPoolCommand(), c.nodesRemoveCommand(), c.nodesPlaceCommand())
}

func (c *cli) nodesImportCommand() *cobra.Command {
	var in api.ImportNodes
	var currency string
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Import how many nodes there were, and what was paid, from a file", Args: one("FILE"),
		Long: "Imports a file of nodes and costs, CSV or JSON lines, whole or not at all: docs/books.md lists the columns. What is wrong\n" +
			"with it is told with its line. A schedule that overlaps what the server has is refused; --replace puts the file in its place.",
		Example: "  sluice nodes import nodes.csv\n  sluice nodes import november.jsonl --replace --currency CNY",
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := readAll(args[0])
			if err != nil {
				return err
			}
			in.File, in.Currency = string(text), sluice.Currency(currency)
			return ask(c, func(cl *client.Client) (*statement.NodeImport, error) { return cl.ImportNodes(cmd.Context(), in) }, showImport)
		},
	}
	cmd.Flags().StringVar(&currency, "currency", "USD", "currency of rows that name none")
	cmd.Flags().BoolVar(&in.Replace, "replace", false, "take what the file's pools had in its time out first")
	return cmd
}

// readAll reads a file; - is stdin.
func readAll(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(os.Stdin)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the file: %w", err)
	}
	return text, nil
}

func showImport(w io.Writer, in *statement.NodeImport) {
	row(w, "new pools", len(in.Pools))
	row(w, "stretches of nodes", len(in.Spans))
	row(w, "in place of", len(in.Removed))
	row(w, "costs", len(in.Costs))
}

func (c *cli) nodesListCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "list", Short: "Show pools, their schedule, costs, and which engines are in them", Args: none,
		Example: "  sluice nodes list --from 2026-11-01 --to 2026-12-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			since, until, err := twoInstants(from, to)
			if err != nil {
				return err
			}
			return ask(c, func(cl *client.Client) (*statement.NodeSchedule, error) { return cl.Nodes(cmd.Context(), since, until) }, showSchedule)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "from this day or instant on; thirty days ago when absent")
	cmd.Flags().StringVar(&to, "to", "", "before this day or instant")
	return cmd
}

// twoInstants reads a day, which begins in UTC, or an instant, twice; "" is none.
func twoInstants(from, to string) (since, until time.Time, err error) {
	if since, err = instantFlag("from", from); err == nil {
		until, err = instantFlag("to", to)
	}
	return since, until, err
}

func instantFlag(flag, text string) (at time.Time, err error) {
	if text == "" {
		return at, nil
	}
	if at, err = time.Parse(time.DateOnly, text); err != nil {
		at, err = time.Parse(time.RFC3339, text)
	}
	if err != nil {
		return at, misused("--%s: %q is neither a day such as 2026-11-21 nor an instant such as 2026-11-21T12:00:00+08:00", flag, text)
	}
	return at.UTC(), nil
}

func showSchedule(w io.Writer, s *statement.NodeSchedule) {
	row(w, "POOL", "CHIPS", "A CHIP-HOUR", "WATTS", "ROLE", "NODES")
	for _, p := range s.Pools {
		counted := "by schedule"
		if p.Measured {
			counted = "measured by its engines"
		}
		row(w, p.Name, p.Chips, p.Price.String()+" "+string(p.Currency), orDash(p.Watts), string(p.Role), counted)
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "POOL", "FROM", "TO", "NODES")
	for _, sp := range s.Spans {
		row(w, sp.Pool, sp.From.UTC().Format(time.RFC3339), sp.To.UTC().Format(time.RFC3339), sp.Nodes)
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "COST", "KIND", "POOL", "FROM", "TO", "AMOUNT")
	for _, p := range s.Costs {
		row(w, p.ID, string(p.Kind), p.Pool, p.From.UTC().Format(time.RFC3339), p.To.UTC().Format(time.RFC3339), money(p.Amount, p.Currency))
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "ENGINE", "POOL", "SEGMENT", "NODES")
	for _, e := range s.Engines {
		row(w, e.Name, e.Pool, string(e.Segment), e.Nodes)
	}
}

func (c *cli) nodesPoolCommand() *cobra.Command {
	var in api.PutNodePool
	var role, price, currency, capital string
	var years int64
	var remove bool
	cmd := &cobra.Command{
		Use: "pool NAME", Short: "Make a pool of nodes, change it, or remove it", Args: one("NAME"), ValidArgsFunction: c.completePools(),
		Long: "Says what a pool of nodes is: how many chips a node has, and what a chip costs for an hour. What was bought is given by\n" +
			"--capital, the price of a chip, and --years, over which it is written off: an hour of 8,760 a year costs the rest.\n" +
			"With --measured its nodes are those of its engines, for as long as they are up.",
		Example: "  sluice nodes pool h800 --chips 8 --price 2\n  sluice nodes pool owned --chips 8 --capital 35040 --years 4 --watts 10200\n" +
			"  sluice nodes pool elastic --chips 8 --price 2.5 --measured\n  sluice nodes pool h800 --remove",
		RunE: func(cmd *cobra.Command, args []string) error {
			if remove {
				cl, err := c.client()
				if err != nil {
					return err
				}
				return cl.DeleteNodePool(cmd.Context(), args[0])
			}
			var err error
			if in.Price, err = chipHour(price, capital, years); err != nil {
				return err
			}
			in.Role, in.Currency = cost.Role(role), sluice.Currency(currency)
			return ask(c, func(cl *client.Client) (*statement.NodePool, error) {
				return cl.PutNodePool(cmd.Context(), args[0], in)
			}, func(w io.Writer, p *statement.NodePool) {
				row(w, "pool", p.Name)
				row(w, "chips of a node", p.Chips)
				row(w, "a chip for an hour", p.Price.String()+" "+string(p.Currency))
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&role, "role", "", "what its nodes do of a call: prefill or decode; both when absent")
	f.Int64Var(&in.Chips, "chips", 1, "chips of a node")
	f.StringVar(&price, "price", "", "what a chip costs for an hour")
	f.StringVar(&capital, "capital", "", "in its place, what a chip was bought for")
	f.Int64Var(&years, "years", 0, "over which --capital is written off")
	f.Int64Var(&in.Watts, "watts", 0, "that a node draws, where nothing is measured")
	f.StringVar(&currency, "currency", "USD", "currency of the price")
	f.BoolVar(&in.Measured, "measured", false, "its nodes are those of its engines, for as long as they are up")
	f.BoolVar(&remove, "remove", false, "forget the pool with its schedule")
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions([]string{"prefill", "decode"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// chipHour is the price of a chip for an hour, as it is rented or was bought.
func chipHour(price, capital string, years int64) (exact.Number, error) {
	if (price == "") == (capital == "") || (capital == "") != (years == 0) {
		return exact.Number{}, misused("a pool has either --price, or --capital and --years")
	}
	if price != "" {
		n, err := exact.Parse(price)
		if err != nil {
			return n, misused("--price: %v", sluice.ErrorOf(err).Message)
		}
		return n, nil
	}
	paid, err := exact.Parse(capital)
	if err == nil {
		paid, err = cost.Amortised(paid, years)
	}
	if err != nil {
		return paid, misused("--capital: %v", sluice.ErrorOf(err).Message)
	}
	return paid.Round(12), nil
}

func (c *cli) nodesRemoveCommand() *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use: "remove POOL", Short: "Take a period out of the schedule of a pool", Args: one("POOL"), ValidArgsFunction: c.completePools(),
		Example: "  sluice nodes remove h800 --from 2026-11-20 --to 2026-11-22",
		RunE: func(cmd *cobra.Command, args []string) error {
			since, until, err := twoInstants(from, to)
			if err != nil {
				return err
			}
			if from == "" || to == "" {
				return misused("--from and --to say which period")
			}
			return ask(c, func(cl *client.Client) (*statement.NodeImport, error) {
				return cl.DeleteNodes(cmd.Context(), args[0], since, until)
			}, showImport)
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "from this day or instant on")
	cmd.Flags().StringVar(&to, "to", "", "before this day or instant")
	return cmd
}

func (c *cli) nodesPlaceCommand() *cobra.Command {
	var pool, segment, nodes string
	cmd := &cobra.Command{
		Use: "place ENGINE", Short: "Say which pool and segment an engine is of", Args: one("ENGINE"), ValidArgsFunction: c.completeEngines(),
		Long: "Says which pool an engine is in, so that the pool's cost is borne by what it served, and which segment its metered calls\n" +
			"are of. Without --pool it is in one of its own name again.",
		Example: "  sluice nodes place gpu1 --pool h800\n  sluice nodes place gpu2 --pool elastic --nodes 2 --segment search",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.PlaceEngine{Pool: pool, Segment: statement.Segment(segment)}
			if nodes != "" {
				n, err := exact.Parse(nodes)
				if err != nil {
					return misused("--nodes: %v", sluice.ErrorOf(err).Message)
				}
				in.Nodes = n
			}
			return ask(c, func(cl *client.Client) (*statement.Placed, error) { return cl.PlaceEngine(cmd.Context(), args[0], in) }, func(w io.Writer, p *statement.Placed) {
				row(w, "engine", p.Name)
				row(w, "pool", p.Pool)
				row(w, "segment", string(p.Segment))
			})
		},
	}
	cmd.Flags().StringVar(&pool, "pool", "", "the pool that it is in")
	cmd.Flags().StringVar(&segment, "segment", "", "of its metered calls: api (the default) or search")
	cmd.Flags().StringVar(&nodes, "nodes", "", "nodes that it runs on, for a pool that is measured; 1 when absent")
	_ = cmd.RegisterFlagCompletionFunc("pool", c.completePools())
	_ = cmd.RegisterFlagCompletionFunc("segment", cobra.FixedCompletions([]string{"api", "search"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) completePools() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, _ api.Paging) (api.Page[statement.NodePool], error) {
		s, err := cl.Nodes(ctx, time.Time{}, time.Time{})
		if err != nil {
			return api.Page[statement.NodePool]{}, err
		}
		return api.Page[statement.NodePool]{Data: s.Pools}, nil
	}, func(p statement.NodePool) (string, string) {
		return p.Name, p.Price.String() + " " + string(p.Currency) + " a chip and hour"
	})
}

func (c *cli) costCommand() *cobra.Command {
	var in api.AddCost
	var from, to, amount, currency, pool string
	add := &cobra.Command{
		Use: "add KIND", Short: "Keep what is paid for a period", Args: one("KIND"), ValidArgsFunction: completeKinds,
		Long: "Keeps what is paid for a period, over which it is spread evenly: power, bandwidth, people, training (computing for research),\n" +
			"research (what else it takes), or other. `sluice nodes list` shows it.",
		Example: "  sluice cost add people --amount 310000 --from 2026-11-01 --to 2026-12-01\n" +
			"  sluice cost add bandwidth --amount 4200.50 --from 2026-11-01 --to 2026-12-01 --pool h800",
		RunE: func(cmd *cobra.Command, args []string) error {
			since, until, err := twoInstants(from, to)
			if err != nil {
				return err
			}
			paid, err := sluice.ParseAmount(amount)
			if err != nil {
				return misused("--amount: %v", sluice.ErrorOf(err).Message)
			}
			if from == "" || to == "" {
				return misused("--from and --to say which period it is for")
			}
			in = api.AddCost{Kind: cost.Kind(args[0]), Pool: pool, From: since, To: until, Amount: paid, Currency: sluice.Currency(currency)}
			return ask(c, func(cl *client.Client) (*statement.PeriodCost, error) { return cl.AddCost(cmd.Context(), in) }, func(w io.Writer, p *statement.PeriodCost) {
				row(w, "cost", p.ID)
				row(w, string(p.Kind), money(p.Amount, p.Currency))
			})
		},
	}
	f := add.Flags()
	f.StringVar(&amount, "amount", "", "what is paid for the whole period")
	f.StringVar(&from, "from", "", "the period's first day or instant")
	f.StringVar(&to, "to", "", "the day or instant after it")
	f.StringVar(&pool, "pool", "", "the pool that it is for; all when absent")
	f.StringVar(&currency, "currency", "USD", "currency of the amount")
	_ = add.RegisterFlagCompletionFunc("pool", c.completePools())
	remove := &cobra.Command{
		Use: "remove COST", Short: "Forget what was paid for a period", Args: one("COST"),
		Example: "  sluice cost remove cost_01",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			return cl.DeleteCost(cmd.Context(), args[0])
		},
	}
	return group("cost", "What is paid for periods: power, bandwidth, people, training", add, remove)
}

func completeKinds(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var words []cobra.Completion
	for _, k := range cost.Kinds() {
		words = append(words, string(k))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}
