package seal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"sluice"
)

// Version is that of receipts, which says how they are made.
const Version = 1

// Receipt proves that a call was booked as it says, with nothing but a head of
// the chain that the operator published.
type Receipt struct {
	Version     int           `json:"version"`
	Transaction sluice.Tx     `json:"transaction"`
	Event       *sluice.Event `json:"event"`

	Leaf      Hash   `json:"leaf"`
	Page      int64  `json:"page"`      // the page's number,
	PageRows  int    `json:"page_rows"` // how many rows it has, and which one this is
	Row       int    `json:"row"`
	RowPath   []Hash `json:"row_path"`   // from the leaf to the page's root
	PagePlace int    `json:"page_place"` // which of the hour's pages it is
	PagePath  []Hash `json:"page_path"`  // from the page's hash to the hour's root

	Seal Seal `json:"seal"` // of the hour

	// Links are the bodies of the seals after the hour's, so that Head follows.
	Links []Hash    `json:"links"`
	Head  Hash      `json:"head"`
	Hour  time.Time `json:"head_hour"` // whose seal Head is
}

// ReadReceipt reads a receipt as it is kept in a file. What no receipt has in it is
// refused, so that nothing stands there that was not proved. Errors: CodeInvalid.
func ReadReceipt(text []byte) (*Receipt, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	r := new(Receipt)
	err := d.Decode(r)
	if err == nil {
		if _, err = d.Token(); err == io.EOF { //nolint:errorlint // Token returns it as it is
			return r, nil
		}
		err = errors.New("something follows it")
	}
	return nil, &sluice.Error{Code: sluice.CodeInvalid, Message: "The file is no receipt.", Err: err}
}

// Verify checks a receipt without asking anybody: that the transaction makes
// the leaf, the leaf the hour's root, and the hour, with the seals after it, the
// head. head is one that the operator published, or zero for the receipt's own. Errors: CodeInvalid,
// saying at which step it fails.
func (r *Receipt) Verify(head Hash) error {
	fail := func(what string, args ...any) error {
		return sluice.Errorf(sluice.CodeInvalid, "The receipt is not right: "+what, args...)
	}
	if r.Version != Version {
		return fail("its version is %d, and this program knows %d.", r.Version, Version)
	}
	if r.Event != nil && r.Event.CallID != r.Transaction.ID {
		return fail("the event is of call %s, the transaction %s.", r.Event.CallID, r.Transaction.ID)
	}
	if Leaf(&r.Transaction, r.Event) != r.Leaf {
		return fail("the call was altered: it does not make the leaf %s.", r.Leaf)
	}
	root, ok := climb(r.Leaf, r.Row, r.PageRows, r.RowPath)
	if !ok {
		return fail("the path from the call to its page has not the length that it must have.")
	}
	root, ok = climb(pageHash(r.Page, r.PageRows, root), r.PagePlace, int(r.Seal.Pages), r.PagePath)
	if !ok || root != r.Seal.Root {
		return fail("the call is not in the hour of %s: its path does not lead to the hour's root.", r.Seal.Hour.Format(time.RFC3339))
	}
	h := Chain(r.Seal.Prev, r.Seal.Body())
	if h != r.Seal.Hash {
		return fail("the seal of %s was altered.", r.Seal.Hour.Format(time.RFC3339))
	}
	hashes := []Hash{h}
	for _, body := range r.Links {
		h = Chain(h, body)
		hashes = append(hashes, h)
	}
	if h != r.Head {
		return fail("the seals after the hour do not lead to the head %s.", r.Head)
	}
	if want := r.Seal.Hour.Add(time.Duration(len(r.Links)) * time.Hour); !want.Equal(r.Hour) {
		return fail("its head is that of %s, and not of %s.", want.Format(time.RFC3339), r.Hour.Format(time.RFC3339))
	}
	if !head.IsZero() && !slices.Contains(hashes, head) {
		return sluice.Errorf(sluice.CodeInvalid, "The receipt does not lead to the head %s: it is of another chain, or was made before that head.", head)
	}
	return nil
}

// Fault is a place where what is stored is not what was sealed.
type Fault struct {
	Hour time.Time `json:"hour"`
	Seq  int64     `json:"number,omitempty"` // of the transaction; zero: the seal itself
	ID   string    `json:"id,omitempty"`     // of the transaction, when it is there
	Copy bool      `json:"copy,omitempty"`   // only what follows from what was sealed was altered: it can be made again
	What string    `json:"what"`
}

// Locate compares an hour's rows among PageRows numbers, as they are now, with
// the page that was sealed, and names the rows that are not as they were.
func Locate(hour time.Time, page *Page, found map[int64]Hash) []Fault {
	var faults []Fault
	leaves := make([]Hash, 0, len(page.Rows))
	known := make(map[int64]bool, len(page.Rows))
	for _, r := range page.Rows {
		known[r.Seq] = true
		h, ok := found[r.Seq]
		switch {
		case !ok:
			faults = append(faults, Fault{Hour: hour, Seq: r.Seq, What: "it is gone, or its instant was altered"})
		case h.Mark() != r.Mark:
			faults = append(faults, Fault{Hour: hour, Seq: r.Seq, What: "it is not what was sealed: the transaction, its entries or its event were altered"})
		}
		leaves = append(leaves, h)
	}
	for seq := range found {
		if !known[seq] {
			faults = append(faults, Fault{Hour: hour, Seq: seq, What: "it was not there when the hour was sealed"})
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return int(a.Seq - b.Seq) })
	if len(faults) == 0 && PageHash(page.Number, leaves) != page.Hash {
		faults = append(faults, Fault{Hour: hour, What: fmt.Sprintf("the record of transactions %d to %d was altered", page.Number*PageRows, (page.Number+1)*PageRows-1)})
	}
	return faults
}
