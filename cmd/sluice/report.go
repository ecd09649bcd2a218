package main

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/local"
	"sluice/money/localreport"
	"sluice/money/statement"
)

// reporter is what a sealed deployment keeps: its key, and where its reports stand.
type reporter struct {
	Deployment string    `json:"deployment"`
	Seed       string    `json:"private_key"` // Ed25519, in hex
	Number     int64     `json:"number"`
	Head       string    `json:"head"`
	Through    time.Time `json:"through,omitzero"`
}

func (r *reporter) key() (ed25519.PrivateKey, error) {
	seed, err := hex.DecodeString(r.Seed)
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("the private key is damaged: put back a backup of the file, or have the vendor register another key")
	}
	return ed25519.NewKeyFromSeed(seed), nil
}

func readReporter(path string) (*reporter, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the deployment's key: %w; `sluice report init` makes one", err)
	}
	r := new(reporter)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading the deployment's key from %s: %w", path, err)
	}
	return r, nil
}

func (r *reporter) write(path string) error {
	text, err := json.MarshalIndent(r, "", "  ") //nolint:gosec // it is the file that keeps the key
	if err != nil {
		return fmt.Errorf("writing the deployment's key: %w", err)
	}
	return keepFile(path, append(text, '\n'))
}

func (c *cli) reportCommand() *cobra.Command {
	return group("report", "Sealed deployments report what they served by signed files",
		c.reportInit(), c.reportSign(), c.reportVerify(), c.reportRegister(), c.reportDeployments(), c.reportImport())
}

const keyFlag = "file with the deployment's private key, and where its reports stand"

func (c *cli) reportInit() *cobra.Command {
	var path string
	cmd := &cobra.Command{
		Use: "init DEPLOYMENT", Short: "Make the key of a deployment, on its side", Args: one("DEPLOYMENT"),
		Long: "Makes the key that the deployment's reports are signed with, and prints the public half, which the vendor registers.\n" +
			"The file also says which report was the last: keep it, and keep it secret.",
		Example: "  sluice report init acme-dc1 --key-file report.key",
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := os.Stat(path); err == nil {
				return fmt.Errorf("%s is there already: another key would begin the reports anew", path)
			}
			public, private, err := ed25519.GenerateKey(nil)
			if err != nil {
				return fmt.Errorf("making a key: %w", err)
			}
			r := &reporter{Deployment: args[0], Seed: hex.EncodeToString(private.Seed())}
			if err := r.write(path); err != nil {
				return err
			}
			return c.show(map[string]string{"deployment": r.Deployment, "public_key": hex.EncodeToString(public)}, func(w io.Writer) {
				row(w, "deployment", r.Deployment)
				row(w, "public key", hex.EncodeToString(public))
			})
		},
	}
	cmd.Flags().StringVar(&path, "key-file", "report.key", keyFlag)
	return cmd
}

