package infer

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"sluice/infer/box"
	"sluice/infer/kernel"
	"sluice/infer/page"
)

// golden is what llama.cpp computed with the model in the box; its note says
// which version.
type golden struct {
	Texts []struct {
		Text   string
		Tokens []int32
	}
	Answers []goldenAnswer
}

type goldenAnswer struct {
	Messages []Message
	Prompt   []int32
	Tokens   []int32
	Text     string
	Logprobs []struct {
		Step   int
		Tokens []int32
		Values []float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(data, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Texts) == 0 || len(g.Answers) == 0 {
		t.Fatal("testdata/golden.json is empty")
	}
	return g
}

func boxModel(t testing.TB) *Model { return boxModelOn(t, kernel.Best()) }

// boxModelOn is boxModel, computed with an instruction set.
func boxModelOn(t testing.TB, set kernel.Set) *Model {
	t.Helper()
	m, err := Options{Kernel: set.String()}.Read(box.File())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestEncodeAsLlamaCpp(t *testing.T) {
	m := boxModel(t)
	for _, c := range readGolden(t).Texts {
		got := m.Tokenizer().Encode(nil, c.Text)
		if !slices.Equal(got, c.Tokens) {
			t.Errorf("%q encodes to %v, llama.cpp says %v", c.Text, got, c.Tokens)
		}
		if text := m.Tokenizer().Decode(got); text != c.Text {
			t.Errorf("%q comes back as %q", c.Text, text)
		}
	}
}

// sets are the instruction sets of this machine. Where the tests run is not where
// the model will.
func sets() (all []kernel.Set) {
	for set := kernel.Portable; set <= kernel.NEON; set++ {
		if set.Supported() {
			all = append(all, set)
		}
	}
	return all
}

func TestAnswerAsLlamaCpp(t *testing.T) {
	for _, set := range sets() {
		t.Run(set.String(), func(t *testing.T) { wantAnswers(t, boxModelOn(t, set)) })
	}
}

func wantAnswers(t *testing.T, m *Model) {
	for _, c := range readGolden(t).Answers {
		prompt, err := m.Chat(c.Messages)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(prompt, c.Prompt) {
			t.Errorf("%v renders to %v, llama.cpp says %v", c.Messages, prompt, c.Prompt)
			continue
		}
		text := ""
		res, err := m.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 48}, func(p Piece) error {
			text += p.Text
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if text != c.Text || res.Usage.Completion != len(c.Tokens) || res.Usage.Prompt != len(c.Prompt) {
			t.Errorf("%v\ngot  %q (%+v)\nwant %q (%d tokens)", c.Messages, text, res.Usage, c.Text, len(c.Tokens))
		}
	}
}

// TestLogitsAsLlamaCpp compares log-probabilities, after the prompt and in the
// middle of the answer. Both engines quantise activations, in ways that differ
// in the last bits, so they agree to a tolerance: a wider one for tokens that are
// less likely than one in five thousand.
func TestLogitsAsLlamaCpp(t *testing.T) {
	for _, set := range sets() {
		t.Run(set.String(), func(t *testing.T) { wantLogits(t, boxModelOn(t, set)) })
	}
}

func wantLogits(t *testing.T, m *Model) {
	worst := 0.0
	for _, c := range readGolden(t).Answers {
		for _, want := range c.Logprobs {
			got := logprobs(evaluate(m, slices.Concat(c.Prompt, c.Tokens[:want.Step]), 48))
			for i, token := range want.Tokens {
				tolerance := 0.2
				if want.Values[i] < -8.5 {
					tolerance = 0.5
				}
				difference := math.Abs(got[token] - want.Values[i])
				worst = max(worst, difference)
				if difference > tolerance {
					t.Errorf("%v step %d token %d: log-probability %.4f, llama.cpp says %.4f", c.Messages, want.Step, token, got[token], want.Values[i])
				}
			}
		}
	}
	t.Logf("largest difference %.4f", worst)
}

// logprobs is the logarithm of the softmax.
func logprobs(logits []float32) []float64 {
	highest := float64(slices.Max(logits))
	total := 0.0
	for _, v := range logits {
		total += math.Exp(float64(v) - highest)
	}
	out := make([]float64, len(logits))
	for i, v := range logits {
		out[i] = float64(v) - highest - math.Log(total)
	}
	return out
}

// evaluate returns the logits behind the last of tokens, computed from the
// beginning, in steps of at most chunk tokens. The model must have nothing to do.
func evaluate(m *Model, tokens []int32, chunk int) []float32 {
	var pages []page.ID
	for i := range (len(tokens) + kernel.PageTokens - 1) / kernel.PageTokens {
		pages = append(pages, page.ID(i))
	}
	var logits []float32
	for start := 0; start < len(tokens); start += chunk {
		end := min(start+chunk, len(tokens))
		logits = m.server.forward.run([]span{{tokens[start:end], start, pages, end == len(tokens)}})
	}
	return slices.Clone(logits)
}

func BenchmarkDecode(b *testing.B) {
	m := boxModel(b)
	prompt, err := m.Chat([]Message{{Role: "user", Content: "Tell me a story about a river."}})
	if err != nil {
		b.Fatal(err)
	}
	evaluate(m, prompt, 48)
	pages := []page.ID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for b.Loop() {
		for i := range 100 {
			m.server.forward.run([]span{{[]int32{300}, len(prompt) + i, pages, true}})
		}
	}
	b.ReportMetric(100*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkPrefill(b *testing.B) {
	m := boxModel(b)
	prompt := slices.Repeat([]int32{300, 400, 500}, 160)
	for b.Loop() {
		evaluate(m, prompt, stepTokens)
	}
	b.ReportMetric(float64(len(prompt))*float64(b.N)/b.Elapsed().Seconds(), "tokens/s")
}
