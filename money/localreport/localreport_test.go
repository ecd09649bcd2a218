package localreport_test

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"sluice"
	"sluice/money/localreport"
)

func keys() (ed25519.PublicKey, ed25519.PrivateKey) {
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	return private.Public().(ed25519.PublicKey), private
}

func sample(t *testing.T) ([]byte, string) {
	t.Helper()
	_, private := keys()
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	head := localreport.Head{Deployment: "acme", Number: 2, Prev: "ab", From: day, To: day.AddDate(0, 0, 1)}
	var rows []localreport.Row
	for h := range 5 {
		rows = append(rows, localreport.Row{Hour: day.Add(time.Duration(h) * time.Hour), Model: "glm", Calls: 3, Units: sluice.Usage{10, 20, 0, 5}})
	}
	file, hash, err := localreport.Sign(head, rows, private)
	if err != nil {
		t.Fatal(err)
	}
	return file, hash
}

// TestAlteredReport: whatever byte is altered is found, and in its line.
func TestAlteredReport(t *testing.T) {
	file, hash := sample(t)
	public, _ := keys()
	read := func(b []byte) (*localreport.Report, error) {
		return localreport.Read(b, func(string) (ed25519.PublicKey, error) { return public, nil })
	}
	r, err := read(file)
	if err != nil || len(r.Rows) != 5 || r.Hash != hash || r.Rows[4].Units[sluice.ClassCached] != 20 {
		t.Fatalf("%+v, %v", r, err)
	}
	line := 1
	for i := range file {
		b := bytes.Clone(file)
		b[i] ^= 1
		_, err := read(b)
		if sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Fatalf("byte %d of line %d is altered: %v", i, line, err)
		}
		if file[i] != '\n' && b[i] != '\n' && !strings.Contains(err.Error(), fmt.Sprintf("line %d:", line)) {
			t.Fatalf("byte %d of line %d is altered, and found elsewhere: %v", i, line, err)
		}
		if file[i] == '\n' {
			line++
		}
	}
	lines := bytes.SplitAfter(file, []byte("\n"))
	for name, b := range map[string][]byte{
		"a line is gone":  bytes.Join(append(append([][]byte{}, lines[:2]...), lines[3:]...), nil),
		"a line is twice": bytes.Join(append(append([][]byte{}, lines[:3]...), lines[2:]...), nil),
		"it is cut":       file[:len(file)-9],
		"it is empty":     nil,
	} {
		if _, err := read(b); sluice.CodeOf(err) != sluice.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOrderOfReports(t *testing.T) {
	file, _ := sample(t)
	public, _ := keys()
	r, err := localreport.Read(file, func(string) (ed25519.PublicKey, error) { return public, nil })
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		number  int64
		hash    string
		through time.Time
		want    sluice.Code
	}{
		"next": {1, "ab", r.From, ""}, "replay": {2, "ab", r.From, sluice.CodeConflict}, "gap": {0, "", r.From, sluice.CodeConflict},
		"another chain": {1, "cd", r.From, sluice.CodeConflict}, "twice": {1, "ab", r.From.Add(time.Hour), sluice.CodeInvalid},
	} {
		if err := r.Follows(c.number, c.hash, c.through); sluice.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
