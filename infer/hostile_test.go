package infer

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/infer/gguf/gguftest"
	"sluice/infer/sample"
)

// survives reads a damaged file and, where it is still a model, asks it. It may
// fail in any way but by a panic, by hanging, or by taking more memory than a
// small file can ask for.
func survives(t *testing.T, data []byte) {
	t.Helper()
	o := Options{Threads: 1, Slots: 2, Cache: 1 << 20, Memory: 256 << 20}
	if e, err := o.ReadEncoder(data); err == nil {
		_, _ = e.Embed(t.Context(), []int32{1, 2, 3})
		_ = e.Close()
	}
	_, examined := o.Examine(data)
	m, err := o.Read(data)
	if (err == nil) != (examined == nil) && !errors.Is(err, ErrMemory) && !errors.Is(err, ErrEncoder) {
		t.Errorf("examined: %v, read: %v", examined, err)
	}
	if err != nil {
		return
	}
	defer m.Close()
	if n := m.Context(); n > 2 {
		res, err := m.Generate(context.Background(), Request{Prompt: []int32{1, 2}, MaxTokens: 3}, func(Piece) error { return nil })
		if err == nil && res.Usage.Completion == 0 || err != nil && !errors.Is(err, sample.ErrNotFinite) {
			t.Errorf("%+v, %v", res, err)
		}
	}
}

// TestDamagedFiles flips, overwrites and cuts bytes of files of every kind,
// most of them in the tables in front of the weights.
func TestDamagedFiles(t *testing.T) {
	files := [][]byte{tiny{}.file(t), tiny{quantised: true}.file(t), toyEncoder(t, 1, false)}
	for _, c := range toys() {
		files = append(files, c.file(t))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	random, tried := rand.New(rand.NewPCG(1, 2)), 0
	for _, sound := range files {
		for range 50 {
			data := slices.Clone(sound)
			for range 1 + random.IntN(3) {
				at := random.IntN(min(len(data), 1<<uint(6+random.IntN(15))))
				switch random.IntN(4) {
				case 0:
					data[at] ^= 1 << random.IntN(8)
				case 1:
					data[at] = byte(random.Uint32())
				case 2:
					if at+8 <= len(data) {
						binary.LittleEndian.PutUint64(data[at:], []uint64{0, 1, math.MaxUint64, 1 << 31, 1 << 62, 1 << 40}[random.IntN(6)])
					}
				case 3:
					if random.IntN(10) == 0 {
						data = data[:max(1, at)]
					}
				}
			}
			survives(t, data)
			tried++
		}
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / uint64(tried); each > 32<<20 {
		t.Errorf("a damaged file takes %d bytes on average", each)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(tiny{}.file(f))
	f.Add(tiny{quantised: true}.file(f))
	f.Add(tiny{quantised: true, numbers: map[string]uint32{"rope.dimension_count": 16}, scaling: "none"}.file(f))
	f.Add(toyEncoder(f, 2, false))
	f.Fuzz(survives)
}

func TestMemoryIsPlanned(t *testing.T) {
	c := toys()[0]
	data := c.file(t)
	m, err := Options{Threads: 1}.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	page := m.shape.pageBytes()
	fixed := m.bytes + m.shape.workingBytes(Options{}.limits().limits)
	if got, want := m.Stats().Room, defaultSlots*c.context; got != want {
		t.Errorf("without a budget, there is room for %d tokens, want %d", got, want)
	}
	for _, step := range []struct {
		memory        int64
		context, room int
	}{
		{fixed + 1000*page, 128, defaultSlots * 128},
		{fixed + 20*page, 128, 320},
		{fixed + 8*page, 128, 128},
	} {
		m, err := Options{Threads: 1, Memory: step.memory}.Read(data)
		if err != nil {
			t.Fatal(err)
		}
		if m.Context() != step.context || m.Stats().Room != step.room {
			t.Errorf("%d bytes: a context of %d and room for %d, want %d and %d", step.memory, m.Context(), m.Stats().Room, step.context, step.room)
		}
		_ = m.Close()
	}
	for _, memory := range []int64{1, m.bytes, fixed + 7*page} {
		_, err := Options{Threads: 1, Memory: memory}.Read(data)
		if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "weights") || !strings.Contains(err.Error(), "Use a file of smaller weights") {
			t.Errorf("%d bytes: %v", memory, err)
		}
	}
	// A long context is shortened to what there is, down to a floor.
	c.context = 4096
	data = c.file(t)
	m, err = Options{Threads: 1, Memory: fixed + 100*page}.Read(data)
	if err != nil || m.Context() != 1600 {
		t.Fatalf("%v", err)
	}
	prompt := make([]int32, 1600)
	if _, err := m.Generate(t.Context(), Request{Prompt: prompt}, nil); !errors.Is(err, ErrContext) || !strings.Contains(err.Error(), "1600 tokens of 1600") {
		t.Errorf("a prompt of the whole context: %v", err)
	}
	_ = m.Close()
	if _, err := (Options{Threads: 1, Memory: fixed + 15*page}).Read(data); !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), "context of 256 tokens") {
		t.Errorf("fifteen pages: %v", err)
	}
}

