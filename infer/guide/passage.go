package guide

import (
	"regexp"
	"strings"
)

// Passage is a piece of the docs that is short enough for a tiny model to read:
// a paragraph with the example below it, an item of a list, or a row of a table.
type Passage struct {
	Page    string // file name without its ending, such as "engines"
	Title   string // the heading that it stands below
	Anchor  string // that heading's anchor in the page
	Text    string // plain text; code words keep their backticks
	Example string // command or configuration shown below the paragraph, possibly empty
}

// Full is the text with its example, as the model reads it.
func (p Passage) Full() string {
	if p.Example == "" {
		return p.Text
	}
	return strings.TrimSpace(p.Text + " `" + p.Example + "`")
}

// longest is how many bytes of text a passage has at most; longer paragraphs are
// cut between sentences.
const longest = 360

// Passages cuts a page of Markdown into passages, in the page's order.
func Passages(page, markdown string) []Passage {
	c := cutter{page: page}
	lines := strings.Split(comment.ReplaceAllString(markdown, ""), "\n")
	for i := 0; i < len(lines); i++ {
		line := lines[i]
		switch {
		case strings.HasPrefix(line, "```"):
			end := i + 1
			for end < len(lines) && !strings.HasPrefix(lines[end], "```") {
				end++
			}
			c.example(strings.TrimPrefix(line, "```"), lines[min(i+1, end):end])
			i = end
		case strings.HasPrefix(line, "#"):
			c.flush()
			c.heading(line)
		case strings.HasPrefix(line, "|"):
			c.flush()
			c.row(line)
		case strings.TrimSpace(line) == "":
			c.flush()
		case item.MatchString(line):
			c.flush()
			c.lines = append(c.lines, item.ReplaceAllString(line, ""))
		default:
			c.lines = append(c.lines, line)
		}
		if !strings.HasPrefix(line, "|") {
			c.columns = nil
		}
	}
	c.flush()
	return c.out
}

var (
	comment  = regexp.MustCompile(`(?s)<!--.*?-->`)
	item     = regexp.MustCompile(`^\s*([-*]|\d+\.) +`)
	link     = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	sentence = regexp.MustCompile(`[.!?:;] `)
	unspoken = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// cutter gathers the passages of one page.
type cutter struct {
	page, title, anchor string
	lines               []string // of the paragraph that is being read
	columns             []string // of the table that is being read
	shown               bool     // an example of the last paragraph was taken
	out                 []Passage
}

// plain takes Markdown's marks off a text, except for those of code.
func plain(text string) string {
	text = link.ReplaceAllString(text, "$1")
	text = strings.ReplaceAll(text, "**", "")
	return strings.Join(strings.Fields(text), " ")
}

func (c *cutter) heading(line string) {
	c.title = plain(strings.TrimLeft(line, "# "))
	c.anchor = strings.ReplaceAll(unspoken.ReplaceAllString(strings.ToLower(c.title), ""), " ", "-")
}

// flush ends the paragraph that is being read.
func (c *cutter) flush() {
	text := plain(strings.Join(c.lines, " "))
	c.lines = nil
	for text != "" {
		part := text
		if len(part) > longest {
			cuts := sentence.FindAllStringIndex(part[:longest], -1)
			if len(cuts) > 0 {
				part = part[:cuts[len(cuts)-1][1]]
			} else if space := strings.LastIndexByte(part[:longest], ' '); space > 0 {
				part = part[:space]
			}
		}
		text = strings.TrimSpace(text[len(part):])
		c.add(strings.TrimSpace(part))
	}
}

func (c *cutter) add(text string) {
	c.out = append(c.out, Passage{Page: c.page, Title: c.title, Anchor: c.anchor, Text: text})
	c.shown = false
}

// row reads a line of a table: its head, its rule, or a row, which becomes a
// passage that names the columns.
func (c *cutter) row(line string) {
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
	for i := range cells {
		cells[i] = plain(cells[i])
	}
	if c.columns == nil {
		c.columns = cells
		return
	}
	if strings.HasPrefix(line, "|--") || strings.HasPrefix(line, "| --") {
		return
	}
	var parts []string
	for i, cell := range cells {
		switch {
		case cell == "" || i >= len(c.columns):
		case i == 0 && c.columns[0] != "":
			parts = append(parts, c.columns[0]+" "+cell)
		case c.columns[i] == "":
			parts = append(parts, cell)
		default:
			parts = append(parts, c.columns[i]+": "+cell)
		}
	}
	text := strings.Join(parts, "; ")
	if len(text) > longest {
		text = text[:strings.LastIndexByte(text[:longest], ' ')]
	}
	if len(parts) > 1 {
		c.add(text + ".")
	}
}

// example takes the first command of a code block to the paragraph above it.
func (c *cutter) example(language string, lines []string) {
	c.flush()
	if len(c.out) == 0 || c.shown || c.out[len(c.out)-1].Title != c.title || strings.TrimSpace(language) != "sh" {
		return
	}
	for _, line := range lines {
		line, _, _ = strings.Cut(line, " # ")
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || len(line) > 160 || strings.HasSuffix(line, `\`) {
			continue
		}
		c.out[len(c.out)-1].Example = line
		c.shown = true
		return
	}
}
