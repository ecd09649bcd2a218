package sluice

import "time"

// LimitUse is the use that a key or a project makes of its limits. Where there
// is no limit, nothing is left of it. Running calls are counted only for what has
// a limit of any kind.
type LimitUse struct {
	RequestsLeft  int64
	TokensLeft    int64
	RequestsReset time.Duration // until all requests are there again
	TokensReset   time.Duration
	Running       int64
}
