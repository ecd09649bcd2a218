package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
)

func (c *cli) modelCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List models", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"NAME", "CONTEXT", "HIDDEN", "DESCRIPTION"}, func(cl *client.Client, p api.Paging) (api.Page[api.Model], error) {
				return cl.Models(cmd.Context(), p)
			}, func(w io.Writer, m api.Model) { row(w, m.Name, orDash(m.ContextLength), yes(m.Hidden), m.Description) })
		},
	}
	var in api.PutModel
	var traffic trafficFlags
	add := &cobra.Command{
		Use: "add NAME", Short: "Add a model, or change what is known of it", Args: one("NAME"),
		Long: "What a model is called and described as to clients. What is not given is emptied; its engines and prices stay.\n" +
			"A model that an engine serves is there without this command.",
		Example: "  sluice model add glm-4.6 --description 'GLM 4.6 on our own machines' --context 200000\n" +
			"  sluice model add glm --version glm-4.6=90 --version glm-4.7=10\n" +
			"  sluice model add glm-4.7 --fallback glm-4.6 --shadow glm-5=2% --shadow-key key_…",
		ValidArgsFunction: c.completeModels(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := traffic.fill(&in); err != nil {
				return err
			}
			return ask(c, func(cl *client.Client) (api.Model, error) { return cl.PutModel(cmd.Context(), args[0], in) },
				func(w io.Writer, m api.Model) { row(w, "model", m.Name) })
		},
	}
	add.Flags().StringVar(&in.Description, "description", "", "what it is")
	add.Flags().StringVar(&in.OwnedBy, "owned-by", "", "who made it")
	add.Flags().Int64Var(&in.ContextLength, "context", 0, "context length in tokens")
	add.Flags().StringSliceVar(&in.Aliases, "alias", nil, "another name that clients may call it by; may be repeated")
	add.Flags().BoolVar(&in.Hidden, "hidden", false, "leave it out of lists; who knows its name may call it")
	traffic.add(c, add)
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Stop selling a model", Args: one("NAME"),
		Long:              "Takes a model off sale at once. Its prices and its usage stay.",
		ValidArgsFunction: c.completeModels(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(func(cl *client.Client) error { return cl.DeleteModel(cmd.Context(), args[0]) }, "model", args[0])
		},
	}
	return group("model", "Models: what is sold, and the files of this machine", add, c.modelFiles(), list, c.modelPrice(), remove, c.modelPull(), c.modelImport(), c.modelRemoveFile())
}

// modelPrice is `model price`: it publishes a book in which one model's prices changed.
func (c *cli) modelPrice() *cobra.Command {
	in := api.PriceModel{Currency: "USD"}
	cmd := &cobra.Command{
		Use: "price MODEL", Short: "Price a model: per million tokens, or per image, second, call", Args: one("MODEL"),
		Long: "Publishes a price book in which this model's prices take the place of its earlier ones, from now on.\n" +
			"Classes that are not given follow: cached and cache-write the input price, reasoning the output price.\n" +
			"Prices by the prompt's length, under conditions, by volume, or from a later instant, are written in a file: see\n" +
			"`sluice apply --help`.",
		Example: "  sluice model price glm-4.6 --input 0.60 --cached 0.11 --output 2.20\n" +
			"  sluice model price glm-4.6 --input 3 --output 14 --currency CNY --dry-run\n" +
			"  sluice model price glm-image --image 0.015",
		ValidArgsFunction: c.completeModels(),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, p := range []struct {
				name  string
				price *api.Price
			}{{"input", in.Input}, {"output", in.Output}} {
				if p.price == nil && (ofTokens(&in.ClassPrices) || in.ClassPrices == (api.ClassPrices{})) {
					return misused("--%s is missing: a model needs an input and an output price (0 is free)", p.name)
				}
			}
			in.Model = args[0]
			return ask(c, func(cl *client.Client) (api.Repricing, error) { return cl.PriceModel(cmd.Context(), in) }, showRepricing)
		},
	}
	f := cmd.Flags()
	priceFlags(cmd, &in.ClassPrices)
	f.StringVar((*string)(&in.Currency), "currency", "USD", "currency of the price book")
	f.BoolVar(&in.DryRun, "dry-run", false, "only tell what would change")
	return cmd
}

