package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
)

func (c *cli) orgCommand() *cobra.Command {
	in := api.CreateOrganisation{Currency: "USD"}
	create := &cobra.Command{
		Use: "create NAME", Short: "Make an organisation", Args: one("NAME"),
		Example: "  sluice org create acme --currency USD --credit 10.00",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Name = args[0]
			return ask(c, func(cl *client.Client) (api.Organisation, error) {
				return cl.CreateOrganisation(cmd.Context(), in)
			}, func(w io.Writer, o api.Organisation) {
				row(w, "organisation", o.ID)
				row(w, "next", "sluice key create --org "+o.ID)
			})
		},
	}
	create.Flags().StringVar((*string)(&in.Currency), "currency", "USD", "currency of its balance; it stays")
	create.Flags().Var(amountFlag(&in.Credit), "credit", "credit to begin with, such as 10.00")
	list := &cobra.Command{
		Use: "list", Short: "List organisations", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ID", "NAME", "CURRENCY", "SINCE (UTC)"}, func(cl *client.Client, p api.Paging) (api.Page[api.Organisation], error) {
				return cl.Organisations(cmd.Context(), p)
			}, func(w io.Writer, o api.Organisation) { row(w, o.ID, o.Name, o.Currency, day(o.CreatedAt)) })
		},
	}
	return group("org", "Organisations: who is billed", create, list, c.orgQueue())
}

// orgQueue sets what an organisation's calls are to the queue.
func (c *cli) orgQueue() *cobra.Command {
	var class string
	var weight int64
	var free bool
	cmd := &cobra.Command{
		Use: "queue ORGANISATION", Short: "Say who goes first where calls wait for engines", Args: one("ORGANISATION id or name"),
		Example:           "  sluice org queue acme --class agent --weight 3\n  sluice org queue visitors --free",
		ValidArgsFunction: c.completeOrgs(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Organisation, error) {
				id, err := onlyOrg(cmd.Context(), cl, args[0])
				if err != nil {
					return api.Organisation{}, err
				}
				var in api.UpdateOrganisation
				if cmd.Flags().Changed("class") {
					in.QueueClass = &class
				}
				if cmd.Flags().Changed("weight") {
					in.QueueWeight = &weight
				}
				if cmd.Flags().Changed("free") {
					in.QueueFree = &free
				}
				return cl.UpdateOrganisation(cmd.Context(), id, in)
			}, func(w io.Writer, o api.Organisation) {
				row(w, "class", cmp.Or(o.Queue.Class, "its plan's"))
				row(w, "weight", max(o.Queue.Weight, 1))
				row(w, "free", o.Queue.Free)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&class, "class", "", "class of its calls: interactive, agent or batch")
	f.Int64Var(&weight, "weight", 1, "its part of the engines while calls wait, in relation to others'")
	f.BoolVar(&free, "free", false, "its calls bring nothing in: they go behind those that do")
	completeClasses(cmd)
	return cmd
}

func (c *cli) projectCommand() *cobra.Command {
	var org string
	var limits api.Limits
	create := &cobra.Command{
		Use: "create NAME", Short: "Make a project", Args: one("NAME"),
		Example: "  sluice project create search --org acme --tpm 200000 --concurrent 16",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Project, error) {
				id, err := onlyOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Project{}, err
				}
				return cl.CreateProject(cmd.Context(), api.CreateProject{Organisation: id, Name: args[0], Limits: limits})
			}, func(w io.Writer, p api.Project) { row(w, "project", p.ID) })
		},
	}
	c.orgFlag(create, &org)
	limitFlags(create, &limits)
	list := &cobra.Command{
		Use: "list", Short: "List projects", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ID", "NAME", "ORGANISATION", "LIMITS"}, func(cl *client.Client, p api.Paging) (api.Page[api.Project], error) {
				id, err := filterOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Page[api.Project]{}, err
				}
				return cl.Projects(cmd.Context(), id, p)
			}, func(w io.Writer, p api.Project) { row(w, p.ID, p.Name, p.Organisation, describeLimits(p.Limits)) })
		},
	}
	c.orgFlag(list, &org)
	var change api.Limits
	limit := &cobra.Command{
		Use: "limit PROJECT", Short: "Change a project's limits (0 lifts one)", Args: one("PROJECT id"),
		Example:           "  sluice project limit proj_… --rpm 600 --tpm 0",
		ValidArgsFunction: c.completeProjects(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Project, error) {
				return cl.UpdateProject(cmd.Context(), args[0], api.UpdateProject{Limits: changedLimits(cmd, &change)})
			}, func(w io.Writer, p api.Project) { row(w, p.ID, p.Name, "limits: "+describeLimits(p.Limits)) })
		},
	}
	limitFlags(limit, &change)
	return group("project", "Projects: parts of an organisation with limits of their own", create, list, limit)
}

