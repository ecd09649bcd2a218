package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/folder"
	"sluice/fleet/shelf"
)

// modelsFolder is where a server with this data folder keeps its models.
func modelsFolder(data string) string { return filepath.Join(data, "models") }

// modelFiles is `model files`.
func (c *cli) modelFiles() *cobra.Command {
	return &cobra.Command{
		Use: "files", Short: "List the files in the folder of models, and what the server makes of them", Args: none,
		Long: "A GGUF file in the folder models of the server's data folder is an engine and a model by itself, without a restart.\n" +
			"This lists which are served, under which names, and why others are not. A model is loaded when it is first asked.\n" +
			"Where no server runs, it lists what the folder has.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			columns := []any{"MODEL", "FILE", "SIZE", "HOLDS", "PARAMETERS", "FROM", "STATE", "PRICED", "IN MEMORY", "WHY"}
			if _, err := c.client(); err != nil && c.server == "" {
				return c.filesAlone(columns)
			}
			return listAll(c, columns, func(cl *client.Client, p api.Paging) (api.Page[api.ModelFile], error) {
				return cl.ModelFiles(cmd.Context(), p)
			}, modelFileRow)
		},
	}
}

// filesAlone lists the folder without a server.
func (c *cli) filesAlone(columns []any) error {
	files, err := folder.Open(modelsFolder(c.data)).List()
	if err != nil {
		return err
	}
	if !c.json {
		c.note("No server runs on %s. Its folder of models has %d files.", c.data, len(files))
	}
	if c.json {
		for i := range files {
			if err := c.show(modelFile(&files[i]), nil); err != nil {
				return err
			}
		}
		return nil
	}
	return c.show(nil, func(w io.Writer) {
		row(w, columns...)
		for i := range files {
			modelFileRow(w, modelFile(&files[i]))
		}
	})
}

// modelFile is a file of the folder as the API shows it, without what only a
// server knows.
func modelFile(f *folder.File) api.ModelFile {
	m := api.ModelFile{
		File: filepath.Base(f.Path), Model: f.Name, Size: f.Size, Origin: f.Origin, Name: f.Facts.Name, Architecture: f.Facts.Architecture,
		Format: f.Facts.Format, Parameters: f.Facts.Parameters, ContextLength: int64(f.Facts.Context), Embeddings: f.Facts.Embeds,
	}
	if f.Err != nil {
		m.State, m.Reason = shelf.Refused, f.Err.Error()
	}
	return m
}

func modelFileRow(w io.Writer, f api.ModelFile) {
	holds, memory, why, state := "-", "-", f.Reason, "-"
	if f.Architecture != "" {
		holds = f.Architecture + " " + f.Format
	}
	if f.Loaded {
		memory = bytesOf(f.Memory)
	}
	if f.State != "" {
		state = string(f.State)
	}
	if f.State == shelf.Served && !f.Priced {
		why = "no call is taken without a price: " + priceIt(f.Model)
	}
	row(w, f.Model, f.File, bytesOf(f.Size), holds, count(f.Parameters), from(f.Origin), state, yes(f.Priced), memory, why)
}

// priceIt is the command that prices a model.
func priceIt(model string) string {
	return "sluice model price " + model + " --input " + demoInput + " --output " + demoOutput
}

// from says in a word where a model came from.
func from(o *folder.Origin) string {
	switch {
	case o == nil:
		return "-"
	case o.Repository != "":
		return o.Repository
	}
	return o.File
}

// bytesOf writes a size for people.
func bytesOf(n int64) string {
	switch {
	case n >= 1e9:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	case n >= 1e6:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%d B", n)
}

// count writes a number of parameters as models are called: 0.6B, 30.5B.
func count(n int64) string {
	switch {
	case n == 0:
		return "-"
	case n >= 1e8:
		return fmt.Sprintf("%.1fB", float64(n)/1e9)
	}
	return fmt.Sprintf("%.1fM", float64(n)/1e6)
}

// modelRemoveFile is `model rm`.
func (c *cli) modelRemoveFile() *cobra.Command {
	return &cobra.Command{
		Use: "rm NAME...", Short: "Delete models' files from this machine's folder of models", Args: cobra.MinimumNArgs(1),
		Long: "Deletes files that `model pull` and `model import` brought, or that were put into the folder by hand. A server\n" +
			"that serves one takes it out within seconds, when its running answers have ended. `model remove` takes a model\n" +
			"off sale instead, and leaves its file.",
		ValidArgsFunction: c.completeModelFiles,
		RunE: func(_ *cobra.Command, args []string) error {
			f := folder.Open(modelsFolder(c.data))
			for _, name := range args {
				file, err := f.Remove(name)
				if err != nil {
					return fmt.Errorf("%w; `sluice model files` shows what there is", err)
				}
				if err := c.show(modelFile(&file), func(w io.Writer) { row(w, "removed", file.Name, bytesOf(file.Size)) }); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// completeModelFiles offers the names of the folder's models.
func (c *cli) completeModelFiles(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	files, err := folder.Open(modelsFolder(c.data)).List()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var words []cobra.Completion
	for i := range files {
		words = append(words, cobra.CompletionWithDesc(files[i].Name, strings.TrimSpace(files[i].Facts.Architecture+" "+bytesOf(files[i].Size))))
	}
	return words, cobra.ShellCompDirectiveNoFileComp
}

// showKept prints a model that has come into the folder, and what to do next.
func (c *cli) showKept(file *folder.File) error {
	if err := c.show(modelFile(file), func(w io.Writer) {
		row(w, "model", file.Name)
		row(w, "file", file.Path)
		row(w, "size", bytesOf(file.Size))
		if file.Err == nil {
			row(w, "holds", fmt.Sprintf("%s, %s parameters, %s", file.Facts.Architecture, count(file.Facts.Parameters), file.Facts.Format))
		}
		if file.Origin != nil {
			row(w, "sha256", file.Origin.SHA256)
		}
	}); err != nil || c.json {
		return err
	}
	next := fmt.Sprintf("A server on %s serves it within seconds, or when it starts. `sluice model files` tells; if it has no price yet: %s", c.data, priceIt(file.Name))
	if file.Err != nil {
		next = fmt.Sprintf("Sluice's own engine does not serve it: %v\nAnother engine may: sluice engine add NAME --model %s -- llama-server --model %s", file.Err, file.Name, quoted(file.Path))
	}
	c.note("%s", next)
	return nil
}
