package main

import (
	"cmp"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
)

func (c *cli) auditLogCommand() *cobra.Command {
	var f client.AuditFilter
	var since time.Duration
	var limit int
	cmd := &cobra.Command{
		Use: "audit", Short: "Who changed what, when and from where; and attempts to sign in", Args: none,
		Example: "  sluice audit --since 24h\n  sluice audit --actor ada@example.com --action create-key\n  sluice audit --action sign-in --outcome unauthenticated\n  sluice audit verify",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			if f.Organisation, err = filterOrg(cmd.Context(), cl, f.Organisation); err != nil {
				return err
			}
			if since > 0 {
				f.Since = clock().Add(-since)
			}
			var all []api.AuditEntry
			for e, err := range client.All(func(cursor string) (api.Page[api.AuditEntry], error) {
				return cl.Audit(cmd.Context(), f, api.Paging{Cursor: cursor, Limit: min(limit, 1000)})
			}) {
				if err != nil {
					return err
				}
				if all = append(all, e); len(all) == limit {
					break
				}
			}
			return showAll(c, []any{"TIME (UTC)", "WHO", "FROM", "WHAT", "OF", "OUTCOME"}, all, func(w io.Writer, e api.AuditEntry) {
				row(w, e.At.UTC().Format("2006-01-02 15:04:05"), cmp.Or(e.ActorName, e.ActorID, string(e.Actor)), e.Address, e.Action, e.Object, e.Outcome)
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.Organisation, "org", "", "whose objects, by the organisation's id or name")
	flags.StringVar(&f.Actor, "actor", "", "a user's e-mail address or id, or a key's name or id")
	flags.StringVar(&f.Action, "action", "", "an operation's id such as create-key, or sign-in")
	flags.StringVar(&f.Object, "object", "", "an id of what it was about")
	flags.StringVar(&f.Outcome, "outcome", "", "done, or an error's code")
	flags.DurationVar(&since, "since", 0, "of the last so long, such as 24h")
	flags.IntVar(&limit, "limit", 100, "at most so many entries")
	_ = cmd.RegisterFlagCompletionFunc("org", c.completeOrgs())
	verify := &cobra.Command{
		Use: "verify", Short: "Check that no entry was changed, added or taken out", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			v, err := cl.VerifyAudit(cmd.Context())
			if err != nil {
				return err
			}
			err = c.show(v, func(w io.Writer) {
				row(w, "entries", v.Entries)
				row(w, "head", v.Head)
				if v.Intact {
					row(w, "all", "as it was written")
				} else {
					row(w, "entry", fmt.Sprint(v.Bad, " is not as it was written"))
				}
			})
			if err == nil && !v.Intact {
				err = &reported{fmt.Errorf("the audit log was altered at entry %d", v.Bad)}
			}
			return err
		},
	}
	cmd.AddCommand(verify)
	return cmd
}
