package main

// stream reads n bytes, a multiple of 128, as fast as one core can.
//
//go:noescape
func stream(data *byte, n int) uint64
