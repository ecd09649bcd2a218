package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
)

func (c *cli) userCommand() *cobra.Command {
	return group("user", "Users: people who sign in to the console",
		c.userCreate(), c.userList(), c.userInvite(), c.userReset(), c.userRole(), c.userDisable(), c.userSignOut())
}

// newUser is what `user create` shows: the user, and the link to a password.
type newUser struct {
	api.User

	Link string `json:"link,omitempty"`
}

func (c *cli) userCreate() *cobra.Command {
	var in api.CreateUser
	var org, role string
	var stdin bool
	cmd := &cobra.Command{
		Use: "create EMAIL", Short: "Make a user", Args: one("EMAIL"),
		Long: "Makes a user. Without --password-stdin it shows a link, good for an hour, by which the user sets a password.\n" +
			"With --org the role is one of that organisation (owner, admin, billing, developer, viewer), without it one of the\n" +
			"operator (owner, admin, finance, support).",
		Example: "  sluice user create ada@example.com --role owner\n" +
			"  sluice user create bob@example.com --org acme --role developer\n" +
			"  printf '%s' \"$PASSWORD\" | sluice user create ada@example.com --role owner --password-stdin",
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Email = args[0]
			if stdin {
				password, err := readSecret(c.in)
				if err != nil {
					return err
				}
				in.Password = password
			}
			return ask(c, func(cl *client.Client) (newUser, error) {
				return makeUser(cmd.Context(), cl, in, org, sluice.Role(role))
			}, func(w io.Writer, u newUser) {
				row(w, "user", u.ID)
				row(w, "e-mail", u.Email)
				if u.Link != "" {
					row(w, "to set a password", u.Link)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.Name, "name", "", "what the user is called")
	f.BoolVar(&stdin, "password-stdin", false, "read the password from the standard input")
	c.positionFlags(cmd, &org, &role)
	return cmd
}

// makeUser makes a user, gives the role, and makes the link to a password.
func makeUser(ctx context.Context, cl *client.Client, in api.CreateUser, org string, role sluice.Role) (newUser, error) {
	var id string
	if org != "" {
		var err error
		if id, err = onlyOrg(ctx, cl, org); err != nil {
			return newUser{}, err
		}
		role = cmp.Or(role, sluice.RoleDeveloper)
	} else {
		in.OperatorRole = role
	}
	if role != "" && !role.For(id) {
		return newUser{}, misused("--role %s is none of %s's roles", role, cmp.Or(org, "the operator"))
	}
	u, err := cl.CreateUser(ctx, in)
	if err != nil {
		return newUser{}, err
	}
	out := newUser{User: u}
	if id != "" {
		if _, err := cl.PutMember(ctx, u.ID, api.PutMember{Organisation: id, Role: role}); err != nil {
			return out, err
		}
		if out.User, err = cl.User(ctx, u.ID); err != nil {
			return out, err
		}
	}
	if in.Password == "" {
		link, err := cl.ResetUser(ctx, u.ID)
		if err != nil {
			return out, err
		}
		out.Link = link.URL
	}
	return out, nil
}

// readSecret reads one line.
func readSecret(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", misused("--password-stdin: there is no password on the standard input")
	}
	return line, nil
}

// positionFlags adds a role and whom it is for.
func (c *cli) positionFlags(cmd *cobra.Command, org, role *string) {
	cmd.Flags().StringVar(org, "org", "", "organisation, by its id or name, that the role is for; absent: the operator")
	cmd.Flags().StringVar(role, "role", "", "owner, admin, finance or support; with --org owner, admin, billing, developer or viewer")
	_ = cmd.RegisterFlagCompletionFunc("org", c.completeOrgs())
	_ = cmd.RegisterFlagCompletionFunc("role", cobra.FixedCompletions(
		[]string{"owner", "admin", "finance", "support", "billing", "developer", "viewer"}, cobra.ShellCompDirectiveNoFileComp))
}

func (c *cli) completeUsers() cobra.CompletionFunc {
	return complete(c, func(ctx context.Context, cl *client.Client, p api.Paging) (api.Page[api.User], error) {
		return cl.Users(ctx, p)
	}, func(u api.User) (string, string) { return u.Email, u.Name })
}

func (c *cli) userList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List users", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ID", "E-MAIL", "NAME", "OPERATOR", "MEMBER OF", "SECOND FACTOR", "SIGNED IN (UTC)", "STATE"}, func(cl *client.Client, p api.Paging) (api.Page[api.User], error) {
				return cl.Users(cmd.Context(), p)
			}, func(w io.Writer, u api.User) {
				var in []string
				for _, m := range u.Memberships {
					in = append(in, m.Organisation+" ("+string(m.Role)+")")
				}
				state := ""
				if !u.DisabledAt.IsZero() {
					state = "disabled"
				}
				row(w, u.ID, u.Email, u.Name, u.OperatorRole, strings.Join(in, ", "), yes(u.SecondFactor), day(u.SignedInAt), state)
			})
		},
	}
}

