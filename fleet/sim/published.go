package sim

import (
	"time"

	"sluice/fleet/simulator"
)

// PublishedDays returns the days of vendors that are known.
func PublishedDays() []Day { return []Day{deepSeek()} }

// deepSeek is the day that DeepSeek published for V3 and R1 (open-infra-index, day
// 6: 27 February 2025, 12:00, to the next noon, UTC+8).
//
// Published: tokens, hits, nodes at most and on average, speed of a stream,
// tokens a node, mean length of the KV cache, units, prices.
//
// Derived from it: prompts are read at 15 % of the chips' FP8 arithmetic over the
// day; of the memory's bandwidth 19 % goes into the KV cache of 88 streams a chip,
// and 15 % into the 24 GB of weights that it reads as often; the published numbers
// of nodes are whole units of 18 nodes that write and 4 that read, in steps of 1
// and 3.
//
// Assumed: the load of the hours (only numbers of nodes were published), so that
// the nodes on average come out; answers of 1,002 tokens with lengths that are
// lognormal with sigma 1, which together give the published length of the KV cache;
// conversations that go on with a chance of 57 %, which gives the published hits,
// since what they repeat is what is cached; that chips are busy reading for 77 % of
// the time; and that no more than 96 streams are planned for a chip.
func deepSeek() Day {
	chip, _ := simulator.ChipNamed("h800")
	shape, _ := simulator.ShapeNamed("moe-671b-a37b")
	d := Day{
		Name: "deepseek-2025-02-27", Source: "DeepSeek, open-infra-index, day 6", Start: 12,
		Prompt: 608e9, Output: 168e9,
		Hours: [24]float64{
			91, 92, 95, 97, 96, 94, 90, 91, 94, 96, 95, 89, // from noon
			70, 59, 41, 29, 21, 20, 29, 50, 80, 90, 94, 95,
		},
		Talk: Talk{Answer: 1002, Sigma: 1, More: 0.568, First: 2290, Added: 1016, Think: time.Minute, Block: 64},
		Chip: chip, Shape: shape, NodeChips: 8, Experts: 3, // two routed and the shared one
		MFU: 0.1507 / 0.77, MBU: 0.344, Target: 0.85, Streams: 96,
		Rent: 2, Input: 0.55, Hit: 0.14, OutputFor: 2.19,
	}
	for step := range 8 {
		d.Levels = append(d.Levels, Level{Prefill: 4 * (8 + 3*step), Decode: 18 * (2 + step)})
	}
	d.Published = deepSeekFigures()
	return d
}

func deepSeekFigures() []Figure {
	const b = 1e9
	return []Figure{
		{Name: "prompt tokens", Value: 608, Unit: "B", Input: true, of: func(r *DayResult) float64 { return r.Prompt / b }, why: "the number of conversations and their lengths are drawn"},
		{Name: "answer tokens", Value: 168, Unit: "B", Input: true, of: func(r *DayResult) float64 { return r.Output / b }, why: "drawn too; what is under way at the end is not counted"},
		{Name: "cache hits", Value: 56.3, Unit: "%", Input: true, of: func(r *DayResult) float64 { return 100 * r.HitRate }, why: "conversations go on so often that it comes out; a cache on disk, shared by all"},
		{Name: "length of the KV cache", Value: 4989, Unit: "tokens", Input: true, of: func(r *DayResult) float64 { return r.KVLength }, why: "from the lengths of answers that were assumed"},
		{Name: "nodes at most", Value: 278, Unit: "", of: func(r *DayResult) float64 { return float64(r.PeakNodes) }, why: "whole units; the busiest hour needs the last one"},
		{Name: "nodes on average", Value: 226.75, Unit: "", Input: true, of: func(r *DayResult) float64 { return r.Nodes }, why: "the load of the night was assumed so that it comes out"},
		{Name: "prompt tokens a node", Value: 73.7, Unit: "k/s", of: func(r *DayResult) float64 { return r.PrefillPerNode / 1000 }, why: "published for nodes in use: over the day with what they idle"},
		{Name: "answer tokens a node", Value: 14.8, Unit: "k/s", of: func(r *DayResult) float64 { return r.DecodePerNode / 1000 }, why: "the same"},
		{Name: "speed of a stream", Value: 21, Unit: "tokens/s", of: func(r *DayResult) float64 { return r.Speed }, why: "published as 20 to 22; follows from bandwidth, KV length and streams a chip"},
		{Name: "streams at once", Value: 92.6, Unit: "k", of: func(r *DayResult) float64 { return r.Concurrent / 1000 }, why: "not published: the tokens of the day over 21 tokens/s"},
		{Name: "cost", Value: 87_072, Unit: "$", Input: true, of: func(r *DayResult) float64 { return r.Cost }, why: "as the nodes on average"},
		{Name: "income at R1's prices", Value: 562_027, Unit: "$", Input: true, of: func(r *DayResult) float64 { return r.Income }, why: "as the tokens"},
		{Name: "profit over cost", Value: 545, Unit: "%", Input: true, of: func(r *DayResult) float64 { return 100 * r.Profit() }, why: "as cost and income"},
	}
}