func showRepricing(w io.Writer, r api.Repricing) {
	switch {
	case len(r.Changes) == 0:
		row(w, "unchanged", "the prices are in force already")
	case r.DryRun:
		row(w, "dry run", "a new price book of "+string(r.Currency)+" would say")
	default:
		row(w, "price book", r.Book, r.Currency, "effective "+day(r.EffectiveAt))
	}
	showPriceChanges(w, r.Changes)
	for _, warning := range r.Warnings {
		row(w, "note", warning)
	}
}

func (c *cli) priceCommand() *cobra.Command {
	var currency string
	list := &cobra.Command{
		Use: "list", Short: "List price books", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"BOOK", "CURRENCY", "EFFECTIVE", "IN FORCE", "MODELS"}, func(cl *client.Client, p api.Paging) (api.Page[api.PriceBook], error) {
				return cl.PriceBooks(cmd.Context(), sluice.Currency(currency), p)
			}, func(w io.Writer, b api.PriceBook) {
				row(w, b.ID, b.Currency, day(b.EffectiveAt), yes(b.InForce), len(b.Models))
			})
		},
	}
	list.Flags().StringVar(&currency, "currency", "", "only of this currency")
	show := &cobra.Command{
		Use: "show [BOOK]", Short: "Show a price book, or those in force", Args: atMostOne("BOOK id"),
		ValidArgsFunction: c.completeBooks(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return ask(c, func(cl *client.Client) (api.PriceBook, error) { return cl.PriceBook(cmd.Context(), args[0]) }, showBook)
			}
			return c.showBooksInForce(cmd)
		},
	}
	return group("price", "Price books: what a million tokens cost", c.priceImport(), list, c.priceNow(), c.pricePublish(), show)
}

// showBooksInForce prints the book in force of each currency.
func (c *cli) showBooksInForce(cmd *cobra.Command) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	for b, err := range client.All(func(cursor string) (api.Page[api.PriceBook], error) {
		return cl.PriceBooks(cmd.Context(), "", api.Paging{Cursor: cursor})
	}) {
		if err == nil && b.InForce {
			err = c.show(b, func(w io.Writer) { showBook(w, b) })
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *cli) applyCommand() *cobra.Command {
	var file string
	var dryRun bool
	cmd := &cobra.Command{
		Use: "apply -f FILE", Short: "Bring models, engines and price books to what a YAML file says", Args: none,
		Long: "Adds and changes what the file names, and leaves the rest as it is. Applying it again changes nothing.\n" +
			"The fields are those of examples/models.yaml and examples/processes.yaml, and of docs/engines.md and docs/money.md.",
		Example: "  sluice apply -f examples/models.yaml --dry-run\n  sluice apply -f - < models.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			raw, err := c.readInput(file)
			if err != nil {
				return err
			}
			manifest, err := api.ParseManifest(raw)
			if err != nil {
				return fmt.Errorf("%s: %s", file, sluice.ErrorOf(err).Message)
			}
			return ask(c, func(cl *client.Client) (api.Applied, error) {
				return cl.Apply(cmd.Context(), api.Apply{Manifest: manifest, DryRun: dryRun})
			}, showApplied)
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "", "the file; - is standard input")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "check everything and tell what would change")
	return cmd
}

func showApplied(w io.Writer, a api.Applied) {
	for _, ch := range a.Changes {
		row(w, ch.Action, strings.ReplaceAll(ch.Kind, "_", " "), ch.Name)
		showPriceChanges(w, ch.Prices)
	}
	if a.DryRun {
		row(w, "dry run: nothing was changed")
	}
}

// readInput reads a file, or standard input for "-".
func (c *cli) readInput(file string) ([]byte, error) {
	switch file {
	case "":
		return nil, misused("-f is missing: which file?")
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
