//go:build !race

package main

// raced says that these tests do not run with the race detector.
const raced = false
