package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice/fleet/folder"
	"sluice/fleet/process"
	"sluice/plug/hub"
)

// modelPull is `model pull`.
func (c *cli) modelPull() *cobra.Command {
	var name string
	var replace bool
	cmd := &cobra.Command{
		Use: "pull OWNER/NAME[@REVISION][:QUANTISATION]", Short: "Download a GGUF file into this machine's folder of models", Args: one("model of a hub"),
		Long: "Downloads from Hugging Face, or from the mirror that HF_ENDPOINT names, over several connections; a download that\n" +
			"was stopped goes on where it was. Every byte counts into the SHA-256 that the hub lists before the file is used.\n" +
			"Of a repository's GGUF files it takes the one of the quantisation, or else Q4_K_M, or Q8_0, or the only one; a\n" +
			"file's path or its page's URL is understood as well. HF_TOKEN, or the token of `hf auth login`, opens what is gated.",
		Example: "  sluice model pull Qwen/Qwen3-0.6B-GGUF\n" +
			"  sluice model pull Qwen/Qwen3-8B-GGUF:Q4_K_M --name qwen3\n" +
			"  HF_ENDPOINT=https://hub.example.com sluice model pull Qwen/Qwen3-0.6B-GGUF/Qwen3-0.6B-Q8_0.gguf",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := hub.Parse(args[0])
			if err != nil {
				return misused("%w", err)
			}
			h, err := hubOf()
			if err != nil {
				return err
			}
			return c.pull(cmd.Context(), h, ref, name, replace)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call it, instead of the file's name")
	cmd.Flags().BoolVar(&replace, "replace", false, "take the place of another model of this name")
	return cmd
}

// hubOf is the hub that the environment names, as Hugging Face's own tools take it:
// https://huggingface.co/docs/huggingface_hub/package_reference/environment_variables.
func hubOf() (*hub.Hub, error) {
	if on := strings.ToUpper(os.Getenv("HF_HUB_OFFLINE")); on == "1" || on == "TRUE" || on == "YES" || on == "ON" {
		return nil, errors.New("HF_HUB_OFFLINE is set, so nothing is downloaded: unset it, or bring the file here and `sluice model import` it")
	}
	return hub.New(os.Getenv("HF_ENDPOINT"), hubToken(), hub.Client())
}

// hubToken is the token for a hub: HF_TOKEN, or what `hf auth login` keeps.
func hubToken() string {
	if t := os.Getenv("HF_TOKEN"); t != "" {
		return t
	}
	path := os.Getenv("HF_TOKEN_PATH")
	if path == "" {
		home, _ := os.UserHomeDir() // "" finds no token
		path = filepath.Join(envOr("HF_HOME", filepath.Join(home, ".cache", "huggingface")), "token")
	}
	data, err := os.ReadFile(path) //nolint:gosec // the user's own file, by the user's own variable
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}

// pull downloads what a reference means into the folder of models.
func (c *cli) pull(ctx context.Context, h *hub.Hub, ref hub.Reference, name string, replace bool) error {
	repo, err := h.Repository(ctx, ref.Repository, ref.Revision)
	if err != nil {
		return err
	}
	file, err := repo.Choose(ref)
	if err != nil {
		return err
	}
	models := folder.Open(modelsFolder(c.data))
	if name == "" {
		if name = folder.Name(file.Path); name == "" {
			return misused("%s is no GGUF file, by its name", file.Path)
		}
	}
	there, err := models.Find(name)
	switch {
	case err == nil && there.Origin != nil && there.Origin.SHA256 == file.SHA256 && file.SHA256 != "":
		c.note("It is there already.")
		return c.showKept(&there)
	case err == nil && !replace:
		return fmt.Errorf("the folder has another model called %s: give this one a name with --name, or take the other's place with --replace", name)
	case err != nil && !errors.Is(err, folder.ErrUnknown):
		return err
	}
	into, err := models.Part(name)
	if err != nil {
		return misused("%w", err)
	}
	begun := h.Begun(file, into)
	if err := room(models.Path(), file.Size-begun); err != nil {
		return err
	}
	release, err := models.Claim(name)
	if err != nil {
		return err
	}
	defer release()
	c.note("%s of %s at %.12s: %s", file.Path, repo.Name, repo.Commit, bytesOf(file.Size))
	p := c.progress()
	digest, err := h.Download(ctx, repo, file, into, func(d hub.Progress) { p.show(string(d.Stage), d.Done, d.Size) })
	p.end()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped: %s of %s are here; the same command goes on with them", bytesOf(h.Begun(file, into)), bytesOf(file.Size))
	}
	if err != nil {
		return err
	}
	kept, err := models.Keep(name, folder.Origin{
		Endpoint: h.Endpoint(), Repository: repo.Name, Revision: repo.Commit, File: file.Path, SHA256: digest, Size: file.Size, Added: time.Now().UTC(),
	})
	if err != nil {
		return err
	}
	return c.showKept(&kept)
}

// room fails when the disk has too little for so many bytes more.
func room(path string, bytes int64) error {
	const spare = 64 << 20
	if free, err := process.FreeDisk(path); err == nil && free >= 0 && free < bytes+spare {
		return fmt.Errorf("the disk has %s free below %s, and %s are to come: free some, or use another data folder", bytesOf(free), path, bytesOf(bytes))
	}
	return nil
}
