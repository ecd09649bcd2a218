// Package kernel computes what a transformer spends its time on: products of
// weight matrices with activations, attention, and the small functions between
// them.
//
// A [Pool] carries the worker goroutines and the instruction set; a [Matrix]
// holds weights, repacked from the file's form into the one that the
// instruction set multiplies fastest; [Activations] are rows of floats, and
// their quantised form. What a row comes to depends neither on which rows
// stand beside it nor on the number of workers, to the last bit, so that an
// answer is the same alone and inside a batch. It may differ between
// instruction sets, in the last bits.
//
// DESIGN.md argues layout, pool and determinism.
package kernel
