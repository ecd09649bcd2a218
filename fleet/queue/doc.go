// Package queue decides which of the calls that wait for an engine is next,
// which may wait at all, and which is turned away when too many do. DESIGN.md
// beside this file argues for each rule.
//
// A call waits in a lane, its model's, and there in the band of its rank: paid
// calls before free ones, and in each of the two interactive before agents' before
// batches' (Rank). A Turn, one for each engine, keeps that order and gives every lower
// rank a small part nevertheless. Within a band tenants share by tokens: a start-time
// fair queue over what calls are expected to use, corrected by what they did use.
//
// Nothing here reads a clock, starts a goroutine or does I/O: instants are
// passed in, counted from anywhere. The same code runs in the gateway and in the
// simulator of fleets. A Queue is not safe for concurrent use: who keeps it guards it.
package queue
