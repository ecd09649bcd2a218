package sim

import (
	"math"
	"math/rand/v2"
	"time"

	"sluice/fleet/router"
)

// warmUp is simulated before a day begins, so that conversations are under way.
const warmUp = time.Hour

// replay is a day under way.
type replay struct {
	agenda

	day    *Day
	sample int
	dice   *rand.Rand

	readers  []reader
	writers  []*decoder
	levels   [24]Level
	open     Level   // chips of the sample that are given calls
	reads    float64 // seconds for a token, of each that reads
	result   DayResult
	hours    [24]hourCount
	ttft     []time.Duration
	loads    []router.Load
	kv, wait float64 // sums over tokens of answers: tokens before them; seconds that they took
}

// reader is a chip that reads prompts, one after the other.
type reader struct {
	free    time.Duration // when it has read all
	backlog int64         // tokens
	running int64
	speed   router.Speed
}

// hourCount is what is counted of an hour, in the sample.
type hourCount struct {
	prompt, output, read float64
	spent                float64 // seconds that streams took
}

// talk is a conversation.
type talk struct {
	prompt float64 // tokens of the last one
	cached int64   // of it
	asked  time.Duration
}

// Replay simulates one request of so many, on as large a part of the fleet, and
// gives the figures of the whole. The routing is the gateway's own code; what is
// written by a chip follows [decoder]. Figures depend on the seed alone.
func (d *Day) Replay(sample int, seed uint64) (*DayResult, error) {
	if err := d.check(sample); err != nil {
		return nil, err
	}
	r := &replay{day: d, sample: sample, dice: rand.New(rand.NewPCG(seed, 0))}
	r.result.Name, r.result.Sample = d.Name, sample
	r.scale()
	most := Level{}
	for _, l := range r.levels {
		most.Prefill, most.Decode = max(most.Prefill, l.Prefill), max(most.Decode, l.Decode)
	}
	for range chips(most.Prefill, d.NodeChips, sample) {
		r.readers = append(r.readers, reader{speed: router.Seed(1/d.read(), 0)})
	}
	for range chips(most.Decode, d.NodeChips, sample) {
		bandwidth := d.Chip.Bandwidth * d.MBU
		r.writers = append(r.writers, &decoder{base: d.weights() / bandwidth})
	}
	r.shift(0)
	r.arrive(0)
	r.run(warmUp + 24*time.Hour)
	r.finish()
	return &r.result, nil
}

// hour is which of the day's hours an instant is in; the time before it counts
// as its last.
func hour(now time.Duration) int { return int((now-warmUp+24*time.Hour)/time.Hour) % 24 }

// counted reports whether an instant is of the day.
func counted(now time.Duration) bool { return now >= warmUp }

// shift takes the nodes of an hour into use. Where the sample has not a whole
// number of chips, each stands for a little more than one, or less: it reads so
// much faster, and looks at so much more of what it holds at once.
func (r *replay) shift(now time.Duration) {
	d, l := r.day, r.levels[hour(now)]
	r.open = Level{chips(l.Prefill, d.NodeChips, r.sample), chips(l.Decode, d.NodeChips, r.sample)}
	r.reads = d.read() * float64(r.open.Prefill*r.sample) / float64(l.Prefill*d.NodeChips)
	stands := float64(l.Decode*d.NodeChips) / float64(r.open.Decode*r.sample)
	for _, w := range r.writers {
		w.advance(now)
		w.each = d.Shape.KVBytes / (d.Chip.Bandwidth * d.MBU) / stands
		w.turn++
		r.await(w, now)
	}
	r.plan(now+time.Hour, r.shift)
}

// rate is the requests of the whole fleet in a second of an hour.
func (d *Day) rate(h int) float64 {
	sum := 0.0
	for _, load := range d.Hours {
		sum += load
	}
	return d.Output / d.Talk.Answer * d.Hours[h] / sum / time.Hour.Seconds()
}

// scale chooses how many nodes each hour has.
func (r *replay) scale() {
	d := r.day
	t := &d.Talk
	prompt := t.First + t.Added*t.More/(1-t.More) // on average
	for h := range r.levels {
		read := d.rate(h) * prompt * (1 - t.More) * d.read() // seconds that chips read in a second
		streams := d.rate(h) * t.Answer * d.tokenTime(prompt)
		r.levels[h] = d.Levels[len(d.Levels)-1]
		for _, l := range d.Levels {
			if read <= d.Target*float64(l.Prefill*d.NodeChips) && streams <= d.Streams*float64(l.Decode*d.NodeChips) {
				r.levels[h] = l
				break
			}
		}
	}
}

// tokenTime is how long a token of an answer takes on a chip with as many streams
// as it should have.
func (d *Day) tokenTime(prompt float64) float64 {
	t := &d.Talk
	held := d.Streams * (prompt + t.Answer*math.Exp(t.Sigma*t.Sigma)/2)
	return (d.weights() + d.Shape.KVBytes*held) / (d.Chip.Bandwidth * d.MBU)
}

// lognormal draws a length of at least one token.
func (r *replay) lognormal(mean, sigma float64) float64 {
	return math.Max(1, math.Round(mean*math.Exp(sigma*r.dice.NormFloat64()-sigma*sigma/2)))
}

// arrive begins a conversation and plans the next.
func (r *replay) arrive(now time.Duration) {
	t := &r.day.Talk
	begun := r.day.rate(hour(now)) * (1 - t.More) / float64(r.sample)
	r.plan(now+time.Duration(r.dice.ExpFloat64()/begun*1e9), r.arrive)
	r.ask(&talk{prompt: r.lognormal(t.First, t.Sigma)}, now)
}

