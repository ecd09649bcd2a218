package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/store"
)

// usageShown is how many calls people are shown who do not say how many.
const usageShown = 20

func (c *cli) usageCommand() *cobra.Command {
	var org string
	var filter callFilter
	var limit int
	cmd := &cobra.Command{
		Use: "usage [CALL]", Short: "Show calls with their tokens and charges, or one call with its entries",
		Args: atMostOne("CALL id"),
		Long: "The calls of an organisation, those that ended last first. With --json one object on a line for each of them, all\n" +
			"unless --limit says how many; people see the latest 20, the entries that booked the last one, and the balance.",
		Example: "  sluice usage --org acme --since 24h --model glm-4.6\n" +
			"  sluice usage --org acme --status failed\n" +
			"  sluice usage --org acme --json | jq -s 'map(.tokens.output) | add'\n" +
			"  sluice usage call_…",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return c.showCall(cmd, args[0])
			}
			cl, err := c.client()
			if err != nil {
				return err
			}
			id, err := onlyOrg(cmd.Context(), cl, org)
			if err != nil {
				return err
			}
			if !c.json && !cmd.Flags().Changed("limit") {
				limit = usageShown
			}
			return c.showCalls(cmd, cl, id, api.UsageQuery{UsageFilter: filter.query()}, limit)
		},
	}
	c.orgFlag(cmd, &org)
	filter.add(c, cmd)
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many, the latest first; 0 is all (people see 20 unless it is given)")
	cmd.AddCommand(c.usageSeriesCommand(), c.usageExportCommand())
	return cmd
}

// showCalls prints calls: one JSON object each as they come, or for people a
// table, under it the entries that booked the latest call, and the balance.
func (c *cli) showCalls(cmd *cobra.Command, cl *client.Client, org string, q api.UsageQuery, limit int) error {
	var calls []api.Call
	shown, more := 0, false
	for call, err := range client.All(func(cursor string) (api.Page[api.Call], error) {
		q.Cursor = cursor
		return cl.Usage(cmd.Context(), org, q)
	}) {
		if more = limit > 0 && shown == limit; err == nil && more {
			break
		}
		if shown++; err == nil && c.json {
			err = c.show(call, nil)
		} else {
			calls = append(calls, call)
		}
		if err != nil {
			return err
		}
	}
	if c.json {
		return nil
	}
	if len(calls) == 0 {
		return c.show(nil, func(w io.Writer) { row(w, "no calls") })
	}
	latest, err := cl.Call(cmd.Context(), calls[0].ID)
	if err != nil {
		return err
	}
	balance, err := cl.Balance(cmd.Context(), org)
	if err != nil {
		return err
	}
	return c.show(nil, func(w io.Writer) {
		row(w, "CALL", "TIME (UTC)", "MODEL", "STATUS", "INPUT", "CACHED", "OUTPUT", "REASONING", "CHARGE", "NOTE")
		for _, u := range calls {
			row(w, u.ID, day(u.Time), u.Model, u.Status, u.Tokens.Input, u.Tokens.Cached, u.Tokens.Output, u.Tokens.Reasoning,
				fmt.Sprint(u.Charge, " ", u.Currency), note(u))
		}
		if more {
			row(w, "… and earlier ones: --limit 0 shows all")
		}
		_, _ = io.WriteString(w, "\f")
		row(w, "the latest was booked as")
		showEntries(w, latest.Transaction)
		row(w, "available", balance.Available, balance.Currency)
	})
}

// showCall prints one call with the transaction that booked it.
func (c *cli) showCall(cmd *cobra.Command, id string) error {
	return ask(c, func(cl *client.Client) (api.CallDetail, error) { return cl.Call(cmd.Context(), id) },
		func(w io.Writer, d api.CallDetail) {
			row(w, "call", d.ID, d.Model, d.Status, note(d.Call))
			showUse(w, &d.Call)
			row(w, "charge", d.Charge, d.Currency)
			showTransaction(w, d.Transaction)
		})
}

func showTransaction(w io.Writer, t api.Transaction) {
	row(w, "transaction", t.ID, t.Kind, day(t.At), t.Memo)
	showEntries(w, t)
}

// showEntries prints the lines of a transaction: who, which account, how much.
func showEntries(w io.Writer, t api.Transaction) {
	for _, e := range t.Entries {
		account := string(e.Account)
		if e.Credit != "" {
			account += " " + e.Credit
		}
		row(w, "  "+e.Owner, account, fmt.Sprint(e.Amount, " ", e.Currency))
	}
}

func (c *cli) ledgerCommand() *cobra.Command {
	var file string
	verify := &cobra.Command{
		Use: "verify", Short: "Check every invariant of the ledger, on a running server or a stopped one's folder", Args: none,
		Long: "Reads the whole ledger: that every transaction sums to zero, that every balance is the sum of its entries, that no\n" +
			"account is overdrawn, and that every call costs what its price book says. Exits with 1 when an invariant does not hold.",
		Example: "  sluice ledger verify\n  sluice --data /var/lib/sluice ledger verify --config /etc/sluice.yaml",
		RunE:    func(cmd *cobra.Command, _ []string) error { return c.verify(cmd, file) },
	}
	configFlag(verify, &file)
	return group("ledger", "The ledger", verify, c.headCommand(), c.auditCommand())
}

// verify asks the server or, when none runs on the folder, looks itself. It
// fails when an invariant does not hold.
func (c *cli) verify(cmd *cobra.Command, file string) error {
	if f, ok := c.err.(*os.File); ok && terminal(f) && !c.json {
		_, _ = fmt.Fprintln(c.err, "checking the whole ledger …") // a courtesy
	}
	v, err := c.verification(cmd, file)
	if err != nil {
		return err
	}
	err = c.show(v, func(w io.Writer) {
		row(w, "transactions", v.Transactions)
		row(w, "entries", v.Entries)
		row(w, "accounts", v.Accounts)
		row(w, "calls", v.Events)
		if v.Counters > 0 {
			row(w, "counters of steps", v.Counters)
		}
		for _, f := range v.Violations {
			row(w, "violated:", f.Invariant, f.Where, f.What)
		}
		if v.OK {
			row(w, "every invariant holds")
		}
	})
	if err == nil && !v.OK {
		err = &reported{fmt.Errorf("%d violations of the ledger's invariants", v.Violated)}
	}
	return err
}

// terminal reports whether a person looks at the file.
func terminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (c *cli) verification(cmd *cobra.Command, file string) (api.Verification, error) {
	if c.server != "" {
		cl, err := c.client()
		if err != nil {
			return api.Verification{}, err
		}
		return cl.VerifyLedger(cmd.Context())
	}
	cfg, err := settings(cmd, file)
	if err != nil {
		return api.Verification{}, err
	}
	c.data = cfg.Data
	if cl, err := c.client(); err == nil {
		v, err := cl.VerifyLedger(cmd.Context())
		if sluice.CodeOf(err) != sluice.CodeUnavailable {
			return v, err
		}
	}
	db, err := store.OpenReadOnly(cmd.Context(), cfg.DSN())
	if err != nil {
		return api.Verification{}, fmt.Errorf("opening the ledger of %q: %w", cfg.Data, err)
	}
	defer func() { _ = db.Close() }() // read only
	report, err := db.Verify(cmd.Context())
	if err != nil {
		return api.Verification{}, err
	}
	return api.Verification{OK: report.OK(), Report: report}, nil
}
