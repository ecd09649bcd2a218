// Package e2e tests the real binary from outside, as its users meet it: the
// command line, the official clients, bad input, money under load, and SIGKILL
// at random instants.
//
// It is a module of its own, so that the official clients are no dependencies
// of the product. Nothing here is compiled into anything; `go test ./...` runs
// all of it, `make crash` the crash test for long.
package e2e
