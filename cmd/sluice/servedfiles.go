package main

import (
	"io"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/shelf"
)

// modelFiles is `model files`.
func (c *cli) modelFiles() *cobra.Command {
	return &cobra.Command{
		Use: "files", Short: "List what the server makes of the files in its folder of models", Args: none,
		Long: "A GGUF file in the folder models of the server's data folder is an engine and a model by itself, without a restart.\n" +
			"This lists which are served, under which names, and why others are not. A model is loaded when it is first asked.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"MODEL", "FILE", "SIZE", "HOLDS", "CONTEXT", "STATE", "PRICED", "IN MEMORY", "WHY"}, func(cl *client.Client, p api.Paging) (api.Page[api.ModelFile], error) {
				return cl.ModelFiles(cmd.Context(), p)
			}, func(w io.Writer, f api.ModelFile) {
				holds, memory := "-", "-"
				if f.Architecture != "" {
					holds = f.Architecture + " " + f.Format
				}
				if f.Loaded {
					memory = gibibytes(&f.Memory)
				}
				why := f.Reason
				if f.State == shelf.Served && !f.Priced {
					why = "no call is taken without a price: sluice model price " + f.Model + " --input " + demoInput + " --output " + demoOutput
				}
				row(w, f.Model, f.File, gibibytes(&f.Size), holds, orDash(f.ContextLength), string(f.State), yes(f.Priced), memory, why)
			})
		},
	}
}
