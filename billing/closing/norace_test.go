//go:build !race

package closing_test

const raced = false
