package sluice

import "strings"

// idValues are the values of the characters from '0' to 'z' in idAlphabet; 0xff is
// none of it.
const idValues = "" +
	"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff" +
	"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x0a" +
	"\x0b\x0c\x0d\x0e\x0f\x10\x11\xff\x12\x13\xff\x14\x15\xff\x16\x17\x18\x19\x1a\xff\x1b\x1c\x1d\x1e\x1f"

// CutID takes an id that NewID could have made apart: its prefix and the 16 bytes
// behind it. ok is false for any other text; JoinID of what is returned is id.
func CutID(id string) (prefix string, u [16]byte, ok bool) {
	at := strings.LastIndexByte(id, '_')
	if at < 0 || len(id)-at-1 != 26 {
		return "", u, false
	}
	var acc, bad uint32
	bits, n := 0, 0
	for i := at + 1; i < len(id); i++ {
		c := id[i] - '0'
		if int(c) >= len(idValues) {
			return "", u, false
		}
		v := uint32(idValues[c])
		bad |= v
		acc = acc<<5 | v
		if bits += 5; bits >= 8 {
			bits -= 8
			u[n] = byte(acc >> bits)
			n++
		}
	}
	// What is left are two bits, which are zero.
	return id[:at], u, bad < 32 && acc&3 == 0
}

// JoinID is the inverse of CutID, appended to b.
func JoinID(b []byte, prefix string, u [16]byte) []byte {
	return appendBase32(append(append(b, prefix...), '_'), u)
}
