package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api/client"
	"sluice/cmd/sluice/config"
)

// Rules of the command line: what a script reads goes to stdout, what a person
// is told beside it to stderr. With --json there is one object on a line, for
// each result. Errors name the cause and, where there is one, the next step.
// The exit code is 0 for success, 1 for an error, and 2 for a command line that
// cannot be understood. Times are in UTC.

// cli is what the commands share.
type cli struct {
	in       io.Reader
	out, err io.Writer
	program  string          // how this program was called
	hurry    context.Context // its end cuts short the end of a server

	data    string
	server  string
	key     string
	profile string
	json    bool
}

// run executes a command line and returns the exit code.
func (c *cli) run(ctx context.Context, args []string) int {
	root := c.root()
	root.SetArgs(args)
	root.SetIn(c.in)
	root.SetOut(c.out)
	root.SetErr(c.err)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if _, told := errors.AsType[*reported](err); !told {
		c.complain(err)
	}
	if _, misuse := errors.AsType[*usageError](err); misuse {
		return 2
	}
	return 1
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

// reported is a failure that the command has shown already.
type reported struct{ error }

// complain tells a person, or a script, what went wrong.
func (c *cli) complain(err error) {
	var e *sluice.Error
	if c.json {
		code, message := "error", err.Error()
		if errors.As(err, &e) {
			code, message = string(e.Code), e.Message
		}
		_ = json.NewEncoder(c.err).Encode(map[string]any{"error": map[string]string{"code": code, "message": message}}) // nowhere else to tell
		return
	}
	text := err.Error()
	if errors.As(err, &e) {
		text = e.Message
	}
	_, _ = fmt.Fprintln(c.err, "sluice:", text) // nowhere else to tell
}

// root is the command tree.
func (c *cli) root() *cobra.Command {
	root := group("sluice", "Run open-weight models as a service that is sold")
	root.Long = "Sluice serves models over OpenAI's API, meters every token, and bills it from prepaid balances.\n" +
		"`sluice serve` starts the server; the other commands speak to it, on this machine through its data folder,\n" +
		"or elsewhere with --server and --key, or after `sluice login`."
	root.Example = "  sluice serve\n  sluice engine add gpu1 --url http://10.0.0.7:8000 --model glm-4.6\n" +
		"  sluice --server https://models.example.com --key sk-… balance"
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return misused("%w; `%s --help` lists what there is", err, cmd.CommandPath())
	})
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return refuseElsewhere(cmd) }
	flags := root.PersistentFlags()
	flags.StringVar(&c.data, "data", envOr("SLUICE_DATA", config.Default().Data), "the server's data folder ($SLUICE_DATA)")
	flags.StringVar(&c.server, "server", os.Getenv("SLUICE_SERVER"), "URL of a server to speak to over the network instead ($SLUICE_SERVER)")
	flags.StringVar(&c.key, "key", os.Getenv("SLUICE_KEY"), "API key for --server ($SLUICE_KEY)")
	flags.StringVar(&c.profile, "profile", os.Getenv("SLUICE_PROFILE"), "name of a server that `sluice login` kept ($SLUICE_PROFILE)")
	flags.BoolVar(&c.json, "json", false, "answer in JSON, one object on a line")
	root.AddCommand(
		c.serveCommand(), c.orgCommand(), c.projectCommand(), c.keyCommand(), c.userCommand(), c.auditLogCommand(), c.modelCommand(), c.engineCommand(), c.queueCommand(),
		c.priceCommand(), c.planCommand(), c.subscriptionCommand(), c.quotaCommand(), c.balanceCommand(), c.creditCommand(), c.refundCommand(), c.invoiceCommand(), c.paymentCommand(), c.budgetCommand(), c.webhookCommand(), c.batchCommand(), c.fileCommand(), c.usageCommand(), c.ledgerCommand(), c.closeCommand(), c.receiptCommand(), c.statementCommand(), c.applyCommand(),
		c.nodesCommand(), c.costCommand(), c.whatIfCommand(), c.reportCommand(),
		c.simCommand(), c.chipsCommand(), c.kubeCommand(), c.statusCommand(), c.versionCommand(),
		c.powerCommand(),
		c.todayCommand(), c.customersCommand(), c.limitsCommand(), c.siteCommand(), c.loginCommand(), c.logoutCommand(),
	)
	_ = root.RegisterFlagCompletionFunc("profile", completeProfiles)
	return root
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// client speaks to the server: over the network when --server is given or
// somebody logged in, or else through the socket in the data folder.
func (c *cli) client() (*client.Client, error) {
	cl, err := c.reach()
	if err == nil {
		cl.Careful = true // what a command reads and changes, nobody else changes in between
	}
	return cl, err
}

// reach finds the server that is meant.
func (c *cli) reach() (*client.Client, error) {
	server, key, err := c.remote()
	if err != nil {
		return nil, err
	}
	if server != "" {
		return client.New(server, key)
	}
	path, err := socketPath(c.data)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("no server runs on the data folder %q: start one with `sluice serve --data %s`, or name one with --server or `sluice login`", c.data, c.data)
	}
	return client.Local(path), nil
}

// show prints a result: as JSON, or by human when people read.
func (c *cli) show(v any, human func(w io.Writer)) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(v)
	}
	w := tabwriter.NewWriter(c.out, 0, 8, 2, ' ', 0)
	human(w)
	return w.Flush()
}

// row prints one line of a table.
func row(w io.Writer, cells ...any) {
	for i, cell := range cells {
		if i > 0 {
			_, _ = io.WriteString(w, "\t") // a tabwriter's buffer; Flush tells
		}
		_, _ = fmt.Fprint(w, cell)
	}
	_, _ = io.WriteString(w, "\n")
}

// one is for commands that take one word, and says which.
func one(word string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return misused("`%s` takes one %s, and got %d words; see --help", cmd.CommandPath(), word, len(args))
		}
		return nil
	}
}

// atMostOne is for commands that take one word or none.
func atMostOne(word string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return misused("`%s` takes at most one %s, and got %d words; see --help", cmd.CommandPath(), word, len(args))
		}
		return nil
	}
}

// none is for commands that take no words.
func none(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return misused("`%s` takes no words, but got %q; see --help", cmd.CommandPath(), args[0])
	}
	return nil
}

// group is a command that only holds others.
func group(use, short string, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: known, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.SuggestionsMinimumDistance = 2
	cmd.AddCommand(children...)
	return cmd
}

// known refuses a word that is no command of a group, and says which may be meant.
func known(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see --help"
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		hint = fmt.Sprintf("do you mean `%s %s`?", cmd.CommandPath(), near[0])
	}
	return misused("`%s` has no command %q; %s", cmd.CommandPath(), args[0], hint)
}

// misused is an error of the command line's words, for the exit code 2.
func misused(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// orDash writes a number for a table, where zero says nothing.
func orDash(n int64) string {
	if n == 0 {
		return "-"
	}
	return strconv.FormatInt(n, 10)
}

// yes writes a truth for a table.
func yes(b bool) string {
	if b {
		return "yes"
	}
	return ""
}
