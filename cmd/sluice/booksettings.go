package main

import (
	"io"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/statements"
	"sluice/money/exact"
)

func (c *cli) statementSettingsCommand() *cobra.Command {
	var reference, prefill, decode, zone, from string
	cmd := &cobra.Command{
		Use: "settings", Short: "Show or change what statements are made with, and by whose clock days begin", Args: none,
		Long: "Shows what the server's statements are made with where nothing else is said, and changes what flags name.\n" +
			"Days begin at midnight in UTC, or by --timezone from a day on that was never closed: what is closed keeps its clock.\n" +
			"The first day of another clock begins where the day before it ends, so that no hour is lost or counted twice.",
		Example: "  sluice statement settings\n  sluice statement settings --model glm-4.6 --prefill-rate 73700 --decode-rate 14800\n" +
			"  sluice statement settings --timezone Asia/Shanghai --from 2026-12-01",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (*statements.BookSettings, error) {
				set, err := cl.BookSettings(cmd.Context())
				if err != nil {
					return nil, err
				}
				changed := api.PutBookSettings{Reference: set.Reference, Rates: set.Rates}
				asked := false
				if cmd.Flags().Changed("model") {
					changed.Reference, asked = reference, true
				}
				for _, r := range []struct {
					flag, text string
					to         *exact.Number
				}{{"prefill-rate", prefill, &changed.Rates.Prefill}, {"decode-rate", decode, &changed.Rates.Decode}} {
					if !cmd.Flags().Changed(r.flag) {
						continue
					}
					if *r.to, err = exact.Parse(r.text); err != nil {
						return nil, misused("--%s: %v", r.flag, sluice.ErrorOf(err).Message)
					}
					asked = true
				}
				if asked {
					if set, err = cl.PutBookSettings(cmd.Context(), changed); err != nil {
						return nil, err
					}
				}
				if zone == "" {
					return set, nil
				}
				return cl.PutTimezone(cmd.Context(), api.PutTimezone{From: from, Zone: zone})
			}, showBookSettings)
		},
	}
	f := cmd.Flags()
	f.StringVar(&reference, "model", "", "the model at whose list prices theoretical revenue is counted")
	f.StringVar(&prefill, "prefill-rate", "", "tokens of prompts that a node reads in a second; 0 is not known")
	f.StringVar(&decode, "decode-rate", "", "tokens of answers that a node writes in a second; 0 is not known")
	f.StringVar(&zone, "timezone", "", "by whose clock days begin, such as Asia/Shanghai")
	f.StringVar(&from, "from", "", "the first day of --timezone; all days when absent, as long as none was closed")
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	return cmd
}

func showBookSettings(w io.Writer, set *statements.BookSettings) {
	row(w, "reference model", orNone(set.Reference))
	row(w, "prefill rate", set.Rates.Prefill)
	row(w, "decode rate", set.Rates.Decode)
	if len(set.Clocks) == 0 {
		row(w, "timezone", "UTC")
	}
	for _, clock := range set.Clocks {
		since := ""
		if clock.From != "" {
			since = "from " + clock.From
		}
		row(w, "timezone", clock.Zone, since)
	}
}

// orNone writes a name for a table, where none says so.
func orNone(name string) string {
	if name == "" {
		return "-"
	}
	return name
}
