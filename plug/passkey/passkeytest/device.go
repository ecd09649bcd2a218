// Package passkeytest is a device with one passkey, and the browser before it,
// for tests: it makes and answers as Web Authentication says.
package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

// Device is a device with one passkey.
type Device struct {
	Origin string // of the page that the browser shows
	Count  uint32 // how often it has signed

	t    testing.TB
	key  *ecdsa.PrivateKey
	id   []byte
	user []byte
	rp   string
}

// New returns a device without a passkey, before a page of an origin.
func New(t testing.TB, origin string) *Device {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // documented never to fail
	return &Device{Origin: origin, t: t, key: key, id: id}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (d *Device) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// clientData is what the browser says of the page.
func (d *Device) clientData(kind, challenge string) []byte {
	text, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.Origin, "crossOrigin": false})
	d.must(err)
	return text
}

// Flags of authenticator data: the user is there, was verified; a key follows.
const (
	present, checked, attested = 0x01, 0x04, 0x40
)

func (d *Device) authData(flags byte) []byte {
	rp := sha256.Sum256([]byte(d.rp))
	d.Count++
	return binary.BigEndian.AppendUint32(append(rp[:], flags), d.Count)
}

// Create makes the passkey and returns what the page sends.
func (d *Device) Create(options []byte) map[string]any {
	d.t.Helper()
	var o struct {
		Challenge string              `json:"challenge"`
		RP        struct{ ID string } `json:"rp"`
		User      struct{ ID string } `json:"user"`
	}
	d.must(json.Unmarshal(options, &o))
	user, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	d.must(err)
	d.rp, d.user = o.RP.ID, user
	public, err := d.key.PublicKey.Bytes() // 4, x, y
	d.must(err)
	data := d.authData(present | checked | attested)
	data = append(data, make([]byte, 16)...) // of no known make
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(d.id))), d.id...)
	// COSE (RFC 9052): {1: 2, 3: -7, -1: 1, -2: x, -3: y}
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20)
	data = append(append(append(data, public[1:33]...), 0x22, 0x58, 0x20), public[33:]...)
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(append(object, 0x67), "attStmt"...), 0xa0, 0x68)
	object = append(append(object, "authData"...), 0x59, byte(len(data)>>8), byte(len(data)))
	object = append(object, data...)
	return d.credential(map[string]any{
		"clientDataJSON": b64(d.clientData("webauthn.create", o.Challenge)), "attestationObject": b64(object), "transports": []string{"internal"},
	})
}

// Get answers a challenge with the passkey and returns what the page sends.
func (d *Device) Get(options []byte) map[string]any {
	d.t.Helper()
	var o struct {
		Challenge string `json:"challenge"`
	}
	d.must(json.Unmarshal(options, &o))
	client, data := d.clientData("webauthn.get", o.Challenge), d.authData(present|checked)
	hash := sha256.Sum256(client)
	sum := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, sum[:])
	d.must(err)
	return d.credential(map[string]any{
		"clientDataJSON": b64(client), "authenticatorData": b64(data), "signature": b64(signature), "userHandle": b64(d.user),
	})
}

func (d *Device) credential(response map[string]any) map[string]any {
	return map[string]any{
		"id": b64(d.id), "rawId": b64(d.id), "type": "public-key", "authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{}, "response": response,
	}
}
