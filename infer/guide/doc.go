// Package guide answers questions about Sluice from its own documentation: it
// finds the passages that a question is about, puts them before a tiny model, and
// holds the answer against them.
//
// Passages are found by their words (index), and the answers to common questions
// also by the ways in which people ask for them, from which a small classifier
// learns when the first question comes (sorter). beyond.txt teaches it what is not
// to be answered.
package guide
