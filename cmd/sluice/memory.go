package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// smallMemory is what Go's part of a server that does little may take, in bytes.
// With the pages of the program itself, 56 MB, it stays under 150 MB.
const smallMemory = 88 << 20

// watchMemory keeps a server that does little small, and leaves one that does much
// alone, until ctx ends. A heap that may grow to five times what lives (see tune)
// would grow beyond smallMemory though next to nothing lives; a limit alone would
// have one that holds much collect garbage all the time. So the limit moves.
func watchMemory(ctx context.Context) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	ticker := time.NewTicker(time.Second)
	defer ticker.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	var set int64
	for {
		metrics.Read(sample)
		// To set a limit stops the world for a moment.
		if limit := memoryLimit(int64(sample[0].Value.Uint64())); limit > set || limit < set*3/4 {
			debug.SetMemoryLimit(limit)
			set = limit
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// memoryLimit is the limit in bytes where so many live after a collection.
func memoryLimit(live int64) int64 { return max(smallMemory, 4*live) }
