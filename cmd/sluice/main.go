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
	"syscall"
)

// version is set by the build (-ldflags "-X main.version=…").
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
