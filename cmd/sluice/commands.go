package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/cmd/sluice/config"
)

func (c *cli) serveCommand() *cobra.Command {
	var file string
	var print bool
	flags := config.Default()
	cmd := &cobra.Command{
		Use: "serve", Short: "Start the server", Args: none,
		Long: "Starts the server on its data folder. Settings come from, in this order, the defaults, the file of --config,\n" +
			"the environment (SLUICE_*) and these flags; --print-config shows what comes of them.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := settings(cmd, file)
			if err != nil {
				return err
			}
			if print {
				return c.printConfig(&cfg)
			}
			return serve(cmd.Context(), cfg, c.announce, c.err)
		},
	}
	for _, s := range flags.Settings() {
		if s.Name == "data" {
			continue // a flag of all commands
		}
		f := cmd.Flags().VarPF(&s, s.Flag, "", s.Help+" ($"+s.Env+")")
		if s.Type() == "bool" {
			f.NoOptDefVal = "true"
		}
	}
	cmd.Flags().StringVar(&file, "config", os.Getenv("SLUICE_CONFIG"), "YAML file with settings ($SLUICE_CONFIG)")
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
				return cfg, &usageError{fmt.Errorf("--%s: %w", s.Flag, err)}
			}
		}
	}
	if err := cfg.Check(); err != nil {
		return cfg, fmt.Errorf("settings: %w", err)
	}
	return cfg, nil
}

// config is what a server on the data folder would use, for commands that
// look at a stopped one's files.
func (c *cli) config(context.Context) (config.Config, error) {
	cfg := config.Default()
	if err := cfg.ReadEnv(os.Environ()); err != nil {
		return cfg, err
	}
	cfg.Data = c.data
	return cfg, nil
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
}

// announce tells that the server is ready: a script in one line of JSON, a
// person with what to do first.
func (c *cli) announce(r ready) error {
	if c.json {
		return json.NewEncoder(c.out).Encode(r)
	}
	_, err := io.WriteString(c.out, r.text())
	return err
}

func (r ready) text() string {
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
  sluice usage
  sluice balance
`, r.URL, r.TrialKey, r.Model)
	}
	return text + "\nStop with Ctrl-C; running answers finish first.\n\n"
}

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how the server is doing", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return ask(c, func(cl *client.Client) (api.Status, error) { return cl.Status(cmd.Context()) }, func(w io.Writer, s api.Status) {
				row(w, "version", s.Version)
				row(w, "since", day(s.StartedAt))
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
