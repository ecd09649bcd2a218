// Package store keeps Sluice's durable state in SQLite or in PostgreSQL: the
// ledger with its usage events, and the configuration. It is the only package
// that speaks SQL.
//
// Both databases run one SQL text; what differs between them is the dialect.
// The transaction is the method: Commit books a whole batch or nothing of it.
// The store computes nothing of the domain, it refuses what would break the
// books (an unbalanced transaction, an id booked twice, a wallet below zero)
// and Verify proves afterwards that they hold.
//
// One process writes at a time: opening takes a lock that another process finds.
package store
