package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"sluice/fleet/folder"
)

// modelsFolder is where a server with this data folder keeps its models.
func modelsFolder(data string) string { return filepath.Join(data, "models") }

// modelFile is a file of the folder of models, as --json writes it.
type modelFile struct {
	Name         string         `json:"name"`
	Path         string         `json:"path"`
	Size         int64          `json:"size"` // bytes
	Architecture string         `json:"architecture,omitempty"`
	Format       string         `json:"format,omitempty"`
	Parameters   int64          `json:"parameters,omitempty"`
	Context      int            `json:"context_length,omitempty"`
	Origin       *folder.Origin `json:"origin,omitempty"`
	Reason       string         `json:"reason,omitempty"` // why the embedded engine does not serve it
}

func toModelFile(f *folder.File) modelFile {
	m := modelFile{
		Name: f.Name, Path: f.Path, Size: f.Size, Origin: f.Origin,
		Architecture: f.Facts.Architecture, Format: f.Facts.Format, Parameters: f.Facts.Parameters, Context: f.Facts.Context,
	}
	if f.Err != nil {
		m.Reason = f.Err.Error()
	}
	return m
}

// listModelFiles lists the folder of this machine, which needs no server.
func (c *cli) listModelFiles() error {
	files, err := folder.Open(modelsFolder(c.data)).List()
	if err != nil {
		return err
	}
	if c.json {
		for i := range files {
			if err := c.show(toModelFile(&files[i]), nil); err != nil {
				return err
			}
		}
		return nil
	}
	if len(files) == 0 {
		c.note("There are no models in %s: `sluice model pull` and `sluice model import` bring some.", modelsFolder(c.data))
		return nil
	}
	return c.show(nil, func(w io.Writer) {
		row(w, "NAME", "SIZE", "ARCHITECTURE", "FORMAT", "PARAMETERS", "FROM", "NOT SERVED BECAUSE")
		for i := range files {
			m := toModelFile(&files[i])
			row(w, m.Name, bytesOf(m.Size), m.Architecture, m.Format, count(m.Parameters), from(m.Origin), m.Reason)
		}
	})
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
					return fmt.Errorf("%w; `sluice model list --files` shows what there is", err)
				}
				m := toModelFile(&file)
				if err := c.show(m, func(w io.Writer) { row(w, "removed", m.Name, bytesOf(m.Size)) }); err != nil {
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
	m := toModelFile(file)
	if err := c.show(m, func(w io.Writer) {
		row(w, "model", m.Name)
		row(w, "file", m.Path)
		row(w, "size", bytesOf(m.Size))
		if m.Architecture != "" {
			row(w, "holds", fmt.Sprintf("%s, %s parameters, %s", m.Architecture, count(m.Parameters), m.Format))
		}
		if m.Origin != nil {
			row(w, "sha256", m.Origin.SHA256)
		}
	}); err != nil || c.json {
		return err
	}
	if m.Reason != "" {
		c.note("Sluice's own engine does not serve it: %s\nAnother engine may: sluice engine add NAME --model %s -- llama-server --model %s", m.Reason, m.Name, quoted(m.Path))
		return nil
	}
	c.note("A server on %s serves it within seconds, or when it starts. If it has no price yet: sluice model price %s --input 0.10 --output 0.20", c.data, m.Name)
	return nil
}
