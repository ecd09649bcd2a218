package page

import (
	"crypto/sha256"
	"encoding/binary"
)

// Key names the content of a full page: its tokens, all that stand before them,
// and the salt. It is a SHA-256 hash, so that nobody can make tokens that lead
// to a page of somebody else's.
type Key [sha256.Size]byte

// Root is the key before the first page of sequences with this salt.
func Root(salt string) Key { return sha256.Sum256([]byte(salt)) }

// Next is the key of the page that follows the one of key k and holds tokens.
func (k Key) Next(tokens []int32) Key {
	buf := make([]byte, 0, sha256.Size+4*64)
	buf = append(buf, k[:]...)
	for _, token := range tokens {
		buf = binary.LittleEndian.AppendUint32(buf, uint32(token))
	}
	return sha256.Sum256(buf)
}
