// Package schedule decides what an engine computes next: which sequences share
// a step, how many tokens of each, who is let in, and who gives way when the
// cache's memory runs out. It computes nothing itself and knows no clock, so
// that what it decides is a function of what it was told. DESIGN.md in package
// infer argues its rules.
package schedule
