package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"sluice/fleet/folder"
	"sluice/infer"
)

// modelImport is `model import`.
func (c *cli) modelImport() *cobra.Command {
	var name, digest string
	var replace bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: "Copy a GGUF file into this machine's folder of models", Args: one("file"),
		Long: "Copies a file of this machine, from a stick or a share, examines it, and notes its SHA-256. With --sha256 it is\n" +
			"refused unless that is its digest. A file that Sluice's own engine cannot serve is refused, and the reason told.",
		Example: "  sluice model import /media/stick/qwen3-8b-q4_k_m.gguf\n  sluice model import model.gguf --name house --sha256 9f86d08…",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return []cobra.Completion{"gguf"}, cobra.ShellCompDirectiveFilterFileExt
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if name == "" {
				name = folder.Name(args[0])
			}
			return c.importModel(cmd.Context(), args[0], name, digest, replace)
		},
	}
	cmd.Flags().StringVar(&name, "name", "", "what to call it, instead of the file's name")
	cmd.Flags().StringVar(&digest, "sha256", "", "the SHA-256 that the file must have, in hex")
	cmd.Flags().BoolVar(&replace, "replace", false, "take the place of another model of this name")
	return cmd
}

func (c *cli) importModel(ctx context.Context, path, name, want string, replace bool) error {
	if _, err := (infer.Options{}).ExamineFile(path); err != nil {
		return fmt.Errorf("importing a model: %w", err)
	}
	in, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("importing a model: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("importing a model: %w", err)
	}
	models := folder.Open(modelsFolder(c.data))
	if _, err := models.Find(name); err == nil && !replace {
		return fmt.Errorf("the folder has another model called %s: give this one a name with --name, or take the other's place with --replace", name)
	}
	into, err := models.Part(name)
	if err != nil {
		return misused("%w", err)
	}
	if err := room(models.Path(), info.Size()); err != nil {
		return err
	}
	release, err := models.Claim(name)
	if err != nil {
		return err
	}
	defer release()
	p := c.progress()
	sum, err := copyModel(ctx, into, in, func(n int64) { p.show("copying", n, info.Size()) })
	p.end()
	if err == nil && want != "" && sum != want {
		err = fmt.Errorf("%s has the SHA-256 %s, and not %s", path, sum, want)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("importing a model: %w", err), os.Remove(into))
	}
	from, err := filepath.Abs(path)
	if err != nil {
		from = path
	}
	kept, err := models.Keep(name, folder.Origin{File: from, SHA256: sum, Size: info.Size(), Added: time.Now().UTC()})
	if err != nil {
		return err
	}
	return c.showKept(&kept)
}

// copyModel copies a file and returns its SHA-256 in hex.
func copyModel(ctx context.Context, into string, in io.Reader, report func(int64)) (digest string, err error) {
	out, err := os.Create(into)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	sum := sha256.New()
	_, err = io.CopyBuffer(&copying{ctx, out, sum, 0, report}, struct{ io.Reader }{in}, make([]byte, 1<<20))
	return hex.EncodeToString(sum.Sum(nil)), err
}

// copying writes to a file and its digest, until a context ends.
type copying struct {
	ctx    context.Context
	out    io.Writer
	sum    hash.Hash
	done   int64
	report func(int64)
}

func (c *copying) Write(b []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, c.ctx.Err()
	}
	n, err := c.out.Write(b)
	_, _ = c.sum.Write(b[:n]) // a hash takes all
	c.done += int64(n)
	c.report(c.done)
	return n, err
}
