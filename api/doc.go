// Package api is the management API under /api/v1: organisations, projects and
// keys, models, engines and prices, usage and the ledger. The command line and
// the console speak to a server through it and through nothing else.
//
// Each resource has one file with its JSON types, its operations and their
// handlers. An operation declares who may call it where it is registered; a
// caller is the local operator (on the Unix socket, role owner) or an API key.
// A tenant's caller finds only what belongs to its own organisation: anything
// else is not found. Money is a decimal string on the way in and out, a list is
// a Page, an error is a Problem (RFC 9457).
//
// The contract is openapi.yaml beside this file; a test keeps it fresh.
package api
