// Package infer is the embedded engine: it reads a language model from a GGUF
// file and generates text with it, in Go, on the CPU, for many callers at once.
//
// Its parts are packages of their own: the file's format is gguf, the products
// and vector functions are kernel, the tokenizer is bpe, the sampler is sample,
// the pages of the cache are page, and what is computed next is schedule. Here
// are the families of models as data (family.go, shape.go, rope.go,
// weights.go), the one forward pass for all of them (forward.go, mixture.go),
// and the loop that many answers share (server.go, job.go, generate.go).
// DESIGN.md argues the rules.
//
// The package knows no network, no money and no clock. What it counts is
// exact, since that is what gets billed.
package infer
