package sluice

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"strings"
	"time"
)

// Prefixes of ids. An id says what it names.
const (
	PrefixOrganisation = "org"
	PrefixProject      = "proj"
	PrefixKey          = "key"
	PrefixEngine       = "eng"
	PrefixEngineStart  = "start"
	PrefixBook         = "book"
	PrefixCall         = "call"
	PrefixTx           = "tx"
	PrefixPlan         = "plan"
	PrefixSubscription = "sub"
	PrefixUser         = "user"
	PrefixInvitation   = "invite"
	PrefixPasskey      = "passkey"
	PrefixChat         = "chat"
	PrefixMessage      = "msg"
)

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz" // Crockford's base 32: no i, l, o, u

// NewID returns a fresh id such as "org_06f2k8…": the prefix and a UUIDv7
// (RFC 9562: 48 bits of milliseconds, 74 random bits) in 26 characters of
// base 32, so that ids sort by the time they were made.
func NewID(prefix string, now time.Time) string {
	var u [16]byte
	_, _ = rand.Read(u[6:]) // documented never to fail
	ms := uint64(now.UnixMilli())
	binary.BigEndian.PutUint16(u[0:], uint16(ms>>32))
	binary.BigEndian.PutUint32(u[2:], uint32(ms))
	u[6] = u[6]&0x0f | 0x70
	u[8] = u[8]&0x3f | 0x80

	buf := make([]byte, 0, len(prefix)+27)
	buf = append(buf, prefix...)
	buf = append(buf, '_')
	return string(appendBase32(buf, u))
}

// appendBase32 writes 128 bits as 26 characters, the highest five bits first
// and the last character padded with two zero bits, as RFC 4648 does.
func appendBase32(dst []byte, u [16]byte) []byte {
	var acc uint32
	bits := 0
	for _, b := range u {
		acc = acc<<8 | uint32(b)
		for bits += 8; bits >= 5; bits -= 5 {
			dst = append(dst, idAlphabet[acc>>(bits-5)&31])
		}
	}
	return append(dst, idAlphabet[acc<<(5-bits)&31])
}

// timeChars is how much of an id says when it was made: 50 bits, of which 48 are
// the time.
const timeChars = 10

// DeriveID returns the id of something that has a name of its own: always the
// same for the same name, and another one for any other. It sorts with the id of
// what it belongs to.
func DeriveID(prefix, name, owner string) string {
	sum := sha256.Sum256([]byte(name))
	id := appendBase32(append([]byte(prefix), '_'), [16]byte(sum[:16]))
	if i := strings.LastIndexByte(owner, '_'); i >= 0 && IsID(owner, owner[:i]) {
		copy(id[len(prefix)+1:], owner[i+1:i+1+timeChars])
	}
	return string(id)
}

// IsID reports whether s has the form of an id with the given prefix.
func IsID(s, prefix string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != 26 {
		return false
	}
	for i := range len(rest) {
		if strings.IndexByte(idAlphabet, rest[i]) < 0 {
			return false
		}
	}
	return true
}
