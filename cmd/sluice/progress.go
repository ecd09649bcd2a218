package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"
)

// How often progress is told: to a terminal, which shows the last line only; to a
// script; to a log.
const (
	quickTick = 200 * time.Millisecond
	jsonTick  = time.Second
	slowTick  = 10 * time.Second
)

// progress tells on stderr how far long work is. Its methods are called by one
// goroutine at a time.
type progress struct {
	c        *cli
	terminal bool
	every    time.Duration

	stage       string
	begun, told time.Time
	first       int64 // done when the stage began
}

func (c *cli) progress() *progress {
	p := &progress{c: c, every: slowTick}
	if f, ok := c.err.(*os.File); ok && terminal(f) {
		p.terminal, p.every = true, quickTick
	}
	if c.json {
		p.terminal, p.every = false, jsonTick
	}
	return p
}

// show tells how many bytes of a stage are done, unless it did so a moment ago.
func (p *progress) show(stage string, done, size int64) {
	now := time.Now()
	if stage != p.stage {
		p.stage, p.begun, p.first = stage, now, done
		if !p.terminal {
			p.told = now // there is nothing to tell yet
		}
	}
	if now.Sub(p.told) < p.every && done < size {
		return
	}
	p.told = now
	if p.c.json {
		_ = json.NewEncoder(p.c.err).Encode(map[string]any{"stage": stage, "done": done, "size": size}) // nowhere else to tell
		return
	}
	line := fmt.Sprintf("%-9s %3d %%  %s of %s", stage, 100*done/max(size, 1), bytesOf(done), bytesOf(size))
	if took := now.Sub(p.begun).Seconds(); took > 0.5 && done > p.first {
		rate := float64(done-p.first) / took
		line += fmt.Sprintf("  %s/s", bytesOf(int64(rate)))
		if done < size {
			line += "  " + (time.Duration(float64(size-done)/rate) * time.Second).String() + " left"
		}
	}
	if p.terminal {
		_, _ = fmt.Fprintf(p.c.err, "\r\x1b[K%s", line) // nowhere else to tell
	} else {
		p.c.note("%s", line)
	}
}

// end leaves the line that a terminal shows.
func (p *progress) end() {
	if p.terminal && !p.told.IsZero() {
		p.c.note("")
	}
}
