package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/billing/invoicing"
	"sluice/billing/letter"
	"sluice/money/invoice"
	"sluice/plug/fetch"
	"sluice/plug/mail"
	"sluice/plug/webhook"
	"sluice/product/notify"
)

// notifying makes ready who tells organisations what happened: by webhooks
// always, by e-mail where a mail server is set up.
func (s *server) notifying() error {
	networks, err := s.cfg.WebhookNetworks()
	if err != nil {
		return err
	}
	ports, err := s.cfg.WebhookPortList()
	if err != nil {
		return err
	}
	o := notify.Options{
		Webhooks: s.store, Outbox: s.store, Sealer: sealer{s.engines}, Log: s.log,
		Poster: webhook.New(webhook.Options{
			Doer:  fetch.Client(fetch.Options{Allow: networks, Ports: ports, Timeout: webhook.Timeout}),
			Plain: len(networks) > 0, Agent: "sluice/" + version, Log: s.log,
		}),
	}
	if s.cfg.MailServer != "" {
		s.mailer, err = mail.New(mail.Options{
			Server: s.cfg.MailServer, Security: mail.Security(s.cfg.MailSecurity),
			User: s.cfg.MailUser, Password: s.cfg.MailPassword, From: s.cfg.MailFrom,
		})
		if err != nil {
			return fmt.Errorf("setting up e-mails: %w", err)
		}
		o.Mailer = s.mailer
	}
	s.notifier = notify.New(o)
	s.letters = letter.New(s.store, s.notifier, clock, s.log)
	return nil
}

// toldInvoices tells organisations of the documents that it issues.
type toldInvoices struct {
	*invoicing.Invoices

	letters *letter.Service
}

// Issue issues the invoice of a month.
func (t toldInvoices) Issue(ctx context.Context, org *sluice.Organisation, period invoice.Period) (*invoice.Invoice, error) {
	inv, err := t.Invoices.Issue(ctx, org, period)
	if err == nil {
		t.letters.Invoice(inv)
	}
	return inv, err
}

// Correct takes an invoice back, and issues what stands in for it.
func (t toldInvoices) Correct(ctx context.Context, org *sluice.Organisation, number, reason string) (correction, replacement *invoice.Invoice, err error) {
	correction, replacement, err = t.Invoices.Correct(ctx, org, number, reason)
	for _, inv := range []*invoice.Invoice{correction, replacement} {
		if err == nil && inv != nil {
			t.letters.Invoice(inv)
		}
	}
	return correction, replacement, err
}

func (c *cli) webhookCommand() *cobra.Command {
	return group("webhook", "Have events posted to a URL, signed",
		c.webhookAddCommand(), c.webhookListCommand(), c.webhookChangeCommand(), c.webhookRotateCommand(), c.webhookRemoveCommand(),
		c.webhookTestCommand(), c.webhookDeliveriesCommand(), c.webhookRedeliverCommand())
}

// askOrg does something for an organisation and shows what came of it.
func askOrg[T any](c *cli, cmd *cobra.Command, org string, call func(cl *client.Client, org string) (T, error), human func(io.Writer, T)) error {
	return ask(c, func(cl *client.Client) (T, error) {
		id, err := onlyOrg(cmd.Context(), cl, org)
		if err != nil {
			return *new(T), err
		}
		return call(cl, id)
	}, human)
}

func showWebhook(w io.Writer, h api.Webhook) {
	row(w, "webhook", h.ID)
	row(w, "url", h.URL)
	row(w, "events", strings.Join(h.Events, " "))
	if h.Disabled {
		row(w, "disabled", day(h.DisabledAt), h.DisabledFor)
	}
}

func showNewWebhook(w io.Writer, h api.NewWebhook) {
	showWebhook(w, h.Webhook)
	row(w, "secret", h.Secret)
	if !h.OldUntil.IsZero() {
		row(w, "old secret", "signs until", day(h.OldUntil))
	}
	row(w, "note", "keep the secret: it is shown this once")
}

func showDelivery(w io.Writer, d api.Delivery) {
	row(w, "delivery", d.ID, d.State)
	row(w, "event", d.Event, d.Type)
	if d.Status != 0 {
		row(w, "answer", d.Status, d.Answer)
	}
	if d.Fault != "" {
		row(w, "fault", d.Fault)
	}
}

func (c *cli) webhookAddCommand() *cobra.Command {
	var org string
	var in api.CreateWebhook
	cmd := &cobra.Command{
		Use: "add URL", Short: "Add a webhook; its secret is shown this once", Args: one("URL"),
		Long: "Posts an organisation's events to a URL, signed as Standard Webhooks describes, so that its libraries and OpenAI's\n" +
			"SDKs verify them. Types of events: " + strings.Join(sluice.EventTypes(), ", ") + ".\n" +
			"`batch.*` stands for all that begin so, and `*` for all.",
		Example: "  sluice webhook add https://example.com/sluice --org acme\n  sluice webhook add https://example.com/sluice --events 'batch.*,budget.exceeded'",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.URL = args[0]
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.NewWebhook, error) {
				return cl.CreateWebhook(cmd.Context(), org, in)
			}, showNewWebhook)
		},
	}
	c.orgFlag(cmd, &org)
	eventsFlag(cmd, &in.Events, []string{"*"})
	cmd.Flags().StringVar(&in.Description, "description", "", "what it is for")
	return cmd
}

func eventsFlag(cmd *cobra.Command, events *[]string, otherwise []string) {
	cmd.Flags().StringSliceVar(events, "events", otherwise, "types of events that it hears of")
	_ = cmd.RegisterFlagCompletionFunc("events", cobra.FixedCompletions(sluice.EventTypes(), cobra.ShellCompDirectiveNoFileComp))
}