func (c *cli) userInvite() *cobra.Command {
	var org, role string
	cmd := &cobra.Command{
		Use: "invite EMAIL", Short: "Invite somebody; the link is mailed, or shown this once", Args: one("EMAIL"),
		Long:    "Invites whoever reads the mails of an address. The link works once, for three days.",
		Example: "  sluice user invite bob@example.com --org acme --role billing",
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.NewInvitation, error) {
				id, err := filterOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.NewInvitation{}, err
				}
				return cl.CreateInvitation(cmd.Context(), api.CreateInvitation{Organisation: id, Role: sluice.Role(role), Email: args[0]})
			}, func(w io.Writer, i api.NewInvitation) {
				row(w, "invitation", i.ID)
				showLink(w, i.Link)
			})
		},
	}
	c.positionFlags(cmd, &org, &role)
	_ = cmd.MarkFlagRequired("role")
	return cmd
}

func showLink(w io.Writer, l api.Link) {
	if l.Mailed {
		row(w, "link", "sent by e-mail")
		return
	}
	row(w, "link", l.URL)
	row(w, "note", "pass it on: it is shown this once")
}

func (c *cli) userReset() *cobra.Command {
	var factor bool
	cmd := &cobra.Command{
		Use: "reset USER", Short: "Make a link by which a user sets a new password", Args: one("USER"),
		Long: "Makes a link, good once and for an hour. With --second-factor it also removes the user's authenticator app, for\n" +
			"who has lost it and the recovery codes: make sure that it is the user who asks.",
		Example:           "  sluice user reset ada@example.com\n  sluice user reset ada@example.com --second-factor",
		ValidArgsFunction: c.completeUsers(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Link, error) {
				if factor {
					if err := cl.RemoveSecondFactor(cmd.Context(), args[0]); err != nil {
						return api.Link{}, err
					}
				}
				return cl.ResetUser(cmd.Context(), args[0])
			}, showLink)
		},
	}
	cmd.Flags().BoolVar(&factor, "second-factor", false, "remove the second factor as well")
	return cmd
}

func (c *cli) userRole() *cobra.Command {
	var org, role string
	var remove bool
	cmd := &cobra.Command{
		Use: "role USER", Short: "Give a user a role, or take it away", Args: one("USER"),
		Example: "  sluice user role bob@example.com --org acme --role admin\n" +
			"  sluice user role bob@example.com --org acme --none",
		ValidArgsFunction: c.completeUsers(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.User, error) {
				id, err := filterOrg(cmd.Context(), cl, org)
				if err != nil {
					return api.User{}, err
				}
				if remove {
					err = cl.DeleteMember(cmd.Context(), id, args[0])
				} else {
					_, err = cl.PutMember(cmd.Context(), args[0], api.PutMember{Organisation: id, Role: sluice.Role(role)})
				}
				if err != nil {
					return api.User{}, err
				}
				return cl.User(cmd.Context(), args[0])
			}, showUser)
		},
	}
	c.positionFlags(cmd, &org, &role)
	cmd.Flags().BoolVar(&remove, "none", false, "take the role away")
	cmd.MarkFlagsOneRequired("role", "none")
	cmd.MarkFlagsMutuallyExclusive("role", "none")
	return cmd
}

func showUser(w io.Writer, u api.User) {
	row(w, "user", u.ID)
	row(w, "e-mail", u.Email)
	row(w, "operator", cmp.Or(string(u.OperatorRole), "-"))
	for _, m := range u.Memberships {
		row(w, "member of", m.Organisation, m.Role)
	}
	if !u.DisabledAt.IsZero() {
		row(w, "disabled since", day(u.DisabledAt)+" UTC")
	}
}

func (c *cli) userDisable() *cobra.Command {
	var enable bool
	cmd := &cobra.Command{
		Use: "disable USER", Short: "Let a user in no longer, or again", Args: one("USER"),
		Example:           "  sluice user disable bob@example.com\n  sluice user disable bob@example.com --undo",
		ValidArgsFunction: c.completeUsers(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.User, error) {
				disabled := !enable
				return cl.UpdateUser(cmd.Context(), args[0], api.UpdateUser{Disabled: &disabled})
			}, showUser)
		},
	}
	cmd.Flags().BoolVar(&enable, "undo", false, "let the user in again")
	return cmd
}

func (c *cli) userSignOut() *cobra.Command {
	return &cobra.Command{
		Use: "sign-out USER", Short: "End all sessions of a user", Args: one("USER"), ValidArgsFunction: c.completeUsers(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (map[string]string, error) {
				return map[string]string{"signed_out": args[0]}, cl.SignUserOut(cmd.Context(), args[0])
			}, func(w io.Writer, m map[string]string) { row(w, "signed out", m["signed_out"]) })
		},
	}
}
