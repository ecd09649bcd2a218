package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/closing"
	"sluice/money/seal"
)

// closeFlags are what `sluice close` is asked for.
type closeFlags struct {
	day, reopen, counters string
	explain               []string
	show, list, hours     bool
}

func (c *cli) closeCommand() *cobra.Command {
	var f closeFlags
	cmd := &cobra.Command{
		Use: "close", Short: "Close a day of the books, or show what keeps it open", Args: none,
		Long: "Closes a day, in UTC, once its 24 hours are sealed and its figures agree: what was sealed, the rows of the hours, the\n" +
			"ledger's entries, lines of invoices with their rounding, and what the engines counted themselves, where that is known.\n" +
			"What does not agree keeps the day open until --explain says why. A closed day is opened again by --reopen.",
		Example: "  sluice close --list\n  sluice close --show\n  sluice close --day 2026-11-21\n" +
			"  sluice close --day 2026-11-21 --counters engines.jsonl\n" +
			"  sluice close --day 2026-11-21 --explain 'engine:gpu1=warm-up calls after a restart'\n" +
			"  sluice close --day 2026-11-21 --reopen 'calls of a spool came late'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.list || f.hours {
				return f.lists(cmd, c)
			}
			return ask(c, func(cl *client.Client) (*closing.Day, error) { return f.run(cmd, cl) }, showDay)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.day, "day", "", "the day, in UTC; yesterday when absent")
	fl.StringArrayVar(&f.explain, "explain", nil, "SUBJECT=WHY of a difference, kept for good; can be given more than once")
	fl.StringVar(&f.reopen, "reopen", "", "open the closed day again, and keep for good why")
	fl.StringVar(&f.counters, "counters", "", "store what engines counted first: a file of JSON lines {engine, hour, prompt_tokens, completion_tokens, source}")
	fl.BoolVar(&f.list, "list", false, "list the two weeks up to --day, or to today, and change nothing")
	fl.BoolVar(&f.hours, "hours", false, "list the hours of the day with their seals, and change nothing")
	fl.BoolVar(&f.show, "show", false, "show where the day stands, and change nothing")
	return cmd
}

// run does what the flags ask for and returns where the day then stands.
func (f *closeFlags) run(cmd *cobra.Command, cl *client.Client) (*closing.Day, error) {
	ctx := cmd.Context()
	if f.day == "" {
		f.day = clock().AddDate(0, 0, -1).Format(time.DateOnly)
	}
	if f.show {
		return cl.Day(ctx, f.day)
	}
	if f.reopen != "" {
		return cl.ReopenDay(ctx, f.day, f.reopen)
	}
	if f.counters != "" {
		counters, err := readCounters(f.counters)
		if err != nil {
			return nil, err
		}
		if err := cl.PutCounters(ctx, counters); err != nil {
			return nil, err
		}
	}
	for _, e := range f.explain {
		subject, note, ok := strings.Cut(e, "=")
		if !ok {
			return nil, misused("--explain %q is not SUBJECT=WHY; `sluice close --show` names the subjects", e)
		}
		if _, err := cl.ExplainDifference(ctx, f.day, subject, note); err != nil {
			return nil, err
		}
	}
	return cl.CloseDay(ctx, f.day)
}

// lists shows days, or the hours of one.
func (f *closeFlags) lists(cmd *cobra.Command, c *cli) error {
	if f.list {
		return listAll(c, []any{"DAY", "STATE", "HOURS SEALED", "TRANSACTIONS", "LAST CHANGED", "BY"}, func(cl *client.Client, p api.Paging) (api.Page[closing.DayState], error) {
			return cl.Days(cmd.Context(), api.DaysQuery{Through: f.day, Paging: p})
		}, func(w io.Writer, d closing.DayState) {
			at := ""
			if !d.At.IsZero() {
				at = d.At.Format(time.RFC3339)
			}
			row(w, d.Day, d.State, fmt.Sprintf("%d of %d", d.Sealed, d.Hours), d.Rows, at, d.By)
		})
	}
	day := cmp.Or(f.day, clock().AddDate(0, 0, -1).Format(time.DateOnly))
	return listAll(c, []any{"HOUR", "SEALED", "TRANSACTIONS", "CALLS", "LATE", "SEAL"}, func(cl *client.Client, p api.Paging) (api.Page[closing.Hour], error) {
		return cl.DayHours(cmd.Context(), day, p)
	}, func(w io.Writer, h closing.Hour) {
		if !h.Sealed {
			row(w, h.Hour.Format(time.RFC3339), "no")
			return
		}
		row(w, h.Hour.Format(time.RFC3339), h.SealedAt.Format(time.RFC3339), h.Rows, h.Events, h.Late, h.Hash)
	})
}

// readCounters reads a file of JSON lines, whole or not at all.
func readCounters(path string) ([]seal.Counter, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading what engines counted: %w", err)
	}
	defer file.Close()
	d := json.NewDecoder(file)
	d.DisallowUnknownFields()
	var all []seal.Counter
	for n := 1; ; n++ {
		var c seal.Counter
		err := d.Decode(&c)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, misused("%s: counter %d: %v", path, n, err)
		}
		all = append(all, c)
	}
}

