//go:build !amd64

package main

import "unsafe"

// stream reads n bytes, a multiple of 128.
func stream(data *byte, n int) (sum uint64) {
	for _, v := range unsafe.Slice((*uint64)(unsafe.Pointer(data)), n/8) {
		sum ^= v
	}
	return sum
}