// TestAPanicIsAnError: a fault of the computation ends the answers that it
// struck, and nothing else.
func TestAPanicIsAnError(t *testing.T) {
	m := boxModel(t)
	embedding := m.weights.embedding
	m.weights.embedding = nil
	_, err := m.Generate(t.Context(), Request{Prompt: []int32{1, 2}}, nil)
	if err == nil || !strings.Contains(err.Error(), "computing a step") {
		t.Errorf("error %v", err)
	}
	m.weights.embedding = embedding
	if _, err := m.Generate(t.Context(), Request{Prompt: []int32{1, 2}, MaxTokens: 2}, func(Piece) error { return nil }); err != nil {
		t.Errorf("afterwards: %v", err)
	}
	if s := m.Stats(); s.Running+s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// brittle is a form that breaks at the second token.
type brittle struct{ tokens int }

func (b *brittle) Allow([]float32) {
	if b.tokens == 1 {
		panic("oops")
	}
}
func (b *brittle) Accept(int32) error { b.tokens++; return nil }
func (*brittle) Done() bool           { return false }
func (*brittle) Err() error           { return nil }

// TestAPanicOfOneIsItsOwn: what goes wrong with the choice of one answer's tokens
// is nothing to the answers that are computed beside it.
func TestAPanicOfOneIsItsOwn(t *testing.T) {
	m := boxModel(t)
	ask := func(req Request) (Result, error) {
		return m.Generate(t.Context(), req, func(Piece) error { return nil })
	}
	release := hold(m)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if got, err := ask(Request{Prompt: []int32{1, 2}, MaxTokens: 8}); err != nil || got.Usage.Completion == 0 {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
	group.Go(func() {
		_, err := ask(Request{Prompt: []int32{1, 2}, MaxTokens: 8, Form: &brittle{}})
		if err == nil || !strings.Contains(err.Error(), "choosing a token: oops") {
			t.Errorf("error %v", err)
		}
	})
	for m.Stats().Waiting < 5 && !t.Failed() {
		time.Sleep(100 * time.Microsecond)
	}
	release()
	group.Wait()
	if s := m.Stats(); s.Running+s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}

// impossible is a form that no answer has.
type impossible struct{ brittle }

func (*impossible) Allow(logits []float32) {
	for i := range logits {
		logits[i] = float32(math.Inf(-1))
	}
}

func TestAnImpossibleFormIsTheRequestsFault(t *testing.T) {
	m := boxModel(t)
	for _, temperature := range []float64{0, 1} {
		_, err := m.Generate(t.Context(), Request{Prompt: []int32{1, 2}, Form: &impossible{}, Sampling: sample.Options{Temperature: temperature}}, nil)
		if !errors.Is(err, ErrForm) {
			t.Errorf("error %v", err)
		}
	}
}

func TestSplitFilesAreNamed(t *testing.T) {
	part := gguftest.New().String("general.architecture", "llama").Uint32("split.count", 3).Bytes()
	if _, err := Read(part); err == nil || !strings.Contains(err.Error(), "one of the 3 files of a split model") {
		t.Errorf("the first of three files: %v", err)
	}
}
