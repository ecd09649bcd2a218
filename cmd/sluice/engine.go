package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sluice"
	"sluice/api"
	"sluice/api/client"
	"sluice/fleet/driver"
)

func (c *cli) engineCommand() *cobra.Command {
	list := &cobra.Command{
		Use: "list", Short: "List engines and how they are", Args: none,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return listAll(c, []any{"NAME", "KIND", "URL", "MODELS", "STATE", "IN FLIGHT", "SERVED", "FAILED", "ENGINE", "COUNTS", "LAST ERROR"}, func(cl *client.Client, p api.Paging) (api.Page[api.Engine], error) {
				return cl.Engines(cmd.Context(), p)
			}, func(w io.Writer, e api.Engine) {
				var st api.EngineStatus
				if e.Status != nil {
					st = *e.Status
				}
				row(w, e.Name, e.Kind, placeOf(&e), strings.Join(slices.Sorted(maps.Keys(e.Models)), ","), stateOf(&e), st.InFlight, st.Served, st.Failed, madeBy(&e), counts(&e), troubleOf(&e))
			})
		},
	}
	remove := &cobra.Command{
		Use: "remove NAME", Short: "Remove an engine; its running calls finish", Args: one("NAME"),
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.do(func(cl *client.Client) error { return cl.DeleteEngine(cmd.Context(), args[0]) }, "engine", args[0])
		},
	}
	return group("engine", "Engines: what answers", c.engineAdd(), list, c.engineLog(), c.engineOffers(), c.engineProbe(), remove, c.engineRestart(), c.engineShow(), c.engineStart(), c.engineStarts(), c.engineStop())
}

