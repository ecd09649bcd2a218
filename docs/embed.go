// Package docs holds the documentation that ships with the program, so that it
// can be searched and shown without a network.
package docs

import (
	"embed"
	"strings"
)

//go:embed *.md
var files embed.FS

// Page is a page of the documentation.
type Page struct {
	Name string // file name without its ending, such as "engines"
	Text string // Markdown
}

// Pages returns all pages, by name.
func Pages() []Page {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err) // the files are part of the program
	}
	pages := make([]Page, 0, len(entries))
	for _, entry := range entries {
		text, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(err)
		}
		pages = append(pages, Page{Name: strings.TrimSuffix(entry.Name(), ".md"), Text: string(text)})
	}
	return pages
}
