package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// options are the settings of a run.
type options struct {
	parts    []string
	rounds   int
	duration time.Duration // of one measurement
	binary   string        // of Sluice; built when empty
	against  string        // a second one, to compare a change with
	floors   bool          // measure plain relays of net/http, too
	dir      string        // for what the gateways write; must be on a disk
	profile  string        // file for perf; empty takes none
	cores    [2]int        // of the gateway, and of engine and load
}

// bench is one run.
type bench struct {
	options
	self   string // this program
	log    io.Writer
	engine *gateway
	result result
}

// run measures every part that was asked for.
func run(ctx context.Context, o options, log io.Writer) (*result, error) {
	b := &bench{options: o, log: log}
	var err error
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.dir, err = os.MkdirTemp(o.dir, "sluice-bench-"); err != nil {
		return nil, err
	}
	defer os.RemoveAll(b.dir)
	if b.binary == "" {
		if b.binary, err = b.build(ctx); err != nil {
			return nil, err
		}
	}
	b.result = newResult(ctx, o)
	for _, name := range o.parts {
		if err := b.part(ctx, parts()[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return &b.result, nil
}

// build compiles Sluice from the folder above, as make does, but with symbols.
func (b *bench) build(ctx context.Context) (string, error) {
	fmt.Fprintln(b.log, "building sluice")
	path := filepath.Join(b.dir, "sluice")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-o", path, "./cmd/sluice")
	cmd.Dir = filepath.Join("..", "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building sluice (run this from tools/bench): %w\n%s", err, out)
	}
	return path, nil
}

// part starts engine and gateways anew, measures in rounds, each gateway in
// turn, and notes what came of it.
func (b *bench) part(ctx context.Context, p part) (err error) {
	set, err := b.open(ctx)
	defer func() { err = errors.Join(err, b.close(ctx, set)) }()
	if err != nil {
		return err
	}
	if p.prepare != nil {
		if err := p.prepare(ctx, b, &p, set); err != nil {
			return err
		}
	}
	measured := map[string][]sample{}
	for round := range b.rounds {
		for _, g := range set {
			s, err := b.measure(ctx, g, &p, round == 0)
			if err != nil {
				return fmt.Errorf("%s: %w", g.name, err)
			}
			fmt.Fprintf(b.log, "%-10s %-8s round %d: %s\n", p.name, g.name, round+1, s)
			measured[g.name] = append(measured[g.name], s)
		}
		if p.fresh && round+1 < b.rounds {
			if err := b.close(ctx, set); err != nil {
				return err
			}
			if set, err = b.open(ctx); err != nil {
				return err
			}
		}
	}
	b.result.add(&p, measured)
	return nil
}

// open starts the engine and, on it, all that is compared.
func (b *bench) open(ctx context.Context) ([]*gateway, error) {
	dir, err := os.MkdirTemp(b.dir, "run-")
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, b.cores[1], []string{"GOMAXPROCS=1"}, b.self, "engine")
	if err != nil {
		return nil, err
	}
	b.engine = &gateway{name: "engine", process: p}
	if !p.out.Scan() {
		return nil, fmt.Errorf("the engine did not start: %s", p.errors)
	}
	address := p.out.Text()
	set := []*gateway{{name: "direct", address: address}}
	nginx, err := startNginx(ctx, b.cores[0], filepath.Join(dir, "nginx"), address)
	if nginx != nil {
		set = append(set, nginx)
	}
	if err != nil {
		return set, err
	}
	for _, name := range floorNames(b.floors) {
		g, err := b.startFloor(ctx, name, address)
		if g != nil {
			set = append(set, g)
		}
		if err != nil {
			return set, err
		}
	}
	for _, s := range []struct{ name, binary string }{{"sluice", b.binary}, {"against", b.against}} {
		if s.binary == "" {
			continue
		}
		g, err := startSluice(ctx, b.cores[0], s.name, s.binary, filepath.Join(dir, s.name), address)
		if g != nil {
			set = append(set, g)
		}
		if err != nil {
			return set, fmt.Errorf("starting sluice: %w", err)
		}
	}
	return set, nil
}

// close checks the books, and stops everything.
func (b *bench) close(ctx context.Context, set []*gateway) error {
	var errs []error
	for _, g := range set {
		if g.process == nil {
			continue
		}
		if g.sluice != nil && g.sluice.before != "" {
			errs = append(errs, g.sluice.check(ctx))
		}
		errs = append(errs, g.process.stop())
		if g.sluice != nil && g.sluice.before != "" {
			errs = append(errs, g.sluice.verify(ctx))
		}
	}
	if b.engine != nil {
		errs = append(errs, b.engine.process.stop())
		b.engine = nil
	}
	return errors.Join(errs...)
}

// sample is one measurement of one gateway.
type sample struct {
	Answers float64 // a second
	Tokens  float64 // a second
	Reads   float64 // a second that brought paced tokens to the load generator
	CPU     float64 // of the gateway, in seconds a second
	Memory  float64 // of the gateway, in bytes more than before
	TTFT    summary
	Late    summary
}

func (s sample) String() string {
	return fmt.Sprintf("%.0f answers/s, %.0f tokens/s, CPU %.0f %%, memory +%.1f MiB, TTFT p50 %.2f p99 %.2f ms, late p50 %.2f p99 %.2f ms",
		s.Answers, s.Tokens, 100*s.CPU, s.Memory/(1<<20), 1e3*s.TTFT.P50, 1e3*s.TTFT.P99, 1e3*s.Late.P50, 1e3*s.Late.P99)
}

// warmUp lets streams and closed loops run in before a measurement begins.
const warmUp = 500 * time.Millisecond

// measure puts the part's load on a gateway and watches both for a while.
func (b *bench) measure(ctx context.Context, g *gateway, p *part, profiled bool) (sample, error) {
	pl := p.plan(b.duration)
	pl.Address, pl.Key = g.address, g.key
	memory, err := g.memory()
	if err != nil {
		return sample{}, err
	}
	raw, err := json.Marshal(pl)
	if err != nil {
		return sample{}, err
	}
	l, err := start(ctx, b.cores[1], []string{"GOMAXPROCS=1"}, b.self, "load", string(raw))
	if err != nil {
		return sample{}, err
	}
	w, err := b.watch(ctx, g, l, profiled && b.profile != "" && g.name == "sluice")
	if err != nil {
		_ = l.cmd.Process.Kill()
		return sample{}, errors.Join(err, l.cmd.Wait())
	}
	var end progress
	if _, err := io.WriteString(l.in, "stop\n"); err != nil {
		return sample{}, err
	}
	if err := l.line(&end); err != nil {
		return sample{}, err
	}
	if err := l.cmd.Wait(); err != nil {
		return sample{}, err
	}
	if g.sluice != nil {
		g.sluice.note(pl, end)
	}
	if end.Errors > 0 {
		return sample{}, fmt.Errorf("%d answers of %d were wrong, the first: %s", end.Errors, end.Errors+end.Answers, end.Error)
	}
	if pl.Once && w.to.Open < pl.Conns {
		return sample{}, fmt.Errorf("only %d of %d streams were open to the end: take a longer -duration", w.to.Open, pl.Conns)
	}
	return sample{
		Answers: float64(w.to.Answers-w.from.Answers) / w.seconds,
		Tokens:  float64(w.to.Tokens-w.from.Tokens) / w.seconds,
		Reads:   float64(w.to.Late.N) / w.seconds,
		CPU:     w.cpu.Seconds() / w.seconds,
		Memory:  float64(w.memory - memory),
		TTFT:    w.ttft(pl), Late: w.to.Late,
	}, nil
}

// window is what happened between two marks.
type window struct {
	from, to progress
	seconds  float64
	cpu      time.Duration
	memory   int64
}

// ttft is of the requests in the window.
func (w *window) ttft(p plan) summary {
	if p.Once {
		return w.from.TTFT
	}
	return w.to.TTFT
}

// watch lets the load run in, then counts for the set duration.
func (b *bench) watch(ctx context.Context, g *gateway, l *process, profiled bool) (*window, error) {
	var said string
	if err := l.line(&said); err != nil {
		return nil, err
	}
	time.Sleep(warmUp)
	stopPerf, err := b.perf(ctx, g, profiled)
	if err != nil {
		return nil, err
	}
	w := &window{}
	if w.from, err = mark(l); err != nil {
		return nil, err
	}
	began := time.Now()
	before, err := g.cpu()
	if err != nil {
		return nil, err
	}
	time.Sleep(b.duration)
	w.seconds = time.Since(began).Seconds()
	after, err := g.cpu()
	if err != nil {
		return nil, err
	}
	w.cpu = after - before
	if w.to, err = mark(l); err != nil {
		return nil, err
	}
	if w.memory, err = g.memory(); err != nil {
		return nil, err
	}
	return w, stopPerf()
}

// mark asks a load generator how far it is.
func mark(l *process) (progress, error) {
	var p progress
	if _, err := io.WriteString(l.in, "mark\n"); err != nil {
		return p, err
	}
	return p, l.line(&p)
}

// perf begins to profile a gateway and returns what ends it.
func (b *bench) perf(ctx context.Context, g *gateway, wanted bool) (func() error, error) {
	if !wanted {
		return func() error { return nil }, nil
	}
	p, err := start(ctx, b.cores[1], nil, "perf", "record", "-q", "-F", "499", "-g", "-o", b.profile, "-p", fmt.Sprint(g.pid()))
	if err != nil {
		return nil, fmt.Errorf("profiling needs perf: %w", err)
	}
	return p.stop, nil
}

// cpu and memory are zero for the engine itself, which is not measured.
func (g *gateway) cpu() (time.Duration, error) {
	if g.pid() == 0 {
		return 0, nil
	}
	return cpuTime(g.pid())
}

func (g *gateway) memory() (int64, error) {
	if g.pid() == 0 {
		return 0, nil
	}
	return resident(g.pid())
}
