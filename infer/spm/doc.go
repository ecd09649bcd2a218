// Package spm is the tokenizer of SentencePiece's BPE models (Llama 1 and 2,
// Mistral before tekken, Gemma), as a GGUF file carries it: spaces become ▁,
// text starts as its runes, and the neighbours whose join has the highest score
// are joined until none is a token. What is no token at all falls back to
// byte tokens. (SentencePiece, bpe_model.cc; llama.cpp, llm_tokenizer_spm.)
//
// Encoding is total: any bytes at all can be encoded. Decoding gives them back,
// but for ▁ itself, which SentencePiece cannot tell from a space. No text
// encodes to a control token.
package spm
