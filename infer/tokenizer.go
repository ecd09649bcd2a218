package infer

import (
	"fmt"

	"sluice/infer/bpe"
	"sluice/infer/gguf"
)

// Tokenizer turns text into a model's tokens and back.
type Tokenizer interface {
	// Encode appends the tokens of text to dst. Nothing in a text becomes a
	// special token.
	Encode(dst []int32, text string) []int32
	// Decode is the text of tokens, the names of special tokens included.
	Decode(tokens []int32) string
	// Start are the tokens that every sequence begins with, often none.
	Start() []int32
	// Size is the number of tokens.
	Size() int
	// Special returns the token of a name that is no text.
	Special(name string) (id int32, ok bool)
	// Ends reports whether the token ends an answer.
	Ends(id int32) bool
	// Control reports whether the token has no text.
	Control(id int32) bool
	// Piece is the bytes of a token, which can be a part of a rune.
	Piece(id int32) string
}

// readTokenizer reads the file's tokenizer, whichever kind it is.
func readTokenizer(f *gguf.File) (Tokenizer, error) {
	kind, err := f.String("tokenizer.ggml.model")
	if err != nil {
		return nil, fmt.Errorf("loading the tokenizer: %w", err)
	}
	switch kind {
	case "gpt2":
		return bpe.Load(f)
	}
	return nil, fmt.Errorf("loading the tokenizer: its kind %q is not supported", kind)
}