func (c *cli) webhookListCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "list", Short: "List an organisation's webhooks", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"WEBHOOK", "URL", "EVENTS", "STATE"}, func(cl *client.Client, p api.Paging) (api.Page[api.Webhook], error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Page[api.Webhook]{}, err
				}
				return cl.Webhooks(cmd.Context(), id, p)
			}, func(w io.Writer, h api.Webhook) {
				state := "in use"
				if h.Disabled {
					state = "disabled: " + h.DisabledFor
				}
				row(w, h.ID, h.URL, strings.Join(h.Events, " "), state)
			})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) webhookChangeCommand() *cobra.Command {
	var org, url, description string
	var events []string
	var disable, enable bool
	cmd := &cobra.Command{
		Use: "change WEBHOOK", Short: "Change a webhook, disable it or enable it again", Args: one("WEBHOOK id"),
		Example: "  sluice webhook change hook_… --events 'budget.*'\n  sluice webhook change hook_… --enable",
		RunE: func(cmd *cobra.Command, args []string) error {
			var in api.UpdateWebhook
			given := cmd.Flags().Changed
			if given("url") {
				in.URL = &url
			}
			if given("description") {
				in.Description = &description
			}
			if given("events") {
				in.Events = &events
			}
			if disable && enable {
				return misused("--enable and --disable exclude each other")
			}
			if disable || enable {
				in.Disabled = &disable
			}
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.Webhook, error) {
				return cl.UpdateWebhook(cmd.Context(), org, args[0], in)
			}, showWebhook)
		},
	}
	c.orgFlag(cmd, &org)
	eventsFlag(cmd, &events, nil)
	f := cmd.Flags()
	f.StringVar(&url, "url", "", "where events are posted to")
	f.StringVar(&description, "description", "", "what it is for")
	f.BoolVar(&disable, "disable", false, "post nothing to it; what is pending is given up")
	f.BoolVar(&enable, "enable", false, "post to it again")
	return cmd
}

func (c *cli) webhookRotateCommand() *cobra.Command {
	var org string
	var overlap time.Duration
	cmd := &cobra.Command{
		Use: "rotate WEBHOOK", Short: "Give a webhook another secret; it is shown this once", Args: one("WEBHOOK id"),
		Long:    "Until --overlap has passed, posts bear two signatures, one by each secret: change the receiver in the meantime.",
		Example: "  sluice webhook rotate hook_… --org acme\n  sluice webhook rotate hook_… --overlap 0s   # the old secret is known to others",
		RunE: func(cmd *cobra.Command, args []string) error {
			hours := int64(overlap / time.Hour)
			if overlap < 0 || overlap%time.Hour != 0 {
				return misused("--overlap: %s is no whole number of hours", overlap)
			}
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.NewWebhook, error) {
				return cl.RotateWebhook(cmd.Context(), org, args[0], api.RotateWebhook{OverlapHours: &hours})
			}, showNewWebhook)
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().DurationVar(&overlap, "overlap", notify.DefaultOverlap, "how long the old secret signs as well, in whole hours")
	return cmd
}

func (c *cli) webhookRemoveCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "remove WEBHOOK", Short: "Remove a webhook with its deliveries", Args: one("WEBHOOK id"),
		Example: "  sluice webhook remove hook_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (map[string]string, error) {
				return map[string]string{"removed": args[0]}, cl.DeleteWebhook(cmd.Context(), org, args[0])
			}, func(w io.Writer, _ map[string]string) { row(w, "removed", args[0]) })
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) webhookTestCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "test WEBHOOK", Short: "Post an event of the type webhook.test and tell what came of it", Args: one("WEBHOOK id"),
		Example: "  sluice webhook test hook_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.Delivery, error) {
				return cl.TestWebhook(cmd.Context(), org, args[0])
			}, showDelivery)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) webhookDeliveriesCommand() *cobra.Command {
	var org, hook string
	cmd := &cobra.Command{
		Use: "deliveries", Short: "List what was told by webhook and e-mail in the last 30 days, the latest first", Args: none,
		Example: "  sluice webhook deliveries --org acme\n  sluice webhook deliveries --webhook hook_…",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"DELIVERY", "EVENT", "TO", "STATE", "ATTEMPTS", "LAST (UTC)", "NEXT (UTC)", "ANSWER"},
				func(cl *client.Client, p api.Paging) (api.Page[api.Delivery], error) {
					id, err := onlyOrg(cmd.Context(), cl, org)
					if err != nil {
						return api.Page[api.Delivery]{}, err
					}
					return cl.Deliveries(cmd.Context(), id, hook, p)
				},
				func(w io.Writer, d api.Delivery) {
					answer := d.Fault
					if d.Status != 0 {
						answer = strings.TrimSpace(fmt.Sprint(d.Status, " ", answer))
					}
					row(w, d.ID, d.Type, d.Webhook+d.Address, d.State, d.Attempts, day(d.LastAt), day(d.NextAt), answer)
				})
		},
	}
	c.orgFlag(cmd, &org)
	cmd.Flags().StringVar(&hook, "webhook", "", "only those to this webhook")
	return cmd
}

func (c *cli) webhookRedeliverCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "redeliver DELIVERY", Short: "Deliver again what was delivered or given up", Args: one("DELIVERY id"),
		Example: "  sluice webhook redeliver dlv_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.Delivery, error) {
				return cl.Redeliver(cmd.Context(), org, args[0])
			}, showDelivery)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}
