// Package bpe is the byte-level byte-pair tokenizer of the GPT-2 family, as a
// GGUF file carries it: text is cut into words by the file's pre-tokenizer,
// each word starts as its bytes, and the pairs of the merge table are joined,
// the lowest rank first, until none is left.
//
// Encoding is total and exact: any bytes at all can be encoded, and decoding
// gives the same bytes back. Text is never read for special tokens, so no
// text, however crafted, encodes to one; who wants a special token names it
// by Special.
package bpe
