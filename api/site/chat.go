package site

import (
	"bytes"
	"context"
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"sluice/api"
)

// sharePath is where chats stand that their owners share.
const sharePath = "/share/"

// chat is a shared chat as its page shows it.
type chat struct {
	*api.SharedChat
	Messages []message
}

// message is one message of a chat.
type message struct {
	api.ChatMessage
	Body template.HTML // made of its Markdown
}

// fillChat shows a shared chat. Errors: CodeNotFound for a link that leads to none.
func (s *Site) fillChat(ctx context.Context, v *view, token string) error {
	shared, err := s.opt.Source.SharedChat(ctx, token)
	if err != nil {
		return err
	}
	v.Chat = &chat{SharedChat: shared}
	for _, m := range shared.Messages {
		body, err := written(m.Text)
		if err != nil {
			return fmt.Errorf("writing message %s of a shared chat: %w", m.ID, err)
		}
		v.Chat.Messages = append(v.Chat.Messages, message{m, body})
	}
	return nil
}

// written makes HTML of the Markdown of people and models. HTML in it is left out, pictures are
// links, and links lead by http, https and mailto alone.
func written(markdown string) (template.HTML, error) {
	var out bytes.Buffer
	md := goldmark.New(
		goldmark.WithExtensions(extension.GFM),
		goldmark.WithParserOptions(parser.WithASTTransformers(util.Prioritized(harmless{}, 1000))),
	)
	if err := md.Convert([]byte(markdown), &out); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil //nolint:gosec // goldmark escapes text and leaves HTML out; links are harmless's
}

// harmless takes what could run a script out of links.
type harmless struct{}

// Transform changes the links of a document.
func (harmless) Transform(document *ast.Document, reader text.Reader, _ parser.Context) {
	var found []ast.Node
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		switch n.(type) {
		case *ast.Link, *ast.Image, *ast.AutoLink:
			if entering {
				found = append(found, n)
			}
		}
		return ast.WalkContinue, nil // which never fails
	})
	for _, n := range found {
		switch n := n.(type) {
		case *ast.Link:
			n.Destination, n.Title = address(n.Destination), nil
		case *ast.Image:
			link := ast.NewLink()
			link.Destination = address(n.Destination)
			for child := n.FirstChild(); child != nil; child = n.FirstChild() {
				link.AppendChild(link, child)
			}
			n.Parent().ReplaceChild(n.Parent(), n, link)
		case *ast.AutoLink:
			if n.AutoLinkType == ast.AutoLinkURL && len(address(n.URL(reader.Source()))) == 0 {
				n.Parent().ReplaceChild(n.Parent(), n, ast.NewString(n.Label(reader.Source())))
			}
		}
	}
}

// address is where a link may lead, and empty for what it may not.
func address(written []byte) []byte {
	plain := util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(written)))
	u, err := url.Parse(strings.TrimSpace(string(plain)))
	if err != nil || !slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme)) {
		return nil
	}
	return []byte(u.String())
}
