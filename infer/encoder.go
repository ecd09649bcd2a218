package infer

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"sluice/infer/gguf"
	"sluice/infer/kernel"
	"sluice/infer/tokenizer"
	"sluice/infer/wordpiece"
)

// archBERT is the architecture of encoders that give embeddings.
const archBERT = "bert"

// ErrEncoder is wrapped when a file is asked to generate that holds a model of
// embeddings. OpenEncoder and ReadEncoder take it.
var ErrEncoder = errors.New("the file holds a model of embeddings")

// maxText is the longest context of an encoder, whose memory is there from the
// beginning.
const maxText = 1 << 13

// pooling says which of the tokens' vectors are a text's, numbered as in the
// file's metadata.
type pooling int

const (
	poolMean  pooling = 1 // all of them, averaged
	poolFirst pooling = 2 // that of [CLS]
)

// Encoder turns texts into vectors: BERT (Devlin et al., arXiv 1810.04805), as
// sentence encoders use it (Reimers and Gurevych, arXiv 1908.10084). Its methods
// may be called from several goroutines; they take turns.
type Encoder struct {
	name    string
	format  string
	size    int64
	shape   encoderShape
	weights encoderWeights
	tokens  *wordpiece.Tokenizer
	pool    *kernel.Pool
	room    chan struct{} // who waits or computes

	memoryBytes int64

	turn   chan struct{} // has an element while a text is computed; guards what follows
	closed bool
	memory *encoderMemory
}

// encoderShape holds the sizes of a BERT model.
type encoderShape struct {
	context, width, layers, hidden, heads, vocab, types int
	epsilon                                             float64
	pooling                                             pooling
}

// encoderWeights are its tensors.
type encoderWeights struct {
	words, positions, kinds kernel.Matrix // kinds is nil in files without
	norm                    layerNorm
	layers                  []encoderLayer
}

// encoderLayer is one block: attention, feed-forward, each with a norm behind.
type encoderLayer struct {
	query, key, value, join, up, down                   kernel.Matrix
	queryBias, keyBias, valueBias, joinBias, upBias, by []float32
	attnNorm, outNorm                                   layerNorm
}

// layerNorm is the weight and bias of LayerNorm (Ba et al., arXiv 1607.06450).
type layerNorm struct{ weight, bias []float32 }

// encoderMemory is what a text is computed in, of up to context tokens.
type encoderMemory struct {
	stream                   []float32
	in, mixed, grown         *kernel.Activations
	query, key, value, added []float32
	pages                    [][][]float32 // of each head
}

// ReadEncoder loads a model of embeddings from the bytes of a GGUF file and
// keeps none of them. Its errors are those of Read.
func (o Options) ReadEncoder(data []byte) (*Encoder, error) {
	e, f, err := o.readEncoderHead(data)
	if err != nil {
		return nil, err
	}
	if o.Memory > 0 && e.memoryBytes > o.Memory {
		return nil, fmt.Errorf("%w: it needs %s for its weights and to work with; %s", ErrMemory, size(e.memoryBytes), o.given())
	}
	p := o.limits()
	if e.pool, err = o.workers(p.threads); err != nil {
		return nil, err
	}
	e.room, e.turn = make(chan struct{}, p.limits.Queue+1), make(chan struct{}, 1)
	if e.weights, err = readEncoderWeights(e.pool, f, e.shape); err != nil {
		e.pool.Close()
		return nil, fmt.Errorf("loading the weights: %w", err)
	}
	e.memory = newEncoderMemory(e.shape)
	return e, nil
}

// readEncoderHead reads all of a file but the weights.
func (o Options) readEncoderHead(data []byte) (*Encoder, *gguf.File, error) {
	f, err := gguf.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	arch, err := f.String("general.architecture")
	if err != nil {
		return nil, nil, err
	}
	if arch != archBERT {
		return nil, nil, fmt.Errorf("architecture %q does not give embeddings, only %q does", arch, archBERT)
	}
	e := &Encoder{size: f.Values()}
	var weights int64
	weights, e.format = storage(f)
	if e.tokens, err = wordpiece.Load(f); err != nil {
		return nil, nil, err
	}
	if e.shape, err = readEncoderShape(f, e.tokens.Size()); err != nil {
		return nil, nil, fmt.Errorf("loading the model: %w", err)
	}
	if o.Context > 0 {
		e.shape.context = min(e.shape.context, o.Context)
	}
	e.memoryBytes = weights + e.shape.workingBytes()
	e.name, _ = f.String("general.name") // optional
	return e, f, nil
}

