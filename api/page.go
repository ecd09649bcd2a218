package api

import (
	"cmp"
	"slices"
)

// Page is a part of a list. Ask again with Cursor set to Next for the part after it.
type Page[T any] struct {
	Data []T    `json:"data"`
	Next string `json:"next,omitempty" doc:"Give it as cursor for what follows; absent at the end of the list."`
}

// Paging says which part of a list is asked for.
type Paging struct {
	Cursor string `query:"cursor" maxLength:"256" doc:"Where to go on: next of the page before."`
	Limit  int    `query:"limit" minimum:"1" maximum:"1000" doc:"At most so many items; 100 when absent."`
}

const defaultPage = 100

// limit is how many items the page may have.
func (p Paging) limit() int { return cmp.Or(p.Limit, defaultPage) }

// paged cuts a page out of a whole list. key is unique and orders the list.
func paged[T any](all []T, key func(T) string, p Paging) Page[T] {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	from := 0
	if p.Cursor != "" {
		at, found := slices.BinarySearchFunc(all, p.Cursor, func(v T, cursor string) int { return cmp.Compare(key(v), cursor) })
		if from = at; found {
			from++
		}
	}
	to := min(from+p.limit(), len(all))
	page := Page[T]{Data: append([]T{}, all[from:to]...)}
	if to < len(all) {
		page.Next = key(all[to-1])
	}
	return page
}
