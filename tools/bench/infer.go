package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"sluice/infer"
	"sluice/infer/gguf"
	"sluice/infer/kernel"
)

// inferOptions are those of "bench infer".
type inferOptions struct {
	dir, llama string
	rounds     int
	threads    []int
	types      []gguf.Type
	tokens     int // that a sequence writes
	batch      int // sequences at once
	prompt     int // tokens of the long prompt
	profile    string
}

// speeds are tokens a second.
type speeds struct {
	Decode  float64 `json:"decode"`
	Batch   float64 `json:"batch"`
	Prefill float64 `json:"prefill"`
}

// runInfer measures the embedded engine on random weights in the shape of
// Qwen3-0.6B, and llama.cpp on the same file, in turn. It writes Markdown.
func runInfer(args []string, out, log io.Writer) error {
	o, err := inferFlags(args, log)
	if err != nil {
		return err
	}
	if o.profile != "" {
		file, err := os.Create(o.profile)
		if err != nil {
			return err
		}
		defer file.Close()
		if err := pprof.StartCPUProfile(file); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for _, n := range o.threads {
		fmt.Fprintf(out, "stream, %d threads: %.1f GB/s\n", n, streamRate(n))
	}
	fmt.Fprintf(out, "\n| weights | threads | what | Sluice tok/s | llama.cpp tok/s | ratio | of stream |\n|---|---|---|---|---|---|---|\n")
	for _, typ := range o.types {
		path := filepath.Join(o.dir, "random-"+strings.ToLower(typ.String())+".gguf")
		if _, err := os.Stat(path); err != nil {
			fmt.Fprintln(log, "writing", path)
			if err := writeRandom(path, typ); err != nil {
				return err
			}
		}
		for _, n := range o.threads {
			if err := o.compare(out, log, path, typ, n); err != nil {
				return fmt.Errorf("%v with %d threads: %w", typ, n, err)
			}
		}
	}
	return nil
}

func inferFlags(args []string, log io.Writer) (inferOptions, error) {
	o := inferOptions{}
	f := flag.NewFlagSet("bench infer", flag.ContinueOnError)
	f.SetOutput(log)
	f.StringVar(&o.dir, "dir", os.TempDir(), "folder for the model files, 0.64 and 0.34 GB")
	f.StringVar(&o.llama, "llama", "", "folder with llama-bench and llama-batched-bench; not measured when not given")
	f.IntVar(&o.rounds, "rounds", 3, "rounds; their median is shown")
	f.IntVar(&o.tokens, "tokens", 64, "tokens that a sequence writes")
	f.IntVar(&o.batch, "batch", 8, "sequences at once")
	f.IntVar(&o.prompt, "prompt", 512, "tokens of the prompt")
	f.StringVar(&o.profile, "profile", "", "file for a CPU profile of the embedded engine")
	threads := f.String("threads", fmt.Sprintf("1,%d", runtime.NumCPU()), "numbers of threads")
	types := f.String("types", "q8_0,q4_k", "types of weights")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	for s := range strings.SplitSeq(*threads, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return o, fmt.Errorf("bad number of threads %q", s)
		}
		o.threads = append(o.threads, n)
	}
	for s := range strings.SplitSeq(*types, ",") {
		i := slices.IndexFunc([]gguf.Type{gguf.Q8_0, gguf.Q4_K, gguf.Q4_0, gguf.Q5_K, gguf.Q6_K, gguf.F16}, func(t gguf.Type) bool {
			return strings.EqualFold(t.String(), s)
		})
		if i < 0 {
			return o, fmt.Errorf("bad type %q", s)
		}
		o.types = append(o.types, []gguf.Type{gguf.Q8_0, gguf.Q4_K, gguf.Q4_0, gguf.Q5_K, gguf.Q6_K, gguf.F16}[i])
	}
	return o, nil
}

