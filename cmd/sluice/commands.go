package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/cmd/sluice/config"
	"sluice/fleet/offer"
)

func (c *cli) serveCommand() *cobra.Command {
	var file string
	var print bool
	flags := config.Default()
	cmd := &cobra.Command{
		Use: "serve", Short: "Start the server", Args: none,
		Long: "Starts the server on its data folder. Settings come from, in this order, the defaults, the file of --config,\n" +
			"the environment (SLUICE_*) and these flags; --print-config shows what comes of them, as a file for --config.\n" +
			"Secrets (mail_password, stripe_key, stripe_webhook_secret) have no flag and are not shown.\n" +
			"SIGTERM or Ctrl-C stops it once running calls have finished; a second one stops it at once.\n" +
			"With --json it prints one line when it takes calls: {\"event\":\"ready\",\"url\":…}. The log is JSON, on stderr.",
		Example: "  sluice serve\n" +
			"  sluice serve --data /var/lib/sluice --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --embedded=false\n" +
			"  sluice serve --print-config > sluice.yaml && sluice serve --config sluice.yaml",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd, file)
			if err != nil {
				return err
			}
			if print {
				return c.printConfig(&cfg)
			}
			return serve(cmd.Context(), c.hurry, cfg, func(r ready) error { return c.announce(r, cfg.Data) }, c.err)
		},
	}
	for _, s := range flags.Settings() {
		if s.Name == "data" || s.Secret() {
			continue // a flag of all commands; no flag at all
		}
		f := cmd.Flags().VarPF(&s, s.Flag, "", s.Help+" ($"+s.Env+")")
		if s.Type() == "bool" {
			f.NoOptDefVal = "true"
		}
	}
	_ = cmd.RegisterFlagCompletionFunc("log-level", cobra.FixedCompletions([]string{"debug", "info", "warn", "error"}, cobra.ShellCompDirectiveNoFileComp))
	configFlag(cmd, &file)
	cmd.Flags().BoolVar(&print, "print-config", false, "print the settings that would be used, and exit")
	return cmd
}

// settings are the defaults, overlaid by file, environment and flags.
func settings(cmd *cobra.Command, file string) (config.Config, error) {
	cfg := config.Default()
	if file != "" {
		if err := cfg.ReadFile(file); err != nil {
			return cfg, err
		}
	}
	if err := cfg.ReadEnv(os.Environ()); err != nil {
		return cfg, err
	}
	for _, s := range cfg.Settings() {
		if f := cmd.Flags().Lookup(s.Flag); f != nil && f.Changed {
			if err := s.Set(f.Value.String()); err != nil {
				return cfg, misused("--%s: %w", s.Flag, err)
			}
		}
	}
	if err := cfg.Check(); err != nil {
		return cfg, fmt.Errorf("settings: %w", err)
	}
	return cfg, nil
}

func configFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", os.Getenv("SLUICE_CONFIG"), "YAML file with the server's settings ($SLUICE_CONFIG)")
}

func (c *cli) printConfig(cfg *config.Config) error {
	if c.json {
		values := map[string]string{}
		for _, s := range cfg.Settings() {
			values[s.Name] = s.String()
		}
		return json.NewEncoder(c.out).Encode(values)
	}
	text, err := cfg.YAML()
	if err != nil {
		return err
	}
	_, err = c.out.Write(text)
	return err
}

// ready is what `sluice serve` says once it takes calls.
type ready struct {
	Event    string `json:"event"` // "ready"
	URL      string `json:"url"`
	SetupURL string `json:"setup_url,omitempty"`
	TrialKey string `json:"trial_key,omitempty"`
	Model    string `json:"model,omitempty"`

	Offers []offer.Offer `json:"-"` // engines on this machine that could be used; scripts ask for `engine offers`
}

// announce tells that the server is ready: a script in one line of JSON, a
// person with what to do first.
func (c *cli) announce(r ready, data string) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(r)
	}
	again := "sluice"
	if strings.ContainsRune(c.program, filepath.Separator) {
		again = quoted(c.program)
	}
	if data != envOr("SLUICE_DATA", config.Default().Data) {
		again += " --data " + quoted(data)
	}
	_, err := io.WriteString(c.out, r.text(again))
	return err
}

// quoted writes a word so that a shell reads it as one.
func quoted(word string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-+:=@%,", r)
	}
	if word != "" && strings.TrimFunc(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// text tells a person what to do first, in commands that begin with again.
func (r ready) text(again string) string {
	text := fmt.Sprintf("Sluice %s is ready at %s\n", version, r.URL)
	if r.SetupURL != "" {
		text += fmt.Sprintf("\nMake the first administrator (this link works once):\n  %s\n", r.SetupURL)
	}
	if r.TrialKey != "" {
		text += fmt.Sprintf(`
Ask the model in the box, a real but tiny one:
  curl %s/v1/chat/completions -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' \
    -d '{"model":"%s","messages":[{"role":"user","content":"What is Sluice?"}]}'

Then see what it cost:
  %s usage
  %s balance
`, r.URL, r.TrialKey, r.Model, again, again)
	}
	return text + r.offered(again) + "\nStop with Ctrl-C; running answers finish first. The log follows.\n\n"
}

// offered tells a person of engines on this machine.
func (r ready) offered(again string) string {
	var text strings.Builder
	for _, of := range r.Offers {
		fmt.Fprintf(&text, "\n%s is on this machine. To use it:\n  %s %s\n", of.Title, again, quotedAll(of.Commands[0][1:]))
	}
	return text.String()
}

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how the server is doing", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (api.Status, error) { return cl.Status(cmd.Context()) }, func(w io.Writer, s api.Status) {
				row(w, "version", s.Version)
				row(w, "since", day(s.StartedAt)+" UTC")
				row(w, "engines serving", fmt.Sprintf("%d of %d", s.EnginesServing, s.Engines))
				row(w, "calls that hold money", s.Holds)
				row(w, "postings queued", s.Queued)
			})
		},
	}
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: none,
		RunE: func(*cobra.Command, []string) error {
			v := api.Version{Version: version, Go: runtime.Version()}
			return c.show(v, func(w io.Writer) { row(w, "sluice "+v.Version+" ("+v.Go+" "+runtime.GOOS+"/"+runtime.GOARCH+")") })
		},
	}
}
