// Package gguf reads GGUF files, the container in which llama.cpp and its
// relatives ship language models: a table of metadata, a table of tensors and
// one block of tensor data. The layout is that of the GGUF specification,
// versions 2 and 3, little-endian:
// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
//
// The reader is strict, since a model file is fetched from strangers. Every
// count and length is checked against the bytes that are really there before
// anything is allocated, so a hostile file gets an error that names what is
// wrong; it never causes a panic, and never more memory than a small multiple
// of its own size.
package gguf
