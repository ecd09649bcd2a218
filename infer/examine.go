package infer

import (
	"errors"
	"fmt"
)

// ampleContext is for how many tokens of a sequence ample memory is.
const ampleContext = 8192

// Facts are what a file says of its model.
type Facts struct {
	Name         string // may be empty
	Architecture string
	Format       string // of most of the weights, in ggml's names
	Parameters   int64
	Context      int   // tokens that a prompt and its answer can have together
	Embeds       bool  // it gives embeddings, and no answers
	Chats        bool  // it has a template that is known
	Least        int64 // bytes of memory without which it cannot be loaded
	Ample        int64 // bytes that hold a sequence of its whole context, or of 8,192 tokens of that
}

// ExamineFile is Examine for a file.
func (o Options) ExamineFile(path string) (Facts, error) { return open(path, o.Examine) }

// Examine reads of a GGUF file what it is and checks all that can be without
// reading the weights: it fails on every file on which Read and ReadEncoder
// fail for another reason than the values of weights, or memory. Of the
// Options, Slots, Context and Cache count.
func (o Options) Examine(data []byte) (Facts, error) {
	m, f, err := readHead(data)
	if errors.Is(err, ErrEncoder) {
		return o.examineEncoder(data)
	}
	if err != nil {
		return Facts{}, err
	}
	if _, err := readWeights(nil, f, m.family, m.shape); err != nil {
		return Facts{}, fmt.Errorf("checking the weights: %w", err)
	}
	facts := Facts{
		Name: m.name, Architecture: m.Architecture(), Format: m.format, Parameters: m.size, Context: m.shape.context, Chats: m.noChat == nil,
	}
	if o.Context > 0 {
		facts.Context = min(facts.Context, o.Context)
	}
	fixed := m.bytes + m.shape.workingBytes(o.limits().limits)
	facts.Least = fixed + m.shape.cacheBytes(min(leastContext, facts.Context))
	facts.Ample = fixed + m.shape.cacheBytes(min(ampleContext, facts.Context))
	return facts, nil
}

func (o Options) examineEncoder(data []byte) (Facts, error) {
	e, f, err := o.readEncoderHead(data)
	if err != nil {
		return Facts{}, err
	}
	if _, err := readEncoderWeights(nil, f, e.shape); err != nil {
		return Facts{}, fmt.Errorf("checking the weights: %w", err)
	}
	return Facts{
		Name: e.name, Architecture: archBERT, Format: e.format, Parameters: e.size, Context: e.shape.context, Embeds: true,
		Least: e.memoryBytes, Ample: e.memoryBytes,
	}, nil
}
