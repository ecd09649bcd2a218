package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"sluice"
)

func (s *Server) registerChatPicture() {
	add(s, route{
		id: "get-chat-picture", method: http.MethodGet, path: "/chats/{chat}/files/{file}", tag: "chats",
		summary: "Get a picture that goes with a question of a chat", roles: people(), content: "application/octet-stream",
	}, s.chatPicture)
}

type inChatPicture struct {
	InChat

	File string `path:"file" maxLength:"64"`
}

// chatPicture sends a picture of one's own chat. A browser shows what comes from
// the console's own address: what is no picture by its bytes is not sent.
func (s *Server) chatPicture(ctx context.Context, in *inChatPicture) (*huma.StreamResponse, error) {
	p, err := s.person(ctx, callerOf(ctx), in.InPerson)
	if err != nil {
		return nil, err
	}
	_, messages, err := s.opt.Chats.Get(ctx, p, in.Chat)
	if err != nil {
		return nil, err
	}
	if !slices.ContainsFunc(messages, func(m *sluice.ChatMessage) bool {
		return slices.ContainsFunc(m.Files, func(f sluice.ChatFile) bool { return f.ID == in.File })
	}) {
		return nil, sluice.Errorf(sluice.CodeNotFound, "The chat has no file %q.", in.File)
	}
	file, content, err := s.opt.Files.Open(ctx, sluice.Tenant{Org: p.Org, Project: sluice.AnyProject}, in.File)
	if err != nil {
		return nil, err
	}
	kind, err := pictureType(content)
	if err != nil {
		_ = content.Close() // nothing was written
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		defer content.Close()
		r, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Content-Security-Policy", "default-src 'none'; sandbox")
		w.Header().Set("Cache-Control", "private, max-age=3600") // a file never changes
		http.ServeContent(w, r, "", file.CreatedAt, content)
	}}, nil
}

// pictureType is the media type of a picture that browsers show, by its first bytes.
// Errors: CodeInvalid for anything else.
func pictureType(content io.ReadSeeker) (string, error) {
	var head [512]byte // as many as DetectContentType looks at
	n, err := io.ReadFull(content, head[:])
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the beginning of a picture: %w", err)
	}
	if _, err := content.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("going back to the beginning of a picture: %w", err)
	}
	switch kind := http.DetectContentType(head[:n]); kind {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return kind, nil
	}
	return "", &sluice.Error{Code: sluice.CodeInvalid, Param: "file", Message: "The file is no picture that browsers show."}
}
