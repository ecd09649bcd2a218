package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/fleet"
)

func (c *cli) modelCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List models", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"NAME", "CONTEXT", "DESCRIPTION"}, func(cl *client.Client, p api.Paging) (api.Page[api.Model], error) {
				return cl.Models(cmd.Context(), p)
			}, func(w io.Writer, m api.Model) { row(w, m.Name, m.ContextLength, m.Description) })
		},
	}
	var in api.PutModel
	add := &cobra.Command{
		Use: "add NAME", Short: "Add a model, or change what is known of it", Args: exactly(1, "one NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Model, error) { return cl.PutModel(cmd.Context(), args[0], in) },
				func(w io.Writer, m api.Model) { row(w, "model", m.Name) })
		},
	}
	add.Flags().StringVar(&in.Description, "description", "", "what it is")
	add.Flags().StringVar(&in.OwnedBy, "owned-by", "", "who made it")
	add.Flags().Int64Var(&in.ContextLength, "context", 0, "context length in tokens")
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Stop selling a model", Args: exactly(1, "one NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(func(cl *client.Client) error { return cl.DeleteModel(cmd.Context(), args[0]) }, "model", args[0])
		},
	}
	return group("model", "Models: what is sold", list, add, remove, c.modelPrice())
}

// modelPrice is `model price`: it publishes a book in which one model's prices changed.
func (c *cli) modelPrice() *cobra.Command {
	var currency string
	var dryRun bool
	prices := map[string]*string{}
	cmd := &cobra.Command{
		Use: "price MODEL", Short: "Price a model, per million tokens", Args: exactly(1, "one MODEL"),
		Long: "Publishes a price book in which this model's prices take the place of its earlier ones.\n" +
			"Classes that are not given follow: cached and cache-write the input price, reasoning the output price.",
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.PriceModel{Currency: sluice.Currency(currency), DryRun: dryRun}
			in.Model = args[0]
			if err := readPrices(cmd, prices, &in.ClassPrices); err != nil {
				return err
			}
			return ask(c, func(cl *client.Client) (api.Repricing, error) { return cl.PriceModel(cmd.Context(), in) }, showRepricing)
		},
	}
	for name, help := range map[string]string{
		"input": "fresh prompt tokens", "cached": "prompt tokens from the cache", "cache-write": "prompt tokens written to the cache",
		"output": "generated tokens", "reasoning": "generated reasoning tokens",
	} {
		prices[name] = cmd.Flags().String(name, "", "price of a million "+help)
	}
	cmd.Flags().StringVar(&currency, "currency", "USD", "currency of the price book")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only tell what would change")
	return cmd
}

// readPrices reads the price flags. Input and output are required.
func readPrices(cmd *cobra.Command, flags map[string]*string, to *api.ClassPrices) error {
	for _, name := range []string{"input", "output"} {
		if !cmd.Flags().Changed(name) {
			return &usageError{fmt.Errorf("--%s is missing: a model needs an input and an output price (0 is free)", name)}
		}
	}
	optional := func(name string) (*api.Price, error) {
		if !cmd.Flags().Changed(name) {
			return nil, nil
		}
		p := new(api.Price)
		return p, p.UnmarshalText([]byte(*flags[name]))
	}
	var err error
	if err = to.Input.UnmarshalText([]byte(*flags["input"])); err != nil {
		return err
	}
	if err = to.Output.UnmarshalText([]byte(*flags["output"])); err != nil {
		return err
	}
	if to.Cached, err = optional("cached"); err != nil {
		return err
	}
	if to.CacheWrite, err = optional("cache-write"); err != nil {
		return err
	}
	to.Reasoning, err = optional("reasoning")
	return err
}

func showRepricing(w io.Writer, r api.Repricing) {
	row(w, "price book", r.Book, r.Currency, "effective "+day(r.EffectiveAt))
	for _, ch := range r.Changes {
		row(w, ch.Model, ch.Class, priceOr(ch.Before, "new"), "->", priceOr(ch.After, "gone"))
	}
	for _, warning := range r.Warnings {
		row(w, "note:", warning)
	}
}

func priceOr(p *api.Price, otherwise string) string {
	if p == nil {
		return otherwise
	}
	return p.String()
}

func (c *cli) engineCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List engines and how they are", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"NAME", "KIND", "URL", "MODELS", "HEALTH", "IN FLIGHT", "SERVED", "FAILED", "LAST ERROR"}, func(cl *client.Client, p api.Paging) (api.Page[api.Engine], error) {
				return cl.Engines(cmd.Context(), p)
			}, func(w io.Writer, e api.Engine) {
				st := api.EngineStatus{Health: fleet.Health("absent")}
				if e.Status != nil {
					st = *e.Status
				}
				row(w, e.Name, e.Kind, e.URL, strings.Join(slices.Sorted(maps.Keys(e.Models)), ","), st.Health, st.InFlight, st.Served, st.Failed, st.LastError)
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove an engine; its running calls finish", Args: exactly(1, "one NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(func(cl *client.Client) error { return cl.DeleteEngine(cmd.Context(), args[0]) }, "engine", args[0])
		},
	}
	return group("engine", "Engines: what answers", c.engineAdd(), list, remove)
}

