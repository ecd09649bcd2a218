// Package tokenizer reads the tokenizer out of a GGUF file, whichever it is:
// byte-level BPE (package bpe), SentencePiece (package spm) or WordPiece
// (package wordpiece).
package tokenizer

import (
	"fmt"

	"sluice/infer/bpe"
	"sluice/infer/gguf"
	"sluice/infer/spm"
	"sluice/infer/wordpiece"
)

// Vocabulary is what a tokenizer knows of its tokens.
type Vocabulary interface {
	// Size is the number of tokens.
	Size() int
	// Piece returns the bytes of a token, which need not be whole UTF-8 runes;
	// of special tokens it is their name.
	Piece(id int32) string
	// Special returns the token that steers the model, by its name.
	Special(name string) (id int32, ok bool)
	// Control reports whether the token has no text of its own.
	Control(id int32) bool
	// Ends reports whether the token ends an answer.
	Ends(id int32) bool
}

// Tokenizer turns text into tokens and back. It is safe for concurrent use.
type Tokenizer interface {
	Vocabulary
	// Encode appends the tokens of text to dst. Names of special tokens in text
	// are text like any other. A text is encoded as a whole: SentencePiece puts
	// a space before each.
	Encode(dst []int32, text string) []int32
	// Decode returns the text of the tokens of one Encode.
	Decode(tokens []int32) string
	// Start returns the tokens that every prompt begins with, often none.
	Start() []int32
}

// Load reads the file's tokenizer. It fails on kinds and pre-tokenizers that
// are not supported, and names them.
func Load(f *gguf.File) (Tokenizer, error) {
	model, err := f.String("tokenizer.ggml.model")
	if err != nil {
		return nil, fmt.Errorf("loading the tokenizer: %w", err)
	}
	switch model {
	case "gpt2":
		return loaded(bpe.Load(f))
	case "llama":
		return loaded(spm.Load(f))
	case "bert":
		return loaded(wordpiece.Load(f))
	}
	return nil, fmt.Errorf("loading the tokenizer: model %q is not supported, only \"gpt2\" (byte-level BPE), \"llama\" (SentencePiece) and \"bert\" (WordPiece)", model)
}

// loaded keeps a nil tokenizer from becoming an interface that is not nil.
func loaded[T Tokenizer](t T, err error) (Tokenizer, error) {
	if err != nil {
		return nil, err
	}
	return t, nil
}
