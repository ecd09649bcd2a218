package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"sluice"
)

// Limits bound the use of a key or of a project. Zero is no limit.
type Limits struct {
	RequestsPerMinute int64  `json:"requests_per_minute,omitempty" minimum:"0"`
	TokensPerMinute   int64  `json:"tokens_per_minute,omitempty" minimum:"0"`
	Concurrent        int64  `json:"concurrent,omitempty" minimum:"0" doc:"Calls at once."`
	QueueClass        string `json:"queue_class,omitempty" enum:"interactive,agent,batch" doc:"The highest class of its calls where calls wait for an engine; none is set when absent."`
}

// ChangeLimits changes limits: what is absent stays, zero lifts the limit.
type ChangeLimits struct {
	RequestsPerMinute *int64  `json:"requests_per_minute,omitempty" minimum:"0"`
	TokensPerMinute   *int64  `json:"tokens_per_minute,omitempty" minimum:"0"`
	Concurrent        *int64  `json:"concurrent,omitempty" minimum:"0"`
	QueueClass        *string `json:"queue_class,omitempty" enum:"interactive,agent,batch" doc:"interactive lowers nothing."`
}

// apply writes the changes into l.
func (c *ChangeLimits) apply(l *sluice.Limits) {
	if c == nil {
		return
	}
	set(&l.RequestsPerMinute, c.RequestsPerMinute)
	set(&l.TokensPerMinute, c.TokensPerMinute)
	set(&l.Concurrent, c.Concurrent)
	set(&l.QueueClass, c.QueueClass)
}

// set writes a value that is there.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// Project divides an organisation's use. Its limits hold over all its keys together.
type Project struct {
	ID           string    `json:"id"`
	Organisation string    `json:"organisation"`
	Name         string    `json:"name"`
	Limits       Limits    `json:"limits"`
	CreatedAt    time.Time `json:"created_at"`
}

// CreateProject asks for a new project.
type CreateProject struct {
	Organisation string `json:"organisation,omitempty" doc:"The caller's own when absent."`
	Name         string `json:"name" minLength:"1" maxLength:"128" doc:"Unique within the organisation."`
	Limits       Limits `json:"limits,omitzero"`
}

// UpdateProject changes a project; what is absent stays.
type UpdateProject struct {
	Name   *string       `json:"name,omitempty" minLength:"1" maxLength:"128"`
	Limits *ChangeLimits `json:"limits,omitempty"`
}

func (s *Server) registerProjects() {
	const tag = "projects"
	register(s, route{
		id: "list-projects", method: http.MethodGet, path: "/projects", tag: tag,
		summary: "List projects, of one organisation or of all that the caller may see", roles: anyone(),
	}, s.listProjects)
	register(s, route{
		id: "create-project", method: http.MethodPost, path: "/projects", tag: tag, status: http.StatusCreated,
		summary: "Create a project", roles: admins(),
	}, s.createProject)
	register(s, route{
		id: "get-project", method: http.MethodGet, path: "/projects/{project}", tag: tag,
		summary: "Get a project", roles: anyone(),
	}, s.getProject)
	register(s, route{
		id: "update-project", method: http.MethodPatch, path: "/projects/{project}", tag: tag,
		summary: "Change a project's name or limits", roles: admins(),
	}, s.updateProject)
}

// inTenant is a request for a list of what belongs to organisations.
type inTenant struct {
	Organisation string `query:"organisation" maxLength:"64" doc:"Only what belongs to it."`
	Paging
}

func (s *Server) listProjects(ctx context.Context, who *caller, in *inTenant) (Page[Project], error) {
	if err := s.checkFilter(ctx, who, in.Organisation); err != nil {
		return Page[Project]{}, err
	}
	projects, err := s.projects(ctx, who)
	if err != nil {
		return Page[Project]{}, err
	}
	var all []Project
	for _, p := range projects {
		if in.Organisation == "" || p.Org == in.Organisation {
			all = append(all, project(p))
		}
	}
	return paged(all, func(p Project) string { return p.ID }, in.Paging), nil
}

func (s *Server) createProject(ctx context.Context, who *caller, in *struct{ Body CreateProject }) (Project, error) {
	name, err := checkName("name", in.Body.Name)
	if err != nil {
		return Project{}, err
	}
	org, err := s.organisation(ctx, who, cmp.Or(in.Body.Organisation, who.org))
	if err != nil {
		return Project{}, err
	}
	now := s.opt.Now().UTC()
	p := &sluice.Project{ID: sluice.NewID(sluice.PrefixProject, now), Org: org.ID, Name: name, Limits: sluice.Limits(in.Body.Limits), CreatedAt: now}
	err = s.change(ctx, func(ctx context.Context) error { return s.opt.Tenants.CreateProject(ctx, p) })
	return project(p), err
}

type inProject struct {
	Project string `path:"project" maxLength:"64"`
}

func (s *Server) getProject(ctx context.Context, who *caller, in *inProject) (Project, error) {
	p, err := s.project(ctx, who, in.Project)
	if err != nil {
		return Project{}, err
	}
	return project(p), nil
}

type inUpdateProject struct {
	Project string `path:"project" maxLength:"64"`
	Body    UpdateProject
}

func (s *Server) updateProject(ctx context.Context, who *caller, in *inUpdateProject) (Project, error) {
	var p *sluice.Project
	err := s.change(ctx, func(ctx context.Context) error {
		var err error
		if p, err = s.project(ctx, who, in.Project); err != nil {
			return err
		}
		before := project(p)
		if in.Body.Name != nil {
			if p.Name, err = checkName("name", *in.Body.Name); err != nil {
				return err
			}
		}
		in.Body.Limits.apply(&p.Limits)
		who.changed(before, project(p))
		return s.opt.Tenants.UpdateProject(ctx, p)
	})
	if err != nil {
		return Project{}, err
	}
	return project(p), nil
}

// checkFilter makes a list of another's organisation CodeNotFound instead of empty.
func (s *Server) checkFilter(ctx context.Context, who *caller, org string) error {
	if org == "" {
		return nil
	}
	_, err := s.organisation(ctx, who, org)
	return err
}

// projects returns those that the caller may see.
func (s *Server) projects(ctx context.Context, who *caller) ([]*sluice.Project, error) {
	projects, err := s.opt.Tenants.Projects(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(projects, func(p *sluice.Project) bool { return !who.sees(p.Org) }), nil
}

// project returns one that the caller may see; any other is CodeNotFound.
func (s *Server) project(ctx context.Context, who *caller, id string) (*sluice.Project, error) {
	projects, err := s.projects(ctx, who)
	if err != nil {
		return nil, err
	}
	p, err := find(projects, "project", id, func(p *sluice.Project) string { return p.ID })
	if err == nil {
		who.about(p.Org)
	}
	return p, err
}

// project writes a project as it is shown.
func project(p *sluice.Project) Project {
	return Project{ID: p.ID, Organisation: p.Org, Name: p.Name, Limits: Limits(p.Limits), CreatedAt: p.CreatedAt}
}
