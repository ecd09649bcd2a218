package api

import (
	"context"
	"io"
	"net/http"
	"time"

	"sluice"
)

// File is something that an organisation uploaded, or that a batch made for it.
type File struct {
	ID           string             `json:"id" example:"file_06f2k8c0q5xg3e8v7m1n4r9t2w"`
	Organisation string             `json:"organisation"`
	Project      string             `json:"project,omitempty"`
	Key          string             `json:"key" doc:"The id of the API key that uploaded it."`
	Name         string             `json:"name" example:"questions.jsonl"`
	Purpose      sluice.FilePurpose `json:"purpose" enum:"batch,batch_output,user_data,vision"`
	Bytes        int64              `json:"bytes"`
	CreatedAt    time.Time          `json:"created_at"`
	ExpiresAt    time.Time          `json:"expires_at,omitzero" doc:"It is removed then; absent when it stays."`
}

// Files keeps the files of tenants. Its errors: CodeNotFound, also for a file of
// another tenant; Open's content is to be closed.
type Files interface {
	Open(ctx context.Context, t sluice.Tenant, id string) (*sluice.File, io.ReadSeekCloser, error)
	File(ctx context.Context, t sluice.Tenant, id string) (*sluice.File, error)
	Files(ctx context.Context, t sluice.Tenant, q sluice.FileQuery) ([]*sluice.File, error)
	Delete(ctx context.Context, t sluice.Tenant, id string) error
}

func (s *Server) registerFiles() {
	const tag, all, one = "files", "/organisations/{organisation}/files", "/organisations/{organisation}/files/{file}"
	register(s, route{
		id: "list-files", method: http.MethodGet, path: all, tag: tag,
		summary: "List an organisation's files, the latest first", roles: anyone(),
	}, s.listFiles)
	register(s, route{id: "get-file", method: http.MethodGet, path: one, tag: tag, summary: "Get what is known of a file", roles: anyone()}, s.getFile)
	registerEmpty(s, route{id: "delete-file", method: http.MethodDelete, path: one, tag: tag, summary: "Remove a file", roles: admins()}, s.deleteFile)
}

// whole is an organisation with all of its projects.
func whole(o *sluice.Organisation) sluice.Tenant {
	return sluice.Tenant{Org: o.ID, Project: sluice.AnyProject}
}

// file writes a file as it is shown.
func file(f *sluice.File) File {
	return File{
		ID: f.ID, Organisation: f.Org, Project: f.Project, Key: f.Key, Name: f.Name, Purpose: f.Purpose,
		Bytes: f.Size, CreatedAt: f.CreatedAt, ExpiresAt: f.ExpiresAt,
	}
}

type inFiles struct {
	Organisation string `path:"organisation" maxLength:"64"`
	Paging
	Purpose sluice.FilePurpose `query:"purpose" enum:"batch,batch_output,user_data,vision" doc:"Only files of this purpose."`
}

func (s *Server) listFiles(ctx context.Context, who *caller, in *inFiles) (Page[File], error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return Page[File]{}, err
	}
	found, err := s.opt.Files.Files(ctx, whole(o), sluice.FileQuery{Purpose: in.Purpose, After: in.Cursor, Limit: in.limit() + 1})
	if err != nil {
		return Page[File]{}, err
	}
	page := Page[File]{Data: []File{}}
	for i, f := range found {
		if i == in.limit() {
			page.Next = found[i-1].ID
			break
		}
		page.Data = append(page.Data, file(f))
	}
	return page, nil
}

// inFile is a request about one file.
type inFile struct {
	Organisation string `path:"organisation" maxLength:"64"`
	File         string `path:"file" maxLength:"64"`
}

func (s *Server) getFile(ctx context.Context, who *caller, in *inFile) (File, error) {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return File{}, err
	}
	f, err := s.opt.Files.File(ctx, whole(o), in.File)
	if err != nil {
		return File{}, err
	}
	return file(f), nil
}

func (s *Server) deleteFile(ctx context.Context, who *caller, in *inFile) error {
	o, err := s.organisation(ctx, who, in.Organisation)
	if err != nil {
		return err
	}
	return s.opt.Files.Delete(ctx, whole(o), in.File)
}
