//go:build race

package site_test

// raced says that the race detector runs, which makes everything many times slower.
const raced = true