// ask sends a conversation's prompt to a chip that reads it.
func (r *replay) ask(t *talk, now time.Duration) {
	t.asked = now
	readers := r.readers[:r.open.Prefill]
	r.loads = r.loads[:0]
	for i := range readers {
		base, each := readers[i].speed.Line()
		// The cache is on disk and shared: all hold as much of the prompt.
		r.loads = append(r.loads, router.Load{Base: base, Each: each, Share: 1, Backlog: readers[i].backlog, Running: readers[i].running, Known: t.cached})
	}
	to := &readers[router.Choose(int64(t.prompt), r.loads, -1, r.dice.Uint32())]
	fresh := int64(t.prompt) - t.cached
	to.backlog += fresh
	to.running++
	reading := to.backlog
	busy := time.Duration(float64(fresh) * r.reads * 1e9)
	to.free = max(to.free, now) + busy
	r.plan(to.free, func(now time.Duration) {
		to.backlog -= fresh
		to.running--
		to.speed = to.speed.FirstToken(reading, now-t.asked)
		if counted(now) {
			h := &r.hours[hour(now)]
			h.prompt += t.prompt
			h.read += busy.Seconds()
			r.result.Requests++
			r.result.Prompt += t.prompt
			r.result.Cached += float64(t.cached)
			r.ttft = append(r.ttft, now-t.asked)
		}
		r.write(t, now)
	})
}

// write gives the answer to a chip that writes it.
func (r *replay) write(t *talk, now time.Duration) {
	writers := r.writers[:r.open.Decode]
	r.loads = r.loads[:0]
	for _, w := range writers {
		w.advance(now)
		r.loads = append(r.loads, router.Load{Share: 1, Running: int64(len(w.streams)), Tokens: w.held})
	}
	w := writers[router.Choose(int64(t.prompt), r.loads, -1, r.dice.Uint32())]
	w.join(&stream{prompt: t.prompt, output: r.lognormal(r.day.Talk.Answer, r.day.Talk.Sigma), talk: t}, now)
	r.await(w, now)
}

// await plans the end of the writer's next stream.
func (r *replay) await(w *decoder, now time.Duration) {
	wait, ok := w.next()
	if !ok {
		return
	}
	turn := w.turn
	r.plan(now+wait, func(now time.Duration) {
		if w.turn != turn { // another plan has taken its place
			return
		}
		for _, s := range w.leave(now) {
			r.ended(s, now)
		}
		r.await(w, now)
	})
}

// ended counts an answer and lets the conversation go on.
func (r *replay) ended(s *stream, now time.Duration) {
	if counted(now) {
		h := &r.hours[hour(now)]
		h.output += s.output
		h.spent += (now - s.begun).Seconds()
		r.result.Output += s.output
		r.kv += s.output * (s.prompt + s.output/2)
		r.wait += (now - s.begun).Seconds()
	}
	d := &r.day.Talk
	if r.dice.Float64() >= d.More {
		return
	}
	next := &talk{prompt: s.prompt + r.lognormal(d.Added, d.Sigma), cached: int64(s.prompt) / int64(d.Block) * int64(d.Block)}
	r.plan(now+time.Duration(r.dice.ExpFloat64()*float64(d.Think)), func(now time.Duration) { r.ask(next, now) })
}

// finish works out the figures of the whole fleet.
func (r *replay) finish() {
	d, out, scale := r.day, &r.result, float64(r.sample)
	out.HitRate, out.KVLength, out.Speed = out.Cached/out.Prompt, r.kv/out.Output, out.Output/r.wait
	out.Concurrent = r.wait * scale / (24 * time.Hour).Seconds()
	out.Prompt, out.Cached, out.Output = out.Prompt*scale, out.Cached*scale, out.Output*scale
	var prefill, decode float64 // node-hours
	for h, c := range r.hours {
		l := r.levels[h]
		writing := float64(l.Decode*d.NodeChips) / scale
		busy := c.read / float64(chips(l.Prefill, d.NodeChips, r.sample)) / time.Hour.Seconds()
		out.Hours = append(out.Hours, HourResult{
			Hour: (d.Start + h) % 24, Prefill: l.Prefill, Decode: l.Decode, Prompt: c.prompt * scale, Output: c.output * scale,
			PrefillBusy: busy, Streams: c.spent / time.Hour.Seconds() / writing, Speed: c.output / c.spent,
		})
		prefill, decode = prefill+float64(l.Prefill), decode+float64(l.Decode)
		out.PeakNodes = max(out.PeakNodes, l.Prefill+l.Decode)
		nodeWatts := float64(d.NodeChips) * d.Chip.Watts
		out.KWh += nodeWatts / 1000 * (float64(l.Prefill)*(idlePower+(1-idlePower)*min(busy, 1)) + float64(l.Decode)) // those that write never rest
	}
	out.Nodes = (prefill + decode) / 24
	out.ChipHours = (prefill + decode) * float64(d.NodeChips)
	out.Cost = out.ChipHours * d.Rent
	out.Income = ((out.Prompt-out.Cached)*d.Input + out.Cached*d.Hit + out.Output*d.OutputFor) / 1e6
	out.PrefillPerNode = out.Prompt / (prefill * time.Hour.Seconds())
	out.DecodePerNode = out.Output / (decode * time.Hour.Seconds())
	out.TTFT = spread(r.ttft)
	d.compare(out)
}
