package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"sluice"
)

// Bounds of a password: characters at least, bytes at most.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// Argon2 are the parameters of argon2id. See RFC 9106 and OWASP's Password
// Storage Cheat Sheet, whose second choice is the default here: 19 MiB, two passes.
type Argon2 struct {
	Memory  uint32 // KiB
	Passes  uint32
	Threads uint8
}

// DefaultArgon2 returns the parameters of new hashes.
func DefaultArgon2() Argon2 { return Argon2{Memory: 19 << 10, Passes: 2, Threads: 1} }

// maxArgon2 bounds what a stored hash may ask for, so that a row that somebody
// has altered does not take the memory.
const maxArgon2 = 1 << 20 // KiB

const (
	saltBytes = 16
	hashBytes = 32
)

// hasher hashes passwords, few at once.
type hasher struct {
	params Argon2
	slots  chan struct{} // hashing now
	queue  chan struct{} // hashing or waiting
	none   string        // what a password is compared with where there is none
	work   atomic.Int64  // hashes computed, for tests
}

// Of the hashes that are computed at once, and of those that may wait for them.
const (
	hashesAtOnce  = 2
	hashesWaiting = 32
)

func newHasher(p Argon2) *hasher {
	h := &hasher{params: p, slots: make(chan struct{}, hashesAtOnce), queue: make(chan struct{}, hashesAtOnce+hashesWaiting)}
	salt, sum := make([]byte, saltBytes), make([]byte, hashBytes)
	_, _ = rand.Read(salt) // documented never to fail
	_, _ = rand.Read(sum)  // a hash that no password has
	h.none = phc(p, salt, sum)
	return h
}

// key computes argon2id when it is its turn. Errors: CodeOverloaded when too
// many wait already; ctx's.
func (h *hasher) key(ctx context.Context, password string, salt []byte, p Argon2, length uint32) ([]byte, error) {
	select {
	case h.queue <- struct{}{}:
		defer func() { <-h.queue }()
	default:
		return nil, &sluice.Error{Code: sluice.CodeOverloaded, RetryAfter: 5 * time.Second, Message: "Too many people sign in at this moment: try again in a few seconds."}
	}
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.work.Add(1)
	return argon2.IDKey([]byte(password), salt, p.Passes, p.Memory, p.Threads, length), nil
}

// hash returns a password's hash as a PHC string, which tells the parameters.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // documented never to fail
	sum, err := h.key(ctx, norm.NFKC.String(password), salt, h.params, hashBytes)
	if err != nil {
		return "", err
	}
	return phc(h.params, salt, sum), nil
}

// check reports whether the password is the hashed one, and whether the hash
// should be made anew since it has other parameters than new ones have. An
// empty hash takes the same work and is never right.
func (h *hasher) check(ctx context.Context, hashed, password string) (ok, stale bool, err error) {
	if len(password) > MaxPassword || !utf8.ValidString(password) {
		password = "" // costs the same, and is nobody's
	}
	against := hashed
	if hashed == "" {
		against = h.none
	}
	p, salt, want, err := readPHC(against)
	if err != nil {
		return false, false, fmt.Errorf("reading a password's hash: %w", err)
	}
	got, err := h.key(ctx, norm.NFKC.String(password), salt, p, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(got, want) == 1 && hashed != "" && password != ""
	return ok, ok && p != h.params, nil
}

// phc writes a hash as argon2's own tools do.
func phc(p Argon2, salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, p.Memory, p.Passes, p.Threads, b64(salt), b64(sum))
}

func readPHC(text string) (p Argon2, salt, sum []byte, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, errors.New("it is not of argon2id's present version")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Passes, &p.Threads); err != nil {
		return p, nil, nil, fmt.Errorf("its parameters: %w", err)
	}
	if p.Memory > maxArgon2 || p.Passes < 1 || p.Passes > 16 || p.Threads < 1 {
		return p, nil, nil, fmt.Errorf("its parameters %s are out of bounds", parts[3])
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err == nil && (len(sum) < 16 || len(sum) > 128) {
		err = errors.New("its length is out of bounds")
	}
	return p, salt, sum, err
}

// CheckPassword returns CodeInvalid for a password that a user may not choose:
// too short, too long, all one character, or the address itself.
func CheckPassword(email, password string) error {
	invalid := func(message string) error {
		return &sluice.Error{Code: sluice.CodeInvalid, Param: "password", Message: message}
	}
	plain := norm.NFKC.String(password)
	local, _, _ := strings.Cut(email, "@")
	folded := strings.ToLower(plain)
	switch {
	case len(password) > MaxPassword:
		return invalid(fmt.Sprintf("The password has more than %d bytes.", MaxPassword))
	case !utf8.ValidString(password):
		return invalid("The password is not valid text.")
	case utf8.RuneCountInString(plain) < MinPassword:
		return invalid(fmt.Sprintf("The password needs at least %d characters.", MinPassword))
	case folded == strings.ToLower(email) || local != "" && strings.Trim(folded, "0123456789!.") == local, plain == strings.Repeat(plain[:1], len(plain)), common(folded):
		return invalid("The password is one of the first that somebody would try.")
	}
	return nil
}

// common reports whether a password of sufficient length is among those that
// leaked lists have most often, or a walk along the keyboard.
func common(folded string) bool {
	return slices.Contains([]string{
		"1234567890", "0123456789", "0987654321", "12345678910", "123456789a", "1q2w3e4r5t", "1qaz2wsx3edc", "qwertyuiop", "qwerty12345", "qwerty123456",
		"password12", "password123", "password1234", "password12345", "passw0rd123", "letmein123", "iloveyou123", "welcome123", "welcome1234", "administrator",
		"admin12345", "changeme123", "abcdefghij", "abcd123456", "abc1234567", "a123456789", "asdfghjkl1", "zxcvbnm123", "azertyuiop", "motdepasse", "sluicesluice",
	}, folded)
}
