package client

import (
	"context"
	"net/http"
	"net/url"

	"sluice/api"
)

// Organisations lists organisations in order of their ids: all of them for the
// operator, its own for a tenant.
func (c *Client) Organisations(ctx context.Context, p api.Paging) (api.Page[api.Organisation], error) {
	return get[api.Page[api.Organisation]](ctx, c, query("/organisations", paging(p, nil)))
}

// Organisation returns one organisation.
func (c *Client) Organisation(ctx context.Context, id string) (api.Organisation, error) {
	return get[api.Organisation](ctx, c, "/organisations/"+url.PathEscape(id))
}

// CreateOrganisation makes an organisation, with credit if asked for.
func (c *Client) CreateOrganisation(ctx context.Context, in api.CreateOrganisation) (api.Organisation, error) {
	return send[api.Organisation](ctx, c, http.MethodPost, "/organisations", in)
}

// UpdateOrganisation changes what an organisation's calls are to the queue.
func (c *Client) UpdateOrganisation(ctx context.Context, id string, in api.UpdateOrganisation) (api.Organisation, error) {
	return send[api.Organisation](ctx, c, http.MethodPatch, "/organisations/"+url.PathEscape(id), in)
}

// Balance returns what an organisation has.
func (c *Client) Balance(ctx context.Context, org string) (api.Balance, error) {
	return get[api.Balance](ctx, c, "/organisations/"+url.PathEscape(org)+"/balance")
}

// AddCredit adds to an organisation's balance. idempotencyKey, 1 to 255
// characters of the caller's choice, makes a repetition harmless: it has the
// same answer, or CodeConflict when the request is another one.
func (c *Client) AddCredit(ctx context.Context, org, idempotencyKey string, in api.CreateCredit) (api.Transaction, error) {
	var out api.Transaction
	header := http.Header{"Idempotency-Key": {idempotencyKey}}
	err := c.call(ctx, http.MethodPost, "/organisations/"+url.PathEscape(org)+"/credits", header, in, &out)
	return out, err
}

// Transactions lists what moved an organisation's balance, the latest first.
func (c *Client) Transactions(ctx context.Context, org string, p api.Paging) (api.Page[api.Transaction], error) {
	return get[api.Page[api.Transaction]](ctx, c, query("/organisations/"+url.PathEscape(org)+"/transactions", paging(p, nil)))
}

// Projects lists the projects of an organisation, or of all those that the
// caller may see when org is empty.
func (c *Client) Projects(ctx context.Context, org string, p api.Paging) (api.Page[api.Project], error) {
	return get[api.Page[api.Project]](ctx, c, query("/projects", paging(p, map[string]string{"organisation": org})))
}

// CreateProject makes a project.
func (c *Client) CreateProject(ctx context.Context, in api.CreateProject) (api.Project, error) {
	return send[api.Project](ctx, c, http.MethodPost, "/projects", in)
}

// UpdateProject changes a project.
func (c *Client) UpdateProject(ctx context.Context, id string, in api.UpdateProject) (api.Project, error) {
	return send[api.Project](ctx, c, http.MethodPatch, "/projects/"+url.PathEscape(id), in)
}

// Keys lists the keys of an organisation, or all those that the caller may see
// when org is empty, the operator's included.
func (c *Client) Keys(ctx context.Context, org string, p api.Paging) (api.Page[api.Key], error) {
	return get[api.Page[api.Key]](ctx, c, query("/keys", paging(p, map[string]string{"organisation": org})))
}

// Key returns one key.
func (c *Client) Key(ctx context.Context, id string) (api.Key, error) {
	return get[api.Key](ctx, c, "/keys/"+url.PathEscape(id))
}

// CreateKey makes a key. The answer is the only one with its secret.
func (c *Client) CreateKey(ctx context.Context, in api.CreateKey) (api.NewKey, error) {
	return send[api.NewKey](ctx, c, http.MethodPost, "/keys", in)
}

// UpdateKey changes a key.
func (c *Client) UpdateKey(ctx context.Context, id string, in api.UpdateKey) (api.Key, error) {
	return send[api.Key](ctx, c, http.MethodPatch, "/keys/"+url.PathEscape(id), in)
}

// RevokeKey ends a key for good. It stays in lists.
func (c *Client) RevokeKey(ctx context.Context, id string) (api.Key, error) {
	return send[api.Key](ctx, c, http.MethodPost, "/keys/"+url.PathEscape(id)+"/revoke", nil)
}
