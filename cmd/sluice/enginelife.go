package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/process"
)

const (
	startTick = 500 * time.Millisecond // between two looks at how far a start has come
	logWait   = 30 * time.Second       // that one request for a log waits
)

// engineStart is `engine start`: it starts an engine and waits until it is ready.
func (c *cli) engineStart() *cobra.Command {
	var detach bool
	cmd := &cobra.Command{
		Use: "start NAME", Short: "Start an engine, and wait until it is ready", Args: one("NAME"),
		Long: "Starts an engine that Sluice runs on its machine: also one that was stopped, that is only started by calls, or that\n" +
			"waits after a failure. It shows how far the start has come; interrupting that does not interrupt the start.",
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.untilReady(cmd.Context(), detach, func(cl *client.Client) (api.Engine, error) { return cl.StartEngine(cmd.Context(), args[0]) })
		},
	}
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait until it is ready")
	return cmd
}

func (c *cli) engineStop() *cobra.Command {
	var in api.EndEngine
	cmd := &cobra.Command{
		Use: "stop NAME", Short: "Stop an engine until it is started again", Args: one("NAME"),
		Long:              "It gets no new calls and ends when its running ones have ended, ten minutes later at most. No call starts it again.",
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Engine, error) { return cl.StopEngine(cmd.Context(), args[0], in) }, showLife)
		},
	}
	cmd.Flags().BoolVar(&in.Now, "now", false, "break running calls off")
	return cmd
}

func (c *cli) engineRestart() *cobra.Command {
	var in api.EndEngine
	var detach bool
	cmd := &cobra.Command{
		Use: "restart NAME", Short: "End an engine once its calls have ended, and start it again", Args: one("NAME"),
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.untilReady(cmd.Context(), detach, func(cl *client.Client) (api.Engine, error) {
				return cl.RestartEngine(cmd.Context(), args[0], in)
			})
		},
	}
	cmd.Flags().BoolVar(&in.Now, "now", false, "break running calls off")
	cmd.Flags().BoolVar(&detach, "detach", false, "do not wait until it is ready")
	return cmd
}

// untilReady asks for an engine's start, and shows how far it has come until it
// is ready or has failed.
func (c *cli) untilReady(ctx context.Context, detach bool, begin func(*client.Client) (api.Engine, error)) error {
	cl, err := c.client()
	if err != nil {
		return err
	}
	e, err := begin(cl)
	var told string
	for ; err == nil; e, err = cl.Engine(ctx, e.Name) {
		st := e.Process.Status
		if detach || st != nil && st.State == process.Ready {
			return c.show(e, func(w io.Writer) { showLife(w, e) })
		}
		if st != nil && (st.State == process.Failed || st.State == process.Stopped && st.Error != "") {
			return fmt.Errorf("the engine %s is not ready: %s; `sluice engine log %s` shows what it wrote", e.Name, st.Error, e.Name)
		}
		if text := stageOf(st); text != told && !c.json {
			told = text
			_, _ = fmt.Fprintln(c.err, text) // beside the result
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(startTick):
		}
	}
	return err
}

// stageOf is how far an engine's start has come, in words.
func stageOf(st *api.ProcessStatus) string {
	switch {
	case st == nil:
		return "waiting"
	case st.Start == nil || st.State != process.Starting:
		return string(st.State)
	case st.Start.Percent != nil:
		return fmt.Sprintf("%s: %d %%", st.Start.Stage, *st.Start.Percent)
	}
	return string(st.Start.Stage)
}

func (c *cli) engineStarts() *cobra.Command {
	return &cobra.Command{
		Use: "starts NAME", Short: "List the starts of an engine, the latest first", Args: one("NAME"),
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return listAll(c, []any{"AT", "STAGE", "LOADED", "TOOK", "ATTEMPT", "WHY", "ERROR"}, func(cl *client.Client, p api.Paging) (api.Page[api.EngineStart], error) {
				return cl.EngineStarts(cmd.Context(), args[0], p)
			}, func(w io.Writer, s api.EngineStart) {
				loaded, took := "-", "-"
				if s.Percent != nil {
					loaded = fmt.Sprintf("%d %%", *s.Percent)
				}
				if !s.EndedAt.IsZero() {
					took = s.EndedAt.Sub(s.At).Round(100 * time.Millisecond).String()
				}
				row(w, day(s.At), s.Stage, loaded, took, s.Attempt, s.Cause, s.Error)
			})
		},
	}
}