func (c *cli) reportSign() *cobra.Command {
	var path, currency, out string
	var q api.StatementQuery
	cmd := &cobra.Command{
		Use: "sign", Short: "Write and sign the report of a day, or of several, on the deployment's side", Args: none,
		Long: "Asks the deployment's own server for what it served, by hour and model, without customers, and writes it as a report:\n" +
			"JSON lines under a hash chain, numbered, and signed. Days follow each other: what was reported is not reported again.",
		Example: "  sluice report sign --day 2026-11-01 --through 2026-11-30 --out november.jsonl",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if q.Day == "" {
				return misused("--day is missing: which day?")
			}
			r, err := readReporter(path)
			if err != nil {
				return err
			}
			key, err := r.key()
			if err != nil {
				return err
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			q.Currency = sluice.Currency(currency)
			rows, err := cl.StatementRows(cmd.Context(), q)
			if err != nil {
				return err
			}
			if rows.From.Before(r.Through) {
				return fmt.Errorf("report %d goes to %s: name later days", r.Number, r.Through.Format(time.RFC3339))
			}
			head := localreport.Head{Deployment: r.Deployment, Number: r.Number + 1, Prev: r.Head, From: rows.From, To: rows.To}
			file, hash, err := localreport.Sign(head, reportRows(rows.Rows), key)
			if err != nil {
				return err
			}
			if err := keepFile(out, file); err != nil {
				return fmt.Errorf("writing the report: %w", err)
			}
			r.Number, r.Head, r.Through = head.Number, hash, head.To
			if err := r.write(path); err != nil {
				return err
			}
			return c.show(map[string]any{"report": head.Number, "hash": hash, "file": out}, func(w io.Writer) {
				row(w, "report", head.Number)
				row(w, "file", out)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&path, "key-file", "report.key", keyFlag)
	f.StringVar(&q.Day, "day", "", "the first day")
	f.StringVar(&q.Through, "through", "", "the last day, of several")
	f.StringVar(&currency, "currency", "USD", "currency of the calls that are reported")
	f.StringVar(&out, "out", "report.jsonl", "file to write")
	return cmd
}

// reportRows adds rows up by hour and model. Simulated answers are left out.
func reportRows(rows []statement.Row) []localreport.Row {
	sums := statement.Rows{}
	var order []statement.Key
	for i := range rows {
		if rows[i].Outcome == statement.OutcomeSimulated {
			continue
		}
		k := statement.Key{Hour: rows[i].Hour.UTC(), Model: rows[i].Model}
		if sums[k] == nil {
			order = append(order, k)
		}
		_ = sums.Add(statement.Row{Key: k, Sums: statement.Sums{Calls: rows[i].Calls, Units: rows[i].Units}}) // they did not overflow in the books
	}
	all := make([]localreport.Row, len(order))
	for i, k := range order {
		all[i] = localreport.Row{Hour: k.Hour, Model: k.Model, Calls: sums[k].Calls, Units: sums[k].Units}
	}
	return all
}

func (c *cli) reportVerify() *cobra.Command {
	var public string
	cmd := &cobra.Command{
		Use: "verify FILE", Short: "Check a report, without asking any server", Args: one("FILE"),
		Example: "  sluice report verify november.jsonl --public-key 5f2c…",
		RunE: func(_ *cobra.Command, args []string) error {
			file, err := readAll(args[0])
			if err != nil {
				return err
			}
			d := localreport.Deployment{Key: public}
			r, err := localreport.Read(file, func(string) (ed25519.PublicKey, error) { return d.Public() })
			if err != nil {
				return err
			}
			return c.show(r.Head, func(w io.Writer) {
				row(w, "the report is right")
				row(w, "deployment", r.Deployment)
				row(w, "number", r.Number)
				row(w, "from", r.From.Format(time.RFC3339))
				row(w, "to", r.To.Format(time.RFC3339))
			})
		},
	}
	cmd.Flags().StringVar(&public, "public-key", "", "the deployment's public key, in hex")
	return cmd
}

func (c *cli) reportRegister() *cobra.Command {
	var in api.RegisterDeployment
	var currency string
	cmd := &cobra.Command{
		Use: "register DEPLOYMENT", Short: "Register the key of a deployment, on the vendor's side", Args: one("DEPLOYMENT"),
		Example: "  sluice report register acme-dc1 --org org_01 --public-key 5f2c… --metered",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name, in.Currency = args[0], sluice.Currency(currency)
			return ask(c, func(cl *client.Client) (*localreport.Deployment, error) {
				return cl.RegisterDeployment(cmd.Context(), in)
			},
				func(w io.Writer, d *localreport.Deployment) { row(w, "deployment", d.Name, d.Org) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Organisation, "org", "", "the customer's organisation")
	f.StringVar(&in.PublicKey, "public-key", "", "as `sluice report init` printed it")
	f.StringVar(&currency, "currency", "", "currency in which it is rated; the organisation's where empty")
	f.BoolVar(&in.Metered, "metered", false, "what it serves is owed by list prices; or else a licence covers it")
	_ = cmd.RegisterFlagCompletionFunc("org", c.completeOrgs())
	return cmd
}

func (c *cli) reportDeployments() *cobra.Command {
	return &cobra.Command{
		Use: "deployments", Short: "List deployments and how far they have reported", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"DEPLOYMENT", "ORGANISATION", "REPORTS", "THROUGH", "METERED"}, func(cl *client.Client, p api.Paging) (api.Page[localreport.Deployment], error) {
				return cl.Deployments(cmd.Context(), p)
			}, func(w io.Writer, d localreport.Deployment) {
				through := "-"
				if !d.Through.IsZero() {
					through = d.Through.UTC().Format(time.RFC3339)
				}
				row(w, d.Name, d.Org, d.Reports, through, yes(d.Metered))
			})
		},
	}
}

func (c *cli) reportImport() *cobra.Command {
	return &cobra.Command{
		Use: "import FILE", Short: "Import a report, on the vendor's side", Args: one("FILE"),
		Long: "Takes up what a deployment reports, whole or not at all. A report that is not signed by the registered key, was altered,\n" +
			"leaves a gap or was imported before with another content is refused, with the line. The same report twice is no error.",
		Example: "  sluice report import november.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := readAll(args[0])
			if err != nil {
				return err
			}
			return ask(c, func(cl *client.Client) (*local.Imported, error) {
				return cl.ImportReport(context.WithoutCancel(cmd.Context()), file)
			}, func(w io.Writer, in *local.Imported) {
				row(w, "deployment", in.Deployment)
				row(w, "report", in.Number)
				row(w, "rows", in.Rows)
				row(w, "list", in.List)
				row(w, "charged", in.Charge)
				if in.Before {
					row(w, "it was imported before")
				}
				if in.Late > 0 {
					row(w, "of sealed hours, counted now", in.Late)
				}
			})
		},
	}
}
