package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/money/cost"
	"sluice/money/exact"
	"sluice/money/price"
	"sluice/money/statement"
	"sluice/plug/pdf"
	"sluice/plug/xlsx"
)

// statementInput is what the flags of `sluice statement` say.
type statementInput struct {
	day, through, zone   string
	usage, nodes         string
	currency, model      string
	prices, claims       []string
	convert, power       string
	prefill, decode      string
	csv, xlsx, pdf, font string
	clock                string // by which a PDF writes instants
	top                  int
}

func (c *cli) statementCommand() *cobra.Command {
	var in statementInput
	cmd := &cobra.Command{
		Use: "statement", Short: "What a day served, earned and cost", Args: none,
		Long: "Makes the statement of a day: what was served, by model, pool, segment and customer; what it cost by the\n" +
			"nodes' schedule; revenue, profit and margins; and the way from theoretical revenue to cash. Usage and nodes are the\n" +
			"server's (`sluice nodes`, `sluice cost`), or, with --file and --nodes, those of files. Files are CSV with a line of\n" +
			"column names, or JSON with an object on a line; a file with a fault is refused with its lines, and nothing of it is\n" +
			"used. docs/books.md lists the columns.",
		Example: "  sluice statement --day 2026-11-21\n  sluice statement --day 2026-11-01 --through 2026-11-30 --model glm-4.6\n" +
			"  sluice statement --day 2025-02-27T12:00:00+08:00 --file usage.csv --nodes nodes.csv --claim cost=87072\n" +
			"  sluice statement --day 2026-11-21 --zone Asia/Shanghai --file usage.jsonl --csv statement.csv",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if in.day == "" {
				return misused("--day is missing: which day?")
			}
			made, err := in.input(cmd.Context(), c)
			if err != nil {
				return err
			}
			st, err := statement.Make(made)
			if err != nil {
				return err
			}
			if in.csv != "" || in.xlsx != "" || in.pdf != "" {
				return in.write(c, st)
			}
			return c.show(st, func(w io.Writer) { showStatement(w, st, in.top) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.day, "day", "", "the day, such as 2026-11-21, or the instant at which it begins")
	f.StringVar(&in.through, "through", "", "the last day, for a statement of several days of the server's")
	f.StringVar(&in.zone, "zone", "UTC", "timezone by whose clock a day of --file begins and ends")
	f.StringVar(&in.usage, "file", "", "file of usage, CSV or JSON lines, in place of the server's; - is stdin")
	f.StringVar(&in.nodes, "nodes", "", "file of nodes and costs, CSV or JSON lines, in place of the server's")
	f.StringVar(&in.currency, "currency", "USD", "currency of the statement, and of rows that name none")
	f.StringVar(&in.model, "model", "", "the model at whose prices theoretical revenue is counted: the server's, or those of --price")
	f.StringArrayVar(&in.prices, "price", nil, "CLASS=PRICE of the reference, per million tokens; for rows without a list amount too. May be repeated")
	f.StringVar(&in.power, "power", "", "price of a kWh, for nodes whose watts are in the file")
	f.StringVar(&in.prefill, "prefill-rate", "", "tokens of prompts that a node reads in a second, by which costs are shared and nodes implied")
	f.StringVar(&in.decode, "decode-rate", "", "tokens of answers that a node writes in a second")
	f.StringArrayVar(&in.claims, "claim", nil, "FIGURE=VALUE that was published, to be compared: "+strings.Join(statement.Figures(), ", ")+". May be repeated")
	f.StringVar(&in.convert, "convert", "", "CURRENCY=RATE in which to show the main figures too, such as CNY=7.28")
	f.StringVar(&in.csv, "csv", "", "write it to this file as CSV; - is stdout")
	f.StringVar(&in.xlsx, "xlsx", "", "write it to this file as a spreadsheet (XLSX); - is stdout")
	f.StringVar(&in.pdf, "pdf", "", "print it to this file (PDF); - is stdout")
	f.StringVar(&in.font, "font", "", "TrueType font for --pdf, for characters that its own lack, such as Chinese")
	f.IntVar(&in.top, "top", 10, "so many customers are shown")
	cmd.AddCommand(c.statementSettingsCommand(), c.statementOpenCommand(), c.statementSegmentsCommand())
	return cmd
}

// input gathers what the statement is made of.
func (in *statementInput) input(ctx context.Context, c *cli) (made *statement.Input, err error) {
	currency, err := sluice.ParseCurrency(in.currency)
	if err != nil {
		return nil, misused("--currency: %v", sluice.ErrorOf(err).Message)
	}
	made = &statement.Input{Currency: currency}
	if err := in.options(made); err != nil {
		return nil, err
	}
	if in.usage != "" {
		err = in.fromFile(made)
	} else {
		err = in.fromServer(ctx, c, made)
	}
	if err != nil || in.nodes == "" {
		return made, err
	}
	made.Spent = nil // the file's in its place
	made.Fleet, err = load(in.nodes, func(r io.Reader) (*cost.Fleet, error) { return statement.LoadNodes(r, currency) })
	if err == nil && in.power != "" {
		if made.Fleet.PowerPrice, err = exact.Parse(in.power); err != nil {
			return nil, misused("--power: %v", sluice.ErrorOf(err).Message)
		}
	}
	return made, err
}

// fromFile reads the usage of the day from a file.
func (in *statementInput) fromFile(made *statement.Input) (err error) {
	if made.From, made.To, err = in.period(); err != nil {
		return err
	}
	loaded, err := load(in.usage, func(r io.Reader) (*statement.Loaded, error) {
		return statement.LoadUsage(r, made.Currency, made.Reference)
	})
	if err != nil {
		return err
	}
	made.Rows, made.Slack, made.Notes = statement.Within(loaded.Rows, made.From, made.To), loaded.Slack, loaded.Notes
	if out := len(loaded.Rows) - len(made.Rows); out > 0 {
		made.Notes = append(made.Notes, fmt.Sprintf("%d of the file's %d rows are of other days and are left out.", out, len(loaded.Rows)))
	}
	return nil
}

// fromServer asks the server for what it knows of the day, with what its nodes cost.
func (in *statementInput) fromServer(ctx context.Context, c *cli, made *statement.Input) error {
	if in.zone != "UTC" {
		return misused("--zone is for --file: the server's days are by the timezone of its books, which `sluice statement settings` shows")
	}
	cl, err := c.client()
	if err != nil {
		return err
	}
	q := api.StatementQuery{Day: in.day, Through: in.through, Currency: made.Currency, Prefill: in.prefill, Decode: in.decode}
	if made.Reference == nil {
		q.Reference = in.model
	}
	rows, err := cl.StatementRows(ctx, q)
	if err != nil {
		return err
	}
	asked := rows.Input()
	in.clock = rows.Zone
	asked.Claims, asked.Convert = made.Claims, made.Convert
	if made.Reference != nil {
		asked.Reference = made.Reference
	}
	*made = *asked
	return nil
}

// print prints the statement, by the clock of its days.
func (in *statementInput) print(w io.Writer, st *statement.Statement) error {
	var font []byte
	var err error
	if in.font != "" {
		if font, err = os.ReadFile(in.font); err != nil {
			return fmt.Errorf("reading the font: %w", err)
		}
	}
	printer, err := pdf.New(font)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(cmp.Or(in.clock, in.zone))
	if err != nil {
		return fmt.Errorf("reading the timezone of the books: %w", err)
	}
	return printer.Statement(w, st, zone)
}

// load reads a file by what understands it, and names it in errors.
func load[T any](path string, read func(io.Reader) (T, error)) (v T, err error) {
	var data []byte
	if path == "-" {
		data, err = io.ReadAll(os.Stdin)
	} else {
		data, err = os.ReadFile(path)
	}
	if err != nil {
		return v, fmt.Errorf("reading the file: %w", err)
	}
	v, err = read(bytes.NewReader(data))
	if e, ok := errors.AsType[*sluice.Error](err); ok {
		err = &sluice.Error{Code: e.Code, Message: path + ", " + strings.ReplaceAll(e.Message, "\n", "\n"+path+", ") + "\nnothing of the file was used"}
	}
	return v, err
}

// period is the day in the zone.
func (in *statementInput) period() (from, to time.Time, err error) {
	zone, err := time.LoadLocation(in.zone)
	if err != nil || in.zone == "Local" {
		return from, to, misused("--zone: %q is no timezone such as Asia/Shanghai", in.zone)
	}
	if from, err = time.ParseInLocation(time.DateOnly, in.day, zone); err == nil {
		return from.UTC(), from.AddDate(0, 0, 1).UTC(), nil
	}
	if from, err = time.Parse(time.RFC3339, in.day); err != nil {
		return from, to, misused("--day: %q is neither a day such as 2026-11-21 nor an instant such as 2025-02-27T12:00:00+08:00", in.day)
	}
	return from.UTC(), from.UTC().Add(24 * time.Hour), nil
}

// options reads what is not in files.
func (in *statementInput) options(made *statement.Input) error {
	for _, p := range in.prices {
		name, text, _ := strings.Cut(p, "=")
		class, err := price.ParseClass(name)
		if err == nil {
			if made.Reference == nil {
				made.Reference = &statement.Reference{Model: cmp.Or(in.model, "the reference")}
			}
			made.Reference.Prices[class], err = price.Parse(class, text)
		}
		if err != nil {
			return misused("--price: %v", sluice.ErrorOf(err).Message)
		}
	}
	if (in.prefill == "") != (in.decode == "") {
		return misused("--prefill-rate and --decode-rate go together")
	}
	for _, r := range []struct {
		flag, text string
		to         *exact.Number
	}{{"prefill-rate", in.prefill, &made.Rates.Prefill}, {"decode-rate", in.decode, &made.Rates.Decode}} {
		if r.text == "" {
			continue
		}
		n, err := exact.Parse(r.text)
		if err != nil || n.Sign() <= 0 {
			return misused("--%s: %q is no number above zero", r.flag, r.text)
		}
		*r.to = n
	}
	for _, claim := range in.claims {
		of, value, _ := strings.Cut(claim, "=")
		made.Claims = append(made.Claims, statement.Claim{Of: of, Value: value})
	}
	if in.convert == "" {
		return nil
	}
	name, text, _ := strings.Cut(in.convert, "=")
	to, err := sluice.ParseCurrency(name)
	if err == nil {
		made.Convert = &statement.Conversion{Currency: to}
		made.Convert.Rate, err = exact.Parse(text)
	}
	if err != nil {
		return misused("--convert: %v", sluice.ErrorOf(err).Message)
	}
	return nil
}

// write writes the statement to the files that were asked for.
func (in *statementInput) write(c *cli, st *statement.Statement) error {
	for _, to := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{in.csv, st.WriteCSV},
		{in.xlsx, func(w io.Writer) error {
			table := st.Table()
			return xlsx.Write(w, &xlsx.Table{Name: "statement", Head: table[0], Rows: table[1:]})
		}},
		{in.pdf, func(w io.Writer) error { return in.print(w, st) }},
	} {
		if to.path == "" {
			continue
		}
		var b bytes.Buffer
		err := to.write(&b)
		if err == nil && to.path == "-" {
			_, err = c.out.Write(b.Bytes())
		} else if err == nil {
			err = os.WriteFile(to.path, b.Bytes(), 0o600)
		}
		if err != nil {
			return fmt.Errorf("writing the statement: %w", err)
		}
	}
	return nil
}
