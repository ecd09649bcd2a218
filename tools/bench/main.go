// Command bench measures Sluice against a plain nginx reverse proxy, on the
// same engine, in one run. Beside them stand floors, relays of net/http that do
// nothing else. It needs nginx, Linux and two cores: the gateway has one to
// itself, engine and load generator share the other.
//
//	go run .                          everything, a table
//	go run . -only request,saturated  some parts
//	go run . -markdown                what BENCHMARKS.md holds
//	go run . infer -llama DIR         the embedded engine against llama.cpp
//
// Sluice runs with authentication, limits, metering and a ledger on SQLite with
// full synchronisation. Every answer is compared byte for byte with what the
// engine was to send, and the charges in the end with what arrived: to the last digit.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	if err := command(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// command carries out the command line. The engine and the load generator are
// this program too, in processes of their own.
func command(args []string, out, log io.Writer) error {
	switch {
	case len(args) > 0 && args[0] == "infer":
		return runInfer(args[1:], out, log)
	case len(args) == 1 && args[0] == "engine":
		return runEngine(out)
	case len(args) == 3 && args[0] == "floor":
		return runFloor(args[1], args[2], out)
	case len(args) == 2 && args[0] == "load":
		var p plan
		if err := json.Unmarshal([]byte(args[1]), &p); err != nil {
			return fmt.Errorf("reading the plan: %w", err)
		}
		return runLoad(p, int(os.Stdin.Fd()), out)
	}
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(log)
	only := f.String("only", strings.Join(partNames(), ","), "parts to measure")
	asJSON := f.Bool("json", false, "write JSON")
	asMarkdown := f.Bool("markdown", false, "write Markdown")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; medians are shown")
	f.DurationVar(&o.duration, "duration", 3*time.Second, "how long one gateway is measured at a time")
	f.StringVar(&o.binary, "sluice", "", "binary to measure; built from the folder above when not given")
	f.StringVar(&o.against, "against", "", "second binary of Sluice to measure beside the first")
	f.BoolVar(&o.floors, "floors", true, "measure plain relays of net/http, too")
	f.StringVar(&o.dir, "dir", "", "folder for data, on a disk; the system's temporary one when not given")
	f.StringVar(&o.profile, "profile", "", "file for a CPU profile of Sluice, by perf, in the first round; choose one part with -only")
	f.IntVar(&o.cores[0], "core", 0, "core of the gateways")
	f.IntVar(&o.cores[1], "load-core", 1, "core of engine and load generator")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || o.rounds < 1 || o.duration < 100*time.Millisecond {
		return fmt.Errorf("bad arguments %q; see -help", args)
	}
	for name := range strings.SplitSeq(*only, ",") {
		if !slices.Contains(partNames(), name) {
			return fmt.Errorf("there is no part %q; there are %s", name, strings.Join(partNames(), ", "))
		}
		o.parts = append(o.parts, name)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	r, err := run(ctx, o, log)
	if err != nil {
		return err
	}
	switch {
	case *asJSON:
		return r.writeJSON(out)
	case *asMarkdown:
		return r.writeMarkdown(out)
	}
	if err := r.writeTable(out); err != nil {
		return err
	}
	if missed := r.missed(); len(missed) > 0 {
		fmt.Fprintf(out, "\nmissed: %s\n", strings.Join(missed, "; "))
	}
	return nil
}