// compare measures one file with so many threads, and writes three rows.
func (o inferOptions) compare(out, log io.Writer, path string, typ gguf.Type, threads int) error {
	var ours, theirs []speeds
	var rates []float64
	for round := range o.rounds {
		s, err := o.measure(path, threads)
		if err != nil {
			return err
		}
		ours, rates = append(ours, s), append(rates, streamRate(threads))
		if o.llama != "" {
			if s, err = o.measureLlama(path, threads); err != nil {
				return err
			}
			theirs = append(theirs, s)
		}
		fmt.Fprintf(log, "%v, %d threads, round %d: %+v against %+v, stream %.1f GB/s\n", typ, threads, round, ours[round], theirs[len(theirs)-min(1, len(theirs)):], rates[round])
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	for _, row := range []struct {
		name string
		of   func(speeds) float64
	}{
		{"decode", func(s speeds) float64 { return s.Decode }},
		{fmt.Sprintf("batch %d", o.batch), func(s speeds) float64 { return s.Batch }},
		{fmt.Sprintf("prefill %d", o.prompt), func(s speeds) float64 { return s.Prefill }},
	} {
		var their float64
		our, share, ratio := median(each(ours, row.of)), "", ""
		if row.name == "decode" {
			share = spread(each(ours, row.of), rates, 100*float64(info.Size())/1e9, "%.0f %%")
		}
		if len(theirs) > 0 {
			their = median(each(theirs, row.of))
			ratio = spread(each(ours, row.of), each(theirs, row.of), 1, "%.2f")
		}
		fmt.Fprintf(out, "| %v | %d | %s | %.1f | %.1f | %s | %s |\n", typ, threads, row.name, our, their, ratio, share)
	}
	return nil
}

// each is one figure of all rounds.
func each(all []speeds, of func(speeds) float64) (out []float64) {
	for _, s := range all {
		out = append(out, of(s))
	}
	return out
}

// spread writes the median of a's share in b, times unit, round by round, and in
// brackets the least and the most.
func spread(a, b []float64, unit float64, format string) string {
	var shares []float64
	for i, v := range a {
		shares = append(shares, unit*v/b[i])
	}
	return fmt.Sprintf(format+" ("+format+" to "+format+")", median(shares), slices.Min(shares), slices.Max(shares))
}

// streamRate is the rate in GB/s at which so many threads read memory together,
// from pages as large as those that hold the weights.
func streamRate(threads int) float64 {
	const size, times = 512 << 20, 12
	values := kernel.NewPages(size / 4)
	for i := range values {
		values[i] = 1
	}
	data := unsafe.Slice((*byte)(unsafe.Pointer(&values[0])), size)
	highest := 0.0
	for range times {
		start := time.Now()
		var group sync.WaitGroup
		for i := range threads {
			part := size / threads &^ 127
			group.Go(func() { stream(&data[i*part], part) })
		}
		group.Wait()
		highest = max(highest, size/1e9/time.Since(start).Seconds())
	}
	return highest
}

// measure runs the embedded engine in this process.
func (o inferOptions) measure(path string, threads int) (speeds, error) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(threads))
	m, err := infer.Options{Threads: threads, Slots: o.batch, Context: 2048}.Open(path)
	if err != nil {
		return speeds{}, err
	}
	defer m.Close()
	defer runtime.GC()
	salt := 0
	run := func(sequences, prompt, tokens int) (time.Duration, error) {
		var group sync.WaitGroup
		errs, first := make([]error, sequences), make([]time.Time, sequences)
		salt++
		for i := range sequences {
			group.Go(func() {
				req := infer.Request{MaxTokens: tokens, CacheSalt: fmt.Sprint(salt, i)}
				for k := range prompt {
					req.Prompt = append(req.Prompt, int32(1000+37*k+1001*i))
				}
				res, err := m.Generate(context.Background(), req, func(infer.Piece) error {
					if first[i].IsZero() {
						first[i] = time.Now()
					}
					return nil
				})
				if err == nil && res.Usage.Completion != tokens {
					err = fmt.Errorf("%d tokens came, not %d", res.Usage.Completion, tokens)
				}
				errs[i] = err
			})
		}
		group.Wait()
		return time.Since(slices.MaxFunc(first, time.Time.Compare)), errors.Join(errs...)
	}
	if _, err := run(1, 16, 4); err != nil { // warm
		return speeds{}, err
	}
	s := speeds{}
	start := time.Now()
	if _, err := run(1, o.prompt, 1); err != nil {
		return speeds{}, err
	}
	s.Prefill = float64(o.prompt) / time.Since(start).Seconds()
	took, err := run(1, 16, o.tokens+1)
	if err != nil {
		return speeds{}, err
	}
	s.Decode = float64(o.tokens) / took.Seconds()
	took, err = run(o.batch, 16, o.tokens+1)
	s.Batch = float64(o.batch*o.tokens) / took.Seconds()
	return s, err
}

// measureLlama runs llama.cpp's own benchmarks.
func (o inferOptions) measureLlama(path string, threads int) (speeds, error) {
	n := strconv.Itoa(threads)
	raw, err := exec.Command(filepath.Join(o.llama, "llama-bench"), "-m", path, "-t", n, "-p", strconv.Itoa(o.prompt), "-n", strconv.Itoa(o.tokens), "-r", "1", "-o", "json").Output()
	if err != nil {
		return speeds{}, fmt.Errorf("llama-bench: %w", err)
	}
	var rows []struct {
		Prompt int     `json:"n_prompt"`
		Rate   float64 `json:"avg_ts"`
	}
	if err := json.Unmarshal(raw, &rows); err != nil || len(rows) != 2 {
		return speeds{}, fmt.Errorf("llama-bench wrote %d rows (%v)", len(rows), err)
	}
	s := speeds{}
	for _, r := range rows {
		if r.Prompt > 0 {
			s.Prefill = r.Rate
		} else {
			s.Decode = r.Rate
		}
	}
	raw, err = exec.Command(filepath.Join(o.llama, "llama-batched-bench"), "-m", path, "-t", n, "-npp", "16", "-ntg", strconv.Itoa(o.tokens), "-npl", strconv.Itoa(o.batch), "-c", "2048", "--output-format", "jsonl").Output()
	if err != nil {
		return speeds{}, fmt.Errorf("llama-batched-bench: %w", err)
	}
	for line := range bytes.Lines(raw) {
		var row struct {
			Rate float64 `json:"speed_tg"`
		}
		if json.Unmarshal(line, &row) == nil && row.Rate > 0 {
			s.Batch = row.Rate
		}
	}
	if s.Batch == 0 {
		return s, errors.New("llama-batched-bench wrote no speed")
	}
	return s, nil
}