// OpenEncoder loads a model of embeddings from a GGUF file.
func (o Options) OpenEncoder(path string) (*Encoder, error) { return open(path, o.ReadEncoder) }

func readEncoderShape(f *gguf.File, vocab int) (encoderShape, error) {
	r := &shapeReader{file: f, arch: archBERT}
	s := encoderShape{
		context: r.size("context_length", maxText, 0),
		width:   r.size("embedding_length", maxWidth, 0),
		layers:  r.size("block_count", maxLayers, 0),
		hidden:  r.size("feed_forward_length", maxHidden, 0),
		heads:   r.size("attention.head_count", maxHeads, 0),
		epsilon: r.float("attention.layer_norm_epsilon", 0),
		pooling: pooling(r.size("pooling_type", 4, int(poolMean))),
		vocab:   vocab,
	}
	if t, there := f.Tensor("token_types.weight"); there && len(t.Dims) == 2 {
		s.types = t.Dims[1]
	}
	switch causal, err := f.Bool(archBERT + ".attention.causal"); {
	case r.err != nil:
		return s, r.err
	case err == nil && causal:
		return s, errors.New("attention is causal, which is not BERT's")
	case s.pooling != poolMean && s.pooling != poolFirst:
		return s, fmt.Errorf("pooling_type %d is not supported, only 1 (mean) and 2 (the first token)", s.pooling)
	case s.width%s.heads != 0 || s.width/s.heads%8 != 0:
		return s, fmt.Errorf("a width of %d is not %d heads of a multiple of 8", s.width, s.heads)
	case s.width%unit != 0 || s.hidden%unit != 0:
		return s, fmt.Errorf("widths %d and %d are not multiples of %d", s.width, s.hidden, unit)
	}
	return s, nil
}

func readEncoderWeights(p *kernel.Pool, f *gguf.File, s encoderShape) (encoderWeights, error) {
	r := newTensorReader(p, f)
	w := encoderWeights{
		words:     r.matrix("token_embd.weight", s.vocab, s.width),
		positions: r.matrix("position_embd.weight", s.positions(f), s.width),
		norm:      r.layerNorm("token_embd_norm", s.width),
	}
	if s.types > 0 {
		w.kinds = r.matrix("token_types.weight", s.types, s.width)
	}
	for i := 0; i < s.layers && r.err == nil; i++ {
		name := func(part string) string { return fmt.Sprintf("blk.%d.%s", i, part) }
		w.layers = append(w.layers, encoderLayer{
			query: r.matrix(name("attn_q.weight"), s.width, s.width), queryBias: r.vector(name("attn_q.bias"), s.width),
			key: r.matrix(name("attn_k.weight"), s.width, s.width), keyBias: r.vector(name("attn_k.bias"), s.width),
			value: r.matrix(name("attn_v.weight"), s.width, s.width), valueBias: r.vector(name("attn_v.bias"), s.width),
			join: r.matrix(name("attn_output.weight"), s.width, s.width), joinBias: r.vector(name("attn_output.bias"), s.width),
			up: r.matrix(name("ffn_up.weight"), s.hidden, s.width), upBias: r.vector(name("ffn_up.bias"), s.hidden),
			down: r.matrix(name("ffn_down.weight"), s.width, s.hidden), by: r.vector(name("ffn_down.bias"), s.width),
			attnNorm: r.layerNorm(name("attn_output_norm"), s.width), outNorm: r.layerNorm(name("layer_output_norm"), s.width),
		})
	}
	if r.err == nil {
		r.err = r.unread()
	}
	return w, r.err
}

// positions is how many positions the file has vectors for; at least those of
// the context.
func (s encoderShape) positions(f *gguf.File) int {
	if t, there := f.Tensor("position_embd.weight"); there && len(t.Dims) == 2 && t.Dims[1] > s.context {
		return t.Dims[1]
	}
	return s.context
}

func (r *tensorReader) layerNorm(name string, n int) layerNorm {
	return layerNorm{r.vector(name+".weight", n), r.vector(name+".bias", n)}
}

