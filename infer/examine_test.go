package infer

import (
	"errors"
	"strings"
	"testing"

	"sluice/infer/gguf"
)

// TestExamine compares what is found of each family's files with the loaded
// model: what they are, and that the least memory is the least.
func TestExamine(t *testing.T) {
	o := Options{Threads: 1, Slots: 2}
	for _, c := range toys() {
		data := c.file(t)
		facts, err := o.Examine(data)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		o.Memory = facts.Least
		m, err := o.Read(data)
		if err != nil {
			t.Fatalf("%s: with the least memory: %v", c.name, err)
		}
		got := Facts{
			Name: m.Name(), Architecture: m.Architecture(), Format: m.Format(), Parameters: m.Parameters(), Context: m.Context(),
			Chats: facts.Chats, Least: m.Memory(), Ample: facts.Ample,
		}
		if got != facts || facts.Ample != facts.Least { // contexts of toys are shorter than either's
			t.Errorf("%s: loaded %+v, examined %+v", c.name, got, facts)
		}
		m.Close()
		o.Memory--
		if _, err := o.Read(data); !errors.Is(err, ErrMemory) {
			t.Errorf("%s: with a byte less: %v", c.name, err)
		}
	}
}

func TestExamineEncoder(t *testing.T) {
	data := toyEncoder(t, 1, false)
	facts, err := Options{}.Examine(data)
	if err != nil || !facts.Embeds || facts.Architecture != archBERT || facts.Least <= 0 {
		t.Fatalf("%+v, %v", facts, err)
	}
	e, err := Options{Threads: 1, Memory: facts.Least}.ReadEncoder(data)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if e.Memory() != facts.Least || e.Context() != facts.Context || e.Parameters() != facts.Parameters || e.Format() != facts.Format {
		t.Errorf("loaded otherwise than %+v", facts)
	}
	if _, err := (Options{Memory: facts.Least - 1}).ReadEncoder(data); !errors.Is(err, ErrMemory) {
		t.Errorf("with a byte less: %v", err)
	}
}

// TestExamineRefuses: what loading would refuse is refused without it.
func TestExamineRefuses(t *testing.T) {
	sound := toys()[0].file(t)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":      {nil, "magic"},
		"text":         {[]byte("hello, this is no model at all, only a text"), "magic"},
		"truncated":    {sound[:len(sound)-1], "tensor"},
		"architecture": {[]byte(strings.Replace(string(sound), "llama", "mamba", 1)), "mamba"},
		"tensor":       {[]byte(strings.Replace(string(sound), "blk.1.ffn_down", "blk.1.ffn_dawn", 1)), "missing"},
		"type":         {withType(t, sound), "not supported"},
	} {
		_, err := Options{}.Examine(c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// withType is a file, one of whose matrices is of a type that is not computed with.
func withType(t *testing.T, data []byte) []byte {
	t.Helper()
	f, err := gguf.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	tensor, _ := f.Tensor("blk.0.attn_q.weight")
	at := strings.Index(string(data), "blk.0.attn_q.weight") + len("blk.0.attn_q.weight") + 4 + 8*len(tensor.Dims)
	out := append([]byte(nil), data...)
	out[at] = 16 // IQ2_XXS
	return out
}
