// Package power watches what engines draw, and keeps the site within its limit.
//
// Every few seconds it reads what each engine draws, from its chips or from a
// meter, or else estimates it from the chips' table and the load, and says which
// of the two; what it reads is integrated into energy by quarters of an hour, in
// integers (package money/electricity says what becomes of it). Where nothing was
// read for longer than a few samples, nothing is made up: that time is unknown.
//
// Where the site has a limit, work that can wait is deferred first, then the
// engines that are needed least are parked, never the last one of a model; both
// come back step by step once there is room. The decisions are pure ([policy]),
// the rest is [Service].
package power
