package localreport

import (
	"crypto/ed25519"
	"encoding/hex"
	"time"

	"sluice"
)

// Deployment is a sealed deployment at a customer's, as the vendor knows it.
type Deployment struct {
	Name      string          `json:"name"`
	Org       string          `json:"organisation"`
	Currency  sluice.Currency `json:"currency"`
	Key       string          `json:"public_key"` // Ed25519, in hex
	Metered   bool            `json:"metered"`    // what it served is owed by list prices; or else a licence covers it
	CreatedAt time.Time       `json:"created_at"`

	// Reports is how many were imported, Head the hash of the last, and Through the
	// instant up to which they go.
	Reports int64     `json:"reports"`
	Head    string    `json:"head,omitempty"`
	Through time.Time `json:"through,omitzero"`
}

// Public is the key that its reports are signed with. Errors: CodeInvalid.
func (d *Deployment) Public() (ed25519.PublicKey, error) {
	key, err := hex.DecodeString(d.Key)
	if err != nil || len(key) != ed25519.PublicKeySize {
		return nil, sluice.Errorf(sluice.CodeInvalid, "A public key is %d bytes in hex, as `sluice report init` prints it.", ed25519.PublicKeySize)
	}
	return key, nil
}
