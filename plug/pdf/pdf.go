// Package pdf prints invoices and statements as PDF files, with the fonts in them: the Go
// fonts, which have Latin, Greek and Cyrillic letters and the signs of currencies,
// and beside them one that the operator gives, for what those lack, such as
// Chinese. A character that no font has is an error: a name is never printed as
// boxes or in other letters.
package pdf

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/sfnt"

	"sluice"
	"sluice/money/invoice"
)

// Printer prints documents. It is safe for concurrent use.
type Printer struct {
	regular, bold, more *face // more may be nil
}

// face is a font as a file and as a table of what it has.
type face struct {
	file   []byte
	glyphs *sfnt.Font
}

// New returns a printer. more is a TrueType font file for the characters that
// the Go fonts lack, nil for none. Errors: when it is of another kind, such as an
// OpenType font with PostScript outlines or a collection.
func New(more []byte) (*Printer, error) {
	p := &Printer{}
	for _, f := range []struct {
		to   **face
		file []byte
	}{{&p.regular, goregular.TTF}, {&p.bold, gobold.TTF}, {&p.more, more}} {
		if f.file == nil {
			continue
		}
		if !bytes.HasPrefix(f.file, []byte("\x00\x01\x00\x00")) && !bytes.HasPrefix(f.file, []byte("true")) {
			return nil, fmt.Errorf("reading a font for invoices: it is no TrueType font (.ttf)")
		}
		glyphs, err := sfnt.Parse(f.file)
		if err != nil {
			return nil, fmt.Errorf("reading a font for invoices: %w", err)
		}
		*f.to = &face{f.file, glyphs}
	}
	return p, nil
}

// has reports whether the font can show a character. The PDF writer knows the
// Basic Multilingual Plane alone.
func (f *face) has(r rune) bool {
	if f == nil || r > 0xffff {
		return false
	}
	i, err := f.glyphs.GlyphIndex(nil, r)
	return err == nil && i != 0
}

// Names of the fonts within a document.
const (
	fontOwn  = "own"
	fontMore = "more"
)

// Invoice prints a document, or a draft as such. Errors: CodeInvalid when a
// font lacks a character, naming it.
func (p *Printer) Invoice(w io.Writer, inv *invoice.Invoice) error {
	if err := p.check(inv); err != nil {
		return err
	}
	doc := p.document(title(inv)+" "+inv.Number, inv.Seller.Name, inv.IssuedAt)
	s := &sheet{doc: doc, printer: p, inv: inv, places: inv.Currency.Decimals(), under: title(inv) + "  ·  " + inv.Seller.Name}
	if inv.Number != "" {
		s.under = title(inv) + " " + inv.Number + "  ·  " + inv.Seller.Name
	}
	s.print()
	if s.err != nil {
		return s.err
	}
	if err := doc.Output(w); err != nil {
		return fmt.Errorf("printing the invoice %s: %w", inv.Number, err)
	}
	return nil
}

// document begins a document with the fonts in it.
func (p *Printer) document(title, author string, at time.Time) *fpdf.Fpdf {
	doc := fpdf.New("P", "mm", "A4", "")
	doc.AddUTF8FontFromBytes(fontOwn, "", p.regular.file)
	doc.AddUTF8FontFromBytes(fontOwn, "B", p.bold.file)
	if p.more != nil {
		doc.AddUTF8FontFromBytes(fontMore, "", p.more.file)
	}
	doc.SetCompression(true)
	doc.SetCatalogSort(true)
	doc.SetCreationDate(at)
	doc.SetModificationDate(at)
	doc.SetAutoPageBreak(false, 0)
	doc.SetTitle(title, true)
	doc.SetAuthor(author, true)
	doc.SetLang("en")
	return doc
}

// check finds what cannot be shown.
func (p *Printer) check(inv *invoice.Invoice) error {
	texts := []string{inv.Reason, inv.Terms.Name, inv.Terms.Note, inv.Org}
	for _, party := range []invoice.Party{inv.Seller, inv.Customer} {
		texts = append(texts, party.Name, party.Address, party.TaxID, party.Email)
	}
	for _, l := range inv.Lines {
		texts = append(texts, l.Model, l.Class, l.Detail)
	}
	return p.shown("invoice", texts)
}

// shown refuses texts that have a character which no font has.
func (p *Printer) shown(what string, texts []string) error {
	for _, text := range texts {
		for _, r := range text {
			if r != '\n' && !p.shows(r) {
				return sluice.Errorf(sluice.CodeInvalid,
					"No font has %q (U+%04X), which the %s needs: give a TrueType font that does (the setting invoice_font, or --font). The CSV and JSON forms need none.", r, r, what)
			}
		}
	}
	return nil
}

func (p *Printer) shows(r rune) bool { return (p.regular.has(r) && p.bold.has(r)) || p.more.has(r) }

// run is a part of a text in one font.
type run struct {
	text string
	font string
}

// runs divides a text by the fonts that have its characters.
func (p *Printer) runs(text string) []run {
	var all []run
	var b strings.Builder
	font := fontOwn
	flush := func() {
		if b.Len() > 0 {
			all = append(all, run{b.String(), font})
			b.Reset()
		}
	}
	for _, r := range text {
		next := fontOwn
		if !p.regular.has(r) || !p.bold.has(r) {
			next = fontMore
		}
		if next != font {
			flush()
			font = next
		}
		b.WriteRune(r)
	}
	flush()
	return all
}
