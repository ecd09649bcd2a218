package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/power"
	"sluice/gateway"
	"sluice/plug/blob"
	"sluice/product/batch"
	"sluice/product/file"
	"sluice/wire/openai"
	wire "sluice/wire/responses"
)

// newBatches makes ready what keeps files and runs batches. Their lines come in
// by the same door as everybody's calls, so that a server which stops lets them
// finish and begins no more of them.
func (s *server) newBatches() error {
	var err error
	if s.blobs, err = blob.Open(filepath.Join(s.cfg.Data, "blobs")); err != nil {
		return err
	}
	hours, err := s.cfg.BatchCalendar()
	if err != nil {
		return err
	}
	s.files = file.New(file.Options{
		Store: s.store, Blobs: s.blobs, Callers: s.gateway, Log: s.log,
		MaxSize: s.cfg.MaxFile, Quota: s.cfg.FileQuota, KeepBatch: s.cfg.BatchKeep, BodyTimeout: s.cfg.BodyTimeout,
	})
	s.batches = batch.New(batch.Options{
		Jobs: s.store, Lines: s.store, Files: s.files, Blobs: s.blobs, Callers: s.gateway, Notifier: s.notifier,
		Models:  http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.calls.ServeHTTP(w, r) }),
		Errand:  batchErrand,
		Running: s.gateway.Running, Deferred: s.deferred(power.FlexBatch), Policy: batch.Policy{Lines: s.cfg.BatchLines, Busy: s.cfg.BatchBusy, Hours: hours},
		Endpoints: []string{openai.PathChat, wire.Path, openai.PathCompletions, openai.PathEmbeddings},
		MaxLine:   int(s.cfg.MaxBody), KeepOutput: s.cfg.BatchKeep, Log: s.log,
	})
	return nil
}

// batchErrand makes a request a line of a batch.
func batchErrand(ctx context.Context, c *batch.Call) context.Context {
	return gateway.WithErrand(ctx, gateway.Errand{Key: c.Key, CallID: c.ID, Batch: true, Keep: c})
}

// lateFiles are the server's files, which are made after the gateway.
type lateFiles struct{ *server }

// Open implements gateway.Files.
func (l lateFiles) Open(ctx context.Context, t sluice.Tenant, id string) (*sluice.File, io.ReadSeekCloser, error) {
	return l.files.Open(ctx, t, id)
}

// inference is everything below /v1: the models, and what is kept for them.
func (s *server) inference() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s.gateway.Handler())
	s.jobRoutes(mux)
	for path, h := range map[string]http.Handler{
		openai.PathFiles: s.files.Handler(), openai.PathBatches: s.batches.Handler(),
		wire.Path: s.responses.Handler(), wire.PathConversations: s.responses.Handler(),
	} {
		mux.Handle(path, h)
		mux.Handle(path+"/", h)
	}
	return mux
}

func (c *cli) batchCommand() *cobra.Command {
	cmd := group("batch", "Batches of requests, and how far they are", c.batchListCommand(), c.batchShowCommand(), c.batchCancelCommand())
	cmd.Long = "A batch is a file of requests that are answered when there is room, at batch prices. Customers make them over\n" +
		"/v1/files and /v1/batches, with OpenAI's clients."
	return cmd
}

func (c *cli) batchListCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "list", Short: "List an organisation's batches, the latest first", Args: none,
		Example: "  sluice batch list --org acme",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listOf(cmd, c, org, []any{"BATCH", "TIME (UTC)", "STATE", "MODEL", "LINES", "COMPLETED", "FAILED"},
				func(cl *client.Client, id string, p api.Paging) (api.Page[api.Batch], error) {
					return cl.Batches(cmd.Context(), id, p)
				},
				func(w io.Writer, b api.Batch) {
					row(w, b.ID, day(b.CreatedAt), b.State, b.Model, b.Total, b.Completed, b.Failed)
				})
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func showBatch(w io.Writer, b api.Batch) {
	row(w, "batch", b.ID, b.State)
	row(w, "endpoint", b.Endpoint, b.Model)
	row(w, "lines", fmt.Sprintf("%d, of which %d are answered and %d failed", b.Total, b.Completed, b.Failed))
	row(w, "input", b.InputFile)
	if b.OutputFile != "" {
		row(w, "answers", b.OutputFile)
	}
	if b.ErrorFile != "" {
		row(w, "failures", b.ErrorFile)
	}
	for _, e := range b.Errors {
		row(w, "line", e.Line, e.Code, e.Message)
	}
	if b.EndedAt.IsZero() {
		row(w, "expires", day(b.ExpiresAt))
	} else {
		row(w, "ended", day(b.EndedAt))
	}
}

func (c *cli) batchShowCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "show BATCH", Short: "Show a batch", Args: one("BATCH id"),
		Example: "  sluice batch show batch_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.Batch, error) {
				return cl.Batch(cmd.Context(), org, args[0])
			}, showBatch)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) batchCancelCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "cancel BATCH", Short: "Begin no further line of a batch", Args: one("BATCH id"),
		Long:    "Lines that are under way are finished and billed; what was answered is in the batch's output.",
		Example: "  sluice batch cancel batch_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (api.Batch, error) {
				return cl.CancelBatch(cmd.Context(), org, args[0])
			}, showBatch)
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}

func (c *cli) fileCommand() *cobra.Command {
	return group("file", "Files that organisations uploaded or got from batches", c.fileListCommand(), c.fileRemoveCommand())
}

func (c *cli) fileListCommand() *cobra.Command {
	var org, purpose string
	cmd := &cobra.Command{
		Use: "list", Short: "List an organisation's files, the latest first", Args: none,
		Example: "  sluice file list --org acme\n  sluice file list --json | jq -s 'map(.bytes) | add'",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listOf(cmd, c, org, []any{"FILE", "TIME (UTC)", "PURPOSE", "BYTES", "EXPIRES", "NAME"},
				func(cl *client.Client, id string, p api.Paging) (api.Page[api.File], error) {
					return cl.Files(cmd.Context(), id, sluice.FilePurpose(purpose), p)
				},
				func(w io.Writer, f api.File) {
					expires := "-"
					if !f.ExpiresAt.IsZero() {
						expires = day(f.ExpiresAt)
					}
					row(w, f.ID, day(f.CreatedAt), f.Purpose, f.Bytes, expires, f.Name)
				})
		},
	}
	c.orgFlag(cmd, &org)
	purposes := []string{string(sluice.FileBatch), string(sluice.FileBatchOutput), string(sluice.FileUserData), string(sluice.FileVision)}
	cmd.Flags().StringVar(&purpose, "purpose", "", "only files of this purpose")
	_ = cmd.RegisterFlagCompletionFunc("purpose", cobra.FixedCompletions(purposes, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (c *cli) fileRemoveCommand() *cobra.Command {
	var org string
	cmd := &cobra.Command{
		Use: "rm FILE", Short: "Remove a file", Args: one("FILE id"),
		Long:    "A file that a batch needs cannot be removed before the batch has ended.",
		Example: "  sluice file rm file_… --org acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			return askOrg(c, cmd, org, func(cl *client.Client, org string) (map[string]string, error) {
				return map[string]string{"removed": args[0]}, cl.DeleteFile(cmd.Context(), org, args[0])
			}, func(w io.Writer, _ map[string]string) { row(w, "removed", args[0]) })
		},
	}
	c.orgFlag(cmd, &org)
	return cmd
}
