package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
)

// completeLimit is how long a shell waits for the server's names.
const completeLimit = 2 * time.Second

// complete offers what a list of the server's holds: each with its word and
// what explains it. A server that cannot be asked offers nothing.
func complete[T any](c *cli, fetch func(context.Context, *client.Client, api.Paging) (api.Page[T], error), word func(T) (name, about string)) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
		cl, err := c.client()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
		defer cancel()
		var words []cobra.Completion
		for v, err := range client.All(func(cursor string) (api.Page[T], error) { return fetch(ctx, cl, api.Paging{Cursor: cursor}) }) {
			if err != nil {
				break
			}
			words = append(words, cobra.CompletionWithDesc(word(v)))
		}
		return words, cobra.ShellCompDirectiveNoFileComp
	}
}

func (c *cli) completeOrgs() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.Organisation], error) {
		return cl.Organisations(ctx, p)
	}, func(o api.Organisation) (string, string) { return o.ID, o.Name })
}

func (c *cli) completeProjects() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.Project], error) {
		return cl.Projects(ctx, "", p)
	}, func(p api.Project) (string, string) { return p.ID, p.Name })
}

func (c *cli) completeKeys() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.Key], error) {
		return cl.Keys(ctx, "", p)
	}, func(k api.Key) (string, string) { return k.ID, k.Name + " …" + k.Last4 })
}

func (c *cli) completeModels() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.Model], error) {
		return cl.Models(ctx, p)
	}, func(m api.Model) (string, string) { return m.Name, m.Description })
}

func (c *cli) completeEngines() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.Engine], error) {
		return cl.Engines(ctx, p)
	}, func(e api.Engine) (string, string) { return e.Name, e.URL })
}

func (c *cli) completeBooks() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.PriceBook], error) {
		return cl.PriceBooks(ctx, "", p)
	}, func(b api.PriceBook) (string, string) { return b.ID, string(b.Currency) + " " + day(b.EffectiveAt) })
}
