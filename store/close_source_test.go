package store

import (
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// header is what COPY in binary form begins with.
const header = "PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// copyRow appends a row of COPY: a number, a text, and NULL.
func copyRow(b []byte, n int64, text string) []byte {
	b = binary.BigEndian.AppendUint16(b, 3)
	b = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint32(b, 8), uint64(n))
	b = append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
	return append(b, 0xff, 0xff, 0xff, 0xff)
}

// TestCopied parts what COPY sends in random places: the rows are the same.
func TestCopied(t *testing.T) {
	type pair struct {
		n    int64
		text string
	}
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOf(rapid.Custom(func(t *rapid.T) pair {
			return pair{rapid.Int64().Draw(t, "n"), rapid.String().Draw(t, "text")}
		})).Draw(t, "rows")
		sent := []byte(header)
		for _, p := range want {
			sent = copyRow(sent, p.n, p.text)
		}
		sent = append(sent, 0xff, 0xff)
		var got []pair
		c := &copied{take: func(r row) error {
			if r.null(0) || r.null(1) || !r.null(2) || r.text(2) != nil {
				t.Fatal("what is NULL")
			}
			got = append(got, pair{r.number(0), string(r.text(1))})
			return nil
		}}
		for left := sent; len(left) > 0; {
			n := rapid.IntRange(1, len(left)).Draw(t, "part")
			part := slices.Clone(left[:n])
			if _, err := c.Write(part); err != nil {
				t.Fatal(err)
			}
			clear(part) // it is the driver's, and used again
			left = left[n:]
		}
		if !c.ended || !slices.Equal(got, want) {
			t.Fatalf("%v in place of %v, ended %t", got, want, c.ended)
		}
	})
}

// TestCopiedOdd sends what is not COPY's form, and what is not its end.
func TestCopiedOdd(t *testing.T) {
	whole := append(copyRow([]byte(header), 1, "a"), 0xff, 0xff)
	for what, sent := range map[string][]byte{
		"another signature": append([]byte("PGCOPY\n\xff\r\n\x01"), whole[11:]...),
		"flags":             append([]byte("PGCOPY\n\xff\r\n\x00\x01"), whole[12:]...),
		"something behind":  append(slices.Clone(whole), 1),
		"too many columns":  append([]byte(header), 0x7f, 0xff),
	} {
		c := &copied{take: func(row) error { return nil }}
		if _, err := c.Write(sent); !errors.Is(err, errCopy) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for n := range len(whole) - 1 {
		c := &copied{take: func(row) error { return nil }}
		if _, err := c.Write(whole[:n]); err != nil || c.ended {
			t.Errorf("of %d bytes: %v, ended %t", n, err, c.ended)
		}
	}
	full := errors.New("full")
	c := &copied{take: func(row) error { return full }}
	if _, err := c.Write(whole); !errors.Is(err, full) {
		t.Errorf("an error of what takes rows: %v", err)
	}
}

// TestSQLiteSource reads nothing from what is no database, and says so.
func TestSQLiteSource(t *testing.T) {
	if s, err := openSQLiteSource("file:" + t.TempDir() + "/none.db?mode=ro"); err == nil {
		t.Error("opened what is not there", s.close())
	}
	s, err := openSQLiteSource("file::memory:")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.each(t.Context(), `SELECT x`, nil, func(row) error { return nil }); err == nil {
		t.Error("a column that is not there")
	}
	sum := int64(0)
	err = s.each(t.Context(), `WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) SELECT i, 'é' || i, NULL, '' FROM n`, []int64{3, 5000}, func(r row) error {
		sum += r.number(0)
		if string(r.text(1))[:2] != "é" || !r.null(2) || r.null(3) || len(r.text(3)) != 0 {
			t.Errorf("row %d: %q", r.number(0), r.text(1))
		}
		return nil
	})
	if err != nil || sum != 5000*5001/2-3 {
		t.Errorf("%d, %v", sum, err)
	}
	full := errors.New("full")
	for range 2 { // the statement is used again
		if err := s.each(t.Context(), `SELECT 1`, nil, func(row) error { return full }); !errors.Is(err, full) {
			t.Error(err)
		}
	}
	if err := s.close(); err != nil {
		t.Error(err)
	}
}