func showDay(w io.Writer, d *closing.Day) {
	row(w, "day", d.Day)
	row(w, "state", d.State)
	row(w, "hours sealed", d.Sealed)
	row(w, "transactions", d.Rows)
	for _, s := range d.Sums {
		row(w, "calls", s.Events, "list "+money(s.List, s.Currency), "charged "+money(s.Charge, s.Currency))
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "CHECK", "ONE SIDE", "THE OTHER", "DIFFERENCE", "")
	for _, c := range d.Checks {
		say := "agrees"
		switch {
		case c.Unknown:
			say = "unknown"
		case c.Explained:
			say = "explained"
		case c.Difference != "":
			say = "NOT EXPLAINED"
		}
		row(w, c.Subject, c.Left, c.Right, c.Difference, say)
	}
	_, _ = io.WriteString(w, "\f")
	for _, n := range d.Notes {
		row(w, "explained:", n.Subject, n.Difference, n.Note, n.By, n.At.Format(time.RFC3339))
	}
	for _, r := range d.Closes {
		row(w, string(r.Kind), fmt.Sprint("revision ", r.Revision), r.At.Format(time.RFC3339), r.By, r.Hash, r.Reason)
	}
}

func (c *cli) receiptCommand() *cobra.Command {
	get := &cobra.Command{
		Use: "get CALL", Short: "Print the receipt of a call, as JSON", Args: one("CALL"),
		Example: "  sluice receipt get call_01 > receipt.json",
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			r, err := cl.Receipt(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			text, err := json.MarshalIndent(r, "", "  ")
			if err == nil {
				_, err = c.out.Write(append(text, '\n'))
			}
			return err
		},
	}
	var head string
	verify := &cobra.Command{
		Use: "verify FILE", Short: "Check a receipt, without asking any server", Args: one("FILE"),
		Long: "Checks that the call in the receipt is in the hour that was sealed, and that the seals lead to the head. Give --head one\n" +
			"that the operator published and you kept: the receipt's own head proves only that the receipt agrees with itself.",
		Example: "  sluice receipt verify receipt.json --head 5f2c…",
		RunE:    func(_ *cobra.Command, args []string) error { return c.verifyReceipt(args[0], head) },
	}
	verify.Flags().StringVar(&head, "head", "", "a head that was published")
	return group("receipt", "Receipts that prove what was booked", get, verify)
}

// verifyReceipt checks a receipt and says what it proves.
func (c *cli) verifyReceipt(path, head string) error {
	var h seal.Hash
	if head != "" {
		if err := h.UnmarshalText([]byte(head)); err != nil {
			return misused("--head: %s", sluice.ErrorOf(err).Message)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the receipt: %w", err)
	}
	r, err := seal.ReadReceipt(text)
	if err == nil {
		err = r.Verify(h)
	}
	if err != nil {
		return err
	}
	type verified struct {
		OK      bool          `json:"ok"`
		Call    string        `json:"call"`
		Hour    time.Time     `json:"hour"`
		Head    seal.Hash     `json:"head"`
		Against bool          `json:"against_published_head"`
		Event   *sluice.Event `json:"event"`
	}
	return c.show(verified{true, r.Transaction.ID, r.Seal.Hour, r.Head, head != "", r.Event}, func(w io.Writer) {
		row(w, "the receipt is right")
		row(w, "call", r.Transaction.ID)
		row(w, "sealed in the hour", r.Seal.Hour.Format(time.RFC3339))
		row(w, "head", r.Head, "of "+r.Hour.Format(time.RFC3339))
		if e := r.Event; e != nil {
			row(w, "model", e.Model)
			row(w, "tokens", fmt.Sprintf("%d prompt, %d completion", e.Usage.Prompt(), e.Usage.Completion()))
			row(w, "charged", e.Charge.Amount().String()+" "+string(e.Currency))
		}
		if head == "" {
			row(w, "not compared with a published head; give one with --head")
		}
	})
}

func (c *cli) headCommand() *cobra.Command {
	return &cobra.Command{
		Use: "head", Short: "Show the head of the chain of seals, for others to keep", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (closing.Head, error) { return cl.LedgerHead(cmd.Context()) }, func(w io.Writer, h closing.Head) {
				if h.Hash.IsZero() {
					row(w, "no hour is sealed yet")
					return
				}
				row(w, "sealed up to the hour", h.Hour.Format(time.RFC3339))
				row(w, "head", h.Hash)
				if h.Close > 0 {
					row(w, "record of closes", h.Close, h.Day)
					row(w, "head of closes", h.CloseHash)
				}
			})
		},
	}
}

func (c *cli) auditCommand() *cobra.Command {
	var in api.Audit
	var day string
	cmd := &cobra.Command{
		Use: "audit", Short: "Compare what was sealed with what is stored now, row by row", Args: none,
		Long:    "Hashes every sealed transaction again, with its entries and its event. What was altered since is named by hour and row.",
		Example: "  sluice ledger audit\n  sluice ledger audit --day 2026-11-21",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if day != "" {
				since, err := time.Parse(time.DateOnly, day)
				if err != nil {
					return misused("--day %q is not a day such as 2026-11-21", day)
				}
				in.Since, in.Until = since, since.AddDate(0, 0, 1)
			}
			var found int
			err := ask(c, func(cl *client.Client) (api.Audited, error) {
				a, err := cl.AuditSeals(cmd.Context(), in)
				found = len(a.Faults)
				return a, err
			}, func(w io.Writer, a api.Audited) {
				for _, f := range a.Faults {
					row(w, f.Hour.Format(time.RFC3339), f.ID, f.Seq, f.What)
				}
				if a.OK {
					row(w, "everything is as it was sealed")
				}
			})
			if err == nil && found > 0 {
				err = &reported{fmt.Errorf("%d places are not as they were sealed", found)}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&day, "day", "", "of this day, in UTC; all when absent")
	cmd.Flags().BoolVar(&in.Rewrite, "rewrite", false, "make the rows of hours without a fault again")
	return cmd
}