func (c *cli) keyCommand() *cobra.Command {
	return group("key", "API keys", c.keyCreate(), c.keyList(), c.keyLimit(), c.keyRevoke())
}

func (c *cli) keyCreate() *cobra.Command {
	var in api.CreateKey
	var expires time.Duration
	var operator bool
	cmd := &cobra.Command{
		Use: "create", Short: "Make an API key; its secret is shown this once", Args: none,
		Example: "  sluice key create --org acme --name ci --models glm-4.6 --cap 25.00 --expires-in 720h\n" +
			"  sluice key create --role owner --name alice   # the operator's own, for --server and --key",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if expires != 0 {
				at := clock().Add(expires)
				in.ExpiresAt = &at
			}
			return ask(c, func(cl *client.Client) (api.NewKey, error) {
				// The operator's, where the role is only the operator's, or is owner and no organisation is named.
				if !operator && (in.Organisation != "" || in.Role.For("org") && in.Role != sluice.RoleOwner || in.Role == "") {
					id, err := onlyOrg(cmd.Context(), cl, in.Organisation)
					if err != nil {
						return api.NewKey{}, err
					}
					in.Organisation = id
				}
				return cl.CreateKey(cmd.Context(), in)
			}, func(w io.Writer, k api.NewKey) {
				row(w, "key", k.Secret)
				row(w, "id", k.ID)
				row(w, "note", "keep the key: it is shown this once")
			})
		},
	}
	c.orgFlag(cmd, &in.Organisation)
	f := cmd.Flags()
	f.StringVar(&in.Project, "project", "", "project that it belongs to")
	f.StringVar(&in.Name, "name", "", "what it is for")
	f.StringVar((*string)(&in.Role), "role", "", "developer (default), owner, admin, billing, viewer; or of the operator: owner, admin, finance, support")
	f.BoolVar(&operator, "operator", false, "a key of the operator's, where the role does not say so")
	cmd.MarkFlagsMutuallyExclusive("operator", "org")
	f.StringSliceVar(&in.Models, "models", nil, "models that it may call; all when absent")
	f.Var(amountFlag(&in.SpendingCap), "cap", "the most that it can ever be charged, such as 25.00")
	f.DurationVar(&expires, "expires-in", 0, "time until it expires, such as 720h")
	limitFlags(cmd, &in.Limits)
	_ = cmd.RegisterFlagCompletionFunc("project", c.completeProjects())
	_ = cmd.RegisterFlagCompletionFunc("models", c.completeModels())
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(
		[]string{"developer", "admin", "billing", "viewer", "owner", "finance", "support"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) keyList() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "list", Short: "List API keys", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ID", "NAME", "ENDS IN", "ROLE", "ORGANISATION", "SPENT", "LAST USED (UTC)", "STATE"}, func(cl *client.Client, p api.Paging) (api.Page[api.Key], error) {
				id, err := filterOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.Page[api.Key]{}, err
				}
				return cl.Keys(cmd.Context(), id, p)
			}, func(w io.Writer, k api.Key) {
				row(w, k.ID, k.Name, "…"+k.Last4, k.Role, k.Organisation, k.Spent, day(k.LastUsedAt), keyState(k))
			})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) keyLimit() *cobra.Command {
	var limits api.Limits
	var spending string
	cmd := &cobra.Command{
		Use: "limit KEY", Short: "Change a key's limits and spending cap (0 lifts a limit)", Args: one("KEY id"),
		Example:           "  sluice key limit key_… --rpm 60 --cap 50.00\n  sluice key limit key_… --cap none",
		ValidArgsFunction: c.completeKeys(),
		RunE: func(cmd *cobra.Command, args []string) error {
			in := api.UpdateKey{Limits: changedLimits(cmd, &limits)}
			switch {
			case spending == "none":
				in.NoSpendingCap = true
			case spending != "":
				if err := amountFlag(&in.SpendingCap).Set(spending); err != nil {
					return misused("--cap: %w", err)
				}
			}
			return ask(c, func(cl *client.Client) (api.Key, error) { return cl.UpdateKey(cmd.Context(), args[0], in) },
				func(w io.Writer, k api.Key) {
					spendingCap := "none"
					if k.SpendingCap != nil {
						spendingCap = k.SpendingCap.String()
					}
					row(w, k.ID, k.Name, "limits: "+describeLimits(k.Limits), "cap: "+spendingCap)
				})
		},
	}
	limitFlags(cmd, &limits)
	cmd.Flags().StringVar(&spending, "cap", "", "the most that it can ever be charged; none lifts it")
	return cmd
}

