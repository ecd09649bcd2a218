//go:build race

package closing_test

// raced reports whether the race detector is on, under which everything takes many
// times as long.
const raced = true
