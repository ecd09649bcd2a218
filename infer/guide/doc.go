// Package guide answers questions about Sluice from its own documentation: it
// finds the passages that a question is about, puts them before a tiny model, and
// holds the answer against them.
package guide
