package infer

import (
	"fmt"
	"sync"

	"sluice/infer/bpe"
	"sluice/infer/gguf"
	"sluice/infer/kernel"
)

// Model is a loaded model and the state of the last sequence it worked on. Its
// methods may be called from several goroutines, but only one Generate runs at
// a time.
type Model struct {
	name      string
	shape     shape
	weights   weights
	tokenizer *bpe.Tokenizer
	chat      chatTokens
	size      int64

	busy    sync.Mutex // held while Generate runs; guards what follows
	forward *forward
	known   []int32 // the tokens whose keys and values are in the cache
	salt    string  // whose they are: Request.CacheSalt
}

// Open loads a model from a GGUF file. The file is mapped while it is being
// read, and is not needed afterwards.
func Open(path string) (*Model, error) {
	data, unmap, err := gguf.Map(path)
	if err != nil {
		return nil, err
	}
	model, err := Read(data)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if closing := unmap(); err == nil && closing != nil {
		return nil, fmt.Errorf("unmapping %s: %w", path, closing)
	}
	return model, err
}

// Read loads a model from the bytes of a GGUF file and keeps none of them. It
// fails, and says why, on a file that is damaged, or whose architecture,
// tensor types or tokenizer it does not support.
func Read(data []byte) (*Model, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, err
	}
	m := &Model{}
	if m.tokenizer, err = bpe.Load(f); err != nil {
		return nil, err
	}
	if m.chat, err = readChat(m.tokenizer); err != nil {
		return nil, fmt.Errorf("loading the chat template: %w", err)
	}
	if m.shape, err = readShape(f, m.tokenizer.Size()); err != nil {
		return nil, fmt.Errorf("loading the model: %w", err)
	}
	pool := kernel.NewPool(1)
	if m.weights, err = readWeights(pool, f, m.shape); err != nil {
		return nil, fmt.Errorf("loading the weights: %w", err)
	}
	m.name, _ = f.String("general.name") // optional
	m.size = f.Values()
	m.forward = newForward(pool, m.shape, &m.weights)
	return m, nil
}

// Name is the name the file gives its model, possibly empty.
func (m *Model) Name() string { return m.name }

// Context is the most tokens that a prompt and its answer can have together.
func (m *Model) Context() int { return m.shape.context }

// Parameters is the number of weights.
func (m *Model) Parameters() int64 { return m.size }

// Tokenizer is the model's tokenizer.
func (m *Model) Tokenizer() *bpe.Tokenizer { return m.tokenizer }
