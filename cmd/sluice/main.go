// Command sluice is the whole of Sluice: the server, and the commands that an
// operator and a customer give it.
//
// This package is the only place that wires: it opens the store, hands it to
// the ledger, the gateway and the management API, and decides who gets what.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	_ "time/tzdata" // the timezones of calendars, also where the system has none
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

func main() { os.Exit(runCommand()) }

// runCommand runs the command line of this process. The first SIGTERM or Ctrl-C
// asks a server to stop once its calls have finished, the second one at once.
func runCommand() int {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)
	hurry, hurryUp := context.WithCancel(context.Background())
	defer hurryUp()
	ctx, stop := context.WithCancel(hurry)
	defer stop()
	go func() {
		<-signals
		stop()
		<-signals
		hurryUp()
		signal.Stop(signals) // the third one ends the process, whatever it does
	}()
	tune()
	c := &cli{in: os.Stdin, out: os.Stdout, err: os.Stderr, program: os.Args[0], hurry: hurry}
	return c.run(ctx, os.Args[1:])
}

// tune sets Go's runtime up for a server, where the operator has not.
//
// The heap may grow to five times what lives, not to twice, before garbage is
// collected. What lives is small (buffers of requests and streams; models are
// mapped files and SQLite's memory is not the collector's), so that collecting it
// often costs calls more than the memory is worth.
//
// On a single core, too, two threads may run: else every call waits while the
// ledger waits for the disk, until the runtime notices that it does.
func tune() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1 {
		runtime.GOMAXPROCS(2)
	}
}
