package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"sluice"
	"sluice/api/client"
	"sluice/cmd/sluice/config"
)

// profile is a server with the key to it.
type profile struct {
	Server string `json:"server"`
	Key    string `json:"key"`
}

// logins is what `sluice login` keeps, in a file that only its user can read.
type logins struct {
	Current  string             `json:"current,omitempty"` // the profile that is used when none is named
	Profiles map[string]profile `json:"profiles"`
}

// loginsPath is where logins are kept: sluice/logins.json in the user's
// configuration folder, such as ~/.config on Linux.
func loginsPath() (string, error) {
	folder, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("finding the folder for logins: %w", err)
	}
	return filepath.Join(folder, "sluice", "logins.json"), nil
}

// readLogins returns what is kept; none where there is nothing.
func readLogins() (logins, error) {
	l := logins{Profiles: map[string]profile{}}
	path, err := loginsPath()
	if err != nil {
		return l, nil //nolint:nilerr // without a home there are none
	}
	raw, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &l)
	}
	if err != nil {
		return l, fmt.Errorf("reading the logins in %s: %w", path, err)
	}
	return l, nil
}

// write keeps logins, for this user alone.
func (l *logins) write() error {
	path, err := loginsPath()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("writing logins: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the folder for logins: %w", err)
	}
	if err := keepFile(path, append(text, '\n')); err != nil {
		return fmt.Errorf("keeping the login in %s: %w", path, err)
	}
	return nil
}

// remote returns which server to ask over the network, and with which key; no
// server is the one on this machine. What is said on the command line and in
// the environment goes before what `sluice login` kept.
func (c *cli) remote() (server, key string, err error) {
	kept, err := readLogins()
	if err != nil {
		return "", "", err
	}
	if c.server != "" {
		if c.key != "" {
			return c.server, c.key, nil
		}
		names := append([]string{kept.Current}, slices.Sorted(maps.Keys(kept.Profiles))...)
		for _, name := range names { // a key goes to its own server and to no other
			if p := kept.Profiles[name]; p.Server == strings.TrimRight(c.server, "/") {
				return c.server, p.Key, nil
			}
		}
		return c.server, "", nil
	}
	name := c.profile
	if name == "" {
		if c.data != config.Default().Data { // by --data or $SLUICE_DATA
			return "", "", nil
		}
		name = kept.Current
	}
	if name == "" {
		return "", "", nil
	}
	p, ok := kept.Profiles[name]
	if !ok {
		return "", "", fmt.Errorf("there is no login %q; `sluice login --profile %s URL` makes it", name, name)
	}
	return p.Server, cmp.Or(c.key, p.Key), nil
}

func (c *cli) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login URL", Short: "Speak to a server over the network from now on", Args: one("URL"),
		Long: "Keeps a server's URL and an API key in the configuration folder of this user, in a file that nobody else can read,\n" +
			"after asking the server who the key belongs to. The key is that of --key or $SLUICE_KEY, or else it is asked for.\n" +
			"Commands then speak to that server. --server, --data and their variables go before it; `sluice logout` ends it.\n" +
			"With --profile several servers are kept; the last login is the one that is used without --profile.",
		Example: "  sluice login https://models.example.com\n  sluice login --profile staging https://staging.example.com < key.txt\n" +
			"  sluice --profile staging status",
		RunE: func(cmd *cobra.Command, args []string) error {
			server := strings.TrimRight(args[0], "/")
			key := c.key
			if key == "" {
				var err error
				if key, err = c.askKey(); err != nil {
					return err
				}
			}
			cl, err := client.New(server, key)
			if err != nil {
				return err
			}
			if u, err := url.Parse(server); err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && !net.ParseIP(u.Hostname()).IsLoopback() {
				c.note("warning: %s is not encrypted: everybody on the way can read the key", server)
			}
			me, err := cl.Me(cmd.Context())
			if err != nil {
				return err
			}
			kept, err := readLogins()
			if err != nil {
				return err
			}
			name := cmp.Or(c.profile, "default")
			kept.Current, kept.Profiles[name] = name, profile{Server: server, Key: key}
			if err := kept.write(); err != nil {
				return err
			}
			return c.show(me, func(w io.Writer) {
				row(w, fmt.Sprintf("logged in at %s as %s", server, me.Role))
			})
		},
	}
}

func (c *cli) logoutCommand() *cobra.Command {
	return &cobra.Command{
		Use: "logout", Short: "Forget a server and its key", Args: none,
		Long:    "Forgets the login that is in use, or that of --profile. The key itself stays valid: `sluice key revoke` ends it.",
		Example: "  sluice logout\n  sluice logout --profile staging",
		RunE: func(*cobra.Command, []string) error {
			kept, err := readLogins()
			if err != nil {
				return err
			}
			name := cmp.Or(c.profile, kept.Current)
			p, ok := kept.Profiles[name]
			if !ok {
				return misused("there is no login to forget; `sluice login URL` makes one")
			}
			delete(kept.Profiles, name)
			if kept.Current == name {
				kept.Current = ""
			}
			if err := kept.write(); err != nil {
				return err
			}
			return c.show(map[string]string{"profile": name, "server": p.Server}, func(w io.Writer) { row(w, "logged out of "+p.Server) })
		},
	}
}

// askKey reads a key: unseen from a terminal, or a line from what is piped in.
func (c *cli) askKey() (string, error) {
	c.note("API key:")
	var key string
	if f, ok := c.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		raw, err := term.ReadPassword(int(f.Fd()))
		if err != nil {
			return "", fmt.Errorf("reading the key: %w", err)
		}
		key = string(raw)
	} else {
		line, err := bufio.NewReader(c.in).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("reading the key: %w", err)
		}
		key = line
	}
	if key = strings.TrimSpace(key); key == "" {
		return "", sluice.Errorf(sluice.CodeUnauthenticated, "No key was given. An owner makes one with `sluice key create`.")
	}
	return key, nil
}

// note tells a person something beside the result.
func (c *cli) note(format string, args ...any) {
	_, _ = fmt.Fprintf(c.err, format+"\n", args...) // nowhere else to tell
}

// completeProfiles offers the names of what `sluice login` kept.
func completeProfiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	kept, err := readLogins()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	for _, name := range slices.Sorted(maps.Keys(kept.Profiles)) {
		words = append(words, cobra.CompletionWithDesc(name, kept.Profiles[name].Server))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// onlyHere says of commands that ask no server why: with --server they are refused.
func onlyHere() map[string]string {
	return map[string]string{
		"sluice serve":          "it starts a server on this machine",
		"sluice model pull":     "it downloads into the data folder of this machine",
		"sluice model import":   "it copies into the data folder of this machine",
		"sluice model rm":       "it deletes from the data folder of this machine",
		"sluice sim":            "it computes on this machine alone",
		"sluice receipt verify": "it checks a file against a head, on this machine and offline",
		"sluice logout":         "it forgets a login on this machine; --profile says which",
		"sluice login":          "the URL of the server is its word: `sluice login URL`",
	}
}

// refuseElsewhere refuses --server where it would be ignored.
func refuseElsewhere(cmd *cobra.Command) error {
	if !cmd.Root().PersistentFlags().Changed("server") {
		return nil
	}
	for at := cmd; at != nil; at = at.Parent() {
		if why := onlyHere()[at.CommandPath()]; why != "" {
			return misused("`%s` does not speak to a server: %s; leave --server out", cmd.CommandPath(), why)
		}
	}
	return nil
}
