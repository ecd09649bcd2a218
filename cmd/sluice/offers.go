package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/folder"
	"sluice/fleet/offer"
)

// offers looks for engines on this machine that the server could use.
func (s *server) offers(ctx context.Context) ([]offer.Offer, error) {
	engines, err := s.store.Engines(ctx)
	if err != nil {
		return nil, err
	}
	o := offer.Options{Path: os.Getenv("PATH"), Engines: engines}
	dir, err := filepath.Abs(s.models.Path())
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // whatever they hold: another engine may serve what Sluice's own does not
		if name := folder.Name(e.Name()); name != "" && !e.IsDir() {
			o.Models = append(o.Models, offer.Model{Name: name, Path: filepath.Join(dir, e.Name())})
		}
	}
	return offer.Find(ctx, o), nil
}

// engineOffers is `engine offers`.
func (c *cli) engineOffers() *cobra.Command {
	return &cobra.Command{
		Use: "offers", Short: "List engines on the server's machine that it could use: llama-server, ollama", Args: none,
		Long: "Looks for llama-server and ollama in the server's $PATH, and for an Ollama that listens on 127.0.0.1:11434, and shows\n" +
			"the command with which Sluice would use each. It starts nothing. What is used already is left out.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"ENGINE", "WHERE", "TO USE IT"}, func(cl *client.Client, p api.Paging) (api.Page[offer.Offer], error) {
				return cl.EngineOffers(cmd.Context(), p)
			}, func(w io.Writer, of offer.Offer) {
				title, at := of.Title, of.Program
				if of.URL != "" {
					at = of.URL + ", version " + of.Version
				}
				for _, words := range of.Commands {
					row(w, title, at, quotedAll(words))
					title, at = "", ""
				}
			})
		},
	}
}
