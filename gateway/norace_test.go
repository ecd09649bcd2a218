//go:build !race

package gateway_test

// raced says that the race detector makes everything many times slower.
const raced = false
