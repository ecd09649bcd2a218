package simulator

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/cespare/xxhash/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// The length of an embedding.
const (
	defaultDimensions = 256
	maxDimensions     = 8192
)

// maxInputs is OpenAI's limit for one request.
const maxInputs = 2048

// serveEmbeddings answers with a vector for each input. The inputs of one
// request are computed as one prompt without an answer.
func (s *Simulator) serveEmbeddings(w http.ResponseWriter, r *http.Request, c *call) error {
	texts, err := inputs("input", c.Input)
	if err != nil {
		return err
	}
	if len(texts) > maxInputs {
		return badRequest("input", "at most %d inputs", maxInputs)
	}
	dimensions := c.Dimensions
	switch {
	case dimensions == 0:
		dimensions = defaultDimensions
	case dimensions < 0 || dimensions > maxDimensions:
		return badRequest("dimensions", "dimensions must be from 1 to %d", maxDimensions)
	}
	if c.EncodingFormat != "" && c.EncodingFormat != "float" && c.EncodingFormat != "base64" {
		return badRequest("encoding_format", "encoding_format must be float or base64")
	}
	tokens := 0
	for _, text := range texts {
		n := len(text) / tokenBytes
		if n > s.context {
			return tooLong(s.context, n)
		}
		tokens += n
	}
	g, err := s.start(&Sequence{Prompt: tokens})
	if err != nil {
		return err
	}
	defer g.leave()
	if _, err := g.wait(r.Context(), 0); err != nil {
		return nil // the client has left
	}
	switch c.fault.Kind {
	case FaultDie, FaultStall:
		breakOff(r.Context(), c.fault.Kind)
		return nil
	case FaultSlow:
		if sleep(r.Context(), c.fault.Delay) != nil {
			return nil
		}
	}
	body, err := s.embeddings(c, texts, dimensions, tokens)
	if err != nil {
		return err
	}
	if c.fault.Kind != FaultOmitUsage {
		w.Header().Set("X-Prompt-Tokens", strconv.Itoa(tokens))
		w.Header().Set("X-Cached-Tokens", "0")
	}
	send(w, http.StatusOK, body)
	return nil
}

// embeddings renders OpenAI's list of embeddings.
func (s *Simulator) embeddings(c *call, texts [][]byte, dimensions, tokens int) ([]byte, error) {
	body := []byte(`{"object":"list","data":[`)
	for i, text := range texts {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, `{"object":"embedding","index":`...)
		body = strconv.AppendInt(body, int64(i), 10)
		body = append(body, `,"embedding":`...)
		body = appendVector(body, unitVector(s.cfg.Seed, text, dimensions), c.EncodingFormat == "base64")
		body = append(body, '}')
	}
	body = append(body, `],"model":`...)
	body, err := jsontext.AppendQuote(body, c.Model)
	if err != nil {
		return nil, fmt.Errorf("writing the model's name: %w", err)
	}
	body = append(body, `,"system_fingerprint":"simulated"`...)
	if c.fault.Kind != FaultOmitUsage {
		body = append(body, `,"usage":{"prompt_tokens":`...)
		body = strconv.AppendInt(body, int64(tokens), 10)
		body = append(body, `,"total_tokens":`...)
		body = strconv.AppendInt(body, int64(tokens), 10)
		body = append(body, '}')
	}
	body = append(body, '}')
	if c.fault.Kind == FaultMalformed {
		body = body[:len(body)/2]
	}
	return body, nil
}

// unitVector returns a vector of length one that depends on seed and text alone.
func unitVector(seed uint64, text []byte, dimensions int) []float32 {
	v := make([]float32, dimensions)
	x := answerSeed(seed, xxhash.Sum64(text))
	var square float64
	for i := range v {
		x = scramble(x)
		c := float64(int64(x)) / (1 << 63) // uniform from -1 to 1
		v[i] = float32(c)
		square += c * c
	}
	norm := float32(1 / math.Sqrt(square))
	for i := range v {
		v[i] *= norm
	}
	return v
}

// appendVector appends a vector as a list of numbers, or as the base64 of its
// little-endian float32 numbers.
func appendVector(b []byte, v []float32, encoded bool) []byte {
	if encoded {
		raw := make([]byte, 0, 4*len(v))
		for _, f := range v {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
		}
		b = append(b, '"')
		b = base64.StdEncoding.AppendEncode(b, raw)
		return append(b, '"')
	}
	b = append(b, '[')
	for i, f := range v {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
	}
	return append(b, ']')
}
