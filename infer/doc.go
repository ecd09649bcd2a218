// Package infer is the embedded engine: it reads a language model from a GGUF
// file and generates text with it, in plain Go, on the CPU.
//
// It is the engine's first part: the Qwen3 architecture, Q8_0 and F32 weights,
// byte-level BPE and the ChatML template, one sequence at a time. Its parts
// are separate so that each can be replaced alone: the file reader is package
// gguf, the products and vector functions are package kernel, the tokenizer is
// package bpe, the sampler is package sample; here are the weights (qwen3.go),
// the forward pass (forward.go), the way from tokens to text (text.go) and the
// loop over them all (generate.go).
//
// The package knows no network, no money and no clock. What it counts is
// exact, since that is what gets billed.
package infer