func (c *cli) engineAdd() *cobra.Command {
	var in api.PutEngine
	var models []string
	var kind, leave, secretEnv string
	cmd := &cobra.Command{
		Use: "add NAME", Short: "Attach an engine, or change one", Args: exactly(1, "one NAME"),
		Example: "  sluice engine add a --url http://10.0.0.7:8000 --model glm-4.6\n" +
			"  sluice engine add b --url http://10.0.0.8:8000 --model qwen3=Qwen/Qwen3-32B\n" +
			"  sluice engine add test --url sim:h100 --model simulated",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Models = map[string]string{}
			for _, m := range models {
				public, own, _ := strings.Cut(m, "=")
				in.Models[public] = own
			}
			in.Kind, in.OnLeave = sluice.EngineKind(kind), sluice.OnLeave(leave)
			if secretEnv != "" {
				secret, ok := os.LookupEnv(secretEnv)
				if !ok {
					return &usageError{fmt.Errorf("--secret-env: the variable %s is not set", secretEnv)}
				}
				in.Secret = &secret
			}
			return ask(c, func(cl *client.Client) (api.Engine, error) { return cl.PutEngine(cmd.Context(), args[0], in) },
				func(w io.Writer, e api.Engine) {
					row(w, "engine", e.Name, e.ID)
					row(w, "next", "sluice model price "+slices.Sorted(maps.Keys(e.Models))[0]+" --input 0.60 --output 2.20")
				})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.URL, "url", "", "where it answers, such as http://10.0.0.7:8000; sim:CHIP simulates one")
	f.StringSliceVar(&models, "model", nil, "model that it serves, as PUBLIC or PUBLIC=OWN; may be repeated")
	f.StringVar(&kind, "kind", "", "http, embedded or simulated; by the URL when absent")
	f.StringVar(&leave, "on-leave", "", "when a client leaves: cancel (default) or drain")
	f.Int64Var(&in.Concurrent, "concurrent", 0, "calls at once; 0 is no limit")
	f.StringVar(&secretEnv, "secret-env", "", "variable that holds the bearer token the engine asks for")
	f.BoolVar(&in.NoCacheSalt, "no-cache-salt", false, "for an engine that refuses unknown fields: leave out cache_salt")
	return cmd
}

func (c *cli) priceCommand() *cobra.Command {
	var currency string
	list := &cobra.Command{
		Use: "list", Short: "List price books, the latest first", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"BOOK", "CURRENCY", "EFFECTIVE", "IN FORCE", "MODELS"}, func(cl *client.Client, p api.Paging) (api.Page[api.PriceBook], error) {
				return cl.PriceBooks(cmd.Context(), sluice.Currency(currency), p)
			}, func(w io.Writer, b api.PriceBook) {
				row(w, b.ID, b.Currency, day(b.EffectiveAt), b.InForce, len(b.Models))
			})
		},
	}
	list.Flags().StringVar(&currency, "currency", "", "only of this currency")
	show := &cobra.Command{
		Use: "show BOOK", Short: "Show a price book", Args: exactly(1, "one BOOK id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.PriceBook, error) { return cl.PriceBook(cmd.Context(), args[0]) }, showBook)
		},
	}
	return group("price", "Price books: what a million tokens cost", list, show)
}

func showBook(w io.Writer, b api.PriceBook) {
	row(w, b.ID, b.Currency, "effective "+day(b.EffectiveAt))
	row(w, "MODEL", "FROM", "INPUT", "CACHED", "CACHE WRITE", "OUTPUT", "REASONING")
	line := func(model string, from int64, p api.ClassPrices) {
		row(w, model, from, p.Input, priceOr(p.Cached, "-"), priceOr(p.CacheWrite, "-"), p.Output, priceOr(p.Reasoning, "-"))
	}
	for _, m := range b.Models {
		line(m.Model, 0, m.ClassPrices)
		for _, t := range m.Tiers {
			line(m.Model, t.From, t.ClassPrices)
		}
	}
}

func (c *cli) applyCommand() *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Bring models, engines and price books to what a YAML file says", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.readInput(file)
			if err != nil {
				return err
			}
			manifest, err := api.ParseManifest(raw)
			if err != nil {
				return fmt.Errorf("%s: %w", file, err)
			}
			return ask(c, func(cl *client.Client) (api.Applied, error) {
				return cl.Apply(cmd.Context(), api.Apply{Manifest: manifest, DryRun: dryRun})
			}, func(w io.Writer, a api.Applied) {
				for _, ch := range a.Changes {
					row(w, ch.Kind, ch.Name, ch.Action)
				}
			})
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file; - is standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check everything and tell what would change")
	return cmd
}

// readInput reads a file, or standard input for "-".
func (c *cli) readInput(file string) ([]byte, error) {
	switch file {
	case "":
		return nil, &usageError{fmt.Errorf("-f is missing: which file?")}
	case "-":
		return io.ReadAll(c.in)
	}
	return os.ReadFile(file)
}

// do makes a call of the server that has no answer but success.
func (c *cli) do(call func(*client.Client) error, kind, name string) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	if err := call(cl); err != nil {
		return err
	}
	return c.show(map[string]string{"removed": kind, "name": name}, func(w io.Writer) { row(w, "removed", kind, name) })
}
