package box

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
)

func TestFileHasTheStatedHash(t *testing.T) {
	sum := sha256.Sum256(File())
	if got := hex.EncodeToString(sum[:]); got != SHA256 {
		t.Fatalf("the embedded file hashes to %s, SHA256 says %s", got, SHA256)
	}
}
