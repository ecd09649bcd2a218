package hub

import (
	"context"
	"crypto/sha1" //nolint:gosec // what git calls files by; it is the hub that chose it
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
)

// DigestError is a file that is not the one which the hub lists.
type DigestError struct {
	Path      string
	Got, Want string // in hex
}

// Error names the file, both digests and what to do.
func (e *DigestError) Error() string {
	return fmt.Sprintf("%s has the digest %s, and the hub lists %s: it was removed. Pull again; if it stays so, the mirror or what lies between serves a wrong file", e.Path, e.Got, e.Want)
}

// verify reads a file from its beginning and holds its digest against the hub's:
// SHA-256, or git's name of it for a file outside of LFS.
func verify(ctx context.Context, file io.ReaderAt, f File, report func(Progress)) (digest string, err error) {
	sum, oid := sha256.New(), sha1.New() //nolint:gosec // as above
	fmt.Fprintf(oid, "blob %d\x00", f.Size)
	into := io.Writer(sum)
	if f.SHA256 == "" {
		into = io.MultiWriter(sum, oid)
	}
	in, buffer := io.NewSectionReader(file, 0, f.Size), make([]byte, 1<<20)
	for done := int64(0); done < f.Size; {
		if ctx.Err() != nil {
			return "", ctx.Err()
		}
		n, err := in.Read(buffer)
		if err != nil {
			return "", fmt.Errorf("verifying: %w", err)
		}
		_, _ = into.Write(buffer[:n]) // hashes take all
		done += int64(n)
		report(Progress{Verifying, done, f.Size})
	}
	digest = hex.EncodeToString(sum.Sum(nil))
	got, want := digest, f.SHA256
	if want == "" {
		got, want = hex.EncodeToString(oid.Sum(nil)), f.oid
	}
	if got != want {
		return "", &DigestError{f.Path, got, want}
	}
	return digest, nil
}