func (c *cli) keyRevoke() *cobra.Command {
	return &cobra.Command{
		Use: "revoke KEY", Short: "Revoke an API key, at once and for good", Args: one("KEY id"),
		ValidArgsFunction: c.completeKeys(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Key, error) { return cl.RevokeKey(cmd.Context(), args[0]) },
				func(w io.Writer, k api.Key) { row(w, k.ID, keyState(k)) })
		},
	}
}

// ask makes one call of the server and shows its answer.
func ask[T any](c *cli, call func(*client.Client) (T, error), human func(io.Writer, T)) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	v, err := call(cl)
	if err != nil {
		return err
	}
	return c.show(v, func(w io.Writer) { human(w, v) })
}

// listAll walks a list to its end: a JSON object for each as it comes, or a row for each.
func listAll[T any](c *cli, heads []any, fetch func(*client.Client, api.Paging) (api.Page[T], error), human func(io.Writer, T)) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	var all []T
	for v, err := range client.All(func(cursor string) (api.Page[T], error) { return fetch(cl, api.Paging{Cursor: cursor}) }) {
		if err == nil && c.json {
			err = c.show(v, nil)
		} else {
			all = append(all, v)
		}
		if err != nil {
			return err
		}
	}
	if c.json {
		return nil
	}
	return showAll(c, heads, all, human)
}

// listOf is listAll for what an organisation has: the one that is named, or the only one there is.
func listOf[T any](cmd *cobra.Command, c *cli, org string, heads []any, fetch func(cl *client.Client, id string, p api.Paging) (api.Page[T], error), human func(io.Writer, T)) error {
	id := ""
	return listAll(c, heads, func(cl *client.Client, p api.Paging) (page api.Page[T], err error) {
		if id == "" {
			if id, err = onlyOrg(cmd.Context(), cl, org); err != nil {
				return page, err
			}
		}
		return fetch(cl, id, p)
	}, human)
}

// showAll prints a list.
func showAll[T any](c *cli, heads []any, all []T, human func(io.Writer, T)) error {
	if c.json {
		for _, v := range all {
			if err := c.show(v, nil); err != nil {
				return err
			}
		}
		return nil
	}
	return c.show(nil, func(w io.Writer) {
		row(w, heads...)
		for _, v := range all {
			human(w, v)
		}
	})
}

