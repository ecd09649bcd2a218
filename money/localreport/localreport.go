// Package localreport holds the files by which sealed deployments at customers'
// report what they served: JSON lines under a hash chain, signed with Ed25519. It is
// pure: no clock, no I/O of its own.
//
// The first line says of which deployment the file is, its number, and the hash of
// the report before it; so no report can be left out and none be counted twice. Each
// line of usage carries the hash of all lines up to it, by which the line is found that
// was altered. The last one has the signature over the last hash.
package localreport

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sluice"
)

// Version is that of the files.
const Version = 1

// Head is the first line.
type Head struct {
	Version    int       `json:"sluice_report"`
	Deployment string    `json:"deployment"`
	Number     int64     `json:"number"` // from 1, without gaps
	Prev       string    `json:"prev"`   // the hash of the report before; empty for the first
	From       time.Time `json:"from"`
	To         time.Time `json:"to"` // not in it any more
	Lines      int       `json:"lines"`
}

// Row is what a model served from an hour on.
type Row struct {
	Hour  time.Time    `json:"hour"`
	Model string       `json:"model"`
	Calls int64        `json:"calls"`
	Units sluice.Usage `json:"units"` // by class, in the order of price books
}

// Report is a file that was read.
type Report struct {
	Head
	Rows []Row
	Hash string // of all its lines but the last
}

type headLine struct {
	Head  json.RawMessage `json:"head"`
	Chain string          `json:"chain"`
}

type rowLine struct {
	Row   json.RawMessage `json:"row"`
	Chain string          `json:"chain"`
}

type signature struct {
	Signature string `json:"signature"` // in hex
}

// link is the hash of a line on what came before.
func link(prev [sha256.Size]byte, text []byte) [sha256.Size]byte {
	return sha256.Sum256(append(prev[:], text...))
}

// Sign writes a report. It sets Version and Lines.
func Sign(head Head, rows []Row, key ed25519.PrivateKey) (file []byte, hash string, err error) {
	head.Version, head.Lines = Version, len(rows)
	var b bytes.Buffer
	out := json.NewEncoder(&b)
	text, err := json.Marshal(&head)
	if err != nil {
		return nil, "", fmt.Errorf("writing the report: %w", err)
	}
	chain := link([sha256.Size]byte{}, text)
	err = out.Encode(headLine{text, hex.EncodeToString(chain[:])})
	for i := range rows {
		if err == nil {
			text, err = json.Marshal(&rows[i])
		}
		if err == nil {
			chain = link(chain, text)
			err = out.Encode(rowLine{text, hex.EncodeToString(chain[:])})
		}
	}
	if err == nil {
		err = out.Encode(signature{hex.EncodeToString(ed25519.Sign(key, chain[:]))})
	}
	if err != nil {
		return nil, "", fmt.Errorf("writing the report: %w", err)
	}
	return b.Bytes(), hex.EncodeToString(chain[:]), nil
}

// Read reads a report and checks all that it says of itself, with the key of its
// deployment, which key returns. Errors: CodeInvalid with the line and what is wrong
// there, and those of key.
func Read(file []byte, key func(deployment string) (ed25519.PublicKey, error)) (*Report, error) {
	if len(file) == 0 || file[len(file)-1] != '\n' {
		return nil, fault(bytes.Count(file, []byte("\n"))+1, "the file is truncated: its last line has no end")
	}
	lines := bytes.Split(bytes.TrimSuffix(file, []byte("\n")), []byte("\n"))
	r := &Report{}
	var h headLine
	if err := strict(lines[0], &h); err != nil || strict(h.Head, &r.Head) != nil || r.Version != Version {
		return nil, fault(1, "it is not the first line of a report of version %d", Version)
	}
	chain := link([sha256.Size]byte{}, h.Head)
	if h.Chain != hex.EncodeToString(chain[:]) {
		return nil, fault(1, "it was altered: its hash is not that of what it says")
	}
	if len(lines) != r.Lines+2 {
		return nil, fault(len(lines), "the report has %d lines and says that it has %d: some are gone, or were added", len(lines), r.Lines+2)
	}
	for i, line := range lines[1 : len(lines)-1] {
		var l rowLine
		var row Row
		if err := strict(line, &l); err != nil || strict(l.Row, &row) != nil {
			return nil, fault(i+2, "it is no line of usage")
		}
		if chain = link(chain, l.Row); l.Chain != hex.EncodeToString(chain[:]) {
			return nil, fault(i+2, "it was altered, or a line before it was taken out: its hash is not that of the lines up to it")
		}
		if err := r.check(&row); err != nil {
			return nil, fault(i+2, "%v", err)
		}
		r.Rows = append(r.Rows, row)
	}
	var s signature
	if err := strict(lines[len(lines)-1], &s); err != nil {
		return nil, fault(len(lines), "it is not the signature")
	}
	signed, err := hex.DecodeString(s.Signature)
	if err != nil {
		return nil, fault(len(lines), "it is not the signature")
	}
	public, err := key(r.Deployment)
	if err != nil {
		return nil, err
	}
	if len(public) != ed25519.PublicKeySize || !ed25519.Verify(public, chain[:], signed) {
		return nil, fault(len(lines), "the signature is not that of %q: the report is another's, or was written anew", r.Deployment)
	}
	r.Hash = hex.EncodeToString(chain[:])
	return r, nil
}

// check checks a row by itself.
func (r *Report) check(row *Row) error {
	switch {
	case row.Model == "" || row.Calls < 0:
		return fmt.Errorf("it names no model, or %d calls", row.Calls)
	case !row.Hour.Equal(row.Hour.Truncate(time.Hour)) || row.Hour.Before(r.From) || !row.Hour.Before(r.To):
		return fmt.Errorf("%s is no hour from %s to %s", row.Hour.Format(time.RFC3339), r.From.Format(time.RFC3339), r.To.Format(time.RFC3339))
	}
	for class, n := range row.Units {
		if n < 0 {
			return fmt.Errorf("it has %d units of %s", n, sluice.Class(class))
		}
	}
	return nil
}

// Follows refuses a report that is not the one after a number with a hash, which
// ended at an instant. Errors: CodeConflict, CodeInvalid.
func (r *Report) Follows(number int64, hash string, through time.Time) error {
	switch {
	case r.Number <= number:
		return sluice.Errorf(sluice.CodeConflict, "Report %d of %q was imported before, with another content: %d is the next.", r.Number, r.Deployment, number+1)
	case r.Number > number+1:
		return sluice.Errorf(sluice.CodeConflict, "Report %d of %q leaves a gap: %d comes next.", r.Number, r.Deployment, number+1)
	case r.Prev != hash:
		return sluice.Errorf(sluice.CodeConflict, "Report %d of %q does not follow report %d: it binds another one.", r.Number, r.Deployment, number)
	case !r.To.After(r.From) || r.From.Before(through):
		return sluice.Errorf(sluice.CodeInvalid, "Report %d of %q is from %s, and the one before goes to %s: nothing is reported twice.", r.Number, r.Deployment, r.From.Format(time.RFC3339), through.Format(time.RFC3339))
	}
	return nil
}

// strict reads a value that is written as this package writes it, to the byte.
func strict(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return err
	}
	again, err := json.Marshal(v)
	if err == nil && !bytes.Equal(again, text) {
		err = errors.New("it is written otherwise")
	}
	return err
}

func fault(line int, format string, args ...any) error {
	return sluice.Errorf(sluice.CodeInvalid, "line %d: %s.", line, fmt.Sprintf(format, args...))
}