// workingBytes is about what a text of the context's length needs.
func (s encoderShape) workingBytes() int64 {
	return 4 * int64(s.context) * int64(12*s.width+3*s.hidden)
}

func newEncoderMemory(s encoderShape) *encoderMemory {
	n := s.context
	m := &encoderMemory{
		stream: make([]float32, n*s.width),
		in:     kernel.NewActivations(n, s.width), mixed: kernel.NewActivations(n, s.width), grown: kernel.NewActivations(n, s.hidden),
		query: make([]float32, n*s.width), key: make([]float32, n*s.width), value: make([]float32, n*s.width), added: make([]float32, n*s.width),
		pages: make([][][]float32, s.heads),
	}
	for h := range m.pages {
		for range (n + kernel.PageTokens - 1) / kernel.PageTokens {
			m.pages[h] = append(m.pages[h], make([]float32, kernel.PageFloats(s.width/s.heads)))
		}
	}
	return m
}

// Name is the name the file gives its model, possibly empty.
func (e *Encoder) Name() string { return e.name }

// Architecture is the file's general.architecture.
func (e *Encoder) Architecture() string { return archBERT }

// Format is the type of most of the weights, in ggml's names.
func (e *Encoder) Format() string { return e.format }

// Parameters is the number of weights.
func (e *Encoder) Parameters() int64 { return e.size }

// Memory is about how many bytes the model takes.
func (e *Encoder) Memory() int64 { return e.memoryBytes }

// Context is the most tokens of a text.
func (e *Encoder) Context() int { return e.shape.context }

// Tokens are the tokens of a text, those that begin and end it included.
func (e *Encoder) Tokens(text string) []int32 {
	tokens := e.tokens.Encode(slices.Clone(e.tokens.Start()), text)
	return append(tokens, e.tokens.End()...)
}

// Tokenizer is the model's tokenizer.
func (e *Encoder) Tokenizer() tokenizer.Tokenizer { return e.tokens }

// Stats returns how many texts are computed, 0 or 1, and how many wait.
func (e *Encoder) Stats() Stats {
	n := len(e.room)
	return Stats{Running: min(n, 1), Waiting: max(0, n-1), Room: e.shape.context}
}

// Width is the number of values of a vector.
func (e *Encoder) Width() int { return e.shape.width }

// Close frees the workers, once what is computed has ended.
func (e *Encoder) Close() error {
	e.turn <- struct{}{}
	defer func() { <-e.turn }()
	if !e.closed {
		e.closed = true
		e.pool.Close()
	}
	return nil
}

