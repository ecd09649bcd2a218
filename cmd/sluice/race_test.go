//go:build race

package main

// raced says that these tests and the servers that they start run with the race
// detector, which takes several times the memory.
const raced = true