func (c *cli) engineAdd() *cobra.Command {
	var in api.PutEngine
	var models []string
	var kind, leave, secretEnv string
	var started startFlags
	cmd := &cobra.Command{
		Use: "add NAME [-- COMMAND…]", Short: "Attach an engine by its URL, or start one; or change one", Args: oneAndCommand,
		Long: "An engine is anything that answers chat completions under its URL + /v1. The models that it serves and that are\n" +
			"new are added. An engine of that name is replaced: say all of it again, except its secret, which stays.\n\n" +
			"A command behind -- is started by the server on its machine, and kept running. It is run as it is written, by no\n" +
			"shell. ${PORT} in it stands for its port; engines that are known are told it, and what makes their counts exact,\n" +
			"without being asked.",
		Example: "  sluice engine add a --url http://10.0.0.7:8000 --model glm-4.6\n" +
			"  sluice engine add b --url http://10.0.0.8:8000 --model qwen3=Qwen/Qwen3-32B\n" +
			"  ENGINE_TOKEN=… sluice engine add c --url https://engine.example.com --model glm-4.6 --secret-env ENGINE_TOKEN\n" +
			"  sluice engine add d --model qwen3 --cards 0,1 -- vllm serve /models/Qwen3-32B --served-model-name qwen3\n" +
			"  sluice engine add e --model qwen3 --idle-after 10m -- llama-server --model /models/qwen3.gguf --ctx-size 32768\n" +
			"  sluice engine add test --url sim:h100 --model simulated\n" +
			"  sluice engine add speaker --url command:espeak-ng --model espeak-ng",
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(models) == 0 {
				return misused("--model is missing: what does the engine serve?")
			}
			in.Models = map[string]string{}
			for _, m := range models {
				public, own, _ := strings.Cut(m, "=")
				in.Models[public] = own
			}
			in.Kind, in.OnLeave = sluice.EngineKind(kind), sluice.OnLeave(leave)
			if secretEnv != "" {
				secret, ok := os.LookupEnv(secretEnv)
				if !ok {
					return misused("--secret-env: the variable %s is not set", secretEnv)
				}
				in.Secret = &secret
			}
			var err error
			if in.Process, err = started.process(args[1:]); err != nil {
				return err
			}
			return ask(c, func(cl *client.Client) (api.Engine, error) { return cl.PutEngine(cmd.Context(), args[0], in) },
				showAdded)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.URL, "url", "", "where it answers, such as http://10.0.0.7:8000; sim:CHIP simulates one")
	f.StringSliceVar(&models, "model", nil, "model that it serves, as PUBLIC or PUBLIC=OWN; may be repeated")
	f.StringVar(&kind, "kind", "", "http, embedded, simulated, command or process; by the URL or the command when absent")
	f.StringVar(&leave, "on-leave", "", "when a client leaves: cancel (default) or drain")
	f.Int64Var(&in.Concurrent, "concurrent", 0, "calls at once; 0 is no limit")
	f.StringVar(&in.FirstByteTimeout, "first-byte-timeout", "", "until a stream's first bytes, such as 30s; then another engine is asked")
	f.StringVar(&secretEnv, "secret-env", "", "variable that holds the bearer token the engine asks for")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions([]string{"http", "embedded", "simulated", "command", "process"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("on-leave", cobra.FixedCompletions([]string{"cancel", "drain"}, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("model", c.completeModels())
	f.StringVar(&in.Driver, "driver", "", "which engine it is; found out when absent")
	_ = cmd.RegisterFlagCompletionFunc("driver", cobra.FixedCompletions(driver.Known(), cobra.ShellCompDirectiveNoFileComp))
	f.BoolVar(&in.NoProbe, "no-probe", false, "do not ask it to find out what it can do")
	f.BoolVar(&in.NoCacheSalt, "no-cache-salt", false, "for an engine that refuses unknown fields: leave out cache_salt")
	f.BoolVar(&in.Mend, "mend", false, "for an engine whose streams break clients: put them into the form that those expect")
	f.StringVar(&in.ReasoningKey, "reasoning-key", "", "reasoning, for an engine that calls thinking so (vLLM since 0.16)")
	f.StringSliceVar(&in.Lacks, "lacks", nil, "feature that it does not have, such as images; may be repeated")
	_ = cmd.RegisterFlagCompletionFunc("lacks", cobra.FixedCompletions(sluice.FeatureNames(), cobra.ShellCompDirectiveNoFileComp))
	started.register(cmd)
	return cmd
}

// showAdded says what comes after an engine was added.
func showAdded(w io.Writer, e api.Engine) {
	row(w, "engine", e.Name)
	if e.Process != nil {
		row(w, "how it starts", "sluice engine start "+e.Name)
		row(w, "what it writes", "sluice engine log "+e.Name)
	}
	if (e.Kind == sluice.EngineHTTP || e.Process != nil) && !e.NoProbe {
		row(w, "what it can do", "sluice engine show "+e.Name+", in a minute")
	}
	row(w, "next", "sluice model price "+slices.Sorted(maps.Keys(e.Models))[0]+" --input 0.60 --output 2.20")
}

func (c *cli) engineShow() *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "Show an engine: how it is, and what its probe found", Args: one("NAME"),
		ValidArgsFunction: c.completeEngines(),
		RunE: func(cmd *cobra.Command, args []string) error {
			return ask(c, func(cl *client.Client) (api.Engine, error) { return cl.Engine(cmd.Context(), args[0]) }, showEngine)
		},
	}
}

func showEngine(w io.Writer, e api.Engine) {
	showLife(w, e)
	row(w, "kind", e.Kind)
	if e.Process == nil {
		row(w, "url", cmp.Or(e.URL, "-"))
	}
	for _, public := range slices.Sorted(maps.Keys(e.Models)) {
		row(w, "model", public, e.Models[public])
	}
	row(w, "lacks", cmp.Or(strings.Join(e.Lacks, ", "), "-"))
	row(w, "made by", cmp.Or(madeBy(&e), "-"))
	row(w, "counts", cmp.Or(counts(&e), "-"))
	if s := e.Status; s != nil {
		row(w, "health", s.Health)
		row(w, "in flight", s.InFlight)
		row(w, "last error", cmp.Or(s.LastError, "-"))
		showLoad(w, s.Load)
	}
	if e.Probe == nil {
		return
	}
	row(w, "probed", day(e.Probe.At)+" UTC")
	for _, f := range e.Probe.Findings {
		row(w, "found", f)
	}
}

// showLoad prints what an engine's metrics say.
func showLoad(w io.Writer, l *api.EngineLoad) {
	if l == nil {
		return
	}
	for _, v := range []struct {
		name  string
		value *float64
		scale float64
		unit  string
	}{
		{"running", l.Running, 1, ""}, {"waiting", l.Waiting, 1, ""}, {"cache in use", l.KVUse, 100, " %"}, {"cache hits", l.HitRate, 100, " %"},
	} {
		if v.value != nil {
			row(w, v.name, fmt.Sprintf("%.3g%s", *v.value*v.scale, v.unit))
		}
	}
	if l.Room > 0 {
		row(w, "cache", fmt.Sprintf("%.0f tokens", l.Room))
	}
}

// madeBy is which engine it is, with its version; empty when that is not known.
func madeBy(e *api.Engine) string {
	switch {
	case e.Probe != nil:
		return strings.TrimSpace(e.Probe.Driver + " " + e.Probe.Version)
	default:
		return e.Driver
	}
}

// counts is what its counts are worth; empty when that is not known.
func counts(e *api.Engine) string {
	if e.Probe == nil || e.Probe.Outdated {
		return ""
	}
	return strings.ReplaceAll(string(e.Probe.Label), "_", " ")
}