func (c *cli) engineLog() *cobra.Command {
	var follow bool
	cmd := &cobra.Command{
		Use: "log NAME", Aliases: []string{"logs"}, Short: "Show what an engine wrote", Args: one("NAME"),
		Long:              "The last 256 KiB that an engine has written since the server's start. Lines of Sluice's own begin with [sluice].",
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			cl, err := c.client()
			if err != nil {
				return err
			}
			after, wait := int64(0), time.Duration(0)
			for {
				l, err := cl.EngineLog(cmd.Context(), args[0], after, wait)
				if follow && cmd.Context().Err() != nil {
					return nil //nolint:nilerr // Ctrl-C is how it ends
				}
				if err != nil {
					return err
				}
				for _, line := range l.Lines {
					if err := c.show(line, func(w io.Writer) { row(w, line.Text) }); err != nil {
						return err
					}
				}
				if !follow {
					return nil
				}
				after, wait = l.Next, logWait
			}
		},
	}
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what it writes, until Ctrl-C")
	return cmd
}

func (c *cli) engineProbe() *cobra.Command {
	return &cobra.Command{
		Use: "probe NAME", Short: "Ask an engine again what it can do, which takes up to three minutes", Args: one("NAME"),
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Engine, error) { return cl.ProbeEngine(cmd.Context(), args[0]) }, showEngine)
		},
	}
}

// showLife shows how an engine's process is.
func showLife(w io.Writer, e api.Engine) {
	row(w, "engine", e.Name)
	if e.Process == nil {
		return
	}
	p, st := e.Process, e.Process.Status
	if st == nil {
		row(w, "state", "not taken up yet")
		return
	}
	row(w, "state", string(st.State)+" since "+stateTime(st.Since))
	if !st.Retry.IsZero() {
		row(w, "again", stateTime(st.Retry))
	}
	if st.Error != "" {
		row(w, "why", st.Error)
	}
	if st.PID != 0 {
		row(w, "process", st.PID)
	}
	row(w, "url", st.URL)
	row(w, "starts", st.Starts)
	if st.Start != nil && st.State == process.Starting {
		row(w, "start", stageOf(st)+", until "+stateTime(st.Start.Deadline))
	}
	command := st.Command
	if command == nil {
		command = p.Command
	}
	row(w, "command", quotedAll(command))
	if len(st.Added) > 0 {
		row(w, "added", strings.Join(st.Added, ", "))
	}
	for _, v := range []struct{ name, value string }{
		{"variables", strings.Join(p.EnvNames, ", ")}, {"cards", p.Cards}, {"idle after", p.IdleAfter},
	} {
		if v.value != "" {
			row(w, v.name, v.value)
		}
	}
}

// stateTime writes an instant of a process's life.
func stateTime(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.DateTime) + " UTC"
}

// quotedAll writes words so that a shell reads them as they are.
func quotedAll(words []string) string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = quoted(w)
	}
	return strings.Join(all, " ")
}

// stateOf is an engine's state for a list: of a process its own, where that says more.
func stateOf(e *api.Engine) string {
	health := "absent"
	if e.Status != nil {
		health = string(e.Status.Health)
	}
	if e.Process == nil || e.Process.Status == nil || e.Process.Status.State == process.Ready {
		return health
	}
	return string(e.Process.Status.State)
}

// troubleOf is an engine's last error for a list.
func troubleOf(e *api.Engine) string {
	var own, calls string
	if e.Process != nil && e.Process.Status != nil {
		own = e.Process.Status.Error
	}
	if e.Status != nil {
		calls = e.Status.LastError
	}
	return cmp.Or(own, calls)
}

// placeOf is where an engine is, for a list.
func placeOf(e *api.Engine) string {
	if e.Kind == sluice.EngineProcess && e.Process != nil && e.Process.Status != nil {
		return e.Process.Status.URL
	}
	return e.URL
}
