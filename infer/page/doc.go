// Package page keeps the books of a paged cache: which page of memory holds
// which tokens of which sequence, which pages several sequences share, and
// which can be had for new tokens. It moves numbers of pages alone; what a page
// holds is its caller's.
//
// A full page is known by its key, a hash over its own tokens, all tokens
// before them, and a salt. A sequence that begins with the same tokens under
// the same salt uses it again. Pages that no sequence uses stay known until
// their memory is needed, those first that were used the longest ago.
package page
