package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice/api"
)

func (c *cli) todayCommand() *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use: "today", Short: "Show what goes on: traffic, first tokens, errors, engines, income against cost", Args: none,
		Long:    "For the operator. With --watch it is shown again every two seconds, until Ctrl-C; with --json one object on a line each time.",
		Example: "  sluice today\n  sluice today --watch\n  sluice today --json | jq .now",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			if !watch {
				t, err := cl.Today(cmd.Context())
				if err != nil {
					return err
				}
				return c.show(t, func(w io.Writer) { todayTable(w, &t) })
			}
			for {
				err := cl.WatchToday(cmd.Context(), func(t api.Today) error {
					return c.show(t, func(w io.Writer) { todayTable(w, &t); row(w) })
				})
				if cmd.Context().Err() != nil {
					return nil //nolint:nilerr // Ctrl-C is how it ends
				}
				if !errors.Is(err, io.EOF) {
					return err
				}
			}
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "show it again and again")
	return cmd
}

func todayTable(w io.Writer, t *api.Today) {
	first := func(p *api.Percentiles) string {
		if p == nil {
			return "-"
		}
		return fmt.Sprintf("%d / %d ms", p.P50, p.P99)
	}
	row(w, "at", t.At.UTC().Format("2006-01-02 15:04:05"), "UTC")
	row(w, "running", t.Running, fmt.Sprintf("%d hold money, %d postings wait", t.Holds, t.Queued))
	row(w, "last minute", fmt.Sprintf("%.1f requests/s", t.Now.Requests), fmt.Sprintf("%.0f + %.0f tokens/s, %.2f errors/s, first token %s", t.Now.PromptTokens, t.Now.CompletionTokens, t.Now.Errors, first(t.Now.FirstToken)))
	row(w, "today", fmt.Sprintf("%d requests", t.Day.Requests), fmt.Sprintf("%d errors, first token %s", t.Day.Errors, first(t.Day.FirstToken)))
	for _, m := range t.Money {
		cost := "cost not known"
		if m.Cost != nil {
			cost = fmt.Sprintf("cost %s, margin %s", m.Cost, m.Margin)
		}
		row(w, "money", fmt.Sprint(m.Income, " ", m.Currency), cost)
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "MODEL", "HEALTH", "REQUESTS/S", "TOKENS/S", "FIRST TOKEN P50 / P99")
	for _, m := range t.Models {
		row(w, m.Model, m.Health, fmt.Sprintf("%.2f", m.Last.Requests), fmt.Sprintf("%.0f", m.Last.CompletionTokens), first(m.Last.FirstToken))
	}
	_, _ = io.WriteString(w, "\f")
	row(w, "ENGINE", "HEALTH", "RUNNING", "LABEL", "MODELS")
	for _, e := range t.Engines {
		health, running := "-", int64(0)
		if e.Status != nil {
			health, running = string(e.Status.Health), e.Status.InFlight
		}
		label := string(e.Label)
		if label == "" {
			label = "-"
		}
		row(w, e.Name, health, running, label, strings.Join(e.Models, ", "))
	}
}

func (c *cli) siteCommand() *cobra.Command {
	var in api.Site
	set := &cobra.Command{
		Use: "set", Short: "Say what of the service is public", Args: none,
		Long: "What is not given stays as it is. Rankings show everybody how many tokens each model worked on by day: they are off\n" +
			"until they are turned on.",
		Example: "  sluice site set --name Acme --contact mailto:help@acme.example\n  sluice site set --rankings\n  sluice site set --prices=false --status=false",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			site, err := cl.Site(cmd.Context())
			if err != nil {
				return err
			}
			changed := cmd.Flags().Changed
			for flag, apply := range map[string]func(){
				"name": func() { site.Name = in.Name }, "contact": func() { site.Contact = in.Contact }, "prices": func() { site.Prices = in.Prices },
				"status": func() { site.Status = in.Status }, "rankings": func() { site.Rankings = in.Rankings },
			} {
				if changed(flag) {
					apply()
				}
			}
			if site, err = cl.PutSite(cmd.Context(), site); err != nil {
				return err
			}
			return c.show(site, func(w io.Writer) { siteTable(w, &site) })
		},
	}
	f := set.Flags()
	f.StringVar(&in.Name, "name", "", "what the service is called on its public pages")
	f.StringVar(&in.Contact, "contact", "", "where visitors are sent who want an account: an https: or mailto: link")
	f.BoolVar(&in.Prices, "prices", true, "models and prices are public")
	f.BoolVar(&in.Status, "status", true, "the state of each model is public")
	f.BoolVar(&in.Rankings, "rankings", false, "tokens by model and day are public")
	show := &cobra.Command{
		Use: "show", Short: "Show what of the service is public", Args: none, Example: "  sluice site show",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			site, err := cl.Site(cmd.Context())
			if err != nil {
				return err
			}
			return c.show(site, func(w io.Writer) { siteTable(w, &site) })
		},
	}
	return group("site", "What everybody may see of the service", show, set)
}

func siteTable(w io.Writer, s *api.Site) {
	row(w, "name", s.Name)
	row(w, "contact", s.Contact)
	for _, page := range []struct {
		name   string
		public bool
	}{{"/prices", s.Prices}, {"/status", s.Status}, {"/rankings", s.Rankings}} {
		shown := "not public"
		if page.public {
			shown = "public"
		}
		row(w, page.name, shown)
	}
}
