package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"sluice"
	"sluice/store"
)

// secretFile, in the data folder, holds the key that engines' credentials and
// webhooks' secrets are sealed with: 32 random bytes, readable by the server's user alone. It is kept
// beside the database and not in it, so that a copy of the database, a backup
// or a replica of PostgreSQL, gives no credential away.
const secretFile = "secret.key"

// sealedPrefix begins a stored secret that is sealed. What follows is the
// nonce and the ciphertext of AES-256-GCM, in base64.
const sealedPrefix = "sealed:1:"

// catalogue is the store of models and engines, with the engines' credentials
// sealed on their way in and opened on their way out.
type catalogue struct {
	*store.DB
	aead cipher.AEAD
	log  *slog.Logger
}

// newCatalogue reads the key from the data folder. At the first start it makes one.
func newCatalogue(db *store.DB, data string, log *slog.Logger) (*catalogue, error) {
	key, err := secretKey(filepath.Join(data, secretFile))
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", secretFile, err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("preparing to seal credentials: %w", err)
	}
	return &catalogue{DB: db, aead: aead, log: log}, nil
}

// secretKey reads the key, or makes it where there is none.
func secretKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return newSecretKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the key of the engines' credentials: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("%s holds %d bytes where 32 are the key of the engines' credentials: put back its backup, or remove it and give each engine its secret again", path, len(key))
	}
	return key, nil
}

func newSecretKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // documented never to fail
	if err := keepFile(path, key); err != nil {
		return nil, fmt.Errorf("keeping the key of the engines' credentials: %w", err)
	}
	return key, nil
}

// keepFile makes a file for this user alone, durably, and whole or not at all: a
// server that dies in between leaves no half of it.
func keepFile(path string, content []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// PutEngine stores an engine with its secret sealed, and returns it with the
// secret as given.
func (c *catalogue) PutEngine(ctx context.Context, e *sluice.Engine) (*sluice.Engine, error) {
	sealed := *e
	sealed.Secret = c.seal(e)
	var err error
	if sealed.Process, err = c.sealProcess(e); err != nil {
		return nil, err
	}
	stored, err := c.DB.PutEngine(ctx, &sealed)
	if err != nil {
		return nil, err
	}
	stored.Secret, stored.Process = e.Secret, e.Process
	return stored, nil
}

// Engines returns all engines with their secrets opened. One that cannot be
// opened, since the key is another one, is left out with a word in the log: the
// other engines go on, and this one says that it wants its credential.
func (c *catalogue) Engines(ctx context.Context) ([]*sluice.Engine, error) {
	engines, err := c.DB.Engines(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range engines {
		if e.Secret, err = c.open(e); err != nil {
			c.log.ErrorContext(ctx, "an engine's credential cannot be opened and is left out: put back secret.key, or give the engine its secret again", "engine", e.Name, "error", err)
		}
		if err := c.openProcess(e); err != nil {
			c.log.ErrorContext(ctx, "an engine's environment cannot be opened and is left out: put back secret.key, or give the engine its variables again", "engine", e.Name, "error", err)
		}
	}
	return engines, nil
}

// seal returns an engine's secret as it is stored. It is bound to the
// engine's name and URL: who can write to the database and not read the key
// cannot have it sent elsewhere.
func (c *catalogue) seal(e *sluice.Engine) string {
	return c.sealText(e.Secret, boundTo(e))
}

// sealText seals a secret, bound to whose it is. An empty one stays empty.
func (c *catalogue) sealText(secret string, whose []byte) string {
	if secret == "" {
		return ""
	}
	return sealedPrefix + base64.StdEncoding.EncodeToString(c.aead.Seal(nil, nil, []byte(secret), whose)) //nolint:gosec // the AEAD makes a random nonce for each
}

// open is the inverse of seal.
func (c *catalogue) open(e *sluice.Engine) (string, error) { return c.openText(e.Secret, boundTo(e)) }

// openText is the inverse of sealText.
func (c *catalogue) openText(sealed string, whose []byte) (string, error) {
	if sealed == "" {
		return "", nil
	}
	text, ok := strings.CutPrefix(sealed, sealedPrefix)
	if !ok {
		return "", errors.New("it is not sealed")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", fmt.Errorf("it is damaged: %w", err)
	}
	secret, err := c.aead.Open(nil, nil, raw, whose)
	if err != nil {
		return "", errors.New("it was sealed with another key, or for another engine or URL, or another webhook")
	}
	return string(secret), nil
}

func boundTo(e *sluice.Engine) []byte { return fmt.Appendf(nil, "%q %q", e.Name, e.URL) }

// sealer seals what is no engine's with the same key.
type sealer struct{ *catalogue }

// Seal returns a secret as it is stored, bound to the name of whose it is.
func (s sealer) Seal(name, secret string) string { return s.sealText(secret, []byte(name)) }

// Open is the inverse of Seal.
func (s sealer) Open(name, sealed string) (string, error) { return s.openText(sealed, []byte(name)) }