// onlyOrg returns the id of the organisation that was named, by its id or its
// name, or, when none was, the only one there is.
func onlyOrg(ctx context.Context, cl *client.Client, named string) (string, error) {
	if strings.HasPrefix(named, sluice.PrefixOrganisation+"_") {
		return named, nil
	}
	me, err := cl.Me(ctx)
	if err != nil {
		return "", err
	}
	if me.Organisation != "" && named == "" {
		return me.Organisation, nil
	}
	var found []api.Organisation
	for o, err := range client.All(func(cursor string) (api.Page[api.Organisation], error) {
		return cl.Organisations(ctx, api.Paging{Cursor: cursor})
	}) {
		if err != nil {
			return "", err
		}
		if named == "" || o.Name == named {
			found = append(found, o)
		}
		if len(found) > 1 {
			break
		}
	}
	switch {
	case len(found) == 1:
		return found[0].ID, nil
	case len(found) == 0 && named == "":
		return "", errors.New("there is no organisation yet: make one with `sluice org create NAME`")
	case len(found) == 0:
		return "", fmt.Errorf("there is no organisation %q; `sluice org list` shows those there are", named)
	case named != "":
		return "", fmt.Errorf("several organisations have the name %q: choose one by its id (`sluice org list`)", named)
	}
	return "", fmt.Errorf("there are several organisations: choose one with --org, by its name or id (`sluice org list`), such as --org %s", found[0].Name)
}

// filterOrg returns the id of the organisation that a list is of, or "" for all.
func filterOrg(ctx context.Context, cl *client.Client, named string) (string, error) {
	if named == "" {
		return "", nil
	}
	return onlyOrg(ctx, cl, named)
}

func (c *cli) orgFlag(cmd *cobra.Command, org *string) {
	cmd.Flags().StringVar(org, "org", "", "organisation, by its id or name; not needed when there is only one")
	_ = cmd.RegisterFlagCompletionFunc("org", c.completeOrgs())
}

func limitFlags(cmd *cobra.Command, l *api.Limits) {
	f := cmd.Flags()
	f.Int64Var(&l.RequestsPerMinute, "rpm", 0, "requests per minute")
	f.Int64Var(&l.TokensPerMinute, "tpm", 0, "tokens per minute")
	f.Int64Var(&l.Concurrent, "concurrent", 0, "requests at once")
	f.StringVar(&l.QueueClass, "class", "", "highest queue class of its calls: interactive, agent or batch")
	completeClasses(cmd)
}

func completeClasses(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("class", cobra.FixedCompletions([]string{"interactive", "agent", "batch"}, cobra.ShellCompDirectiveNoFileComp))
}

// changedLimits returns the limits whose flags were given.
func changedLimits(cmd *cobra.Command, l *api.Limits) *api.ChangeLimits {
	var out api.ChangeLimits
	for name, to := range map[string]struct {
		field **int64
		value *int64
	}{
		"rpm":        {&out.RequestsPerMinute, &l.RequestsPerMinute},
		"tpm":        {&out.TokensPerMinute, &l.TokensPerMinute},
		"concurrent": {&out.Concurrent, &l.Concurrent},
	} {
		if cmd.Flags().Changed(name) {
			*to.field = to.value
		}
	}
	if cmd.Flags().Changed("class") {
		out.QueueClass = &l.QueueClass
	}
	return &out
}

func describeLimits(l api.Limits) string {
	var parts []string
	for _, limit := range []struct {
		name  string
		value int64
	}{{"rpm", l.RequestsPerMinute}, {"tpm", l.TokensPerMinute}, {"concurrent", l.Concurrent}} {
		if limit.value > 0 {
			parts = append(parts, fmt.Sprint(limit.name, " ", limit.value))
		}
	}
	if l.QueueClass != "" {
		parts = append(parts, "class "+l.QueueClass)
	}
	return cmp.Or(strings.Join(parts, ", "), "none")
}

func keyState(k api.Key) string {
	switch {
	case !k.RevokedAt.IsZero():
		return "revoked"
	case !k.ExpiresAt.IsZero() && k.ExpiresAt.Before(clock()):
		return "expired"
	}
	return "active"
}

// day writes an instant for a table, in UTC.
func day(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04")
}