// Embed returns the vector of a text, given as its tokens: Width values of
// length one together. Errors: ErrFull, ErrClosed, one that wraps ErrContext,
// the context's, and those of bad requests.
func (e *Encoder) Embed(ctx context.Context, tokens []int32) ([]float32, error) {
	if len(tokens) == 0 {
		return nil, errors.New("the text is empty")
	}
	if len(tokens) > e.shape.context {
		return nil, fmt.Errorf("%w: %d tokens of %d", ErrContext, len(tokens), e.shape.context)
	}
	for _, token := range tokens {
		if token < 0 || int(token) >= e.shape.vocab {
			return nil, fmt.Errorf("the text has a token %d, the vocabulary has %d", token, e.shape.vocab)
		}
	}
	select {
	case e.room <- struct{}{}:
		defer func() { <-e.room }()
	default:
		return nil, ErrFull
	}
	select {
	case e.turn <- struct{}{}:
		defer func() { <-e.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if e.closed {
		return nil, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	e.run(tokens)
	return e.pooled(len(tokens))
}

// pooled makes one vector of those of n tokens.
func (e *Encoder) pooled(n int) ([]float32, error) {
	width := e.shape.width
	sum := make([]float64, width)
	if e.shape.pooling == poolFirst {
		n = 1
	}
	for i := range n {
		for j, v := range e.memory.stream[i*width:][:width] {
			sum[j] += float64(v)
		}
	}
	length := 0.0
	for _, v := range sum {
		length += v * v
	}
	length = math.Sqrt(length)
	if !(length > 0) || math.IsInf(length, 0) {
		return nil, errors.New("the model computed a vector that has no direction")
	}
	out := make([]float32, width)
	for j, v := range sum {
		out[j] = float32(v / length)
	}
	return out, nil
}

// run computes the vectors of a text's tokens into the stream.
func (e *Encoder) run(tokens []int32) {
	m, w, n, width := e.memory, &e.weights, len(tokens), e.shape.width
	row := make([]float32, width)
	for i, token := range tokens {
		x := m.stream[i*width:][:width]
		w.words.Row(x, int(token))
		w.positions.Row(row, i)
		e.pool.Add(x, row)
		if w.kinds != nil {
			w.kinds.Row(row, 0) // all of a single text is of the first kind
			e.pool.Add(x, row)
		}
		w.norm.apply(x, e.shape.epsilon)
	}
	m.in.N, m.mixed.N, m.grown.N = n, n, n
	for i := range w.layers {
		l := &w.layers[i]
		e.attend(l, n)
		e.join(m.added[:n*width], l.joinBias, l.attnNorm, n)
		copy(m.in.Rows, m.stream[:n*width])
		m.in.Pack(e.pool)
		l.up.Mul(e.pool, m.grown.Rows[:n*e.shape.hidden], m.in)
		e.pool.Run(n, func(i int) { gelu(m.grown.At(i), l.upBias) })
		m.grown.Pack(e.pool)
		l.down.Mul(e.pool, m.added[:n*width], m.grown)
		e.join(m.added[:n*width], l.by, l.outNorm, n)
	}
}

// attend sets added to the attention of a layer, without its bias.
func (e *Encoder) attend(l *encoderLayer, n int) {
	m, width, head := e.memory, e.shape.width, e.shape.width/e.shape.heads
	copy(m.in.Rows, m.stream[:n*width])
	m.in.Pack(e.pool)
	l.query.Mul(e.pool, m.query[:n*width], m.in)
	l.key.Mul(e.pool, m.key[:n*width], m.in)
	l.value.Mul(e.pool, m.value[:n*width], m.in)
	for i := range n {
		e.pool.Add(m.query[i*width:][:width], l.queryBias)
		e.pool.Add(m.key[i*width:][:width], l.keyBias)
		e.pool.Add(m.value[i*width:][:width], l.valueBias)
	}
	e.pool.Run(e.shape.heads, func(h int) {
		for i := range n {
			at := i*width + h*head
			kernel.PutPage(m.pages[h][i/kernel.PageTokens], i%kernel.PageTokens, m.key[at:][:head], m.value[at:][:head])
		}
		e.pool.Attend(&kernel.Attention{
			Out: m.mixed.Rows[h*head:], Queries: m.query[h*head:], Tokens: n, Heads: 1, HeadSize: head, Stride: width,
			Seen: n, Whole: true, Pages: m.pages[h], Scale: float32(1 / math.Sqrt(float64(head))),
		})
	})
	m.mixed.Pack(e.pool)
	l.join.Mul(e.pool, m.added[:n*width], m.mixed)
}

// join adds what half a layer computed, and its bias, to the stream, and
// normalises that.
func (e *Encoder) join(added, bias []float32, norm layerNorm, n int) {
	width := e.shape.width
	e.pool.Run(n, func(i int) {
		x := e.memory.stream[i*width:][:width]
		e.pool.Add(x, added[i*width:][:width])
		e.pool.Add(x, bias)
		norm.apply(x, e.shape.epsilon)
	})
}

// apply replaces x by (x - mean) / sqrt(variance + epsilon) * weight + bias.
func (l layerNorm) apply(x []float32, epsilon float64) {
	mean, square := 0.0, 0.0
	for _, v := range x {
		mean += float64(v)
	}
	mean /= float64(len(x))
	for _, v := range x {
		square += (float64(v) - mean) * (float64(v) - mean)
	}
	scale := 1 / math.Sqrt(square/float64(len(x))+epsilon)
	for i, v := range x {
		x[i] = float32((float64(v)-mean)*scale)*l.weight[i] + l.bias[i]
	}
}

// gelu replaces x by GELU(x + bias), where GELU(v) is v times the normal
// distribution up to v (Hendrycks and Gimpel, arXiv 1606.08415).
func gelu(x, bias []float32) {
	for i, b := range bias {
		v := float64(x[i] + b)
		x[i] = float32(v / 2 * (1 + math.Erf(v/math.Sqrt2)))
	}
}
