package infer

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"

	"sluice/infer/gguf"
	"sluice/infer/grammar"
	"sluice/infer/kernel"
	"sluice/infer/template"
	"sluice/infer/tokenizer"
)

// Model is a loaded model that continues many prompts at once. Its methods may
// be called from several goroutines.
type Model struct {
	name      string
	family    family
	shape     shape
	weights   weights
	tokenizer tokenizer.Tokenizer
	template  *template.Template
	noChat    error // why there is no template
	size      int64
	bytes     int64
	memory    int64
	format    string
	pool      *kernel.Pool
	server    server

	reading    sync.Once // of vocabulary
	vocabulary *grammar.Vocabulary
}

// Open is Options.Open with the zero Options.
func Open(path string) (*Model, error) { return Options{}.Open(path) }

// Read is Options.Read with the zero Options.
func Read(data []byte) (*Model, error) { return Options{}.Read(data) }

// Open loads a model from a GGUF file. The file is mapped while it is being
// read, and is not needed afterwards.
func (o Options) Open(path string) (*Model, error) { return open(path, o.Read) }

// open maps a file for as long as read needs it.
func open[T any](path string, read func(data []byte) (T, error)) (T, error) {
	data, unmap, err := gguf.Map(path)
	if err != nil {
		var none T
		return none, err
	}
	model, err := readMapped(data, read)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	if closing := unmap(); err == nil && closing != nil {
		err = fmt.Errorf("unmapping %s: %w", path, closing)
	}
	return model, err
}

// readMapped reads what is mapped. Bytes that are not there, as of a file that was
// cut short meanwhile or on a disk that fails, would end the process: they become
// an error.
func readMapped[T any](data []byte, read func([]byte) (T, error)) (model T, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		var gone interface {
			error
			Addr() uintptr
		}
		if fault, ok := v.(error); !ok || !errors.As(fault, &gone) {
			panic(v)
		}
		err = errors.New("some of its bytes cannot be read: it was cut short meanwhile, or the disk fails")
	}()
	return read(data)
}

// Read loads a model from the bytes of a GGUF file and keeps none of them. It
// fails, and says why, on a file that is damaged, or whose architecture,
// tensor types or tokenizer it does not support, and, with an error that wraps
// ErrMemory, on one that needs more memory than there is.
func (o Options) Read(data []byte) (*Model, error) {
	m, f, err := readHead(data)
	if err != nil {
		return nil, err
	}
	plan, err := o.plan(m.shape, m.bytes)
	if err != nil {
		return nil, err
	}
	m.shape.context = plan.context
	m.memory = m.bytes + m.shape.workingBytes(plan.limits) + int64(plan.pages)*m.shape.pageBytes()
	if m.pool, err = o.workers(plan.threads); err != nil {
		return nil, err
	}
	if m.weights, err = readWeights(m.pool, f, m.family, m.shape); err != nil {
		m.pool.Close()
		return nil, fmt.Errorf("loading the weights: %w", err)
	}
	m.server.init(plan, newForward(m.pool, m.family, m.shape, &m.weights, plan.limits.Slots+plan.limits.Step, plan.limits.Slots, plan.pages))
	runtime.GC() // what reading took is not needed any more
	return m, nil
}

// readHead reads all of a file but the weights.
func readHead(data []byte) (*Model, *gguf.File, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	if n, err := f.Int("split.count"); err == nil && n > 1 {
		return nil, nil, fmt.Errorf("it is one of the %d files of a split model: join them first, with llama-gguf-split --merge", n)
	}
	m := &Model{size: f.Values()}
	m.bytes, m.format = storage(f)
	arch, err := f.String("general.architecture")
	if err != nil {
		return nil, nil, err
	}
	if m.family, err = findFamily(arch); err != nil {
		return nil, nil, err
	}
	if m.tokenizer, err = tokenizer.Load(f); err != nil {
		return nil, nil, err
	}
	m.template, m.noChat = template.For(f, m.tokenizer)
	if m.shape, err = readShape(f, m.family, m.tokenizer.Size()); err != nil {
		return nil, nil, fmt.Errorf("loading the model: %w", err)
	}
	m.name, _ = f.String("general.name") // optional
	return m, f, nil
}

// storage returns how many bytes the tensors have, and the type that most of
// them are of.
func storage(f *gguf.File) (bytes int64, format string) {
	by := map[gguf.Type]int64{}
	most := gguf.F32
	for _, name := range f.TensorNames() {
		t, _ := f.Tensor(name)
		n := int64(len(t.Data))
		bytes += n
		if by[t.Type] += n; by[t.Type] > by[most] {
			most = t.Type
		}
	}
	return bytes, most.String()
}

// Close ends what runs, with ErrClosed, and frees the workers.
func (m *Model) Close() error {
	if m.server.close() {
		m.pool.Close()
	}
	return nil
}

// Name is the name the file gives its model, possibly empty.
func (m *Model) Name() string { return m.name }

// Architecture is the file's general.architecture.
func (m *Model) Architecture() string { return m.family.arch }

// Format is the type of most of the weights, in ggml's names.
func (m *Model) Format() string { return m.format }

// Context is the most tokens that a prompt and its answer can have together.
// It is less than the file's when memory for that is lacking.
func (m *Model) Context() int { return m.shape.context }

// Parameters is the number of weights.
func (m *Model) Parameters() int64 { return m.size }

// Memory is about how many bytes the model takes, once its cache is full.
func (m *Model) Memory() int64 { return m.memory }

// Template renders conversations for the model and reads its answers. Without
// one that is known, the error says so: the model continues texts all the same.
func (m *Model) Template() (*template.Template, error) { return m.template, m.noChat }

// Vocabulary is what grammars of this model's answers are made with. It is
// built when it is first asked for.
func (m *Model) Vocabulary() *grammar.Vocabulary {
	m.reading.Do(func() { m.vocabulary = grammar.NewVocabulary(m.tokenizer) })
	return m.vocabulary
}

// Tokenizer is the model's tokenizer.
func (m *Model) Tokenizer() tokenizer.Tokenizer { return m.tokenizer }
